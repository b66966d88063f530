"""What a million hooks cost: run by ``make cost``, which writes `docs/cost.md`'s tables.

Ends with status 1 while what is deployed misses the target.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from bench.model.bill import Bill, Part, bill
from bench.model.custom_metrics import every_metric, methods_in_use, usual_metrics
from bench.model.deployed_stack import DeployedStack, deployed_stack
from bench.model.designs import (
    CostParameters,
    charges,
    deployed,
    documented_charges,
    fleets,
    traced_share,
)
from bench.model.durations import measured
from bench.model.log_lines import (
    DocumentedLines,
    OwnLines,
    access_bytes,
    documented_lines,
    own_lines,
    platform_bytes,
)
from bench.model.prices import MILLION, PRICES, Basis, Item
from bench.model.reported_hooks import body_of
from bench.model.tables import table, write_tables
from wcs_hooks.core.methods import METHODS

DOCUMENT: Final = Path(__file__).resolve().parents[1] / "docs" / "cost.md"
RESULT: Final = Path(__file__).resolve().parent / "results" / "cost.json"

TARGET: Final = 1.60
"""USD for a million hooks, at `TARGET_RATE`."""

TARGET_RATE: Final = 100.0
RATES: Final = (100.0, 10_000.0)
OTHER_RATES: Final = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)

KEPT_ACCESS_FIELDS: Final = ("apiId", "requestId", "routeKey", "status", "integrationError")
"""What the access log would be cut down to: what the count of 429 replies needs, and what tells
which request failed before it came to a function. The functions' own metrics tell the rest."""

LEAST_ACCESS_FIELDS: Final = ("apiId", "requestId", "status")
"""The least that the count of 429 replies needs; API Gateway insists on a request's id."""

_REPLY_HEADERS: Final = 250
"""Bytes of a reply's status line and headers, as the gateway sends them; an estimate."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that would make hooks cheaper.

    Attributes
    ----------
    name
        What is changed.
    parameters
        The parameters that it changes.
    price
        What it costs in other ways.
    """

    name: str
    parameters: Mapping[str, Any]
    price: str


def changes(stack: DeployedStack) -> list[Change]:
    """What could be changed, what saves most first."""
    few = {name: stack.access_log[name] for name in KEPT_ACCESS_FIELDS if name in stack.access_log}
    return [
        Change(
            "tracing passes through instead of being active",
            {"traced": False},
            "no traces but of callers who ask for them; Lambda's rate cannot be set",
        ),
        Change(
            "counts of plain echoes are gathered for 5 s",
            {"gather_seconds": 5.0},
            "the last 5 s of an environment's echoes may never be counted",
        ),
        Change(
            "log format JSON, system log level WARN",
            {"system_log_level": "WARN"},
            "no START, END and REPORT of calls that succeed: CloudWatch's own metrics have them",
        ),
        Change(
            f"the access log has {len(few)} fields instead of {len(stack.access_log)}",
            {"access_log": few},
            "no source address and no times of single requests",
        ),
        Change("snapshotTtl 2 instead of 1", {"snapshot_ttl": 2.0}, "edits take a second longer"),
        Change("memorySize 512 instead of 1024", {"memory_mb": 512}, "calls take twice the time"),
    ]


RECOMMENDED: Final = 4
"""How many of the changes, from the first on, are recommended."""


class Costs:
    """Bills of the stack and of the documented way.

    Parameters
    ----------
    stack
        As it is deployed.
    parameters
        All that the stack does not say.
    """

    def __init__(self, stack: DeployedStack, parameters: CostParameters) -> None:
        self.stack = stack
        self.parameters = deployed(stack, parameters)
        self.lines: OwnLines = own_lines(stack.environment)
        self.documented_lines: DocumentedLines = documented_lines(stack.environment)

    def ours(self, hooks_per_second: float, **changed: Any) -> Bill:
        """The stack's bill, with parameters changed."""
        parameters = replace(self.parameters, hooks_per_second=hooks_per_second, **changed)
        return bill(charges(self.stack, self.lines, parameters), parameters.hooks_a_month)

    def recommended(self, hooks_per_second: float, without: str = "") -> Bill:
        """The stack's bill after the recommended changes, or all of them but one."""
        changed: dict[str, Any] = {}
        for change in changes(self.stack)[:RECOMMENDED]:
            if change.name != without:
                changed |= change.parameters
        return self.ours(hooks_per_second, **changed)

    def documented(self, hooks_per_second: float) -> Bill:
        """The documented way's."""
        parameters = replace(self.parameters, hooks_per_second=hooks_per_second)
        return bill(documented_charges(self.documented_lines, parameters), parameters.hooks_a_month)


