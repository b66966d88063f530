"""What happens besides the reply: a session is recorded or forgotten, an event is published.

Places that limits count are given back in `wcs_hooks.hook.places`.

None of it can change the reply; what fails goes to the dead letters.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from wcs_hooks.clock import Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.payload import Payload
from wcs_hooks.core.secrets import masked
from wcs_hooks.hook.sessions import kept_body
from wcs_hooks.ports import EventBus, Redrives, SessionKey, SessionRecord, Sessions

if TYPE_CHECKING:
    from wcs_hooks.core.subject import Subject

MAX_EVENT_BYTES: Final = 250_000
"""The largest body that is published: a bus takes entries of up to 256 KB."""

_ENDED: Final = ("DISCONNECTED", "FAILED")
_OF_SOMETHING_ELSE: Final = frozenset({"callId", "mediaSessionId", "operationId"})
"""Fields of hooks about a call, a stream, data. The signature does not cover the path: one of these
that was captured, with status FAILED, must not pass for the end of its session."""


SESSION: Final = "session"
LEASES: Final = "leases"
EVENT_BUS: Final = "event-bus"


class Answered(NamedTuple):
    """A hook that was answered.

    Attributes
    ----------
    now
        As of when it was decided, in seconds since the epoch: of a redriven hook when it came.
    decision_id
        By which the reply that WCS got and its log line are found.
    redriven
        Whether it comes out of the dead letters, perhaps not for the first time.
    claims
        Of a connect what is proven.
    subject
        Returns who is behind the hook, if the setting `subject` is on.
    """

    method: str
    payload: Payload
    in_force: ActivePolicies
    now: float
    decision_id: str
    redriven: bool = False
    claims: Mapping[str, Any] | None = None
    subject: "Callable[[], Subject | None] | None" = None


class SideEffect(Protocol):
    """Something to do once a hook is answered."""

    @property
    def name(self) -> str:
        """What dead letters call it: `SESSION`, `LEASES` or `EVENT_BUS`."""
        ...

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Do it. Done twice, it has no second effect.

        Raises
        ------
        UnavailableError
            If it could not be done by the deadline.
        """
        ...


def ends_session(method: str, payload: Payload) -> bool:
    """Whether a hook reports that its session's connection is gone."""
    if method != "ConnectionStatusEvent":
        return False
    fields = payload.fields
    return fields.get("status") in _ENDED and _OF_SOMETHING_ELSE.isdisjoint(fields)


class RecordSession:
    """Keeps what connect said of itself, without secrets, for the hooks that follow."""

    name = SESSION

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Record the session; one that names no session has none.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        key = SessionKey.named_by(answered.payload)
        if key is None:
            return
        record = SessionRecord(
            kept_body(answered.payload),
            answered.in_force.versions(),
            answered.in_force.failing(answered.now),
            connected_at=answered.now,
            app=answered.payload.app,
            claims=answered.claims,
        )
        self._sessions.record(key, record, deadline, redriven=answered.redriven)


class ForgetSession:
    """Forgets a session when WCS reports that its connection is gone."""

    name = SESSION

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Forget the session, if this is its end.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        if not ends_session(answered.method, answered.payload):
            return
        key = SessionKey.named_by(answered.payload)
        if key is not None:
            if answered.subject is not None:
                # Event and log ask who it was when the session is gone.
                answered.subject()
            # Meanwhile WCS may have given the id to another connection.
            connected_by = answered.now if answered.redriven else None
            self._sessions.forget(key, deadline, connected_by=connected_by)


class PublishEvent:
    """Publishes events to a bus, secrets masked.

    Parameters
    ----------
    bus
        Where to.
    redrives
        Where it is remembered that a hook out of the dead letters was published: its letter may be
        handed back again, if whoever redrives is cut off before it is deleted.
    keep_alive
        Whether StreamKeepAliveEvent is published too: it comes every few seconds for each stream.
    """

    name = EVENT_BUS

    def __init__(self, bus: EventBus, redrives: Redrives, *, keep_alive: bool) -> None:
        self._bus = bus
        self._redrives = redrives
        self._keep_alive = keep_alive

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Publish the event.

        Raises
        ------
        UnavailableError
            If the bus did not take it.
        """
        if answered.method == STREAM_KEEP_ALIVE and not self._keep_alive:
            return
        decision_id = answered.decision_id
        if answered.redriven and self._redrives.is_done(decision_id, deadline):
            return
        # As expressions see them: a lone surrogate has no UTF-8, and the bus takes nothing else.
        fields = answered.payload.small_fields(MAX_EVENT_BYTES)
        app = fields.get("appKey")
        detail: dict[str, Any] = {
            "decision": decision_id,
            "app": app if isinstance(app, str) else "",
        }
        subject = None if answered.subject is None else answered.subject()
        if subject is not None:
            detail["subject"] = subject.to_json()
        if len(answered.payload.raw) <= MAX_EVENT_BYTES:
            detail["body"] = masked(fields)
        else:
            detail |= {"body": None, "bodyOmitted": True}
        self._bus.publish(answered.method, detail, deadline)
        if answered.redriven:
            # It is published: that this could not be noted must not have it published again.
            with suppress(UnavailableError):
                self._redrives.done(decision_id, deadline)
