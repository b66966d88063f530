"""What hooks' bodies look like: the fields that the vendor's printed examples have.

`docs/reference/wcs-protocol.md`, section 6. Each function gives a new dictionary, to be changed at
will; WCS adds the fields that distinguish sessions, streams and calls.
"""

from typing import Any, Final

type Fields = dict[str, Any]

SDP: Final = """\
v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS 7f1b0a9e
m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:Zx1p
a=ice-pwd:q9T2bJkqv0Yw3iP6mUu1cVfS
a=fingerprint:sha-1 8E:2A:55:D3:0F:61:7C:9B:4D:E0:A1:33:72:C8:5F:16:AB:90:2E:47
a=setup:actpass
a=mid:0
a=sendrecv
a=rtpmap:111 opus/48000/2
a=fmtp:111 minptime=10;useinbandfec=1
m=video 9 UDP/TLS/RTP/SAVPF 96 102
c=IN IP4 0.0.0.0
a=mid:1
a=sendrecv
a=rtpmap:96 VP8/90000
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
""".replace("\n", "\r\n")
"""An offer as browsers make it, shortened."""

_BROWSER: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36"
)
_PLAYER: Final = "LibVLC/3.0.8 (LIVE555 Streaming Media v2016.11.28)"


def web_connect() -> Fields:
    """A browser's connect."""
    return {
        "useWsTunnel": False,
        "useWsTunnelPacketization2": False,
        "useBase64BinaryEncoding": False,
        "mediaProviders": ["WebRTC", "MSE", "WSPlayer"],
        "clientVersion": "2.0.231",
        "clientOSVersion": "5.0 (Windows NT 10.0; Win64; x64)",
        "clientBrowserVersion": _BROWSER,
        "origin": "https://rooms.example.org",
        "keepAlive": False,
    }


def rtmp_connect() -> Fields:
    """An RTMP encoder's connect."""
    return {
        "mediaProviders": ["Flash"],
        "clientVersion": "FMLE/3.0 (compatible; FMSc/1.0)",
        "keepAlive": False,
        "custom": {},
    }


def stream(*, published: bool, media_provider: str) -> Fields:
    """What a client asks with when it publishes or plays."""
    fields: Fields = {
        "published": published,
        "hasVideo": True,
        "hasAudio": True,
        "status": "PENDING",
        "record": False,
        "width": 1280 if published else 0,
        "height": 720 if published else 0,
        "bitrate": 0,
        "minBitrate": 0,
        "maxBitrate": 0,
        "quality": 0,
        "mediaProvider": media_provider,
    }
    if media_provider == "WebRTC":
        fields["sdp"] = SDP
    return fields


def outgoing_call() -> Fields:
    """What a client asks with when it calls."""
    return {
        "incoming": False,
        "hasVideo": False,
        "hasAudio": True,
        "status": "PENDING",
        "mediaProvider": "WebRTC",
        "sdp": SDP,
        "caller": "1001",
        "callee": "1002",
        "visibleName": "1001",
    }


def incoming_call() -> Fields:
    """A call that comes from the SIP side."""
    return {
        "incoming": True,
        "hasVideo": False,
        "hasAudio": True,
        "status": "PENDING",
        "mediaProvider": "WebRTC",
        "caller": "2001",
        "callee": "1001",
        "isMsrp": False,
        "holdForTransfer": False,
    }


def player(method: str) -> Fields:
    """What playHLS and playRTSP carry; these players never connect."""
    if method == "playRTSP":
        return {
            "name": "rtsp://wcs:5554/stream",
            "mediaProvider": "RTSP",
            "userAgent": _PLAYER,
        }
    return {"name": "stream", "mediaProvider": "HLS"}


_DIRECT: Final[dict[str, Fields]] = {
    "transfer": {"target": "1003"},
    "sendDTMF": {"type": "RFC2833", "dtmf": "1"},
    "sendDtmf": {"type": "RFC2833", "dtmf": "1"},
    "sendMessage": {"from": "1001", "to": "1002", "body": "hello", "contentType": "text/plain"},
    "sendIMDN": {"from": "1001", "to": "1002", "messageId": "1", "isImdnRequired": True},
    "subscribe": {"event": "reg", "expires": 600, "terminate": False},
    "sendXcapRequest": {"url": "https://xcap.example.org/pres-rules", "method": "GET"},
    "OnDataEvent": {"payload": {"message": "hello"}},
    "sendBugReport": {"text": "no sound", "type": "no_media"},
    "submitBugReport": {"text": "no sound", "type": "no_media"},
    "pushLogs": {"logs": "[INFO] connected"},
    "sessionDebug": {"command": "start"},
}

_INCOMING: Final[dict[str, Fields]] = {
    "OnMessageEvent": {"from": "2001", "to": "1001", "body": "hello", "contentType": "text/plain"},
    "OnTransferEvent": {"target": "1003", "incoming": True},
}


def direct(method: str) -> Fields:
    """What any other direct call carries besides ids."""
    return dict(_DIRECT.get(method, {}))


def incoming(method: str) -> Fields:
    """What comes in from the SIP side besides ids."""
    return incoming_call() if method == "OnCallEvent" else dict(_INCOMING.get(method, {}))
