"""A machine whose two clocks do not agree, as in an environment that Lambda froze meanwhile."""

from typing import Final

MS: Final = 0.001


class UnevenClock:
    """A wall clock and a monotonic one that a test moves, each as it likes.

    Examples
    --------
    >>> clock = UnevenClock()
    >>> before = clock.now(), clock.monotonic()
    >>> clock.move(wall=60, monotonic=MS)
    >>> round(clock.now() - before[0], 3), round(clock.monotonic() - before[1], 3)
    (60.0, 0.001)
    """

    def __init__(self, wall: float = 1_900_000_000.0, monotonic: float = 5_000.0) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def now(self) -> float:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def move(self, *, wall: float, monotonic: float) -> None:
        """Move both clocks by some seconds; by less than none, they run backwards."""
        self._wall += wall
        self._monotonic += monotonic

    def freeze(self, seconds: float) -> None:
        """Let time pass while the environment is frozen: the monotonic clock all but stands still.

        The millisecond is what a hook takes.
        """
        self.move(wall=seconds, monotonic=MS)

    def advance(self, seconds: float) -> None:
        """Let time pass by both clocks."""
        self.move(wall=seconds, monotonic=seconds)
