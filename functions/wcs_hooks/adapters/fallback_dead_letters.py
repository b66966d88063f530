"""Dead letters in the first of two places that takes them: a hook is lost only if both fail."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from wcs_hooks.adapters.deadlines import CircuitBreaker
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.ports import DeadLetters, Place


class FallbackDeadLetters:
    """Sends messages to a first place, and to a second if the first does not take them.

    Whichever is tried first has half of the time, so that one that hangs leaves the other its part.
    After the first place hung, the second is tried before it for a while; the first is still tried
    then if the second fails.

    Parameters
    ----------
    make_first, make_second
        Make the places; each is called once, when there is a first message for that place.
    clock
        Clock used by the circuit breaker of the first place.
    """

    def __init__(
        self,
        make_first: Callable[[], DeadLetters],
        make_second: Callable[[], DeadLetters],
        clock: Clock,
    ) -> None:
        self._first = cache(make_first)
        self._second = cache(make_second)
        self._breaker = CircuitBreaker("the first place for dead letters", clock)

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> Place:
        """Keep a message, and return where.

        Raises
        ------
        UnavailableError
            If neither place took it by the deadline.
        """
        half = deadline.part(0.5)
        first_hangs = self._breaker.is_open
        try:
            if first_hangs:
                return self._second().send(message, half)
            return self._breaker.run_before(half, lambda: self._first().send(message, half))
        except Exception:  # noqa: BLE001 - whatever fails there, the other place may take it
            last = self._first() if first_hangs else self._second()
            return last.send(message, deadline)
