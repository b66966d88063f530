"""What of a hook's body must not be shown or kept: `docs/wcs-protocol.md`, section 6."""

import math
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from wcs_hooks.core.collector import PausedCollector

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
_HIDDEN_NAMES: Final = _NAMES | {CUSTOM}
# Each is matched in one pass, whatever the text: a client chooses it.
# They are compiled by `re` when one is first needed, and kept there.
_URL: Final = r"(?i:(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:)?//\S*)"
_WHOLE_URL: Final = r"(?is:\s*[a-z][a-z0-9+.-]{0,30}://.*)"
_WORD_WITH_AT: Final = r"(?<!\S)[^\s@]*+@\S*+"
_SIP: Final = r"(?i:sips?:)"
_QUERY: Final = r"\?\S+"
_HEX: Final = r"(?i:(?:[0-9a-f]{2})+)"
_SLASHES_IN_HEX: Final = "2f2f"
_ENDS_OF_PLACE: Final = frozenset("@?#")
"""Before or behind one of these stands all that is taken from an address."""

_LARGEST: Final = sys.float_info.max


def without_secrets(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body to keep: secret fields are left out at every depth, URLs lose credentials and query.

    `custom` stays, less its own secret fields.

    Examples
    --------
    >>> without_secrets({"sipPassword": "1", "custom": {"role": "teacher", "token": "2"}})
    {'custom': {'role': 'teacher'}}
    """
    with PausedCollector():
        return _kept_fields(fields)


def masked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """A body to show: in place of each secret stands `MASK`, of `custom` as well.

    Examples
    --------
    >>> masked({"name": "rtsp://u:p@host/live?aclAuth=1", "custom": {"role": "teacher"}})
    {'name': 'rtsp://host/live', 'custom': '***'}
    """
    with PausedCollector():
        return _shown_fields(fields)


def _kept_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _kept(inner) for name, inner in fields.items() if name.lower() not in _NAMES}


def _shown_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: MASK if name.lower() in _HIDDEN_NAMES else _shown(inner)
        for name, inner in fields.items()
    }


def _kept(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return _kept_fields(value)
    if kind is list:
        return [_kept(inner) for inner in value]
    return _SCALARS[kind](value) if kind in _SCALARS else value


def _shown(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return _shown_fields(value)
    if kind is list:
        return [_shown(inner) for inner in value]
    return _SCALARS[kind](value) if kind in _SCALARS else value


def _without_credentials(text: str) -> str:
    if "//" in text and not _ENDS_OF_PLACE.isdisjoint(text):
        if re.fullmatch(_WHOLE_URL, text):
            # A blank in a password, which no URL may have, must not end what is looked at.
            return _without_credentials_in_hex(_plain_url(text))
        text = re.sub(_URL, lambda found: _plain_url(found[0]), text)
    if "@" in text and re.search(_SIP, text):
        text = re.sub(_WORD_WITH_AT, lambda found: _plain_sip_address(found[0]), text)
    if "?" in text:
        text = re.sub(_QUERY, "", text)
    return _without_credentials_in_hex(text)


def _plain_url(text: str) -> str:
    """An address without credentials, which end at its last @, without query and fragment."""
    scheme, _, rest = text.partition("//")
    place = rest.rpartition("@")[2]
    return f"{scheme}//{re.split('[?#]', place, maxsplit=1)[0]}"


def _plain_sip_address(word: str) -> str:
    """`sip:user:password@host` without the password, which ends at the last @."""
    scheme = re.search(_SIP, word)
    end = word.rfind("@")
    if scheme is None or end < scheme.end():
        return word
    user, _, _ = word[scheme.end() : end].partition(":")
    return f"{word[: scheme.end()]}{user}{word[end:]}"


def _without_credentials_in_hex(text: str) -> str:
    """The same for addresses in hexadecimal, of which WCS makes the `mediaSessionId` of players."""
    if _SLASHES_IN_HEX not in text and _SLASHES_IN_HEX not in text.lower():
        return text
    return re.sub(_HEX, _plain_hex, text)


def _plain_hex(found: re.Match[str]) -> str:
    address = bytes.fromhex(found[0]).decode("latin-1")
    if "//" not in address:
        return found[0]
    plain = _plain_url(address)
    return found[0] if plain == address else plain.encode("latin-1").hex()


def _finite(number: float) -> float:
    """The largest number for 1e400, which a hook may hold and JSON's writers do not."""
    return number if -_LARGEST <= number <= _LARGEST else math.copysign(_LARGEST, number)


_SCALARS: Final[Mapping[type, Callable[[Any], Any]]] = {str: _without_credentials, float: _finite}
