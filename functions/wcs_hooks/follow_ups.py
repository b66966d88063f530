"""What happens besides the reply: a session is recorded or forgotten, an event is published.

None of it can change the reply; what fails goes to the dead letters.
"""

from typing import Any, Final, NamedTuple, Protocol

from wcs_hooks.clock import Deadline
from wcs_hooks.core.in_force import InForce
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.payload import Payload
from wcs_hooks.core.secrets import masked, without_secrets
from wcs_hooks.sessions import SessionKey, SessionRecord, Sessions

_ENDED: Final = ("DISCONNECTED", "FAILED")


class Answered(NamedTuple):
    """A hook that was answered.

    Attributes
    ----------
    now
        When it was decided, in seconds since the epoch.
    decision_id
        By which its reply and its log line are found.
    """

    method: str
    payload: Payload
    in_force: InForce
    now: float
    decision_id: str


class FollowUp(Protocol):
    """Something to do once a hook is answered."""

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Do it. Done twice, it has no second effect.

        Raises
        ------
        UnavailableError
            If it could not be done by the deadline.
        """
        ...


class EventBus(Protocol):
    """Where events are published."""

    def publish(self, method: str, detail: dict[str, Any], deadline: Deadline) -> None:
        """Publish an event.

        Raises
        ------
        UnavailableError
            If the bus did not take it by the deadline.
        """
        ...


class RecordSession:
    """Keeps what connect said of itself, without secrets, for the hooks that follow."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Record the session; one that names no session has none.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        key = SessionKey.of(answered.payload)
        if key is None:
            return
        record = SessionRecord(
            without_secrets(answered.payload.expression_fields),
            answered.in_force.versions(),
            answered.in_force.failing(answered.now),
        )
        self._sessions.record(key, record, deadline)


class ForgetSession:
    """Forgets a session when WCS tells that its connection is gone."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def __call__(self, answered: Answered, deadline: Deadline) -> None:
        """Forget the session, if this is its end.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        key = SessionKey.of(answered.payload)
        ended = answered.payload.fields.get("status") in _ENDED
        if answered.method == "ConnectionStatusEvent" and ended and key is not None:
            self._sessions.forget(key, deadline)


class PublishEvent:
    """Publishes events to a bus, secrets masked.

    Parameters
    ----------
    bus
        Where to.
    keep_alive
        Whether StreamKeepAliveEvent is published too: it comes every few seconds for each stream.
    """

    def __init__(self, bus: EventBus, *, keep_alive: bool) -> None:
        self._bus = bus
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
        detail = {
            "decision": answered.decision_id,
            "app": answered.payload.app,
            "body": masked(answered.payload.expression_fields),
        }
        self._bus.publish(answered.method, detail, deadline)
