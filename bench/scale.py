"""How far the hooks scale: run by ``make scale``, which writes `docs/scale.md`'s tables and plots.

Each table is of a simulation, but for the one that says itself that it is arithmetic.
"""

import json
import math
import platform
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from bench.model import plots
from bench.model.account import Account, Load, Seen
from bench.model.durations import VCPU_MB, Durations, measured
from bench.model.environments import Fleet, Habits, settle
from bench.model.hook_mix import StreamLife
from bench.model.local_run import LocalRun, read_local_run
from bench.model.quotas import DEFAULT, QUOTAS, RAISED, Limit
from bench.model.tables import table, write_tables
from wcs_hooks.core.methods import METHODS, Category

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
DOCUMENT: Final = DOCS / "scale.md"
RESULT: Final = Path(__file__).resolve().parent / "results" / "scale.json"

STEADY: Final = ((10.0, 600.0), (1_000.0, 60.0), (100_000.0, 10.0))
"""Hooks a second, and for how many seconds they are simulated: all of them, none is thinned out."""

BURST_AT: Final = 2.0
BURST_SECONDS: Final = 5.0
BURST_FACTOR: Final = 10.0
BURST_RATE: Final = 1_000.0
"""From which rate on a burst is looked at more closely."""


APPS: Final = (1, 10, 100)
SNAPSHOTS: Final = ((100, 3_300), (10_000, 240_000), (100_000, 2_400_000))
"""Policies of an app, and what their snapshot takes, in bytes as it is stored: measured for up to
10,000 that deny by a name and an expression each, in proportion beyond."""

_SLOW_START_MS: Final = 400.0

_SEEDS: Final = 21

_FOREVER: Final = 1e9
"""Seconds of a stream of which nothing is seen but its keep-alives."""

_SEGMENTS_PER_SECOND: Final = 2_600
_SEGMENTS_PER_HOOK: Final = 2 * 0.05
"""X-Ray's quota on segments, and how many Lambda sends: two for each of the 5 % that it traces."""

_SESSION_WRITES: Final = 4_000
_NODE_WRITES: Final = 1_000
"""Write units a second: of a new table, and of a partition, which a WCS node's sessions share."""

_LIMITS: Final = (
    Limit.GATEWAY,
    Limit.FUNCTION_REQUESTS,
    Limit.CONCURRENCY,
    Limit.SHARED_POINTER,
    Limit.TABLE,
)


@dataclass(frozen=True, slots=True)
class Run:
    """A simulation that was made."""

    name: str
    load: Load
    seen: Seen
    took: float


class Runs:
    """Simulations with the same durations.

    Parameters
    ----------
    durations
        How long calls take.
    """

    def __init__(self, durations: Durations) -> None:
        self.durations = durations
        self.made: list[Run] = []

    def run(self, name: str, load: Load, kept: dict[Category, int] | None = None) -> Run:
        """Simulate a load.

        Parameters
        ----------
        kept
            How many environments are warm; those for the rate that it begins with if not given.
        """
        begun_with = kept or warm(load.hooks_per_second, self.durations, load)
        load = replace(load, durations=self.durations, warm=begun_with)
        began = time.perf_counter()
        made = Run(name, load, Account(load).run(), time.perf_counter() - began)
        sys.stderr.write(f"{name}: {made.seen.arrived:,} hooks in {made.took:.0f} s\n")
        self.made.append(made)
        return made


def warm(hooks_per_second: float, durations: Durations, load: Load) -> dict[Category, int]:
    """How many environments of each function are warm after a while at a rate."""
    fleets = settled(hooks_per_second, durations, load)
    return {category: fleet.environments for category, fleet in fleets.items()}


def settled(hooks_per_second: float, durations: Durations, load: Load) -> dict[Category, Fleet]:
    """What each function comes to at a steady rate, by formulas."""
    habits = Habits(
        seconds=durations.call_ms(load.memory_mb) / 1000,
        waiting_seconds=durations.call_ms(load.memory_mb, 1) / 1000,
        apps=load.apps,
        ttl=load.snapshot_ttl,
        idle_seconds=load.idle_seconds,
    )
    return {
        category: settle(hooks_per_second * share, calls, habits)
        for category, share, calls in category_calls(load.life)
    }


