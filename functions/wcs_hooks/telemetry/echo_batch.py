"""Plain echoes, batched for a few seconds in a warm environment and counted together.

Most bytes of a line of metrics are names, which a line for a hundred echoes has only once. A
batch waits for the next hook, since nothing runs in an environment between two of them, and is lost
when Lambda ends the environment. That is at most what was echoed within
`seconds` before its last hook, and nothing where hooks are further apart than that.
"""

from collections.abc import Sequence
from typing import Final

from wcs_hooks.clock import Clock, Moment

MOST_VALUES: Final = 100
"""How many values the embedded metric format takes of a metric in one line."""


class Echoes:
    """Echoes of one method.

    Attributes
    ----------
    since
        When the first was counted, in seconds since the epoch.
    decision_times, service_times
        Seconds, of each.
    """

    def __init__(self, method: str, since: float) -> None:
        self.method = method
        self.since = since
        self.decision_times: list[float] = []
        self.service_times: list[float] = []


class EchoBatch:
    """What was echoed and is yet to be emitted.

    Parameters
    ----------
    seconds
        How long what was emitted last must be ago for an echo to be emitted at once, with all that
        wait; 0 never to batch.
    clock
        Clock that this goes by.
    """

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._seconds = seconds
        self._clock = clock
        self._by_method: dict[str, Echoes] = {}
        self._emitted_at: Moment | None = None

    def add(self, method: str, decision_time: float, service_time: float) -> Sequence[Echoes]:
        """Count an echo.

        Returns
        -------
        Sequence
            What is to be emitted now.
        """
        emitted_at = self._emitted_at
        if emitted_at is not None and not emitted_at.older_than(self._seconds):
            echoes = self._count(method, decision_time, service_time)
            full = len(echoes.service_times) == MOST_VALUES
            return [self._by_method.pop(method)] if full else ()
        # What waits may be from long ago, and a line has one moment.
        is_long_ago = emitted_at is None or emitted_at.older_than(2 * self._seconds)
        earlier = self.take() if is_long_ago else ()
        self._count(method, decision_time, service_time)
        return [*earlier, *self.take()]

    def _count(self, method: str, decision_time: float, service_time: float) -> Echoes:
        echoes = self._by_method.get(method)
        if echoes is None:
            echoes = self._by_method[method] = Echoes(method, self._clock.now())
        echoes.decision_times.append(decision_time)
        echoes.service_times.append(service_time)
        return echoes

    def take(self) -> Sequence[Echoes]:
        """All that wait: something is emitted now."""
        self._emitted_at = Moment(self._clock)
        taken = list(self._by_method.values())
        self._by_method.clear()
        return taken
