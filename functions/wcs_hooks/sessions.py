"""Sessions: what connect said of itself, for the decisions that follow.

A session is recorded when its connect is not denied, and forgotten when WCS tells that it ended.
Only what was seen at connect is *known*: a hook of a session that is not was started through the
WCS REST API, and must not be rejected (`docs/wcs-protocol.md`, section 3, rule 4).
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from wcs_hooks.clock import Deadline
from wcs_hooks.core.decision import UNKNOWN_SESSION, Session, SessionUnavailableError
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.outcome import RestOnError
from wcs_hooks.core.payload import Payload
from wcs_hooks.ports import UnavailableError

PLAYERS: Final = frozenset({"playHLS", "playRTSP"})
"""Methods of players that never connect, and are meant to be refusable all the same."""


class SessionKey(NamedTuple):
    """What tells sessions apart: the WCS node, empty where the hook has none, and the id on it."""

    node: str
    session: str

    @classmethod
    def of(cls, payload: Payload) -> "SessionKey | None":
        """The key of a hook's session; none if the hook does not name it."""
        session = payload.fields.get("sessionId")
        node = payload.fields.get("nodeId")
        if type(session) is not str or not session:
            return None
        return cls(node if type(node) is str else "", session)


class SessionRecord(NamedTuple):
    """What is kept of a session.

    Attributes
    ----------
    body
        The body of its connect, without secrets.
    versions
        The versions that were in force at connect, by app.
    failing
        The canonical names of the methods for which connect's reply said `restOnError: FAIL`.
    """

    body: Mapping[str, Any]
    versions: Mapping[str, int]
    failing: frozenset[str]

    def rest_on_error(self, method: str) -> RestOnError:
        """What the session was told for a method."""
        known = METHODS.get(method)
        canonical = known.canonical if known else method
        return RestOnError.FAIL if canonical in self.failing else RestOnError.LOG


class Sessions(Protocol):
    """Where sessions are kept."""

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """What is kept of a session; none if it was not seen at connect, or has ended.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def read_for_label(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """Read a session for a metric's label. That it fails has no consequence for other reads.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def record(self, key: SessionKey, record: SessionRecord, deadline: Deadline) -> None:
        """Keep a session.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def forget(self, key: SessionKey, deadline: Deadline) -> None:
        """Keep a session no longer.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...


class SessionLookup:
    """A hook's session, read when it is first asked for, and not again once it came.

    Parameters
    ----------
    sessions
        Where it is kept.
    payload
        The hook's.
    deadline
        By which it must have come.
    """

    __slots__ = ("_asked", "_deadline", "_payload", "_read", "_record", "_sessions")

    def __init__(self, sessions: Sessions, payload: Payload, deadline: Deadline) -> None:
        self._sessions = sessions
        self._payload = payload
        self._deadline = deadline
        self._asked = False
        self._read = False
        self._record: SessionRecord | None = None

    def record(self) -> SessionRecord | None:
        """What is kept of the session.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        if not self._read:
            self._asked = True
            key = SessionKey.of(self._payload)
            if key is not None:
                self._record = self._sessions.read(key, self._deadline)
            self._read = True
        return self._record

    def for_label(self, deadline: Deadline) -> SessionRecord | None:
        """What is kept of the session, for a metric's label.

        What was read for the decision is used. If that failed, the store is not asked again.

        Parameters
        ----------
        deadline
            By when it must have come if it was not read before.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        if self._read or self._asked:
            return self._record
        key = SessionKey.of(self._payload)
        return None if key is None else self._sessions.read_for_label(key, deadline)

    def for_expressions(self) -> Session:
        """The session as policies see it.

        Raises
        ------
        SessionUnavailableError
            If the store does not answer.
        """
        try:
            record = self.record()
        except UnavailableError as error:
            raise SessionUnavailableError(str(error)) from error
        return UNKNOWN_SESSION if record is None else Session(record.body)
