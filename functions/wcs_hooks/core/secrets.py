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
# A client chooses the text, so their time must be linear in it. None looks again at what it has
# passed: repetitions give nothing back (`*+`, `(?>`), and that of a SIP address, whose end may be
# missing, is only tried where a word begins.
_URL: Final = re.compile(r"//(?:\S*@)?([^\s?#]*+)\S*+")
_SIP_PASSWORD: Final = re.compile(
    r"(?<![^\s@])(?>([^\s@]*?\bsips?:[^\s:@]*+):[^\s@]*+)@", re.IGNORECASE
)
_QUERY: Final = re.compile(r"\?[^\s?#=]*+=\S*+")
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
    at = "@" in text
    if "//" in text and (at or "?" in text or "#" in text):
        text = _URL.sub(r"//\1", text)
    if at:
        text = _SIP_PASSWORD.sub(r"\1@", text)
    return _QUERY.sub("", text) if "?" in text else text


def _finite(number: float) -> float:
    """The largest number for 1e400, which a hook may hold and JSON's writers do not."""
    return number if -_LARGEST <= number <= _LARGEST else math.copysign(_LARGEST, number)


_SCALARS: Final[Mapping[type, Callable[[Any], Any]]] = {str: _without_credentials, float: _finite}
