"""A clock that stands still until a test moves it."""


class FakeClock:
    """A clock for tests; `now` and `monotonic` move together.

    Examples
    --------
    >>> clock = FakeClock(100)
    >>> clock.advance(5)
    >>> clock.now()
    105.0
    """

    def __init__(self, now: float = 1_900_000_000.0) -> None:
        self._now = float(now)

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds
