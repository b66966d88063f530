"""What came of a run: figures, what is wrong with them, and the table that people read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tools import markdown
from verification.fuzz.measure import CPU_LIMIT_MS
from verification.fuzz.registry import CAMPAIGNS

GROWTH_LIMIT_MIB: Final = 64.0
"""What the process of a fuzzed target may grow by after the first tenth of its inputs. The corpus
that libFuzzer keeps is part of it."""

REPLAY_GROWTH_LIMIT_MIB: Final = 16.0
"""What it may grow by while the corpus is passed through again and again."""


@dataclass(frozen=True)
class TargetFigures:
    """One target's.

    Attributes
    ----------
    inputs
        How many were run under the fuzzer.
    seconds
        How long that took.
    edges, features
        What libFuzzer counts of coverage.
    corpus
        Inputs that were kept, since each reached something new.
    slowest_ms
        Processor time of the slowest input, without instrumentation.
    growth_mib
        What the process grew by after the first tenth of the inputs.
    peak_mib
        The most memory that it had.
    replayed
        Inputs that were run again without instrumentation.
    replay_growth_mib
        What the process grew by meanwhile.
    failure
        What ended the run before its time; empty if nothing did.
    """

    target: str
    inputs: int
    seconds: float
    edges: int
    features: int
    corpus: int
    slowest_ms: float
    growth_mib: float
    peak_mib: float
    replayed: int
    replay_growth_mib: float
    failure: str = ""

    def problems(self) -> Iterator[str]:
        """What is wrong."""
        if self.failure:
            yield f"{self.target}: {self.failure}"
        if self.slowest_ms > CPU_LIMIT_MS:
            yield f"{self.target}: an input takes {self.slowest_ms:.0f} ms of processor time"
        if self.growth_mib > GROWTH_LIMIT_MIB:
            yield f"{self.target}: grew by {self.growth_mib:.0f} MiB"
        if self.replay_growth_mib > REPLAY_GROWTH_LIMIT_MIB:
            yield f"{self.target}: grew by {self.replay_growth_mib:.0f} MiB on the same inputs"

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return asdict(self)


def table(figures: Sequence[TargetFigures]) -> str:
    """Markdown."""
    head = ["target", "promise", "inputs", "s", "edges", "features", "slowest, ms CPU"]
    total = sum(each.inputs for each in figures)
    slowest = max(each.slowest_ms for each in figures)
    rows = [*map(_row, figures), ["all", "", f"{total:,}", "", "", "", f"{slowest:.1f}", ""]]
    return markdown.table([*head, "memory, MiB: most, growth, growth on replay"], rows) + "\n"


def _row(one: TargetFigures) -> list[str]:
    return [
        f"`{one.target}`",
        CAMPAIGNS[one.target].promise,
        f"{one.inputs:,}",
        f"{one.seconds:.0f}",
        f"{one.edges:,}",
        f"{one.features:,}",
        f"{one.slowest_ms:.1f}",
        f"{one.peak_mib:.0f}, {one.growth_mib:.1f}, {one.replay_growth_mib:.1f}",
    ]


def from_json(content: Sequence[Mapping[str, Any]]) -> list[TargetFigures]:
    """Read back what `to_json` gave."""
    return [TargetFigures(**one) for one in content]
