"""The methods that WCS calls, by category.

The source is the vendor's page on method types and `docs/reference/wcs-protocol.md`, section 2: 1
connect, 19 direct calls, 14 events, 3 incoming calls, then the methods and the spellings that other
vendor pages and versions add.
"""

from enum import StrEnum
from typing import Final, NamedTuple


class Category(StrEnum):
    """What a refusal means depends on a method's category, so each has a function of its own."""

    CONNECT = "connect"
    DIRECT = "direct"
    EVENT = "event"
    INCOMING = "incoming"


class Method(NamedTuple):
    """One method, under one of its spellings.

    Attributes
    ----------
    name
        As WCS sends it, the last segment of the URL's path.
    category
        Which function answers it.
    canonical
        The spelling used for all of this method's spellings in policies and snapshots.
    refusable
        Whether a reply other than 200 can change what WCS does, given ``restOnError: FAIL``.
    advisable
        False where the vendor calls a refusal possible but inadvisable.
    """

    name: str
    category: Category
    canonical: str
    refusable: bool
    advisable: bool


STATUS_PROBE: Final = "wcsctlStatus"
"""What `wcsctl status` sends to see whether it is echoed: no WCS does, and no policy names it."""

SPELLINGS: Final[dict[str, str]] = {
    "sendDtmf": "sendDTMF",
    "submitBugReport": "sendBugReport",
    "ErrorStatusEvent": "ErrorEvent",
}
"""Other spellings that some WCS versions send, each with its canonical one."""

_DIRECT = [
    "call",
    "answer",
    "hold",
    "unhold",
    "transfer",
    "sendDTMF",
    "sendMessage",
    "sendIMDN",
    "subscribe",
    "sendXcapRequest",
    "publishStream",
    "playStream",
    "playHLS",
    "playRTSP",
    "OnDataEvent",
    "sendBugReport",
    "hangup",
    "unPublishStream",
    "stopStream",
]
_DIRECT_ELSEWHERE = ["pauseStream", "snapshot", "pushLogs", "sessionDebug", "availableStream"]
_INADVISABLE = frozenset({"hangup", "unPublishStream", "stopStream"})

_EVENT = [
    "ConnectionStatusEvent",
    "RegistrationStatusEvent",
    "CallStatusEvent",
    "TransferStatusEvent",
    "MessageStatusEvent",
    "SubscriptionStatusEvent",
    "XcapStatusEvent",
    "StreamStatusEvent",
    "DataStatusEvent",
    "BugReportStatusEvent",
    "StreamKeepAliveEvent",
    "sendStreamEvent",
    "StreamEvent",
    "ErrorEvent",
]
_EVENT_ELSEWHERE = ["SessionDebugStatusEvent", "RecordingStatusEvent"]
_REFUSABLE_EVENT = "StreamKeepAliveEvent"

_INCOMING = ["OnCallEvent", "OnMessageEvent", "OnTransferEvent"]


def _table() -> dict[str, Method]:
    names: dict[Category, list[str]] = {
        Category.CONNECT: ["connect"],
        Category.DIRECT: _DIRECT + _DIRECT_ELSEWHERE,
        Category.EVENT: _EVENT + _EVENT_ELSEWHERE,
        Category.INCOMING: _INCOMING,
    }
    table: dict[str, Method] = {}
    for category, members in names.items():
        for name in members:
            refusable = category is not Category.EVENT or name == _REFUSABLE_EVENT
            table[name] = Method(name, category, name, refusable, name not in _INADVISABLE)
    for spelling, canonical in SPELLINGS.items():
        table[spelling] = table[canonical]._replace(name=spelling)
    return table


METHODS: Final[dict[str, Method]] = _table()
"""Every known method by name, both spellings where there are two."""

CANONICAL_METHODS: Final[tuple[str, ...]] = tuple(
    name for name, method in METHODS.items() if method.canonical == name
)
"""One spelling of each known method, in the vendor's order."""


PLAYERS: Final = frozenset({"playHLS", "playRTSP"})
"""Methods of players that never connect, and are meant to be refusable all the same."""

APP_KEYS: Final = "streaming_sessions_keep_alive_app_keys"
"""The setting of `flashphoner.properties` that lists the apps whose streams are kept alive."""

SWITCHES: Final[dict[str, dict[str, str]]] = {
    "StreamKeepAliveEvent": {
        "keep_alive_streaming_sessions_enabled": "true",
        "streaming_sessions_keep_alive_interval": "10000",
        APP_KEYS: "<appKey>",
    },
    "playHLS": {"hls_auth_enabled": "true"},
    "playRTSP": {"rtsp_server_auth_enabled": "true"},
}
"""The methods that WCS calls only if `flashphoner.properties` says so, and the settings, the switch
first: `docs/reference/wcs-protocol.md`, section 1. Without them no policy for these methods is ever
asked."""


def switch_of(method: str) -> str:
    """The line of `flashphoner.properties` that makes WCS call a method of `SWITCHES`.

    >>> switch_of("playHLS")
    'hls_auth_enabled=true'
    """
    name, value = next(iter(SWITCHES[method].items()))
    return f"{name}={value}"


def spellings_of(canonical: str) -> tuple[str, ...]:
    """Every spelling of a method, the canonical one first.

    >>> spellings_of("sendDTMF")
    ('sendDTMF', 'sendDtmf')
    """
    return tuple(name for name, method in METHODS.items() if method.canonical == canonical)


def methods_of(category: Category) -> tuple[str, ...]:
    """Every spelling of every known method of a category."""
    return tuple(name for name, method in METHODS.items() if method.category is category)
