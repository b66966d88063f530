"""The machine's clock, which a test puts forward, or lets be wrong."""

from wcs_hooks.clock import SystemClock


class ShiftedClock:
    """A clock that runs, so that what hangs takes its time, and that can be put forward.

    Parameters
    ----------
    wrong_by
        Seconds by which `now` differs from what it is; durations are right all the same.

    Examples
    --------
    >>> behind = ShiftedClock(wrong_by=-3600)
    >>> round(ShiftedClock().now() - behind.now())
    3600
    """

    def __init__(self, wrong_by: float = 0.0) -> None:
        self._clock = SystemClock()
        self._wrong_by = wrong_by
        self._passed = 0.0

    def now(self) -> float:
        return self._clock.now() + self._wrong_by + self._passed

    def monotonic(self) -> float:
        return self._clock.monotonic() + self._passed

    def advance(self, seconds: float) -> None:
        """Let time pass that nobody waits for."""
        self._passed += seconds
