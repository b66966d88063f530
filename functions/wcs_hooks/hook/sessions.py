"""Sessions: what connect said of itself, for the decisions that follow.

A session is recorded when its connect is not denied, and forgotten when WCS reports that it ended.
Only what was seen at connect is *known*: a hook of a session that is not was started through the
WCS REST API, and must not be rejected (`docs/reference/wcs-protocol.md`, section 3, rule 4).
"""

import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from wcs_hooks.clock import Deadline
from wcs_hooks.core.cel.expression import MAX_VISIBLE_BYTES
from wcs_hooks.core.decision import UNKNOWN_SESSION, Session
from wcs_hooks.core.payload import Payload, encode
from wcs_hooks.core.secrets import without_secrets
from wcs_hooks.ports import SessionKey, SessionRecord, Sessions

MAX_BODY_BYTES: Final = MAX_VISIBLE_BYTES
"""What is kept of a connect's body, as JSON: later decisions go by it, and see no more of a body.
An item holds 400 KB."""


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
            key = SessionKey.named_by(self._payload)
            if key is not None:
                self._record = self._sessions.read(key, self._deadline)
            self._read = True
        return self._record

    @property
    def found(self) -> SessionRecord | None:
        """What was read of the session; none if it is not known, or nobody asked."""
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
        key = SessionKey.named_by(self._payload)
        return None if key is None else self._sessions.read_for_label(key, deadline)

    def for_expressions(self) -> Session:
        """The session as policies see it.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        record = self.record()
        if record is None:
            return UNKNOWN_SESSION
        return Session(record.body, record.connected_at, record.app, record.claims)


def kept_body(connect: Payload) -> dict[str, Any]:
    """What is kept of a connect's body: no secrets, and only the small fields of a large one.

    To look for secrets in 1 MiB takes a while, and later decisions see no more of a body.
    """
    return without_secrets(connect.small_fields(MAX_BODY_BYTES))


def packed(body: Mapping[str, Any]) -> bytes:
    """A kept body, compressed; without its largest fields if it has more than `MAX_BODY_BYTES`.

    A session that could not be recorded for its size would be unknown, and what is unknown is not
    denied: a client must not get there by sending much.
    """
    text = encode(dict(body)).encode()
    if len(text) <= MAX_BODY_BYTES:
        return zlib.compress(text)
    kept: dict[str, Any] = {}
    size = 0
    for length, name in sorted((len(encode({name: body[name]}).encode()), name) for name in body):
        size += length
        if size > MAX_BODY_BYTES:
            break
        kept[name] = body[name]
    return zlib.compress(encode(kept).encode())


def packed_claims(app: str, claims: Mapping[str, Any]) -> bytes:
    """Verified claims and the app that they hold for, compressed; a token has 8 KB at most."""
    return zlib.compress(json.dumps([app, claims]).encode())


def unpacked_claims(data: bytes) -> tuple[str, Mapping[str, Any]]:
    """The app and the claims that `packed_claims` was given.

    Raises
    ------
    ValueError, zlib.error
        If the bytes are damaged.
    """
    app, claims = json.loads(zlib.decompress(data))
    return app, claims


def unpacked(data: bytes) -> Mapping[str, Any]:
    """The body that `packed` was given.

    Raises
    ------
    ValueError, zlib.error
        If the bytes are damaged.
    """
    body: Mapping[str, Any] = json.loads(zlib.decompress(data))
    return body


def session_of(connect: Payload) -> Session:
    """The session as policies see it after this connect was recorded and read back."""
    return Session(unpacked(packed(kept_body(connect))))
