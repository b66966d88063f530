"""Secrets: whatever a body is, none of those that the protocol names is kept or shown."""

import json
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any, Final

from verification.fuzz.corpus import bodies
from verification.fuzz.target import promise
from wcs_hooks.core.payload import MalformedBodyError, encode, parse
from wcs_hooks.core.secrets import masked, without_secrets

MARK: Final = "s3cr3t-m4rk"

SECRET_NAMES: Final = frozenset(
    {
        *("sippassword", "siplogin", "sipauthenticationname", "authtoken", "sessionid", "token"),
        *("login", "aclauth", "sdp", "sipmessageraw", "payload", "authorization"),
        *("jwt", "access_token", "accesstoken", "api_key", "apikey", "secret", "pin", "bearer"),
    }
)
"""As `docs/reference/wcs-protocol.md`, section 6, has them, and some that are secret anywhere."""

_CUSTOM: Final = "custom"
_AROUND: Final = (
    "{0}",
    "rtsp://user:{1}@host/{0}",
    "{0} rtsp://host/live?aclAuth={1}",
    "/{0}?token={1}",
    "{0} <sip:1000:{1}@host>;tag={0}",
    "https://{1}@host/{0}",
    "//host/{0}?a=b&token={1}#{0}",
    "sips:1000:{1}@{0}",
)


class Secrets:
    """`wcs_hooks.core.secrets`. A byte chooses where in texts a secret stands."""

    def seeds(self) -> Iterable[bytes]:
        """Bodies, each with each choice."""
        for number, body in enumerate(bodies()):
            yield bytes([number]) + body
            yield bytes([number ^ 85]) + body

    def __call__(self, data: bytes) -> None:
        """Mark the secrets of a body, and look for the marks in what is kept and shown."""
        try:
            payload = parse(data[1:])
        except MalformedBodyError:
            return
        fields = payload.expression_fields
        start = data[0] % len(_AROUND)
        given = _marked(fields, _turns(start), hide_custom=False)
        if isinstance(custom := given.get(_CUSTOM), dict):
            # The name of a user, which is kept.
            custom.pop("login", None)
        kept = encode(without_secrets(given))
        promise(MARK not in kept, "a secret is kept")
        shown = encode(masked(_marked(fields, _turns(start), hide_custom=True)))
        promise(MARK not in shown, "a secret is shown")
        json.loads(kept)
        json.loads(shown)


def _turns(start: int) -> Iterator[str]:
    return cycle(_AROUND[start:] + _AROUND[:start])


def _marked(value: Any, around: Iterator[str], *, hide_custom: bool) -> Any:
    """The same value with a secret wherever one may stand."""
    if isinstance(value, dict):
        return {
            name: MARK
            if name.lower() in SECRET_NAMES or (hide_custom and name.lower() == _CUSTOM)
            else _marked(inner, around, hide_custom=hide_custom)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_marked(inner, around, hide_custom=hide_custom) for inner in value]
    if isinstance(value, str):
        return _with_mark(value, next(around))
    return value


def _with_mark(text: str, around: str) -> str:
    # An address ends at a blank: in one, what came before a blank would be another word.
    solid = "".join(text.split()) if "{1}" in around else text
    return around.replace("{1}", MARK).replace("{0}", solid)