def category_calls(life: StreamLife) -> Iterator[tuple[Category, float, float]]:
    """Each category that gets hooks, its share, and how often a hook of it waits for DynamoDB.

    For sessions, that is: how often policies are looked for depends on the environments.
    """
    shares = life.shares()
    for category, share in life.category_shares().items():
        if not share:
            continue
        calls = sum(
            each * {"connect": 1.0, "ConnectionStatusEvent": 0.5}.get(method, 0.0)
            for method, each in shares.items()
            if METHODS[method].category is category
        )
        yield category, share, calls / share


def main() -> int:
    """Simulate, and write it down."""
    runs = Runs(measured())
    sections = [
        "### Steady",
        "",
        _steady(runs),
        "",
        "### Ten times as much from one moment to the next",
        "",
        _bursts(runs),
        "",
        "### Which quota comes first",
        "",
        _order(runs.durations),
        "",
        "### The item that every environment reads",
        "",
        _pointers(runs),
        "",
        "### An edit of a large app",
        "",
        _edits(runs),
        "",
        "### Checked against formulas and against itself",
        "",
        _checks(runs),
        "",
        "### Checked against the local run where they overlap",
        "",
        _local_run(read_local_run()),
        "",
        "### What it was simulated with",
        "",
        _assumptions(runs),
    ]
    write_tables(DOCUMENT, "make scale", "\n".join(sections))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(_result(runs), indent=1) + "\n")
    by_name = {run.name: run for run in runs.made}
    plots.burst(by_name["1,000/s, then 10,000/s"], DOCS / "scale-burst.png")
    plots.latencies(
        [by_name[f"{rate:,.0f}/s"] for rate, _ in STEADY[:2]]
        + [by_name["100,000/s, quotas raised"]],
        DOCS / "scale-latency.png",
    )
    plots.reads(_read_curves(runs.durations), DOCS / "scale-reads.png")
    sys.stdout.write(f"Durations: {runs.durations.origin}. Written to docs/scale.md.\n")
    return 0


def _steady(runs: Runs) -> str:
    made = [
        runs.run(f"{rate:,.0f}/s", Load(hooks_per_second=rate, seconds=seconds))
        for rate, seconds in STEADY
    ]
    rate, seconds = STEADY[-1]
    made.append(
        runs.run(
            f"{rate:,.0f}/s, quotas raised",
            Load(hooks_per_second=rate, seconds=seconds, quotas=RAISED),
        )
    )
    return _table(made)


def _bursts(runs: Runs) -> str:
    made = []
    for rate, _ in STEADY:
        load = Load(
            hooks_per_second=rate,
            burst_factor=BURST_FACTOR,
            burst_at=BURST_AT,
            burst_seconds=BURST_SECONDS,
            seconds=BURST_AT + BURST_SECONDS,
        )
        name = f"{rate:,.0f}/s, then {rate * BURST_FACTOR:,.0f}/s"
        if rate < DEFAULT.gateway_rate:
            made.append(runs.run(name, load))
        else:
            shorter = replace(load, quotas=RAISED, burst_seconds=2.0, seconds=BURST_AT + 2.0)
            made.append(runs.run(f"{name}, quotas raised", shorter))
        if rate == BURST_RATE:
            # What would help: enough environments, kept warm.
            kept = {
                category: fleet.environments
                for category, fleet in settled(rate * BURST_FACTOR, runs.durations, load).items()
            }
            made.append(runs.run(f"{name}, warm for it", load, kept))
            # Lambda's own part is a guess, and the quota is near: what if it takes longer?
            slower = replace(load, new_environment_ms=_SLOW_START_MS)
            made.append(runs.run(f"{name}, Lambda's part of a start {_SLOW_START_MS:g} ms", slower))
            higher = replace(slower, quotas=replace(DEFAULT, concurrency=10_000.0))
            made.append(runs.run(f"{name}, the same, concurrency quota 10,000", higher))
    return _table(made)


