"""The one place that reads the clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """What time it is."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never running backwards: for durations."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some moment, never running backwards: for durations."""
        return time.perf_counter()


class Deadline:
    """The time by which a reply must have been given.

    Parameters
    ----------
    clock
        The clock that it goes by.
    seconds
        How long there is from now.
    """

    __slots__ = ("_at", "_clock")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._at = clock.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds that are left, never less than none."""
        return max(0.0, self._at - self._clock.monotonic())
