"""What of a hook's body must not be shown or kept: `docs/reference/wcs-protocol.md`, section 6."""

import base64
import json
import math
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from wcs_hooks.core.payload import Payload

_LONGEST_SHOWN: Final = 256
_MOST_LOOKED_THROUGH: Final = 4_096
"""Size limit (bytes) of a body that is searched for secrets as a whole; of a larger one only small
fields are shown."""

SECRET_FIELDS: Final = frozenset(
    {
        "accessToken",
        "aclAuth",
        "apiKey",
        "apiSecret",
        "apiToken",
        "auth",
        "authToken",
        "authorization",
        "bearer",
        "bearerToken",
        "clientSecret",
        "cookie",
        "credential",
        "credentials",
        "idToken",
        "jwt",
        "login",
        "passphrase",
        "passwd",
        "password",
        "payload",
        "pin",
        "privateKey",
        "pwd",
        "refreshToken",
        "sdp",
        "secret",
        "secretKey",
        "sessionId",
        "sessionToken",
        "sipAuthenticationName",
        "sipLogin",
        "sipMessageRaw",
        "sipPassword",
        "token",
    }
)
"""Fields that are secret wherever they stand, by their whole name, however it is written:
`accessToken` is `access_token` and `ACCESS-TOKEN` too. `USER_NAME` is the one exception."""

USER_NAME: Final = ("custom", "login")
"""Where the vendor's Room API has the name of a user, for later decisions to go by."""

CUSTOM: Final = "custom"
"""What the client says of itself: a secret as a whole, but later decisions go by it."""

MASK: Final = "***"

_UNWRITTEN: Final = str.maketrans("", "", "_-")
_NAMES: Final = frozenset(name.lower() for name in SECRET_FIELDS)
_HIDDEN_NAMES: Final = _NAMES | {CUSTOM}
_STREAM_KEY: Final = "k1."
_BEARER: Final = "bearer "
_DOTS_OF_TOKENS: Final = (2, 4)
"""Between the segments of a signed JWT, and of an encrypted one."""

_SEGMENTS: Final = r"[A-Za-z0-9_-]++={0,2}(?:\.[A-Za-z0-9_-]*+={0,2}){2,4}"
# Each is matched in one pass, whatever the text: a client chooses it.
# They are compiled by `re` when one is first needed, and kept there.
_URL: Final = r"(?i:(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:)?//\S*)"
_WHOLE_URL: Final = r"(?is:\s*[a-z][a-z0-9+.-]{0,30}://.*)"
# As RFC 3986 has it, where no other reading is left: an @ in the path may end a password.
_PLAIN_URL: Final = (
    r"(?i:([a-z][a-z0-9+.-]{0,30}://)(?:[^\s/?#]*@)?([^\s/?#@]*(?:/[^\s?#@]*)?)(?:[?#][^\s@]*)?)"
)
_SIP_ADDRESS: Final = r"(?i:sips?:)\S*+"
_QUERY: Final = r"\?\S+"
# No fewer bytes than two slashes and an end: what is shorter has nothing to hide.
_HEX: Final = r"(?i:(?:[0-9a-f]{2}){3,})"
_SLASHES_IN_HEX: Final = "2f2f"
_ENDS_OF_PLACE: Final = frozenset("@?#")
"""Before or behind one of these stands all that is taken from an address."""

_LARGEST: Final = sys.float_info.max
_LEFT_OUT: Final = object()
"""Marks a value that is not kept."""


def is_secret(path: tuple[str, ...]) -> bool:
    """Whether a session never has what stands at a path of its connect's body, by its names.

    Examples
    --------
    >>> is_secret(("custom", "token")), is_secret(("custom", "login")), is_secret(("login",))
    (True, False, True)
    """
    return any(
        _is_secret_name(name) and path[: number + 1] != USER_NAME
        for number, name in enumerate(path)
    )


def is_masked(name: str) -> bool:
    """Whether a top-level field is never shown, whatever it holds.

    Examples
    --------
    >>> is_masked("custom"), is_masked("session_id"), is_masked("name")
    (True, True, False)
    """
    return _is_secret_name(name, _HIDDEN_NAMES)


def without_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body to keep: what is left is as it was, so that nobody becomes somebody else by it.

    Left out are secret fields at every depth, and names and values that hold a secret or that JSON
    cannot hold. In place of a text that as a whole is a URL stands the URL without credentials,
    query and fragment. A list is kept whole or not at all, so that no value moves to another's
    place.

    Parameters
    ----------
    fields
        As expressions see them: see `Payload.expression_fields`.

    Examples
    --------
    >>> without_secrets({"sipPassword": "1", "custom": {"role": "teacher", "token": "2"}})
    {'custom': {'role': 'teacher'}}
    >>> without_secrets({"custom": {"role": "admin?x", "page": "https://a/b?x"}})
    {'custom': {'page': 'https://a/b'}}
    """
    return _kept_fields(fields, USER_NAME)


def masked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body to show: in place of each secret stands `MASK`, of `custom` as well.

    A name that is a token, or holds an address, is shown as a value would be.

    Examples
    --------
    >>> masked({"name": "rtsp://u:p@host/live?aclAuth=1", "custom": {"role": "teacher"}})
    {'name': 'rtsp://host/live', 'custom': '***'}
    """
    return _shown_fields(fields)