def _table(made: Sequence[Run]) -> str:
    rows = []
    for run in made:
        seen, seconds = run.seen, run.load.seconds
        refused = sum(seen.refused.values())
        rows.append(
            [
                run.name,
                f"{seen.arrived:,}",
                f"{refused:,} ({refused / seen.arrived:.1%})" if refused else "none",
                f"{seen.busy_seconds / seconds:,.2f} / {seen.most_in_flight:,}",
                f"{sum(seen.environments.values()):,}",
                f"{seen.cold_starts:,}",
                f"{seen.latency(0.5) * 1e3:.1f}",
                f"{seen.latency(0.99) * 1e3:.1f}",
                f"{seen.latency(0.99, direct=True) * 1e3:.1f}",
                f"{seen.refreshes / seconds:,.1f}",
                f"{seen.reads_per_second(Limit.TABLE):,.0f}",
                _met(seen),
            ]
        )
    head = ["hooks", "simulated", "refused", "executions: mean / most", "environments"]
    more = [
        "cold starts",
        "p50 ms",
        "p99 ms",
        "p99 ms of direct calls",
        "looks for policies, a second",
    ]
    return table(
        [*head, *more, "read units in the busiest second", "quotas met, in order (after s)"], rows
    )


def _met(seen: Seen) -> str:
    met = sorted(seen.met.items(), key=lambda each: each[1])
    return "; ".join(f"{limit} ({at:.2f})" for limit, at in met) or "none"


def _order(durations: Durations) -> str:
    """Arithmetic: at which rate each quota is used up, and what it is used up by."""
    rows = []
    for limit, quota in QUOTAS.items():
        if limit not in _LIMITS:
            continue
        found = [
            f"{rate:,.0f}" if (rate := _reached(limit, durations, apps)) else "beyond 10,000,000"
            for apps in APPS
        ]
        rows.append(
            (
                _reached(limit, durations, 1) or math.inf,
                [limit, quota.default, *found, "yes" if quota.adjustable else "no", quota.source],
            )
        )
    for name, default, rate, adjustable, source in _other_quotas():
        cells = [name, default, *[f"{rate:,.0f}"] * len(APPS), adjustable, source]
        rows.append((rate, cells))
    head = ["quota", "default", *(f"used up at hooks/s, apps: {apps}" for apps in APPS)]
    ordered = [cells for _, cells in sorted(rows, key=lambda row: row[0])]
    return table([*head, "can be raised", "stated at"], ordered)


def _other_quotas() -> Iterator[tuple[str, str, float, str, str]]:
    """Quotas that the simulation does without: name, default, rate, adjustable, source."""
    yield (
        "X-Ray: segments, while tracing is active (what is over is lost, hooks are not)",
        "2,600 a second, as quoted in public repositories",
        _SEGMENTS_PER_SECOND / _SEGMENTS_PER_HOOK,
        "yes",
        "https://docs.aws.amazon.com/general/latest/gr/xray.html",
    )
    writes = 2 * StreamLife().shares()["connect"]
    yield (
        "DynamoDB: writes of Sessions",
        "4,000 write units a second at first, then more by itself, up to 40,000",
        _SESSION_WRITES / writes,
        "yes",
        QUOTAS[Limit.TABLE].source,
    )
    yield (
        "DynamoDB: the partition with the sessions of one WCS node",
        "1,000 write units a second",
        _NODE_WRITES / writes,
        "no",
        QUOTAS[Limit.TABLE].source,
    )


def _reached(limit: Limit, durations: Durations, apps: int) -> float | None:
    """The rate at which a quota is used up; none below ten million hooks a second."""
    low, high = 1.0, 1e7
    if _used(limit, high, durations, apps) < 1:
        return None
    for _ in range(40):
        middle = math.sqrt(low * high)
        if _used(limit, middle, durations, apps) < 1:
            low = middle
        else:
            high = middle
    return float(f"{high:.2g}")


