"""Tables of the results, in Markdown, and the places in documents where they stand."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from bench.figures import Figure, Figures
from bench.hooks import Path as HookPath
from bench.measured_functions import (
    BASELINE,
    BASELINE_WITH_READ,
    BASELINE_WITH_WRITE,
    POWERTOOLS,
    POWERTOOLS_WITHOUT_READ,
)
from bench.results import Result
from bench.snapshot_loading import COUNTS
from bench.targets import BASELINE_WITH_THE_CALL, CATEGORIES, Section, Verdict
from tools.markdown import replace_block, table

_MB: Final = 1_000_000
_LEAST_MS: Final = 0.5
_SHOWN: Final = 15

_FUNCTIONS: Final[Mapping[str, str]] = {
    BASELINE: "A no-op baseline",
    BASELINE_WITH_READ: "A, with a read by boto3",
    BASELINE_WITH_WRITE: "A, with a write by boto3",
    POWERTOOLS: "B Powertools baseline",
    POWERTOOLS_WITHOUT_READ: "B, without its read",
    **{category: f"C ours, {category}" for category in CATEGORIES},
}


_CASES: Final[Mapping[str, str]] = {
    "ten-methods.all-match": "10 of 100 match, all evaluated",
    "ten-methods.one-matches": "10 of 100 considered, one matches",
    "one-method": "100 of 100 evaluated",
}

_OTHER_PATHS: Final[Mapping[str, str]] = {
    "deny-player": "deny (playHLS)",
    "echo-by-cel": "echo, conditions by CEL",
    "echo-token": "echo (playHLS), by a token's claims",
    "echo-no-token": "the same without a token",
    "echo-limited": "echo, a place of a limit taken (session read, transaction)",
}


def replace_blocks(document: Path, blocks: Mapping[str, str]) -> bool:
    """Put each block in its place in a document, as far as it has one.

    A block stands between ``<!-- bench:name -->`` and ``<!-- /bench:name -->``.

    Returns
    -------
    bool
        Whether anything changed.
    """
    before = after = document.read_text()
    for name, block in blocks.items():
        begin = f"<!-- bench:{name} -->"
        if begin in after:
            after = replace_block(after, begin, f"<!-- /bench:{name} -->", f"\n{block.strip()}\n")
    if after != before:
        document.write_text(after)
    return after != before


def blocks(results: Sequence[Result], verdicts: Sequence[Verdict]) -> dict[str, str]:
    """Every table that the results give, by the name of its place."""
    by_section = {result.section: result for result in results}
    made = {"targets": targets(verdicts), "measured": measured(results)}
    if functions := by_section.get(Section.FUNCTIONS):
        figures = functions.figures
        made |= {
            "cold": cold(figures),
            "imports": imports(functions.details["imports"]),
            "warm": warm(figures),
            "memory": memory(figures),
        }
    if profile := by_section.get(Section.PROFILE):
        made["profile"] = profiles(profile.details)
    if decisions := by_section.get(Section.DECISIONS):
        made["decisions"] = deciding(decisions.figures)
    if snapshots := by_section.get(Section.SNAPSHOTS):
        made["snapshots"] = loading(snapshots.figures)
    if enforcement := by_section.get(Section.ENFORCEMENT):
        made["enforcement"] = enforcing(enforcement.figures["enforcement.seconds"])
    return made


def targets(verdicts: Sequence[Verdict]) -> str:
    """Each target's row, with what was measured."""
    rows = []
    for row, group in groupby(verdicts, key=lambda verdict: verdict.target.row):
        members = list(group)
        first = members[0].target
        sign = "<" if first.below else "≤"
        unit = members[0].unit
        limit = f"{sign} {with_unit(first.at_most, unit)}"
        rows.append([row, limit, "; ".join(map(_member, members)), _mark(members)])
    return table(["figure", "target", "measured", ""], rows)


def _member(verdict: Verdict) -> str:
    value = (
        "not measured" if verdict.measured is None else with_unit(verdict.measured, verdict.unit)
    )
    return f"{verdict.target.member} {value}".strip()


def _mark(verdicts: Sequence[Verdict]) -> str:
    met = sum(verdict.met for verdict in verdicts)
    if met == len(verdicts):
        return "met"
    return "missed" if not met else f"missed by {len(verdicts) - met} of {len(verdicts)}"