def main() -> int:
    """Work it out, and write it down."""
    costs = Costs(deployed_stack(), CostParameters(durations=measured()))
    sections = [
        *_breakdowns(costs),
        "### What each change saves",
        "",
        _changes(costs),
        "",
        "### At other rates",
        "",
        _other_rates(costs),
        "",
        "### Bytes that are logged for a hook",
        "",
        _bytes(costs),
        "",
        "### Metrics",
        "",
        _metrics(costs),
        "",
        "### What it was worked out with",
        "",
        _parameters(costs),
        "",
        "### Prices",
        "",
        _prices(),
    ]
    write_tables(DOCUMENT, "make cost", "\n".join(sections))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(_result(costs), indent=1) + "\n")
    total = costs.ours(TARGET_RATE).total
    changed = costs.recommended(TARGET_RATE).total
    verdict = "met" if total <= TARGET else "MISSED"
    sys.stdout.write(
        "\n".join(sections[:2])
        + f"\n\n{total:.2f} USD for a million hooks at {TARGET_RATE:g} a second; after the "
        f"recommended changes {changed:.2f}. The target of {TARGET:.2f} is {verdict}.\n"
        f"Durations: {costs.parameters.durations.origin}. Written to docs/cost.md.\n"
    )
    return 0 if total <= TARGET else 1


def _breakdowns(costs: Costs) -> Iterator[str]:
    for rate in RATES:
        bills = [costs.ours(rate), costs.recommended(rate), costs.documented(rate)]
        rows: list[Sequence[str]] = [
            [part, *(_usd(each.by_part.get(part, 0.0)) for each in bills)]
            for part in Part
            if any(each.by_part.get(part) for each in bills)
        ]
        rows.append(["**all**", *(f"**{each.total:.3f}**" for each in bills)])
        rows.append(["a month, USD", *(f"{each.month:,.0f}" for each in bills)])
        head = ["USD for a million hooks", "as deployed", "after the changes", "documented way"]
        yield f"### {rate:,.0f} hooks a second\n\n{table(head, rows)}\n"


def _changes(costs: Costs) -> str:
    rows = []
    before = {rate: costs.ours(rate).total for rate in RATES}
    changed: dict[str, Any] = {}
    for number, change in enumerate(changes(costs.stack)):
        changed |= change.parameters
        saved = [before[rate] - costs.ours(rate, **change.parameters).total for rate in RATES]
        after = costs.ours(TARGET_RATE, **changed).total
        name = change.name if number < RECOMMENDED else f"*{change.name}*"
        rows.append([name, *(f"{each:.3f}" for each in saved), f"{after:.3f}", change.price])
    head = ["change", *(f"saves at {rate:,.0f}/s" for rate in RATES)]
    return (
        table([*head, f"left at {TARGET_RATE:g}/s with those above", "its price"], rows)
        + "\n\nIn italics what is not recommended. Without one of the recommended changes, at "
        f"{TARGET_RATE:g} hooks a second: "
        + "; ".join(
            f"{change.name}: {costs.recommended(TARGET_RATE, without=change.name).total:.3f}"
            for change in changes(costs.stack)[:RECOMMENDED]
        )
        + ". "
        + "Gathered for 1, 2, 5 and 10 s, after the other changes: "
        + ", ".join(f"{_gathered(costs, seconds):.3f}" for seconds in (1.0, 2.0, 5.0, 10.0))
        + ". With no echo gathered, but the times of one echo in ten alone, and an access log of "
        + f"{', '.join(LEAST_ACCESS_FIELDS)}: {_without_gathering(costs):.3f}."
    )