def _used(limit: Limit, rate: float, durations: Durations, apps: int) -> float:
    """Which share of a quota a steady rate uses."""
    load = Load(hooks_per_second=rate, apps=apps)
    if limit is Limit.GATEWAY:
        return rate / DEFAULT.gateway_rate
    if limit is Limit.FUNCTION_REQUESTS:
        return rate / (DEFAULT.concurrency * DEFAULT.requests_per_concurrency)
    if limit is Limit.CONCURRENCY:
        executions = sum(
            fleet.calls_per_second * durations.call_ms(load.memory_mb, fleet.waiting) / 1000
            for fleet in settled(rate, durations, load).values()
        )
        return executions / DEFAULT.concurrency
    looks = looks_per_second(rate, durations, load)
    if limit is Limit.SHARED_POINTER:
        return looks * 0.5 / DEFAULT.partition_reads
    return looks * 1.0 / DEFAULT.table_reads


def looks_per_second(rate: float, durations: Durations, load: Load) -> float:
    """How often environments look for policies together, by the formula."""
    return sum(fleet.looks_per_second for fleet in settled(rate, durations, load).values())


def _pointers(runs: Runs) -> str:
    rows = []
    for apps in APPS:
        for cached in (False, True):
            load = Load(
                hooks_per_second=100_000.0,
                seconds=4.0,
                apps=apps,
                quotas=RAISED,
                shared_pointer_cached=cached,
            )
            run = runs.run(f"100,000/s, {apps} apps{', one pointer' if cached else ''}", load)
            seen = run.seen
            throttled = sum(seen.throttled_reads.values())
            rows.append(
                [
                    f"{apps}",
                    "one for each environment (as it is)" if cached else "one for each app",
                    f"{seen.refreshes / load.seconds:,.0f}",
                    f"{seen.reads_per_second(Limit.SHARED_POINTER):,.0f}",
                    f"{throttled:,}",
                    f"{seen.stale / seen.arrived:.2%}",
                    f"{seen.latency(0.99) * 1e3:.1f}",
                    f"{seen.latency(0.999) * 1e3:.0f}",
                ]
            )
    head = ["apps", "reads of the pointer of every app", "looks a second"]
    more = ["its read units in the busiest second (quota 3,000)", "throttled reads", "stale hooks"]
    return table([*head, *more, "p99 ms", "p99.9 ms"], rows)


def _edits(runs: Runs) -> str:
    rows = []
    for rate, quotas, snapshots in (
        (1_000.0, DEFAULT, SNAPSHOTS),
        (100_000.0, RAISED, SNAPSHOTS[:2]),
    ):
        for policies, size in snapshots:
            load = Load(
                hooks_per_second=rate,
                seconds=12.0,
                edit_at=2.0,
                snapshot_bytes=size,
                quotas=quotas,
            )
            changed = replace(load, hooks_wait=False, snapshot_units=0.5)
            for how, each in (("as it is", load), ("changed", changed)):
                name = f"{rate:,.0f}/s, edit of {policies:,} policies, {how}"
                run = runs.run(name, each)
                start = [f"{rate:,.0f}", f"{policies:,} ({size / 1000:,.0f} KB)", how]
                rows.append([*start, *_edit(run)])
    head = ["hooks/s", "policies of the app", "", "environments", "have it after 10 s"]
    more = ["half have it after s", "the last after s", "throttled reads", "cold starts"]
    return table([*head, *more, "p99 ms", "p99.9 ms"], rows)


def _edit(run: Run) -> list[str]:
    seen = run.seen
    ordered = sorted(seen.enforced)
    begun_with = sum(run.load.warm.values())
    # Those that started after the edit had the new policies from the beginning, if any.
    share = min(1.0, len(ordered) / begun_with)
    return [
        f"{begun_with:,}, then {sum(seen.environments.values()):,}",
        f"{share:.0%}",
        f"{ordered[len(ordered) // 2]:.1f}" if ordered else "-",
        f"{ordered[-1]:.1f}" if ordered else "-",
        f"{sum(seen.throttled_reads.values()):,}",
        f"{seen.cold_starts:,}",
        f"{seen.latency(0.99) * 1e3:.1f}",
        f"{seen.latency(0.999) * 1e3:.0f}",
    ]


