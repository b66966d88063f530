"""The top-level fields that WCS's hooks are known to have, and what kind of value each holds.

`docs/reference/wcs-protocol.md`, section 6, and the bodies that the vendor prints. WCS may send
others: what is not listed here is unknown, not wrong.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final

from wcs_hooks.core.methods import CANONICAL_METHODS, METHODS


class FieldKind(StrEnum):
    """The kind of a field's value; `ANY` where it varies, or is not known."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ANY = "any"


type FieldKinds = dict[str, FieldKind]


def _fields(
    strings: str = "", numbers: str = "", booleans: str = "", others: str = ""
) -> FieldKinds:
    kinds = zip(FieldKind, (strings, numbers, booleans, others), strict=True)
    return {name: kind for kind, names in kinds for name in names.split()}


_EVERY: Final = _fields(strings="nodeId appKey sessionId")
_STATUS: Final = _fields(strings="status info")
_CONNECT: Final = _fields(
    strings="clientVersion clientOSVersion clientBrowserVersion origin login sipLogin "
    "sipAuthenticationName sipPassword sipVisibleName sipDomain sipOutboundProxy",
    booleans="keepAlive sipRegisterRequired useSelfSigned useWsTunnel useWsTunnelPacketization2 "
    "useBase64BinaryEncoding",
    others="mediaProviders custom sipPort",
)
_STREAM: Final = _STATUS | _fields(
    strings="mediaSessionId name sdp mediaProvider mediaType codecImpl userAgent",
    numbers="width height bitrate minBitrate maxBitrate quality createDate",
    booleans="published hasVideo hasAudio record",
    others="custom metrics",
)
_CALL: Final = _STATUS | _fields(
    strings="callId caller callee visibleName mediaProvider sdp parentCallId rtmpUrl rtmpStream "
    "rtmpStreamStatus target sipMessageRaw",
    numbers="sipStatus",
    booleans="incoming hasVideo hasAudio isMsrp holdForTransfer",
    others="custom inviteParameters",
)
_MESSAGE: Final = _STATUS | _fields(
    strings="from to body contentType messageId sipMessageRaw",
    booleans="isImdnRequired",
)
_SUBSCRIPTION: Final = _STATUS | _fields(
    strings="event sipMessageRaw", numbers="expires", booleans="terminate"
)
_XCAP: Final = _STATUS | _fields(strings="url method sipMessageRaw")
_DATA: Final = _STATUS | _fields(strings="operationId", others="payload")
_STREAM_EVENT: Final = _fields(strings="mediaSessionId type origin", others="payload")
_BUG_REPORT: Final = _STATUS | _fields(strings="text type")
_DEBUG: Final = _STATUS | _fields(strings="command")

_STREAM_METHODS: Final = (
    "publishStream playStream playHLS playRTSP unPublishStream stopStream pauseStream snapshot "
    "availableStream StreamStatusEvent StreamKeepAliveEvent RecordingStatusEvent"
)
_CALL_METHODS: Final = (
    "call answer hold unhold transfer hangup OnCallEvent OnTransferEvent CallStatusEvent "
    "TransferStatusEvent"
)
_OWN: Final[Mapping[str, FieldKinds]] = {
    "connect": _CONNECT,
    "ConnectionStatusEvent": _CONNECT | _STATUS | _fields(strings="authToken"),
    "RegistrationStatusEvent": _CONNECT | _STATUS | _fields(strings="sipMessageRaw"),
    **dict.fromkeys(_STREAM_METHODS.split(), _STREAM),
    **dict.fromkeys(_CALL_METHODS.split(), _CALL),
    "sendDTMF": _CALL | _fields(strings="type", others="dtmf"),
    **dict.fromkeys(["sendMessage", "sendIMDN", "OnMessageEvent", "MessageStatusEvent"], _MESSAGE),
    **dict.fromkeys(["subscribe", "SubscriptionStatusEvent"], _SUBSCRIPTION),
    **dict.fromkeys(["sendXcapRequest", "XcapStatusEvent"], _XCAP),
    **dict.fromkeys(["OnDataEvent", "DataStatusEvent"], _DATA),
    **dict.fromkeys(["sendStreamEvent", "StreamEvent"], _STREAM_EVENT),
    **dict.fromkeys(["sendBugReport", "BugReportStatusEvent"], _BUG_REPORT),
    **dict.fromkeys(["sessionDebug", "SessionDebugStatusEvent"], _DEBUG),
    "pushLogs": _fields(strings="logs"),
    "ErrorEvent": _STATUS,
}

FIELDS: Final[Mapping[str, FieldKinds]] = {name: _EVERY | _OWN[name] for name in CANONICAL_METHODS}
"""By canonical method: field to kind."""

_ANYWHERE: Final = frozenset().union(*FIELDS.values())
_SHORT: Final = 4


def kind_of(field: str, methods: Iterable[str]) -> FieldKind:
    """The kind of a field in hooks of some methods; `ANY` if they differ or it is not known.

    Examples
    --------
    >>> kind_of("callee", ["call"]), kind_of("sipPort", ["connect"])
    (<FieldKind.STRING: 'string'>, <FieldKind.ANY: 'any'>)
    """
    found = [FIELDS[METHODS[name].canonical] for name in methods]
    kinds = {fields[field] for fields in found if field in fields}
    return kinds.pop() if len(kinds) == 1 else FieldKind.ANY


@lru_cache(maxsize=1024)
def meant_by(field: str, methods: tuple[str, ...]) -> list[str]:
    """The known fields of some methods that a misspelt one may mean; none for a known field.

    Only near neighbours count: the same but for upper and lower case, or at most one letter away.

    Examples
    --------
    >>> meant_by("sessionID", ("call",)), meant_by("calle", ("call",)), meant_by("room", ("call",))
    (['sessionId'], ['callee', 'caller'], [])
    """
    if field in _ANYWHERE:
        return []
    known = dict.fromkeys(name for m in methods for name in FIELDS[METHODS[m].canonical])
    spelt = field.casefold()
    same = [name for name in known if name.casefold() == spelt]
    return same or sorted(name for name in known if _is_one_slip(spelt, name.casefold()))


def _is_one_slip(spelt: str, name: str) -> bool:
    """Whether a letter more, less, another one, or two of them swapped, makes the one the other."""
    if abs(len(spelt) - len(name)) > 1 or max(len(spelt), len(name)) <= _SHORT:
        return False
    start = 0
    while start < min(len(spelt), len(name)) and spelt[start] == name[start]:
        start += 1
    one, other = spelt[start:], name[start:]
    return (
        one[1:] == other[1:]
        or one[1:] == other
        or one == other[1:]
        or (one[:2] == other[1::-1] and one[2:] == other[2:])
    )
