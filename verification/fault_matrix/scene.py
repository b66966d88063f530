"""What a row of the matrix acts upon, wherever that runs: functions, and the AWS behind them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from tests.support.faulty_aws import Fault

_BAN: Final = {"ban": {"list": "bans", "key": "app + '/' + body.name"}}
_ONE_VIEWER: Final = {"by": "app + '/' + body.mediaSessionId", "most": 1, "holds": "stream"}

NODE: Final = "Hw47CFMBEchVOpBMDr29IxjudnJ1sjOY@192.168.1.101"

POLICIES: Final[tuple[Mapping[str, Any], ...]] = (
    {
        "id": "no-private",
        "method": "publishStream",
        "action": "deny",
        "when": "body.name.startsWith('private-')",
    },
    {
        "id": "teachers-only",
        "method": "playStream",
        "action": "deny",
        "when": "session.custom.role != 'teacher'",
    },
    {
        "id": "time-is-over",
        "method": "StreamKeepAliveEvent",
        "action": "deny",
        "when": "body.name == 'over'",
    },
    {
        "id": "no-spam",
        "method": "OnCallEvent",
        "action": "deny",
        "when": "body.caller == '666'",
    },
    {
        "id": "banned",
        "method": ["snapshot", "StreamKeepAliveEvent"],
        "action": "deny",
        "match": {"name": "watched"},
        "lookup": _BAN,
        "when": "rows.ban != null",
    },
    {
        "id": "banned-if-known",
        "method": "stopStream",
        "action": "deny",
        "lookup": _BAN,
        "when": "rows.ban != null",
        "whenError": "skip",
    },
    {
        "id": "one-viewer",
        "method": "playStream",
        "action": "deny",
        "match": {"name": "limited"},
        "limit": _ONE_VIEWER,
    },
    {
        "id": "one-viewer-if-counted",
        "method": "playStream",
        "action": "deny",
        "match": {"name": "limited-if-counted"},
        "limit": _ONE_VIEWER,
        "whenError": "skip",
    },
)
"""What is active in every trial. So `restOnError` is FAIL for these methods, LOG for others."""


class Hook(NamedTuple):
    """A hook of the session that connected.

    Attributes
    ----------
    description
        What about it matters, for people.
    fields
        Of its body, those apart that name app and session.
    raw
        The body, where it is not an object of fields.
    """

    method: str
    description: str
    fields: Mapping[str, Any]
    raw: bytes = b""

    def body(self, app: str, session: str) -> bytes:
        """The bytes that WCS sends."""
        if self.raw:
            return self.raw
        fields = {"nodeId": NODE, "appKey": app, "sessionId": session, **self.fields}
        return json.dumps(fields).encode()


CONNECT: Final = Hook("connect", "allowed", {"custom": {"role": "teacher"}})
ALLOWED: Final = Hook("publishStream", "allowed", {"name": "b4e7"})
DENIED: Final = Hook("publishStream", "denied", {"name": "private-1"})
BY_SESSION: Final = Hook("playStream", "a policy looks at the session", {"name": "b4e7"})
CALLED: Final = Hook("OnCallEvent", "allowed", {"caller": "2001"})
CALLED_BY_SPAM: Final = Hook("OnCallEvent", "denied", {"caller": "666"})
PUBLISHING: Final = Hook("StreamStatusEvent", "", {"name": "b4e7", "status": "PUBLISHING"})
KEPT_ALIVE: Final = Hook("StreamKeepAliveEvent", "allowed", {"name": "b4e7"})
CUT: Final = Hook("StreamKeepAliveEvent", "denied", {"name": "over"})
CUT_OFF: Final = Hook("publishStream", "half a body", {}, b'{"appKey":"live","na')
LOOKED_UP: Final = Hook("snapshot", "a policy looks up a row", {"name": "watched"})
LOOKED_UP_OR_SKIPPED: Final = Hook(
    "stopStream", "a policy with `whenError: skip` looks up a row", {"name": "watched"}
)
LIMITED: Final = Hook(
    "playStream", "a policy limits viewers", {"name": "limited", "mediaSessionId": "m1"}
)
LIMITED_OR_SKIPPED: Final = Hook(
    "playStream",
    "a policy with `whenError: skip` limits viewers",
    {"name": "limited-if-counted", "mediaSessionId": "m2"},
)
STOPPED: Final = Hook("StreamStatusEvent", "the end", {"mediaSessionId": "m1", "status": "STOPPED"})
WATCHED: Final = Hook("StreamKeepAliveEvent", "a policy looks up a row", {"name": "watched"})
DISCONNECTED: Final = Hook("ConnectionStatusEvent", "the end", {"status": "DISCONNECTED"})


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What came of a trial.

    Attributes
    ----------
    status
        The reply's; none where no hook was posted.
    counted
        The names of the metrics.
    levels
        The levels of the log's lines.
    letters
        The dead letters in the queue, each whole.
    in_table
        Those in the dead-letter table.
    decision
        The reply's `X-Decision-Id`.
    error_outcome
        `restOnError` and `outcome` of `RestErrors`; none where that was not counted.
    seconds
        From the function's start to its reply; of several the longest time.
    method, body
        The hook's.
    answer
        The reply's body.
    """

    status: int | None = None
    counted: frozenset[str] = frozenset()
    levels: tuple[str, ...] = ()
    letters: tuple[Mapping[str, Any], ...] = ()
    in_table: tuple[Mapping[str, Any], ...] = ()
    decision: str = ""
    error_outcome: tuple[str, str] | None = None
    seconds: float = 0.0
    method: str = ""
    body: bytes = b""
    answer: bytes = field(default=b"", repr=False)


class Scene(Protocol):
    """Functions that know nothing yet, a session, and the AWS behind them."""

    @property
    def app(self) -> str:
        """The session's `appKey`."""
        ...

    @property
    def session_id(self) -> str:
        """The session's `sessionId`."""
        ...

    def fail(self, fault: Fault, *operations: str) -> None:
        """Let operations go wrong for the functions from now on."""
        ...

    def recover(self) -> None:
        """Let everything work again."""
        ...

    def pass_time(self, seconds: float) -> None:
        """Let time pass, for what is cached to be read again."""
        ...

    def connect(self) -> None:
        """Let the session connect, by another function than the one that is tried."""
        ...

    def post(self, hook: Hook, authorization: str | None = "") -> Observed:
        """Post a hook of the session, and see what comes of it.

        Parameters
        ----------
        authorization
            That header, instead of the right one.
        """
        ...

    def publish(self) -> None:
        """Activate the same policies as a new version."""
        ...

    def pointer(self) -> dict[str, Any]:
        """What says which version is active."""
        ...

    def put_pointer(self, pointer: Mapping[str, Any] | None) -> None:
        """Write something else there, or nothing at all."""
        ...

    def damage_version(self) -> None:
        """Spoil the bytes of the active version."""
        ...

    def session(self) -> dict[str, Any]:
        """The session's record, as an item of its table."""
        ...

    def put_session(self, item: Mapping[str, Any]) -> None:
        """Write something else there."""
        ...

    def put_row(self, attributes: Mapping[str, Any]) -> None:
        """Write the row that is looked up for hooks of the name `watched`."""
        ...

    def put_secret(self, text: str) -> None:
        """Write another text for the callers' secret."""
        ...
