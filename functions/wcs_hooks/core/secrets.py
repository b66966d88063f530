"""What of a hook's body must not be shown or kept: `docs/wcs-protocol.md`, section 6."""

import re
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
_URL: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)(?:[^/?#\s]*@)?([^?#\s]*)(?:[?#]\S*)?")


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
        name: MASK if _is_secret(name) or name == CUSTOM else _shown(value)
        for name, value in fields.items()
    }


def _kept(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _kept(inner) for name, inner in value.items() if not _is_secret(name)}
    if isinstance(value, list):
        return [_kept(inner) for inner in value]
    return _without_credentials(value)


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return masked(value)
    if isinstance(value, list):
        return [_shown(inner) for inner in value]
    return _without_credentials(value)


def _is_secret(name: str) -> bool:
    return name.lower() in _NAMES


def _without_credentials(value: Any) -> Any:
    return _URL.sub(r"\1\2", value) if isinstance(value, str) and "://" in value else value