def _checks(runs: Runs) -> str:
    rows = []
    for run in runs.made[:2]:
        seen, load = run.seen, run.load
        arrived = len(seen.latencies) / load.seconds
        by_law = arrived * sum(seen.latencies) / len(seen.latencies)
        rows.append(
            [
                f"{run.name}: executions, by Little's law from rate and mean latency",
                f"{by_law:.3f}",
                f"{seen.busy_seconds / load.seconds:.3f}",
            ]
        )
        rows.append(
            [
                f"{run.name}: looks for policies a second, by the formula",
                f"{looks_per_second(load.hooks_per_second, runs.durations, load):.2f}",
                f"{seen.refreshes / load.seconds:.2f}",
            ]
        )
    short = runs.run("1,000/s, for 6 s", Load(hooks_per_second=1_000.0, seconds=6.0))
    long = runs.made[1]
    rows += [
        [f"1,000/s: {name}, of 60 s, and of a window of 6 s", expected, found]
        for (name, expected), (_, found) in zip(_brief(long), _brief(short), strict=True)
    ]
    return table(["what", "expected", "simulated"], rows)


def _brief(run: Run) -> list[tuple[str, str]]:
    seen, seconds = run.seen, run.load.seconds
    return [
        ("executions", f"{seen.busy_seconds / seconds:.3f}"),
        ("p50 ms", f"{seen.latency(0.5) * 1e3:.2f}"),
        ("p99 ms", f"{seen.latency(0.99) * 1e3:.2f}"),
        ("looks a second", f"{seen.refreshes / seconds:.1f}"),
    ]


def _local_run(run: LocalRun | None) -> str:
    if run is None:
        return (
            "No local run was measured here: `make local`, then `make local-load`, then "
            "`make scale` again."
        )
    load = Load(
        hooks_per_second=run.hooks_per_second,
        seconds=run.seconds,
        life=StreamLife(seconds=_FOREVER, viewers=0),
        periodic=False,
        memory_mb=VCPU_MB,
        spread=run.spread,
        aws_spread=run.aws_spread,
        most_recent_first=True,
        durations=run.durations,
        new_environment_ms=0.0,
        snapshot_ttl=run.snapshot_ttl,
        warm={Category.EVENT: run.environments_before},
    )
    held = replace(load, held_ms=run.held_ms, held_spread=run.held_spread)
    simulated = [[Account(each, seed).run() for seed in range(_SEEDS)] for each in (load, held)]
    measured_ones = (
        ("environments at the end", f"{run.environments_after}", _environments),
        ("hooks that looked for policies, %", f"{run.refreshes / run.hooks:.1%}", _looked),
        ("p50 of the function's own time, ms", f"{run.p50_ms:.2f}", _p50),
        ("p99 of it, ms", f"{run.p99_ms:.1f}", _p99),
    )
    rows = [
        [name, found, *(_range([of(seen) for seen in many]) for many in simulated)]
        for name, found, of in measured_ones
    ]
    told = (
        f"{run.hooks} keep-alives at random, {run.hooks_per_second:.1f} a second for "
        f"{run.seconds:.0f} s, on {run.measured_at[:10]} ({run.machine}); the function had "
        f"{run.environments_before} environment{'s' if run.environments_before > 1 else ''} before."
        " The simulation was given the medians of the function's own time (`ServiceTime`) with and "
        "without a look for policies, how much they vary, and how long a start took, and was run "
        f"with {_SEEDS} seeds; middle, least and most are shown. The emulator holds an environment "
        "for longer than the function works, which its log does not tell: not at all, and for as "
        f"long as the client waited ({run.held_ms:.0f} ms more at the median), are the two ends "
        "between which it must lie.\n\n"
    )
    head = ["what", "local run", "simulated, held no longer", "held until the client has it"]
    return told + table(head, rows)