def _gathered(costs: Costs, seconds: float) -> float:
    changed: dict[str, Any] = {}
    for change in changes(costs.stack)[:RECOMMENDED]:
        changed |= change.parameters
    return costs.ours(TARGET_RATE, **(changed | {"gather_seconds": seconds})).total


def _without_gathering(costs: Costs) -> float:
    """What is left if every hook has a line of its own, but a shorter one."""
    few = {name: costs.parameters.access_log[name] for name in LEAST_ACCESS_FIELDS}
    return costs.ours(
        TARGET_RATE, traced=False, system_log_level="WARN", access_log=few, timed_share=0.1
    ).total


def _other_rates(costs: Costs) -> str:
    rows = [
        [
            f"{rate:,.0f}",
            f"{costs.parameters.life.streams_at(rate):,.0f}",
            f"{costs.ours(rate).total:.2f}",
            f"{costs.recommended(rate).total:.2f}",
            f"{costs.documented(rate).total:.2f}",
            f"{costs.ours(rate).month:,.0f}",
            f"{costs.recommended(rate).month:,.0f}",
        ]
        for rate in OTHER_RATES
    ]
    head = ["hooks a second", "streams", "as deployed", "after the changes", "documented way"]
    return table([*head, "a month, as deployed", "a month, after the changes"], rows)


def _bytes(costs: Costs) -> str:
    parameters, lines = costs.parameters, costs.lines
    shares = parameters.life.shares()
    mean = sum(share * lines.metrics[method, "echoed"] for method, share in shares.items())
    once, each = lines.gathered
    traced = traced_share(TARGET_RATE)
    few = changes(costs.stack)[RECOMMENDED - 1].parameters["access_log"]
    rows = [
        ["metrics of a plain echo, over the mix", f"{mean:.0f}"],
        ["metrics of a denial", f"{lines.metrics['publishStream', 'denied']:.0f}"],
        ["a line for gathered echoes", f"{once:.0f} and {each:.1f} for each"],
        ["of a plain echo's line, what tells how long it took", f"{lines.times:.0f}"],
        ["the decision's line of a denial", f"{lines.decisions['publishStream', 'denied']:.0f}"],
        ["of a sampled echo", f"{lines.decisions['publishStream', 'sampled']:.0f}"],
        ["START, END, REPORT as text", f"{platform_bytes('', traced):.0f}"],
        ["the same as JSON, level INFO", f"{platform_bytes('INFO', traced):.0f}"],
        ["the same as JSON, level WARN", f"{platform_bytes('WARN', traced):.0f}"],
        ["access log as deployed", f"{access_bytes(parameters.access_log, parameters.life):.0f}"],
        ["access log with the fewer fields", f"{access_bytes(few, parameters.life):.0f}"],
        [
            "the documented way: metrics, log line",
            f"{costs.documented_lines.metrics:.0f}, {costs.documented_lines.log:.0f}",
        ],
    ]
    return table(["line", "bytes"], rows)


def _metrics(costs: Costs) -> str:
    rows = []
    for count in (10, 45, len(METHODS)):
        methods = methods_in_use(count)
        usual, every = len(usual_metrics(methods)), len(every_metric(methods))
        extra = costs.stack.log_metrics
        rows.append(
            [
                f"{count}",
                f"{usual + extra}",
                f"{PRICES[Item.METRICS].of(usual + extra):.2f}",
                f"{costs.ours(TARGET_RATE, methods_in_use=count).by_part[Part.METRICS]:.3f}",
                f"{every + extra}",
                f"{PRICES[Item.METRICS].of(every + extra):.2f}",
            ]
        )
    head = ["methods in use", "published every hour", "USD a month"]
    return table(
        [
            *head,
            f"USD for a million hooks at {TARGET_RATE:g}/s",
            "if all there is were",
            "USD a month",
        ],
        rows,
    )


