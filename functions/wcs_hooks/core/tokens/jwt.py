"""Read a JSON Web Token, strictly, before anything about it is known to be true.

RFC 7515 (compact serialization), RFC 7519 (claims) and the practices of RFC 8725. What two readers
could understand differently is refused: names that occur twice, base64url that is not canonical,
texts that expressions would see differently. Nothing in a header says which key or which algorithm
verifies the token: `wcs_hooks.core.tokens.keys`.
"""

import base64
import json
import math
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from wcs_hooks.core.payload import nesting, whole_number

MAX_TOKEN_CHARACTERS: Final = 8_192
"""The longest token that is read."""

MAX_DEPTH: Final = 16
"""The deepest nesting of a header or of claims; the object itself is one level."""

LATEST: Final = 253_402_300_799
"""The last second that timestamps of expressions can hold, 9999-12-31T23:59:59Z."""

NUMERIC_DATES: Final = ("exp", "nbf", "iat")
"""Claims that are moments, in seconds since the epoch."""

_TEXTS: Final = ("iss", "sub")
_REFUSED_MEMBERS: Final = ("crit", "b64", "zip")
"""Header members that change what the rest of a token means."""

_SEGMENTS: Final = 3


class MalformedTokenError(Exception):
    """A text that is not a token. The message quotes nothing of it."""


class Signed(NamedTuple):
    """A signed text (RFC 7515) that is well formed: whether the signature is good is not known.

    Attributes
    ----------
    algorithm, kid
        Of the header. `kid` is empty where the header has none.
    payload
        Whatever was signed.
    signing_input
        What the signature is about.
    """

    algorithm: str
    kid: str
    payload: bytes
    signing_input: bytes
    signature: bytes


class UnverifiedToken(NamedTuple):
    """A token that is well formed: whether it is true is not known.

    Attributes
    ----------
    claims
        As expressions see bodies: integers beyond 64 bits are floats. `exp`, `nbf` and `iat` are
        whole seconds.
    """

    signed: Signed
    claims: dict[str, Any]


def decode(text: str) -> UnverifiedToken:
    """Read a token.

    Raises
    ------
    MalformedTokenError
        If it has more than `MAX_TOKEN_CHARACTERS`, is not three segments of canonical base64url
        without padding, its header or claims are not a JSON object, hold a name twice, a number
        that is not finite, a NUL or a lone surrogate, or are nested deeper than `MAX_DEPTH`; if
        the header has `crit`, `b64` or `zip`; if `exp`, `nbf` or `iat` is not a number from 0 to
        `LATEST`, or `iss` or `sub` not a text.

    Examples
    --------
    >>> decode("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhbm5hIiwiZXhwIjoxNzY3MjI1NjAwLjV9.AA").claims
    {'sub': 'anna', 'exp': 1767225600}
    """
    signed = decode_signed(text)
    return UnverifiedToken(signed, read_claims(signed.payload))


def read_claims(payload: bytes) -> dict[str, Any]:
    """Read the claims that were signed, JSON, as `UnverifiedToken` has them.

    Raises
    ------
    MalformedTokenError
        As by `decode`, of claims.
    """
    claims = _object("claims", payload)
    for name in _TEXTS:
        if name in claims and type(claims[name]) is not str:
            raise MalformedTokenError(f"has a claim `{name}` that is not a text")
    for name in NUMERIC_DATES:
        if name in claims:
            claims[name] = _whole_seconds(name, claims[name])
    return claims


def decode_signed(text: str) -> Signed:
    """Read a signed text in compact serialization, whose payload is not looked at.

    Raises
    ------
    MalformedTokenError
        As by `decode`, but for the claims.
    """
    if len(text) > MAX_TOKEN_CHARACTERS:
        raise MalformedTokenError(f"is longer than {MAX_TOKEN_CHARACTERS:,} characters")
    segments = text.split(".")
    if len(segments) != _SEGMENTS or not all(segments):
        raise MalformedTokenError("is not three segments with points between them")
    header = _object("header", decode_base64url(segments[0]))
    for name in _REFUSED_MEMBERS:
        if name in header:
            raise MalformedTokenError(f"has a header with `{name}`, which is not supported")
    algorithm, kid = header.get("alg"), header.get("kid", "")
    if type(algorithm) is not str or type(kid) is not str:
        raise MalformedTokenError("has a header whose `alg` or `kid` is not a text")
    payload, signature = decode_base64url(segments[1]), decode_base64url(segments[2])
    return Signed(algorithm, kid, payload, text.rpartition(".")[0].encode(), signature)


def decode_base64url(text: str) -> bytes:
    """Decode canonical base64url without padding (RFC 7515, section 2).

    Raises
    ------
    MalformedTokenError
        If the text is not base64url, or not the canonical encoding of its bytes.

    Examples
    --------
    >>> decode_base64url("YW5uYQ")
    b'anna'
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raw = b""
    if encode_base64url(raw) != text:
        raise MalformedTokenError("is not canonical base64url without padding")
    return raw


def encode_base64url(raw: bytes) -> str:
    """Canonical base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _object(part: str, raw: bytes) -> dict[str, Any]:
    # Few brackets cannot nest deeply, and counting them costs nothing.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and nesting(raw) > MAX_DEPTH:
        raise MalformedTokenError(f"has a {part} nested deeper than {MAX_DEPTH} levels")
    try:
        value = _DECODER.decode(raw.decode())
    except ValueError:
        value = None
    if type(value) is not dict:
        # Without a cause: it would hold what was read.
        raise MalformedTokenError(f"has a {part} that is not a JSON object")
    # In valid JSON only an escape can make either.
    if b"\\u" in raw and any("\0" in text or not _is_unicode(text) for text in _texts(value)):
        raise MalformedTokenError(f"has a NUL or a lone surrogate in its {part}")
    return value


def _texts(value: Any) -> Iterator[str]:
    """All texts in a JSON value, names included."""
    if type(value) is str:
        yield value
    elif type(value) is list:
        for inner in value:
            yield from _texts(inner)
    elif type(value) is dict:
        for name, inner in value.items():
            yield name
            yield from _texts(inner)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole_seconds(name: str, value: Any) -> int:
    if type(value) not in {int, float} or not 0 <= value <= LATEST:
        raise MalformedTokenError(f"has a claim `{name}` that is not a number from 0 to {LATEST}")
    return int(value)


def _unique_names(members: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(members)
    if len(fields) != len(members):
        raise MalformedTokenError("has a name twice in one object")
    return fields


def _integer(literal: str) -> int | float:
    value = whole_number(literal)
    return value if type(value) is int else _finite(literal)


def _finite(literal: str) -> float:
    value = float(literal)
    if not math.isfinite(value):
        raise MalformedTokenError("has a number that is not finite")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique_names,
    parse_int=_integer,
    parse_float=_finite,
    parse_constant=_finite,
)