def _environments(seen: Seen) -> float:
    return float(sum(seen.environments.values()))


def _looked(seen: Seen) -> float:
    return seen.refreshes / seen.arrived * 100


def _p50(seen: Seen) -> float:
    return seen.latency(0.5) * 1e3


def _p99(seen: Seen) -> float:
    return seen.latency(0.99) * 1e3


def _range(values: Sequence[float]) -> str:
    ordered = sorted(values)
    return f"{ordered[len(ordered) // 2]:.3g} ({ordered[0]:.3g} to {ordered[-1]:.3g})"


def _assumptions(runs: Runs) -> str:
    load, durations = runs.made[0].load, runs.durations
    rows = [
        ["durations", durations.origin],
        ["a warm call", f"{durations.call_ms(load.memory_mb):.2f} ms at {load.memory_mb} MB"],
        ["one that waits for DynamoDB", f"{durations.call_ms(load.memory_mb, 1):.2f} ms"],
        [
            "a start",
            (
                f"{durations.start_ms + load.new_environment_ms:.0f} ms, of which "
                f"{load.new_environment_ms:.0f} are Lambda's own and assumed"
            ),
        ],
        [
            "spread",
            (
                f"lognormal, {load.spread:g}: p99 is "
                f"{math.exp(load.spread * 2.326):.1f} times the median"
            ),
        ],
        [
            "keep-alives",
            (
                f"every {load.life.keep_alive_seconds:g} s for each stream; all else, and "
                "what a burst adds, at random (Poisson)"
            ),
        ],
        ["which idle environment", "any: Lambda does not tell, and this makes for the most reads"],
        [
            "an environment that is not used",
            f"goes after {load.idle_seconds:g} s; Lambda promises nothing",
        ],
        ["a snapshot", f"{load.snapshot_bytes:,} bytes, where nothing else is said"],
        [
            "quotas raised",
            (
                f"gateway {RAISED.gateway_rate:,.0f}/s, concurrency "
                f"{RAISED.concurrency:,.0f}, PolicySnapshots {RAISED.table_reads:,.0f} read units/s"
            ),
        ],
        [
            "not simulated",
            (
                "the gateway's and the network's time, retries of WCS, DynamoDB's burst "
                "capacity, other functions of the account"
            ),
        ],
    ]
    return table(["", ""], rows)


def _read_curves(durations: Durations) -> dict[int, list[tuple[float, float]]]:
    """Read units a second of the pointer of every app, by rate, for numbers of apps."""
    rates = [10 ** (exponent / 8) for exponent in range(8, 49)]
    return {
        apps: [
            (
                rate,
                0.5 * looks_per_second(rate, durations, Load(hooks_per_second=rate, apps=apps)),
            )
            for rate in rates
        ]
        for apps in APPS
    }


def _result(runs: Runs) -> dict[str, Any]:
    return {
        "durations": runs.durations.origin,
        "versions": {"python": platform.python_version(), "simpy": version("simpy")},
        "runs": [
            {
                "name": run.name,
                "seconds": run.load.seconds,
                "hooks": run.seen.arrived,
                "refused": {limit.name: count for limit, count in run.seen.refused.items()},
                "meanExecutions": round(run.seen.busy_seconds / run.load.seconds, 3),
                "mostExecutions": run.seen.most_in_flight,
                "environments": sum(run.seen.environments.values()),
                "coldStarts": run.seen.cold_starts,
                "p50Ms": round(run.seen.latency(0.5) * 1e3, 3),
                "p99Ms": round(run.seen.latency(0.99) * 1e3, 3),
                "looksPerSecond": round(run.seen.refreshes / run.load.seconds, 2),
                "quotasMet": {
                    limit.name: round(at, 3)
                    for limit, at in sorted(run.seen.met.items(), key=lambda each: each[1])
                },
            }
            for run in runs.made
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
