"""The targets: all of them, in one place. `make bench` fails when one of them is missed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bench.figures import Figures


class Section(StrEnum):
    """A part of the benchmark, which can be run alone and has a result file of its own."""

    FUNCTIONS = "functions"
    PROFILE = "profile"
    DECISIONS = "decisions"
    SNAPSHOTS = "snapshots"
    ENFORCEMENT = "enforcement"


class Statistic(StrEnum):
    """What of a figure is held against its target."""

    MEDIAN = "median"
    P99 = "p99"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is to be.

    Attributes
    ----------
    row
        What the figure is about, in people's words: targets that share it share a row in the table.
    member
        What distinguishes them there; empty if there is only one.
    figure
        The figure's name.
    at_most
        The largest value that meets the target, in the figure's unit.
    below
        Whether that value itself misses it.
    """

    section: Section
    row: str
    member: str
    figure: str
    at_most: float
    statistic: Statistic = Statistic.MEDIAN
    below: bool = False

    @property
    def name(self) -> str:
        """The target in words."""
        return f"{self.row}, {self.member}" if self.member else self.row


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a target is met.

    Attributes
    ----------
    measured
        None where the figure was not measured: then the target is not met.
    """

    target: Target
    measured: float | None
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is."""
        if self.measured is None:
            return False
        if self.target.below:
            return self.measured < self.target.at_most
        return self.measured <= self.target.at_most


CATEGORIES: Final = ("connect", "direct", "event", "incoming")
MB: Final = 1_000_000

BASELINE_WITH_THE_CALL: Final[Mapping[str, str]] = {
    **dict.fromkeys(("connect.echo", "connect.override"), "baseline-write"),
    **dict.fromkeys(("direct.deny", "event.deny", "incoming.deny"), "baseline-read"),
}
"""For each path that calls DynamoDB once, the no-op baseline with the same call."""

_A: Final = "baseline"
_B: Final = "powertools"
_WARM: Final = "warm CPU per call"

COLD_RATIO: Final = 0.6
"""A cold start at most, × B. It holds for third-party code as its authors released it: data files
may be left out of the package, but no line of a library is edited."""


def _by_category(row: str, figure: str, at_most: float, *, below: bool = False) -> list[Target]:
    return [
        Target(Section.FUNCTIONS, row, category, figure.format(category), at_most, below=below)
        for category in CATEGORIES
    ]


TARGETS: Final[Sequence[Target]] = (
    *_by_category(
        "cold: process start to first `/next`, third-party code as released, × B",
        f"cold.ratio.{{}}.{_B}",
        COLD_RATIO,
    ),
    *_by_category(f"{_WARM}, echo, × A", f"warm.ratio.{{}}.echo.{_A}", 1.3),
    *_by_category(f"{_WARM}, echo, × B", f"warm.ratio.{{}}.echo.{_B}", 1.0, below=True),
    *_by_category(f"{_WARM}, override, × A", f"warm.ratio.{{}}.override.{_A}", 1.5),
    *_by_category(f"{_WARM}, deny, × A", f"warm.ratio.{{}}.deny.{_A}", 1.5),
    *(
        Target(
            Section.FUNCTIONS,
            f"{_WARM} with one call to DynamoDB, × A with the same call",
            series.replace(".", " "),
            f"warm.ratio.{series}.{baseline}",
            1.5,
        )
        for series, baseline in BASELINE_WITH_THE_CALL.items()
    ),
    Target(
        Section.FUNCTIONS,
        f"{_WARM}, added by verifying a token (RS256)",
        "",
        "warm.token",
        120,
    ),
    Target(
        Section.DECISIONS,
        "decision alone, 100 policies over 10 methods, each with `match` and `when`",
        "",
        # All ten of the method match and are evaluated, by CEL: the hardest reading of it.
        "decision.ten-methods.all-match.ours-by-cel",
        40,
    ),
    Target(
        Section.DECISIONS,
        "decision alone, 100 policies of one method, each `when` evaluated",
        "",
        "decision.one-method.ours-by-cel",
        250,
    ),
    Target(
        Section.DECISIONS,
        "decision with 100,000 `match` policies of one method, × that with 100",
        "",
        "decision.exact.ratio",
        1.5,
    ),
    Target(
        Section.SNAPSHOTS,
        "snapshot load, 10,000 policies, CPU time",
        "",
        # It waits for nothing, so this is the time that it takes where nothing else runs.
        "load.10000.expressions.cpu",
        100,
        below=True,
    ),
    Target(
        Section.SNAPSHOTS,
        "snapshot load, 10,000 policies, memory at its peak",
        "",
        "load.10000.expressions.peak",
        60 * MB,
        below=True,
    ),
    *(
        Target(
            Section.FUNCTIONS,
            "zipped package of a function that answers hooks",
            architecture,
            f"package.ours.{architecture}",
            13 * MB,
        )
        for architecture in ("arm64", "x86_64")
    ),
    Target(
        Section.ENFORCEMENT,
        "edit to enforcement, local, p99 of 200 edits",
        "",
        "enforcement.seconds",
        5,
        Statistic.P99,
    ),
)


def judge(figures: Figures, sections: Iterable[Section]) -> list[Verdict]:
    """Hold figures against the targets of some sections."""
    wanted = set(sections)
    return [_verdict(figures, target) for target in TARGETS if target.section in wanted]


def _verdict(figures: Figures, target: Target) -> Verdict:
    if target.figure not in figures:
        return Verdict(target, None)
    figure = figures[target.figure]
    return Verdict(target, getattr(figure.summary, target.statistic), figure.unit)