def _kept_fields(fields: Mapping[str, Any], spared: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of an object that may be kept.

    Parameters
    ----------
    spared
        The path, from here on, of a field that may be kept in spite of its name.
    """
    kept: dict[str, Any] = {}
    for name, inner in fields.items():
        below = spared[1:] if spared and name == spared[0] else None
        if (_is_secret_name(name) and below != ()) or _without_credentials(name) != name:
            continue
        value = _kept(inner, below or ())
        if value is not _LEFT_OUT:
            kept[name] = value
    return kept


def _shown_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        _shown_text(name): MASK if _is_secret_name(name, _HIDDEN_NAMES) else _shown(inner)
        for name, inner in fields.items()
    }


def _kept(value: Any, spared: tuple[str, ...] = ()) -> Any:
    """A value that may be kept, or `_LEFT_OUT`."""
    if type(value) is dict:
        return _kept_fields(value, spared)
    if type(value) is list:
        kept = [_kept(inner) for inner in value]
        return _LEFT_OUT if any(inner is _LEFT_OUT for inner in kept) else kept
    if type(value) is str:
        return _kept_text(value)
    return _LEFT_OUT if isinstance(value, float) and not math.isfinite(value) else value


def _kept_text(text: str) -> Any:
    if _is_token(text):
        return _LEFT_OUT
    if _without_credentials(text) == text:
        return text
    url = re.fullmatch(_PLAIN_URL, text)
    plain = url[1] + url[2] if url else ""
    return plain if url and _without_credentials(plain) == plain else _LEFT_OUT


def _shown(value: Any) -> Any:
    if type(value) is dict:
        return _shown_fields(value)
    if type(value) is list:
        return [_shown(inner) for inner in value]
    if type(value) is str:
        return _shown_text(value)
    return _finite(value) if isinstance(value, float) else value


def _shown_text(text: str) -> str:
    return MASK if _is_token(text) else _without_credentials(text)


def _is_secret_name(name: str, names: frozenset[str] = _NAMES) -> bool:
    plain = name.lower()
    if "_" in plain or "-" in plain:
        plain = plain.translate(_UNWRITTEN)
    return plain in names or _is_token(name)


def _is_token(text: str) -> bool:
    """Whether a text has the form of a JWT or of a signed stream key."""
    if "." not in text:
        return False
    if text[: len(_BEARER)].lower() == _BEARER:
        text = text[len(_BEARER) :]
    text = text.strip()
    if text.startswith(_STREAM_KEY):
        return True
    if text.count(".") not in _DOTS_OF_TOKENS or not re.fullmatch(_SEGMENTS, text):
        return False
    header = text.partition(".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (ValueError, RecursionError):
        return False
    return isinstance(fields, dict) and "alg" in fields


def _without_credentials(text: str) -> str:
    if "//" in text and not _ENDS_OF_PLACE.isdisjoint(text):
        if re.fullmatch(_WHOLE_URL, text):
            # A blank in a password, which no URL may have, must not end what is looked at.
            return _without_credentials_in_hex(_plain_url(text))
        text = re.sub(_URL, lambda found: _plain_url(found[0]), text)
    if "@" in text:
        text = re.sub(_SIP_ADDRESS, lambda found: _plain_sip_address(found[0]), text)
    if "?" in text:
        text = re.sub(_QUERY, "", text)
    return _without_credentials_in_hex(text)


def _plain_url(text: str) -> str:
    """An address without credentials, which end at its last @, without query and fragment."""
    scheme, _, rest = text.partition("//")
    place = rest.rpartition("@")[2]
    return f"{scheme}//{place.partition('?')[0].partition('#')[0]}"


def _plain_sip_address(address: str) -> str:
    """`sip:user:password@host` without the password, which ends at the last @."""
    before, at, host = address.rpartition("@")
    if not at:
        return address
    scheme, _, rest = before.partition(":")
    return f"{scheme}:{rest.partition(':')[0]}{at}{host}"


def _without_credentials_in_hex(text: str) -> str:
    """The same for addresses in hexadecimal, of which WCS makes the `mediaSessionId` of players."""
    if _SLASHES_IN_HEX not in text and _SLASHES_IN_HEX not in text.lower():
        return text
    return re.sub(_HEX, _plain_hex, text)


def _plain_hex(found: re.Match[str]) -> str:
    address = bytes.fromhex(found[0]).decode("latin-1")
    if "//" not in address or _ENDS_OF_PLACE.isdisjoint(address):
        return found[0]
    plain = _plain_url(address)
    return found[0] if plain == address else plain.encode("latin-1").hex()


def _finite(number: float) -> float:
    """The largest number for 1e400, which a hook may hold and JSON's writers do not."""
    return number if -_LARGEST <= number <= _LARGEST else math.copysign(_LARGEST, number)


def logged_fields(payload: "Payload", names: Iterable[str]) -> dict[str, str | float | bool]:
    """The fields of a body that lines show: texts, numbers and booleans, secrets masked.

    Parameters
    ----------
    names
        Of the setting `loggedFields`.

    Examples
    --------
    >>> from wcs_hooks.core.payload import parse
    >>> logged_fields(parse(b'{"name": "lesson?token=1", "custom": {}}'), ["name", "callee"])
    {'name': 'lesson'}
    """
    fields = payload.small_fields(_MOST_LOOKED_THROUGH)
    shown = masked({name: fields[name] for name in names if name in fields})
    # Masked first: what is cut off may be what shows that it is a secret.
    return {
        name: printable(value) if isinstance(value, str) else value
        for name, value in shown.items()
        if isinstance(value, str | int | float)
    }


def printable(text: str) -> str:
    """A text of moderate length without lone surrogates, which standard output does not take."""
    return text[:_LONGEST_SHOWN].encode("utf-8", "replace").decode()
