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

ALL_ACCESS_FIELDS: Final = {
    "apiId": "$context.apiId",
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "sourceIp": "$context.identity.sourceIp",
    "routeKey": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "responseLength": "$context.responseLength",
    "responseLatency": "$context.responseLatency",
    "integrationStatus": "$context.integrationStatus",
    "integrationLatency": "$context.integrationLatency",
    "integrationError": "$context.integrationErrorMessage",
    "error": "$context.error.message",
}
"""An access log that leaves nothing out of what may be asked of a request."""

_REPLY_HEADERS: Final = 250
"""Bytes of a reply's status line and headers, as the gateway sends them; an estimate."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """Something that was decided otherwise, or might be.

    Attributes
    ----------
    name
        What would be the case.
    parameters
        The parameters that would be different.
    worth
        What one would have of it.
    """

    name: str
    parameters: Mapping[str, Any]
    worth: str


TURNED_DOWN: Final = (
    Alternative(
        "tracing active instead of pass-through",
        {"traced": True},
        "a trace of one call a second and of 5 % of the others; the rate cannot be set",
    ),
    Alternative(
        "a line of metrics for each echo: echoMetricsSeconds 0",
        {"gather_seconds": 0.0},
        "the last seconds of an environment's echoes are counted for certain",
    ),
    Alternative(
        "log format text: Lambda's START, END and REPORT",
        {"system_log_level": ""},
        "duration and memory of single calls, which CloudWatch's own metrics have together",
    ),
    Alternative(
        f"an access log with {len(ALL_ACCESS_FIELDS)} fields",
        {"access_log": ALL_ACCESS_FIELDS},
        "times and sizes of single requests",
    ),
)
"""What it was decided against, dearest first; see `docs/decisions.md`."""

POSSIBLE: Final = (
    Alternative("snapshotTtl 2 instead of 1", {"snapshot_ttl": 2.0}, "edits take a second longer"),
    Alternative("memorySize 512 instead of 1024", {"memory_mb": 512}, "calls take twice the time"),
)
"""What would save a little."""


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

    def undecided(self, hooks_per_second: float) -> Bill:
        """The stack's bill if all were as it was turned down."""
        changed: dict[str, Any] = {}
        for alternative in TURNED_DOWN:
            changed |= alternative.parameters
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
        "### What else it could cost",
        "",
        _alternatives(costs),
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
    verdict = "met" if total <= TARGET else "MISSED"
    sys.stdout.write(
        "\n".join(sections[:2])
        + f"\n\n{total:.2f} USD for a million hooks at {TARGET_RATE:g} a second. "
        f"The target of {TARGET:.2f} is {verdict}.\n"
        f"Durations: {costs.parameters.durations.origin}. Written to docs/cost.md.\n"
    )
    return 0 if total <= TARGET else 1


def _breakdowns(costs: Costs) -> Iterator[str]:
    for rate in RATES:
        bills = [costs.ours(rate), costs.undecided(rate), costs.documented(rate)]
        rows: list[Sequence[str]] = [
            [part, *(_usd(each.by_part.get(part, 0.0)) for each in bills)]
            for part in Part
            if any(each.by_part.get(part) for each in bills)
        ]
        rows.append(["**all**", *(f"**{each.total:.3f}**" for each in bills)])
        rows.append(["a month, USD", *(f"{each.month:,.0f}" for each in bills)])
        head = ["USD for a million hooks", "as deployed", "with all turned down", "documented way"]
        yield f"### {rate:,.0f} hooks a second\n\n{table(head, rows)}\n"


def _alternatives(costs: Costs) -> str:
    before = {rate: costs.ours(rate).total for rate in RATES}
    rows = [
        [
            alternative.name,
            *(
                f"{costs.ours(rate, **alternative.parameters).total - before[rate]:+.3f}"
                for rate in RATES
            ),
            alternative.worth,
        ]
        for alternative in (*TURNED_DOWN, *POSSIBLE)
    ]
    gathered = (1.0, 2.0, 5.0, 10.0)
    return (
        table(["what", *(f"USD at {rate:,.0f}/s" for rate in RATES), "for that"], rows)
        + f"\n\nWith echoes gathered for {', '.join(f'{each:g}' for each in gathered)} s, at "
        f"{TARGET_RATE:g} hooks a second: "
        + ", ".join(
            f"{costs.ours(TARGET_RATE, gather_seconds=each).total:.3f}" for each in gathered
        )
        + "; with none gathered, but the times of one echo in ten alone: "
        f"{_without_gathering(costs):.3f}."
    )


def _without_gathering(costs: Costs) -> float:
    """What is left if every hook has a line of its own, but a shorter one."""
    return costs.ours(TARGET_RATE, gather_seconds=0.0, timed_share=0.1).total


def _other_rates(costs: Costs) -> str:
    rows = [
        [
            f"{rate:,.0f}",
            f"{costs.parameters.life.streams_at(rate):,.0f}",
            f"{costs.ours(rate).total:.2f}",
            f"{costs.documented(rate).total:.2f}",
            f"{costs.ours(rate).month:,.0f}",
            f"{costs.documented(rate).month:,.0f}",
        ]
        for rate in OTHER_RATES
    ]
    head = ["hooks a second", "streams", "as deployed", "documented way"]
    return table([*head, "a month, as deployed", "a month, documented way"], rows)


def _bytes(costs: Costs) -> str:
    parameters, lines = costs.parameters, costs.lines
    shares = parameters.life.shares()
    mean = sum(share * lines.metrics[method, "echoed"] for method, share in shares.items())
    once, each = lines.gathered
    traced = traced_share(TARGET_RATE)
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
        ["with all fields", f"{access_bytes(ALL_ACCESS_FIELDS, parameters.life):.0f}"],
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
                "withAllTurnedDown": of(costs.undecided(rate)),
                "documentedWay": of(costs.documented(rate)),
            }
            for rate in RATES
        },
    }


if __name__ == "__main__":
    sys.exit(main())
