"""What of a hook's body must not be shown or kept: `docs/wcs-protocol.md`, section 6."""

import math
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

SECRET_FIELDS: Final = frozenset(
    {
        "aclAuth",
        "authToken",
        "authorization",
        "login",
        "password",
        "payload",
        "sdp",
        "sessionId",
        "sipAuthenticationName",
        "sipLogin",
        "sipMessageRaw",
        "sipPassword",
        "token",
    }
)
"""Fields that are secret wherever they stand, by name."""

CUSTOM: Final = "custom"
"""What the client says of itself: a secret as a whole, but later decisions go by it."""

MASK: Final = "***"

_NAMES: Final = frozenset(name.lower() for name in SECRET_FIELDS)
# Each is matched in one pass, whatever the text: a client chooses it.
_URL: Final = re.compile(r"(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:)?//\S*", re.IGNORECASE)
_WHOLE_URL: Final = re.compile(r"\s*[a-z][a-z0-9+.-]{0,30}://.*", re.IGNORECASE | re.DOTALL)
_WORD: Final = re.compile(r"\S+")
_SIP: Final = re.compile(r"sips?:", re.IGNORECASE)
_QUERY: Final = re.compile(r"\?\S+")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})+", re.IGNORECASE)
_SLASHES_IN_HEX: Final = "2f2f"
_LARGEST: Final = sys.float_info.max


def without_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body to keep: secret fields are left out at every depth, URLs lose credentials and query.

    `custom` stays, less its own secret fields.

    Examples
    --------
    >>> without_secrets({"sipPassword": "1", "custom": {"role": "teacher", "token": "2"}})
    {'custom': {'role': 'teacher'}}
    """
    kept: dict[str, Any] = _kept(fields)
    return kept


def masked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body to show: in place of each secret stands `MASK`, of `custom` as well.

    Examples
    --------
    >>> masked({"name": "rtsp://u:p@host/live?aclAuth=1", "custom": {"role": "teacher"}})
    {'name': 'rtsp://host/live', 'custom': '***'}
    """
    return {
        name: MASK if _is_secret(name) or name.lower() == CUSTOM else _shown(value)
        for name, value in fields.items()
    }


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _kept(inner) for name, inner in value.items() if not _is_secret(name)}
    if isinstance(value, list):
        return [_kept(inner) for inner in value]
    return _scalar(value)


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return _scalar(value)


def _is_secret(name: str) -> bool:
    return name.lower() in _NAMES


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return _without_credentials(value)
    if isinstance(value, float) and not -_LARGEST <= value <= _LARGEST:
        # 1e400, which a hook may hold and JSON's writers do not.
        return math.copysign(_LARGEST, value)
    return value


def _without_credentials(text: str) -> str:
    if _WHOLE_URL.fullmatch(text):
        # A blank in a password, which no URL may have, must not end what is looked at.
        return _without_credentials_in_hex(_plain_url(text))
    if "//" in text:
        text = _URL.sub(lambda found: _plain_url(found[0]), text)
    if "@" in text and _SIP.search(text):
        text = _WORD.sub(lambda found: _plain_sip_address(found[0]), text)
    if "?" in text:
        text = _QUERY.sub("", text)
    return _without_credentials_in_hex(text)


def _plain_url(text: str) -> str:
    """An address without credentials, which end at its last @, without query and fragment."""
    scheme, _, rest = text.partition("//")
    place = rest.rpartition("@")[2]
    return f"{scheme}//{re.split('[?#]', place, maxsplit=1)[0]}"


def _plain_sip_address(word: str) -> str:
    """`sip:user:password@host` without the password, which ends at the last @."""
    scheme = _SIP.search(word)
    end = word.rfind("@")
    if scheme is None or end < scheme.end():
        return word
    user, _, _ = word[scheme.end() : end].partition(":")
    return f"{word[: scheme.end()]}{user}{word[end:]}"


def _without_credentials_in_hex(text: str) -> str:
    """The same for addresses in hexadecimal, of which WCS makes the `mediaSessionId` of players."""
    if _SLASHES_IN_HEX not in text and _SLASHES_IN_HEX not in text.lower():
        return text
    return _HEX.sub(_plain_hex, text)


def _plain_hex(found: re.Match[str]) -> str:
    address = bytes.fromhex(found[0]).decode("latin-1")
    if "//" not in address:
        return found[0]
    plain = _plain_url(address)
    return found[0] if plain == address else plain.encode("latin-1").hex()