def measured(results: Sequence[Result]) -> str:
    """When, where and of which commit."""
    rows = []
    for result in results:
        machine, versions = result.context["machine"], result.context["versions"]
        changed = ", with changes" if result.context["uncommittedChanges"] else ""
        rows.append(
            [
                f"[{result.section}](../../bench/results/{result.section}.json)",
                result.context["measuredAt"].partition("T")[0],
                f"`{result.context['commit'][:10]}`{changed}",
                f"{machine['processor']}, {machine['cores']} cores, {machine['architecture']}",
                f"Python {versions['python']}, awslambdaric {versions['awslambdaric']}",
            ]
        )
    return table(["section", "measured", "commit", "machine", "with"], rows)


def cold(figures: Figures) -> str:
    """Cold starts."""
    rows = [
        [
            title,
            spread(figures[f"cold.wall.{name}"]),
            spread(figures[f"cold.cpu.{name}"]),
            _ratio(figures, f"cold.ratio.{name}.{POWERTOOLS}"),
            _ratio(figures, f"cold.ratio.{name}.{BASELINE}"),
            value(figures[f"cold.first-call.wall.{name}"]),
            value(figures[f"cold.first-call.cpu.{name}"]),
        ]
        for name, title in _FUNCTIONS.items()
    ]
    head = ["function", "start to `/next`", "CPU", "× B", "× A", "first call", "CPU"]
    return table(head, rows)


def imports(measured: Mapping[str, Any]) -> str:
    """Where cold starts spend their time."""
    names = [BASELINE, POWERTOOLS, "direct"]
    packages = sorted(
        {package for name in names for package in measured[name]["onBehalfOf"]},
        key=lambda package: (-measured["direct"]["onBehalfOf"].get(package, 0.0), package),
    )
    spent = {
        package: [measured[name]["onBehalfOf"].get(package, 0.0) for name in names]
        for package in packages
    }
    large = {package: ms for package, ms in spent.items() if max(ms) >= _LEAST_MS}
    small = [ms for package, ms in spent.items() if package not in large]
    rows = [[f"for `{package}`", *map(_ms, ms)] for package, ms in large.items()]
    if small:
        rows.append(["other packages", *(_ms(sum(column)) for column in zip(*small, strict=True))])
    rest = [_ms(measured[name]["restMs"]) for name in names]
    whole = [f"**{_ms(measured[name]['cpuMs'])}**" for name in names]
    rows += [
        ["without imports: interpreter start, clients", *rest],
        ["**CPU of the whole start, with `-X importtime`**", *whole],
    ]
    by_package = table(["ms", *(_FUNCTIONS[name] for name in names)], rows)
    slowest = table(
        ["C direct: module", "own ms", "module", "ms including its imports"],
        [
            [f"`{own['module']}`", _ms(own["ms"]), f"`{largest['module']}`", _ms(largest["ms"])]
            for own, largest in zip(
                measured["direct"]["slowest"], measured["direct"]["largest"], strict=True
            )
        ][:20],
    )
    return f"{by_package}\n\n{slowest}"


def warm(figures: Figures) -> str:
    """Warm calls."""
    rows = []
    for name, title in _FUNCTIONS.items():
        for path in (*HookPath, *_OTHER_PATHS):
            series = f"{name}.{path}"
            if f"warm.cpu.{series}" not in figures:
                continue
            its_call = BASELINE_WITH_THE_CALL.get(series, "")
            rows.append(
                [
                    title,
                    _OTHER_PATHS.get(path, path),
                    spread(figures[f"warm.cpu.{series}"]),
                    _ratio(figures, f"warm.ratio.{series}.{BASELINE}"),
                    _ratio(figures, f"warm.ratio.{series}.{its_call}"),
                    _ratio(figures, f"warm.ratio.{series}.{POWERTOOLS}"),
                    value(figures[f"warm.log.{series}"]),
                ]
            )
    head = [
        "function",
        "path",
        "CPU per call",
        "× A",
        "× A with the same call",
        "× B",
        "logged per call",
    ]
    calls = table(head, rows)
    refresh = table(
        ["C ours", "CPU of a refresh, once per TTL"],
        [[category, spread(figures[f"warm.refresh.{category}"])] for category in CATEGORIES],
    )
    return f"{calls}\n\n{refresh}"


