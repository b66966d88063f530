"""The tables that `make cost` writes into the pages on cost and scale."""

from collections.abc import Sequence
from typing import Any, Final

from tools.cost.bill import Part
from tools.cost.designs import Costs
from tools.cost.load import KEEP_ALIVE, Load
from tools.cost.prices import PRICES, Item
from tools.cost.quotas import QUOTAS, order
from tools.markdown import table
from wcs_hooks.core.methods import METHODS

TARGET_RATE: Final = 100.0
"""Hooks a second at which the target holds."""

_RATES: Final = (TARGET_RATE, 10_000.0)
_OTHER_RATES: Final = (1.0, 10.0, 100.0, 1_000.0, 10_000.0)
_APPS: Final = (1, 10, 100)
_LEAST_USD: Final = 0.0005
"""What is less is shown as zero."""

_ALTERNATIVES: Final[Sequence[tuple[str, dict[str, Any], str]]] = (
    (
        "tracing active instead of pass-through",
        {"traced": True},
        "a trace of one call a second and of 5 % of the others; the rate cannot be set",
    ),
    (
        "a line of metrics for each echo: echoMetricsSeconds 0",
        {"echo_metrics_seconds": 0.0},
        "every echo is counted",
    ),
    (
        "log format text: Lambda's START, END and REPORT",
        {"platform_log": "text"},
        "duration and memory of each call; CloudWatch's metrics have them for all calls",
    ),
    ("snapshotTtl 2 instead of 1", {"snapshot_ttl": 2.0}, "edits take a second longer"),
    ("memorySize 512 instead of 1024", {"memory_mb": 512}, "calls take twice the time"),
)
"""What would be different in the stack, and what it would bring."""

_KEEP_ALIVES: Final = frozenset({KEEP_ALIVE})
_LOOKUPS: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("at connect", {"looked_up": frozenset({"connect"})}),
    ("at each keep-alive, by a field of the hook", {"looked_up": _KEEP_ALIVES}),
    (
        "at each keep-alive, by `claims` or `session`, which also reads the session",
        {"looked_up": _KEEP_ALIVES, "by_session": _KEEP_ALIVES},
    ),
)
"""Where policies look up a row."""

_LIMITS: Final[Sequence[tuple[str, dict[str, Any]]]] = (
    ("each published stream", {"limited": frozenset({"publishStream"})}),
    ("each played stream too", {"limited": frozenset({"publishStream", "playStream"})}),
)
"""What policies limit in number."""


def cost(costs: Costs) -> str:
    """What goes into docs/explanation/cost.md."""
    sections = {
        **{f"{rate:,.0f} hooks a second": breakdown(costs, rate) for rate in _RATES},
        "What else it could cost": _alternatives(costs),
        "What looking up a row costs": _differences("a row is looked up", _LOOKUPS, costs),
        "What a limit costs": _differences("a limit counts", _LIMITS, costs),
        "At other rates": _other_rates(costs),
        "Metrics": _metrics(costs),
        f"Assumptions, at {TARGET_RATE:g} hooks a second": _basis(costs),
    }
    return "\n\n".join(f"### {title}\n\n{content}" for title, content in sections.items())


def scale(costs: Costs) -> str:
    """The quotas for docs/maintainers/scale.md, in the order in which they are reached."""
    rows = []
    for name, rates in order(costs.stack, costs.measured, _APPS):
        quota = QUOTAS[name]
        found = [f"{rate:,.0f}" for rate in rates]
        adjustable = "yes" if quota.adjustable else "no"
        rows.append([name, quota.default, *found, adjustable, quota.source])
    head = ["quota", "default", *(f"reached at hooks/s, apps: {apps}" for apps in _APPS)]
    return table([*head, "can be raised", "source"], rows)


