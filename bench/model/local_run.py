"""A load that was put on the local run, as `bench.local_load` left it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.model.durations import RESULTS, Durations

FILE: Final = RESULTS / "local-load.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRun:
    """What was seen of it.

    Attributes
    ----------
    measured_at, machine
        When, and on what.
    hooks_per_second, seconds
        What was sent, at random.
    hooks
        How many were answered.
    refreshes
        How many of them looked for policies.
    busy_seconds
        The functions' own time, of all hooks together.
    p50_ms, p99_ms
        Of the functions' own time.
    spread, aws_spread
        The standard deviation of the logarithm of the time of hooks that look for nothing, and of
        the others.
    durations
        The medians, with and without a look for policies, and of what a client waited for an
        environment that had to start.
    held_ms, held_spread
        What a client waited beyond the function's own time, at the median, and how much it varies:
        the emulator holds an environment for a part of that.
    environments_before, environments_after
        How many environments the function had.
    """

    measured_at: str
    machine: str
    hooks_per_second: float
    seconds: float
    snapshot_ttl: float
    hooks: int
    refreshes: int
    busy_seconds: float
    p50_ms: float
    p99_ms: float
    spread: float
    aws_spread: float
    durations: Durations
    held_ms: float
    held_spread: float
    environments_before: int
    environments_after: int


def write_local_run(run: LocalRun, path: Path = FILE) -> None:
    """Keep what was seen."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(asdict(run), indent=1) + "\n")


def read_local_run(path: Path = FILE) -> LocalRun | None:
    """What was seen last; none if nothing was."""
    if not path.exists():
        return None
    stored = json.loads(path.read_text())
    return LocalRun(**{**stored, "durations": Durations(**stored["durations"])})