def _parameters(costs: Costs) -> str:
    parameters = costs.parameters
    durations = parameters.durations
    found = fleets(replace(parameters, hooks_per_second=TARGET_RATE))
    reply = sum(
        share * (len(json.dumps(body_of(method), separators=(",", ":"))) + _REPLY_HEADERS)
        for method, share in parameters.life.shares().items()
    )
    sent = PRICES[Item.BYTES_OUT].of(reply * MILLION)
    mix = ", ".join(f"{name} {share:.1%}" for name, share in parameters.life.shares().items())
    rows = [
        ["hooks", mix],
        [
            "answers",
            (
                f"{parameters.denied:.0%} of publishStream and playStream denied, "
                f"{parameters.overridden:.0%} overridden"
            ),
        ],
        ["durations", durations.origin],
        [
            "a warm call",
            (
                f"{durations.call_ms(parameters.memory_mb):.2f} ms at "
                f"{parameters.memory_mb} MB ({durations.echo_ms:.2f} ms of a whole processor)"
            ),
        ],
        ["one that waits for DynamoDB", f"{durations.call_ms(parameters.memory_mb, 1):.2f} ms"],
        ["a start", f"{durations.start_ms:.0f} ms"],
        ["a call of the documented way", f"{durations.documented_ms(parameters.memory_mb):.2f} ms"],
        [
            f"environments at {TARGET_RATE:g} hooks/s",
            ", ".join(f"{category} {each.environments}" for category, each in found.items()),
        ],
        [
            "policies looked for",
            (
                f"{sum(each.looks_per_second for each in found.values()):.1f} times a second "
                f"at {TARGET_RATE:g} hooks/s"
            ),
        ],
        ["apps", f"{parameters.apps}"],
        [
            "alarms, dashboards, keys, secrets",
            (
                f"{costs.stack.alarms}, {costs.stack.dashboards}, "
                f"{costs.stack.keys}, {costs.stack.secrets}"
            ),
        ],
        [
            "not in the bill",
            (
                f"replies that leave AWS: {reply:.0f} bytes each, {sent:.3f} USD for a million, if "
                "WCS is not in the same region; storage of the tables, cents"
            ),
        ],
    ]
    return table(["", ""], rows)


def _prices() -> str:
    names = {
        Basis.AWS: "a page of AWS's",
        Basis.OTHERS: "others, who quote AWS",
        Basis.MEMORY: "**from memory, no page was found**",
    }
    rows = []
    for item, price in PRICES.items():
        tiers = "; ".join(
            f"{_price(tier.usd)}"
            + ("" if tier.up_to == float("inf") else f" up to {tier.up_to:,.0f}")
            for tier in price.tiers
        )
        rows.append([item, price.unit, tiers, names[price.basis], price.source, price.read])
    return table(["what", "unit", "USD", "by", "page", "read; its own date"], rows)


def _price(usd: float) -> str:
    return f"{usd:.10f}".rstrip("0").rstrip(".") if usd < 1 else f"{usd:g}"


def _usd(usd: float) -> str:
    return "-" if not usd else f"{usd:.3f}" if usd >= 0.0005 else "0.000"  # noqa: PLR2004 - rounds


def _result(costs: Costs) -> dict[str, Any]:
    def of(one: Bill) -> dict[str, Any]:
        return {
            "total": round(one.total, 4),
            "month": round(one.month, 2),
            "parts": {part: round(usd, 5) for part, usd in one.by_part.items() if usd},
        }

    return {
        "unit": "USD for a million hooks",
        "target": {"hooksPerSecond": TARGET_RATE, "atMost": TARGET},
        "durations": costs.parameters.durations.origin,
        "rates": {
            f"{rate:g}": {
                "asDeployed": of(costs.ours(rate)),
                "afterTheChanges": of(costs.recommended(rate)),
                "documentedWay": of(costs.documented(rate)),
            }
            for rate in RATES
        },
    }


if __name__ == "__main__":
    sys.exit(main())
