"""How long the functions take: as the benchmark measured, where it ran, else as assumed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

VCPU_MB: Final = 1769
"""The memory at which a function has one virtual CPU; below it has its share:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html."""

ASSUMED: Final = "assumed, not measured"

RESULTS: Final = Path(__file__).resolve().parents[1] / "results"

_MEASURED: Final[Mapping[str, str]] = {
    "echo_ms": "warm.cpu.event.echo",
    "refresh_ms": "warm.refresh.event",
    "documented_call_ms": "warm.cpu.documented.echo",
    "start_ms": "cold.cpu.event",
    "documented_start_ms": "cold.cpu.documented",
}
"""Where `make bench` leaves them: the figures of its section ``functions``."""

_MILLISECONDS: Final = {"us": 1e-3, "ms": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """What functions need, in milliseconds.

    Attributes
    ----------
    echo_ms
        Processor time of a warm call that asks no AWS service, the runtime's part included.
    refresh_ms
        Processor time that asking one adds.
    aws_call_ms
        What passes until DynamoDB or Secrets Manager has answered; it cannot be measured here.
    start_ms
        Processor time from a process's start to its first call. Lambda gives a function that starts
        a whole processor, whatever its memory.
    documented_call_ms
        Processor time of a warm call of the documented way, its read included.
    documented_start_ms
        Its start.
    origin
        Where these figures come from.
    """

    echo_ms: float = 1.0
    refresh_ms: float = 2.0
    aws_call_ms: float = 5.0
    start_ms: float = 350.0
    documented_call_ms: float = 3.5
    documented_start_ms: float = 800.0
    origin: str = ASSUMED

    def call_ms(self, memory_mb: int, aws_calls: float = 0.0) -> float:
        """How long a warm call lasts.

        A processor of Lambda's is taken to be as fast as the one that was measured on.

        Parameters
        ----------
        aws_calls
            How many AWS calls it waits for, one after another.
        """
        processor = self.echo_ms + aws_calls * self.refresh_ms
        return processor / cpu_share(memory_mb) + aws_calls * self.aws_call_ms

    def documented_ms(self, memory_mb: int) -> float:
        """How long a warm call of the documented way lasts."""
        return self.documented_call_ms / cpu_share(memory_mb) + self.aws_call_ms


def cpu_share(memory_mb: int) -> float:
    """Which share of a processor a function has that runs one thing at a time.

    Examples
    --------
    >>> round(cpu_share(1024), 2), cpu_share(3008)
    (0.58, 1.0)
    """
    return min(1.0, memory_mb / VCPU_MB)


def measured(results: Path = RESULTS) -> Durations:
    """The durations, with what the benchmark measured in the place of what is assumed.

    Raises
    ------
    ValueError
        If a figure has a unit that is no time.
    """
    path = results / "functions.json"
    if not path.exists():
        return Durations()
    figures = json.loads(path.read_text())["figures"]
    found: dict[str, float] = {}
    for name, figure in _MEASURED.items():
        if figure not in figures:
            continue
        unit = figures[figure]["unit"]
        if unit not in _MILLISECONDS:
            raise ValueError(f"{path}: {figure} is in {unit}, which is no time")
        found[name] = figures[figure]["median"] * _MILLISECONDS[unit]
    missing = sorted(set(_MEASURED) - set(found))
    origin = f"bench/results/{path.name}" + (
        f"; assumed: {', '.join([*missing, 'aws_call_ms'])}" if found else f"; all {ASSUMED}"
    )
    return replace(Durations(), **found, origin=origin)
