"""Places that limits count, after they were taken: kept for longer, and given back."""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import HOLDER_FIELDS, Held, Holder
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.payload import Payload
from wcs_hooks.hook.side_effects import LEASES, Answered, ends_session
from wcs_hooks.ports import Leases, SessionKey, SessionRecord

LONG_INTERVAL: Final = 20.0
"""Seconds between keep-alives above which each of them renews: else a lease might not last."""

_RENEWING: Final = 3
"""Of shorter intervals each third renews."""

_CHECKED_AGAIN: Final = 600.0
"""Seconds after which a function looks again whether a session's places are half spent."""

_MOST_CHECKED: Final = 10_000

_ENDS: Final = {
    "StreamStatusEvent": (
        Held.STREAM,
        HOLDER_FIELDS["publishStream"],
        frozenset({"UNPUBLISHED", "STOPPED", "FAILED"}),
    ),
    "CallStatusEvent": (
        Held.CALL,
        HOLDER_FIELDS["call"],
        frozenset({"FINISH", "FAILED", "BUSY"}),
    ),
}
"""Events that report an end: of what, the field that it is known by, and the statuses that do
(`docs/reference/wcs-protocol.md`, section 6)."""


_BEGUN: Final = {
    "CallStatusEvent": (Held.CALL, HOLDER_FIELDS["call"]),
    "ConnectionStatusEvent": (Held.SESSION, HOLDER_FIELDS["connect"]),
}
"""Events that report with status ESTABLISHED that a call or a session has begun. Until then its
place is held for minutes only: what was let in and never began has no end."""


class ReleasePlaces:
    """Gives places back when what held them has ended, and keeps them meanwhile.

    Parameters
    ----------
    leases
        Returns where they are; asked only if an app counts any.
    keep_alive_interval
        Seconds between two keep-alives of a stream.
    """

    name = LEASES

    def __init__(self, leases: Callable[[], Leases], keep_alive_interval: float) -> None:
        self._leases = leases
        self._interval = keep_alive_interval
        self._noted: set[str] = set()

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Give back what an end gives back, and keep what has begun or is kept alive.

        What a keep-alive could not renew is left to the next one.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        holds = answered.in_force.holds
        if not holds:
            return
        payload, method = answered.payload, answered.method
        taken_by = answered.now if answered.redriven else None
        if method == STREAM_KEEP_ALIVE:
            if Held.STREAM in holds and not answered.redriven:
                with suppress(UnavailableError):
                    self._keep(answered, deadline)
        elif method in _BEGUN and payload.fields.get("status") == "ESTABLISHED":
            held, field = _BEGUN[method]
            holder = Holder.named_by(payload, field)
            if held in holds and holder is not None:
                self._leases().renew(holder, deadline)
        elif method in _ENDS:
            held, field, ended = _ENDS[method]
            holder = Holder.named_by(payload, field)
            if held in holds and payload.fields.get("status") in ended and holder is not None:
                self._leases().release(holder, deadline, taken_by=taken_by)
        elif ends_session(method, payload):
            key = SessionKey.named_by(payload)
            if key is not None:
                self._leases().release_session(key, deadline, taken_by=taken_by)

    def _keep(self, answered: Answered, deadline: Deadline) -> None:
        holder = Holder.named_by(answered.payload, HOLDER_FIELDS["publishStream"])
        if holder is not None and self._renews(holder, answered.now):
            self._leases().renew(holder, deadline)
        for snapshot in answered.in_force.snapshots:
            if Held.STREAM in snapshot.holds and snapshot.app not in self._noted:
                self._leases().note_keep_alive(snapshot.app, deadline)
                self._noted.add(snapshot.app)

    def _renews(self, holder: Holder, now: float) -> bool:
        """Whether this keep-alive of a stream renews: by time and holder, without coordination."""
        if self._interval > LONG_INTERVAL:
            return True
        return (int(now / self._interval) + int(holder.key[:4], 16)) % _RENEWING == 0


class SessionPlaces:
    """Keeps what sessions and their calls hold for longer, by hooks that read the session.

    Parameters
    ----------
    leases
        Where that is.
    call_seconds, session_seconds
        How long a call and a session hold a place.
    clock
        Clock that they run out by.
    """

    def __init__(
        self, leases: Leases, call_seconds: float, session_seconds: float, clock: Clock
    ) -> None:
        self._leases = leases
        self._seconds = {Held.CALL: call_seconds, Held.SESSION: session_seconds}
        self._clock = clock
        self._next: OrderedDict[SessionKey, float] = OrderedDict()

    def renew(
        self, payload: Payload, record: SessionRecord, holds: frozenset[str], deadline: Deadline
    ) -> None:
        """Keep them if they may be half spent; a failure is left to the next hook.

        Parameters
        ----------
        record
            What was read of the session.
        holds
            What places of the app are held by.
        """
        key = SessionKey.named_by(payload)
        spans = [seconds for held, seconds in self._seconds.items() if held in holds]
        if key is None or not spans:
            return
        now = self._clock.now()
        half_spent = (record.connected_at or 0.0) + min(spans) / 2
        if now < max(half_spent, self._next.get(key, 0.0)):
            return
        self._next[key] = now + min(_CHECKED_AGAIN, min(spans) / 4)
        self._next.move_to_end(key)
        if len(self._next) > _MOST_CHECKED:
            self._next.popitem(last=False)
        with suppress(UnavailableError):
            self._leases.renew_session(key, deadline)