def breakdown(costs: Costs, rate: float) -> str:
    """The bill at a rate (hooks a second), by what the money goes to."""
    load = Load(hooks_per_second=rate)
    bills = [costs.deployed(load), costs.powertools(load)]
    rows: list[Sequence[str]] = [
        [part, *(_usd(each.get(part, 0.0)) for each in bills)]
        for part in Part
        if any(part in each for each in bills)
    ]
    totals = [sum(each.values()) for each in bills]
    rows.append(["**all**", *(f"**{each:.3f}**" for each in totals)])
    rows.append(["a month, USD", *(f"{each * load.millions_a_month:,.0f}" for each in totals)])
    return table(["USD for a million hooks", "as deployed", "Powertools baseline"], rows)


def _usd(usd: float) -> str:
    return "-" if not usd else f"{usd:.3f}" if usd >= _LEAST_USD else "0.000"


def _alternatives(costs: Costs) -> str:
    rows = []
    for name, changed, worth in _ALTERNATIVES:
        other = costs.with_stack(**changed)
        loads = [Load(hooks_per_second=rate) for rate in _RATES]
        more = [_total(other, load) - _total(costs, load) for load in loads]
        rows.append([name, *(f"{each:+.3f}" for each in more), worth])
    return table(["change", *(f"USD at {rate:,.0f}/s" for rate in _RATES), "effect"], rows)


def _differences(head: str, cases: Sequence[tuple[str, dict[str, Any]]], costs: Costs) -> str:
    """What is paid more for loads that are different."""
    rows = []
    for name, changed in cases:
        more = [
            _total(costs, Load(hooks_per_second=rate, **changed))
            - _total(costs, Load(hooks_per_second=rate))
            for rate in _RATES
        ]
        rows.append([name, *(f"{each:+.3f}" for each in more)])
    return table([head, *(f"USD at {rate:,.0f}/s" for rate in _RATES)], rows)


def _total(costs: Costs, load: Load) -> float:
    return sum(costs.deployed(load).values())


def _other_rates(costs: Costs) -> str:
    rows = []
    for rate in _OTHER_RATES:
        load = Load(hooks_per_second=rate)
        totals = [_total(costs, load), sum(costs.powertools(load).values())]
        month = [f"{each * load.millions_a_month:,.0f}" for each in totals]
        usd = [f"{each:.2f}" for each in totals]
        rows.append([f"{rate:,.0f}", f"{load.streams:,.0f}", *usd, *month])
    kinds = ["as deployed", "Powertools baseline"]
    return table(["hooks/s", "streams", *kinds, *(f"a month, {kind}" for kind in kinds)], rows)


def _metrics(costs: Costs) -> str:
    rows = []
    for methods in (10, 45, len(METHODS)):
        load = Load(hooks_per_second=TARGET_RATE, methods_in_use=methods)
        month = f"{PRICES[Item.METRICS].cost(costs.metrics(load)):.2f}"
        million = f"{costs.deployed(load)[Part.METRICS]:.3f}"
        rows.append([f"{methods}", f"{costs.metrics(load)}", month, million])
    head = ["methods in use", "published every hour", "USD a month"]
    return table([*head, f"USD for a million hooks at {TARGET_RATE:g}/s"], rows)


def _basis(costs: Costs) -> str:
    load, measured = Load(hooks_per_second=TARGET_RATE), costs.measured
    memory_mb, found = costs.stack.memory_mb, costs.fleets(load).items()
    decided = f"{load.denied:.0%} of publishStream and playStream denied, {load.overridden:.0%}"
    rows = [
        ["hooks", ", ".join(f"{name} {share:.1%}" for name, share in load.shares().items())],
        ["answers", f"{decided} overridden"],
        ["a warm call", f"{measured.call_ms(memory_mb):.2f} ms at {memory_mb} MB"],
        ["a warm call that waits for DynamoDB", f"{measured.call_ms(memory_mb, 1):.2f} ms"],
        ["a call of the Powertools baseline", f"{measured.powertools_ms(memory_mb):.2f} ms"],
        ["environments", ", ".join(f"{name} {each.environments}" for name, each in found)],
        [
            "checks for newer policies a second",
            f"{sum(each.looks_per_second for _, each in found):.1f}",
        ],
    ]
    return table(["what", "value"], rows)
