"""The one place that reads the clock."""

import time
from typing import Final, Protocol, Self

_NEARLY_ALL: Final = 0.8
_MOST_DOUBLINGS: Final = 10


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

    # Each hook asks a dozen times: a method around these would take as long as they do.
    now = staticmethod(time.time)
    monotonic = staticmethod(time.perf_counter)


class Moment:
    """When something happened, to be asked later how long ago that is.

    Expiry goes by both clocks: between two hooks Lambda may freeze an environment for minutes, and
    its monotonic clock may stand still meanwhile; the wall clock may be set at any time.

    Parameters
    ----------
    clock
        The clock that says what time it is now.
    """

    __slots__ = ("_clock", "_monotonic", "_wall")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = clock.now()
        self._monotonic = clock.monotonic()

    def older_than(self, seconds: float) -> bool:
        """Whether at least that many seconds have passed by either clock.

        After one of them ran backwards nobody knows how many have, and the answer is yes.
        """
        clock = self._clock
        return not (
            0.0 <= clock.monotonic() - self._monotonic < seconds
            and 0.0 <= clock.now() - self._wall < seconds
        )


class Pause:
    """A while for which something that failed is left alone.

    Parameters
    ----------
    clock
        The clock that says what time it is now.
    seconds
        How long the pause is.
    """

    __slots__ = ("_clock", "_monotonic", "_seconds", "_wall")

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._wall = clock.now()
        self._monotonic = clock.monotonic()

    @classmethod
    def after_failures(cls, clock: Clock, failures: int, first: float, longest: float) -> Self:
        """A pause that doubles with each failure in a row.

        Parameters
        ----------
        failures
            How many there were before this one.
        first, longest
            The pause after the first of them, and the longest one, in seconds.
        """
        return cls(clock, min(first * 2.0 ** min(failures, _MOST_DOUBLINGS), longest))

    def is_over(self) -> bool:
        """Whether it is over by either clock.

        By a clock that ran backwards the pause begins again: it does not last until that clock has
        caught up, and it does not end at once, or each hook would ask a service that fails.
        """
        wall, monotonic = self._clock.now(), self._clock.monotonic()
        self._wall = min(self._wall, wall)
        self._monotonic = min(self._monotonic, monotonic)
        return max(wall - self._wall, monotonic - self._monotonic) >= self._seconds


class Deadline:
    """The time by which something must be done. It goes by the monotonic clock alone.

    Parameters
    ----------
    clock
        The clock that it goes by.
    seconds
        How long there is from now.
    normal
        How long there normally is, in seconds; as long as now unless given.

    Attributes
    ----------
    at
        The time, by the monotonic clock.
    """

    __slots__ = ("_clock", "_normal", "at")

    def __init__(self, clock: Clock, seconds: float, normal: float | None = None) -> None:
        self._clock = clock
        self.at = clock.monotonic() + seconds
        self._normal = seconds if normal is None else normal

    def remaining(self) -> float:
        """Seconds that are left, never less than none."""
        return max(0.0, self.at - self._clock.monotonic())

    def is_cut_short(self) -> bool:
        """Whether much less is left than there normally is.

        What does not answer by then may well be in order.
        """
        return self.remaining() < self._normal * _NEARLY_ALL

    def part(self, share: float) -> "Deadline":
        """A deadline that leaves room for something else: after a share of what is left."""
        return Deadline(self._clock, self.remaining() * share, self._normal * share)
