"""The vendor's statuses: which event reports what became of a call, and with which status.

`docs/reference/wcs-protocol.md`, section 6.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

STATUS_EVENTS: Final[Mapping[str, str]] = {
    "call": "CallStatusEvent",
    "answer": "CallStatusEvent",
    "hold": "CallStatusEvent",
    "unhold": "CallStatusEvent",
    "hangup": "CallStatusEvent",
    "sendDTMF": "CallStatusEvent",
    "transfer": "TransferStatusEvent",
    "sendMessage": "MessageStatusEvent",
    "sendIMDN": "MessageStatusEvent",
    "subscribe": "SubscriptionStatusEvent",
    "sendXcapRequest": "XcapStatusEvent",
    "publishStream": "StreamStatusEvent",
    "unPublishStream": "StreamStatusEvent",
    "playStream": "StreamStatusEvent",
    "stopStream": "StreamStatusEvent",
    "pauseStream": "StreamStatusEvent",
    "snapshot": "StreamStatusEvent",
    "availableStream": "StreamStatusEvent",
    "OnDataEvent": "DataStatusEvent",
    "sendBugReport": "BugReportStatusEvent",
    "sessionDebug": "SessionDebugStatusEvent",
    "OnCallEvent": "CallStatusEvent",
    "OnMessageEvent": "MessageStatusEvent",
    "OnTransferEvent": "TransferStatusEvent",
}
"""The event that reports to the client what became of a call; ErrorEvent where there is none."""

AFTERWARDS: Final[Mapping[str, str]] = {
    "call": "TRYING",
    "answer": "ESTABLISHED",
    "hold": "HOLD",
    "unhold": "ESTABLISHED",
    "hangup": "FINISH",
    "transfer": "ACCEPTED",
    "sendMessage": "ACCEPTED",
    "subscribe": "ACCEPTED",
    "sendXcapRequest": "ACCEPTED",
    "publishStream": "PUBLISHING",
    "unPublishStream": "UNPUBLISHED",
    "playStream": "PLAYING",
    "stopStream": "STOPPED",
    "pauseStream": "PAUSED",
    "OnDataEvent": "ACCEPTED",
    "sendBugReport": "ACCEPTED",
}
"""The status that the matching event has once a call was carried out; of others none comes."""

CALL_STATUSES: Final[Mapping[int, str]] = {
    100: "TRYING",
    180: "RING",
    183: "SESSION_PROGRESS",
    200: "ESTABLISHED",
    486: "BUSY",
    600: "BUSY",
}
"""The call status that a SIP reply amounts to; of other errors FAILED, of others none."""

ENDED_CALL: Final = frozenset({"FINISH", "FAILED", "BUSY"})
"""Those after which there is no call."""

GREETINGS: Final[Mapping[str, tuple[int, str]]] = {
    "OnCallEvent": (180, "Ringing"),
    "OnMessageEvent": (200, "OK"),
    "OnTransferEvent": (202, "Accepted"),
}
"""What the SIP initiator is answered where an incoming call is not refused."""

TERMINATED_BY_KEEP_ALIVE: Final = "Terminated by keep-alive"
STREAM_NOT_FOUND: Final = "Stream not found"
STREAM_NAME_IN_USE: Final = "Stream name is already in use"
STOPPED_BY_PUBLISHER: Final = "Stopped by publisher stop"
STOPPED_BY_DISCONNECT: Final = "Stopped by session disconnect"

_SIP_REASONS: Final[Mapping[int, str]] = {
    180: "RINGING",
    183: "SESSION PROGRESS",
    480: "TEMPORARILY UNAVAILABLE",
    486: "BUSY HERE",
    487: "REQUEST TERMINATED",
    600: "BUSY EVERYWHERE",
    603: "DECLINE",
}


def sip_reason(status: int) -> str:
    """A SIP status's reason phrase, in capitals as the vendor prints it; empty if not known.

    >>> sip_reason(403), sip_reason(486)
    ('FORBIDDEN', 'BUSY HERE')
    """
    if status in _SIP_REASONS:
        return _SIP_REASONS[status]
    return HTTPStatus(status).phrase.upper() if status in list(HTTPStatus) else ""


def sip_message(status: int, reason: str) -> str:
    """A SIP reply, as `sipMessageRaw` carries it."""
    lines = (
        f"SIP/2.0 {status} {reason}".rstrip(),
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK7d1f",
        "From: <sip:1001@sip.example.org>;tag=4a3c",
        "To: <sip:1002@sip.example.org>;tag=9b21",
        "Call-ID: 2f6a1c@127.0.0.1",
        "CSeq: 1 INVITE",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines)
