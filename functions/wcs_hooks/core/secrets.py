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
# None of these can be matched in more ways than one: a client chooses the text.
_URL: Final = re.compile(r"(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,30}:)?//\S*", re.IGNORECASE)
_SIP_PASSWORD: Final = re.compile(r"(\bsips?:[^\s:@]*):[^\s@]*@", re.IGNORECASE)
_QUERY: Final = re.compile(r"\?[^\s?#=]*=\S*")
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
    if "//" in text:
        text = _URL.sub(_plain_url, text)
    if "@" in text:
        text = _SIP_PASSWORD.sub(r"\1@", text)
    return _QUERY.sub("", text) if "?" in text else text


def _plain_url(found: re.Match[str]) -> str:
    """An address without credentials, which end at its last @, without query and fragment."""
    scheme, _, rest = found[0].partition("//")
    place = rest.rpartition("@")[2]
    return f"{scheme}//{re.split('[?#]', place, maxsplit=1)[0]}"
