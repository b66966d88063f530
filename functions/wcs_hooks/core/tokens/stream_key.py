r"""Signed stream keys: tokens short enough for the addresses of encoders and players.

`k1.<p|v>.<expiry>.<user>.<mac>`: who may publish (`p`) or play (`v`) one stream, and until when.
FFmpeg cuts RTMP addresses at 1,024 characters, where a JWT may be longer; such a key has about 60.
The MAC is the first 27 characters of the base64url of HMAC-SHA256 over
`"k1\n" app "\n" p|v "\n" stream "\n" user "\n" expiry` in UTF-8.
"""

import hmac
import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Final, NamedTuple

from wcs_hooks.core.tokens.jwt import MalformedTokenError, decode_base64url, encode_base64url

PREFIX: Final = "k1."
"""What every stream key begins with."""

MAX_STREAM_BYTES: Final = 512
MAX_USER_BYTES: Final = 128
"""In UTF-8, both."""

_MAC_CHARACTERS: Final = 27
_FORM: Final = re.compile(
    r"k1\.(?P<act>[pv])\.(?P<expiry>[1-9][0-9]{0,10})\.(?P<user>[A-Za-z0-9_-]{0,172})"
    r"\.(?P<mac>[A-Za-z0-9_-]{27})"
)
_LAST_EXPIRY: Final = 10**11 - 1
_RENDITION: Final = re.compile(r"-[0-9]+p\Z")
_CONTROL: Final = re.compile("[\0-\x1f\x7f]")


class Act(StrEnum):
    """What a stream key lets its holder do."""

    PUBLISH = "p"
    PLAY = "v"


class UnsignableError(ValueError):
    """An app, stream, user or moment for which there is no stream key."""


class StreamKey(NamedTuple):
    """A stream key that is well formed: whether it is true is not known.

    Attributes
    ----------
    expiry
        Seconds since the epoch.
    user
        Whom it is for; empty for anybody.
    """

    act: Act
    expiry: int
    user: str
    mac: str


def sign(secret: bytes, app: str, act: Act, stream: str, *, expiry: int, user: str = "") -> str:
    """Make a stream key.

    Parameters
    ----------
    secret
        At least 32 bytes: `wcs_hooks.core.tokens.keys.secret_key`.
    app, stream
        The `appKey` and the stream's own name, as hooks have them.
    expiry
        Seconds since the epoch.

    Raises
    ------
    UnsignableError
        If a text holds a character below U+0020 or U+007F, stream or user is too long, the stream
        empty, or the expiry not of 1 to 11 digits.

    Examples
    --------
    >>> sign(b"0" * 32, "live", Act.PUBLISH, "lesson", expiry=1767225600, user="anna")
    'k1.p.1767225600.YW5uYQ.5q_YZ6LeWFGn_TRpbhl8n3RgIxo'
    """
    if not 0 < expiry <= _LAST_EXPIRY:
        raise UnsignableError("the expiry of a stream key must have 1 to 11 digits")
    for name, text in (("app", app), ("stream", stream), ("user", user)):
        if not _is_plain(text):
            raise UnsignableError(f"the {name} of a stream key must not hold a control character")
    if not 0 < len(stream.encode()) <= MAX_STREAM_BYTES:
        raise UnsignableError(f"the stream of a stream key must have 1 to {MAX_STREAM_BYTES} bytes")
    if len(user.encode()) > MAX_USER_BYTES:
        raise UnsignableError(f"the user of a stream key has at most {MAX_USER_BYTES} bytes")
    mac = _mac(secret, app, act, stream, user, expiry)
    return f"k1.{act}.{expiry}.{encode_base64url(user.encode())}.{mac}"


def parse(text: str) -> StreamKey:
    """Read a stream key.

    Raises
    ------
    MalformedTokenError
        If it is not of the form that the module's docstring shows.
    """
    found = _FORM.fullmatch(text)
    if not found:
        raise MalformedTokenError("is not of the form k1.<p|v>.<expiry>.<user>.<mac>")
    raw = decode_base64url(found["user"])
    try:
        user = raw.decode()
    except UnicodeDecodeError:
        raise MalformedTokenError("has a user that is not UTF-8") from None
    if len(raw) > MAX_USER_BYTES or not _is_plain(user):
        raise MalformedTokenError("has a user that is too long or holds a control character")
    return StreamKey(Act(found["act"]), int(found["expiry"]), user, found["mac"])


def verify(
    key: StreamKey, secrets: Iterable[bytes], app: str, stream: str, *, rendition: bool = False
) -> str | None:
    """The stream that a key was signed for with one of the secrets; none if for another.

    Its expiry is not looked at.

    Parameters
    ----------
    app, stream
        Of the hook that shows the key.
    rendition
        Whether the stream's name may end in `-<digits>p`, which is not signed, as playHLS has it.
    """
    if not (_is_plain(app) and _is_plain(stream) and 0 < len(stream.encode()) <= MAX_STREAM_BYTES):
        return None
    names = [stream]
    plain = _RENDITION.sub("", stream) if rendition else stream
    if plain and plain != stream:
        names.append(plain)
    signed = None
    # All are compared: which of the secrets fits must not show in the time.
    for secret in secrets:
        for name in names:
            mac = _mac(secret, app, key.act, name, key.user, key.expiry)
            if hmac.compare_digest(mac, key.mac) and signed is None:
                signed = name
    return signed


def _mac(secret: bytes, app: str, act: Act, stream: str, user: str, expiry: int) -> str:
    message = f"k1\n{app}\n{act}\n{stream}\n{user}\n{expiry}".encode()
    return encode_base64url(hmac.digest(secret, message, "sha256"))[:_MAC_CHARACTERS]


def _is_plain(text: str) -> bool:
    """Whether a text is Unicode without control characters."""
    if _CONTROL.search(text):
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
