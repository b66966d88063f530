"""Distinguishable secrets, in every place where a hook may have one.

The places are those of the list in `docs/reference/wcs-protocol.md`, section 6; a test compares the
two.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

type Place = Callable[[str], dict[str, Any]]
"""Gives fields of a hook that hold a secret."""

AUTHORIZATION: Final = "the Authorization header"
QUERY: Final = "the query string in playRTSP `name`"
IN_URLS: Final = "credentials inside URLs"
TOKENS: Final = "tokens under any name"


def _as_field(name: str) -> list[Place]:
    return [
        lambda mark: {name: mark},
        lambda mark: {f"{name}s": [{name: mark}]},
        lambda mark: {f"of{name}": {"inner": {name: mark}}},
        lambda mark: {name.upper(): mark},
        lambda mark: {f"{name}Parts": {name: {"any": [mark]}}},
    ]


def _jwt(mark: str) -> str:
    """A token of the form of RFC 7519, with the mark in its claims and in its signature."""
    segments = [{"alg": "ES256", "kid": "first"}, {"sub": mark}]
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in segments]
    return ".".join([*(part.decode().rstrip("=") for part in parts), mark])


def _stream_key(mark: str) -> str:
    return f"k1.p.1893499200.{base64.urlsafe_b64encode(mark.encode()).decode().rstrip('=')}.{mark}"


def _as_token(form: Callable[[str], str], field: str) -> list[Place]:
    return [
        lambda mark: {field: form(mark)},
        lambda mark: {f"{field}Of": {"inner": [form(mark)]}},
        lambda mark: {f"{field}By": {form(mark): 1}},
        lambda mark: {f"{field}Sent": f"Bearer {form(mark)}"},
        lambda mark: {f"{field}Alias": f"lesson?x=1&ticket={form(mark)}"},
        lambda mark: {f"{field}Url": f"https://wcs/lesson/?ticket={form(mark)}#live"},
    ]


PLACES: Final[Mapping[str, Sequence[Place]]] = {
    **{
        name: _as_field(name)
        for name in (
            *("sipPassword", "sipLogin", "sipAuthenticationName", "authToken", "sessionId"),
            *("token", "login", "aclAuth", "sdp", "sipMessageRaw", "payload"),
        )
    },
    "custom": [
        *_as_field("custom"),
        lambda mark: {"custom": {"x": mark}},
        lambda mark: {"custom": {"x": {"y": [mark]}}},
        lambda mark: {"custom": [mark]},
        lambda mark: {"custom": {mark: 1}},
    ],
    QUERY: [
        lambda mark: {"name": f"rtsp://wcs:5554/streamName?aclAuth={mark}"},
        lambda mark: {"name": f"rtsp://wcs:5554/streamName?{mark}"},
        lambda mark: {"name": f"rtsp://wcs:5554/streamName?a=1&token={mark}#b"},
        lambda mark: {"name": f"rtsp://wcs:5554/streamName?a b {mark}"},
        lambda mark: {"name": f"streamName?aclAuth={mark}"},
        lambda mark: {"name": f"/streamName?{mark}"},
        lambda mark: {"name": f"?{mark}"},
    ],
    IN_URLS: [
        lambda mark: {"url": f"rtsp://user:{mark}@camera/low"},
        lambda mark: {"url": f"rtsp://{mark}@camera:554/low"},
        lambda mark: {"url": f"rtsp://user:a/{mark}@camera/low"},
        lambda mark: {"url": f"rtsp://user:a@{mark}@camera/low"},
        lambda mark: {"url": f"rtsp://user:a b {mark}@camera/low"},
        lambda mark: {"url": f"//user:{mark}@camera/low"},
        lambda mark: {"url": f"no answer from RTMP://u:{mark}@camera/live, giving up"},
        lambda mark: {"urls": [f"https://camera/low#token={mark}"]},
        lambda mark: {"states": {f"rtsp://user:{mark}@camera/low": "running"}},
        lambda mark: {"caller": f"sip:1000:{mark}@pbx"},
        lambda mark: {"caller": f"sip:1000:a@{mark}@pbx"},
        lambda mark: {"callee": f'"Anna" <sips:1000:{mark}@pbx>;tag=1'},
        lambda mark: {"mediaSessionId": f"60709c5b-{_hex(f'rtsp://u:{mark}@camera/low')}-HLS"},
        lambda mark: {"mediaSessionId": f"60709c5b-{_hex(f'rtsp://camera/low?{mark}')}-HLS"},
    ],
    TOKENS: [*_as_token(_jwt, "ticket"), *_as_token(_stream_key, "permit")],
    AUTHORIZATION: _as_field("authorization"),
}
"""Every entry of the protocol's list, and where a secret of that kind may be in a body."""


def _hex(text: str) -> str:
    return text.encode().hex()


@dataclass(frozen=True)
class MarkedBody:
    """A hook with a mark in many places.

    Attributes
    ----------
    fields
        The body.
    marks
        Each mark, and in which place of which entry of the list it stands.
    """

    fields: Mapping[str, Any]
    marks: Mapping[str, str]

    @property
    def raw(self) -> bytes:
        """The body's bytes."""
        return json.dumps(self.fields).encode()

    def leaks(self, text: str) -> list[str]:
        """The places whose marks can be read in a text, in whatever way they are written there."""
        lower = text.lower()
        return [
            f"{place}: {mark}"
            for mark, place in self.marks.items()
            if any(form in lower or form in text for form in _forms(mark))
        ]


def marked_bodies(**fields: Any) -> list[MarkedBody]:
    """Bodies that together have a mark in each place, as few as there can be.

    Parameters
    ----------
    fields
        What else is in each of them, where it has no mark there.
    """
    bodies: list[tuple[dict[str, Any], dict[str, str]]] = []
    number = 0
    for entry, places in PLACES.items():
        for place in places:
            number += 1
            mark = f"MarkedSecret{number:03}"
            wanted = place(mark)
            fitting = (body for body in bodies if body[0].keys().isdisjoint(wanted))
            body = next(fitting, None)
            if body is None:
                body = ({}, {})
                bodies.append(body)
            body[0].update(wanted)
            body[1][mark] = f"{entry}, {json.dumps(wanted)}"
    return [MarkedBody({**fields, **body}, marks) for body, marks in bodies]


def _forms(mark: str) -> set[str]:
    """A mark, and what it becomes in hexadecimal and in base64, wherever it begins there."""
    raw = mark.encode()
    # Of the first and the last group of three bytes a part belongs to what stands beside the mark.
    in_base64 = {base64.b64encode(b"\0" * shift + raw)[4:-4].decode() for shift in range(3)}
    return {mark.lower(), raw.hex(), *in_base64}