def memory(figures: Figures) -> str:
    """Memory at rest, and packages."""
    rows = [
        [
            title,
            *(
                value(figures[f"{when}.memory.{kind}.{name}"])
                for when in ("cold", "warm")
                for kind in ("rss", "pss")
            ),
        ]
        for name, title in _FUNCTIONS.items()
    ]
    at_rest = table(["function", "RSS at start", "PSS", "RSS after calls", "PSS"], rows)
    sizes = table(
        ["package", "zipped"],
        [
            [title, value(figures[f"package.{name}"])]
            for name, title in (
                ("baseline.host", "A no-op baseline"),
                ("powertools.host", "B Powertools baseline, without what Lambda has"),
                ("ours.arm64", "C ours, arm64"),
                ("ours.x86_64", "C ours, x86_64"),
            )
        ],
    )
    return f"{at_rest}\n\n{sizes}"


def profiles(measured: Mapping[str, Any]) -> str:
    """Shares of a profile."""
    columns = [path.value for path in HookPath]
    tables = []
    for kind in ("module", "function"):
        shares = [
            [(row[kind], _percent(row["share"])) for row in measured[column][f"{kind}s"]]
            for column in columns
        ]
        rows = [
            [part for name, share in row for part in (f"`{name}`", share)]
            for row in zip(*shares, strict=False)
        ]
        head = [part for column in columns for part in (f"{column}: {kind}", "own share")]
        tables.append(table(head, rows[:_SHOWN]))
    return "\n\n".join(tables)


def deciding(figures: Figures) -> str:
    """The decision alone."""
    rows = [
        [title, *(spread(figures[f"decision.{case}.{name}"]) for case in _CASES)]
        for name, title in (("ours", "as deployed"), ("ours-by-cel", "without guards"))
    ]
    exact = (
        f"With 100 `match` policies of one method {value(figures['decision.exact.100'])}, with "
        f"100,000 {value(figures['decision.exact.100000'])}: "
        f"{_ratio(figures, 'decision.exact.ratio')} ×."
    )
    return f"{table(['decision', *_CASES.values()], rows)}\n\n{exact}"


def loading(figures: Figures) -> str:
    """Loading snapshots."""
    rows = [
        [
            f"{count:,}",
            kind,
            value(figures[f"load.{count}.{kind}.stored"]),
            spread(figures[f"load.{count}.{kind}.time"]),
            value(figures[f"load.{count}.{kind}.cpu"]),
            value(figures[f"load.{count}.{kind}.peak"]),
            value(figures[f"load.{count}.{kind}.held"]),
        ]
        for count in COUNTS
        for kind in ("exact", "expressions")
    ]
    return table(["policies", "kind", "stored", "time", "CPU", "memory, peak", "held"], rows)


def enforcing(figure: Figure) -> str:
    """From an edit to its enforcement."""
    found = figure.summary
    return table(
        ["edits", "median", "quartiles", "p99", "maximum"],
        [
            [
                str(found.count),
                f"{found.median:.2f} s",
                f"{found.low:.2f}–{found.high:.2f} s",
                f"{found.p99:.2f} s",
                f"{found.most:.2f} s",
            ]
        ],
    )


def with_unit(number: float, unit: str) -> str:
    """A number as people read it.

    Examples
    --------
    >>> with_unit(12_345_678, "bytes"), with_unit(41.234, "us"), with_unit(1.0, "x")
    ('12.3 MB', '41.2 µs', '1.00')
    """
    if unit == "bytes":
        return f"{number / _MB:.1f} MB" if number >= _MB else f"{number:,.0f} B"
    if unit == "x":
        return f"{number:.2f}"
    name = {"us": "µs"}.get(unit, unit)
    digits = 0 if number >= 100 else 1  # noqa: PLR2004 - three significant digits
    return f"{number:,.{digits}f} {name}".rstrip()


def value(figure: Figure) -> str:
    """A figure's median."""
    return with_unit(figure.summary.median, figure.unit)


def spread(figure: Figure) -> str:
    """A figure's median, and its quartiles."""
    low, high = (
        with_unit(number, figure.unit).partition(" ")[0]
        for number in (figure.summary.low, figure.summary.high)
    )
    return f"{value(figure)} ({low}–{high})"


def _ratio(figures: Figures, name: str) -> str:
    return f"{figures.median(name):.2f}" if name in figures else ""


def _ms(number: float) -> str:
    return f"{number:.1f}"


def _percent(share: float) -> str:
    return f"{share:.1%}"
