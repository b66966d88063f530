"""How the time to a reply is divided: all shares of `replyTimeout` are here.

Whatever hangs, the waits add up to `replyTimeout` at most, and a hook that fails can be kept:
`FETCH + LEAST_SIDE_EFFECTS + DEAD_LETTER + REPLY` is 1.
"""

from typing import Final

from wcs_hooks.clock import Clock, Deadline

FETCH: Final = 0.7
"""Share for what the decision needs: the secret, the policies, the session, rows of lists, and
places that limits count, which are taken last."""

SECRET_REFRESH: Final = 1 / 3
"""Share of what is left of `FETCH` for confirming the secrets that a function knows. A store that
hangs must leave time for the policies and the session."""

POLICIES_REFRESH: Final = 1 / 2
"""The same for the policies that it knows."""

KEYS_REFRESH: Final = 1 / 3
"""The same for the keys of tokens that it knows."""

LISTS: Final = 1 / 2
"""Share of what is left of `FETCH` for rows of lists. A store that hangs must leave time for the
session and for keys: a policy in shadow mode must not keep others from being decided."""

SESSION_RENEWAL: Final = 1 / 4
"""Share of what is left of `FETCH` for keeping a session for longer."""

SIDE_EFFECTS: Final = 0.25
"""Share for what is done besides the reply, which waits for it: less if the decision took so long
that no time would be left for the dead letter of what fails."""

LEAST_SIDE_EFFECTS: Final = 0.05
"""Share that side effects have in any case."""

DEAD_LETTER: Final = 0.2
"""Share that is left in any case for keeping a hook. It is enough for two tries, since there is a
second place for what the queue does not take."""

LABEL: Final = 0.1
"""Share for looking up what WCS does with a refusal, if that much is left: only a metric asks."""

REPLY: Final = 0.05
"""Share for the reply itself, when all that may hang is over."""

CONNECTION: Final = 0.25
"""Share after which a client gives up a connection that does not come about."""

ATTEMPT: Final = 0.5
"""Share after which a client gives up an attempt of a call, of which there are two at most. Both
are a last resort: whoever needs an answer stops waiting by the shares above."""


class TimeBudget:
    """The time of one hook, from when it came.

    Parameters
    ----------
    clock
        Clock that measures it.
    reply_timeout
        Seconds within which the reply is given, whatever fails.

    Attributes
    ----------
    fetch
        By when all that the decision needs must have come.
    """

    __slots__ = ("_clock", "_reply_timeout", "fetch")

    def __init__(self, clock: Clock, reply_timeout: float) -> None:
        self._clock = clock
        self._reply_timeout = reply_timeout
        self.fetch = Deadline(clock, reply_timeout * FETCH)

    def side_effects(self) -> Deadline:
        """By when side effects that begin now must be done: some time is left for a dead letter."""
        return self._by(1 - REPLY - DEAD_LETTER, SIDE_EFFECTS)

    def dead_letter(self) -> Deadline:
        """By when a hook that fails must have been kept."""
        return self._by(1 - REPLY, 1 - REPLY)

    def label(self) -> Deadline:
        """By when the label of a metric that is looked up now must have come."""
        return self._by(1 - REPLY, LABEL)

    def _by(self, end: float, normal: float) -> Deadline:
        """A deadline after a share of the time, but not more than another share from now."""
        left = self.fetch.at + self._reply_timeout * (end - FETCH) - self._clock.monotonic()
        seconds = self._reply_timeout * normal
        return Deadline(self._clock, min(seconds, left), seconds)
