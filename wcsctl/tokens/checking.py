"""Checks a token by the policies that trust tokens, wherever in a hook it might be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.tokens import stream_key
from wcs_hooks.core.tokens.jwt import MalformedTokenError, decode
from wcs_hooks.core.tokens.keys import Key
from wcs_hooks.core.tokens.stream_key import Act
from wcs_hooks.core.tokens.trust import Trust, in_order
from wcs_hooks.core.tokens.verification import Shown, TokenHook, TokenStatus, verify_text
from wcsctl.errors import UsageError

_BEARER: Final = "bearer "
_METHOD_OF: Final = {Act.PUBLISH: "publishStream", Act.PLAY: "playStream"}


@dataclass(frozen=True, slots=True)
class CheckedToken:
    """What a token is.

    Attributes
    ----------
    trust
        The item that takes it; none if none does.
    claims
        What it claims, whether or not that is true; none if it cannot be read.
    kids
        The identifiers of the item's keys.
    """

    shown: Shown
    trust: Trust | None
    claims: Mapping[str, Any] | None
    kids: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        """Whether the claims are proven."""
        return self.shown.status is TokenStatus.VALID


def check_token(  # noqa: PLR0913 - what it depends on, by name
    text: str,
    trusts: Sequence[Trust],
    keys_of: Callable[[Trust], Sequence[Key] | None],
    *,
    app: str,
    now: float,
    method: str | None = None,
    stream: str | None = None,
) -> CheckedToken:
    """Check a token.

    Parameters
    ----------
    app
        The `appKey` of the hook that would show it.
    now
        Seconds since the epoch.
    method
        Of that hook; none for all that an item reads tokens of. Of a stream key: none for
        publishStream or playStream, as the key says.
    stream
        The stream's name, which a stream key is signed for.

    Raises
    ------
    UsageError
        If it is a stream key, and no stream is given.
    """
    text = text.strip()
    if text[: len(_BEARER)].lower() == _BEARER:
        text = text[len(_BEARER) :]
    if text.startswith(stream_key.PREFIX):
        if stream is None:
            raise UsageError("This is a stream key: give its --app and --stream too.")
        method = method or _method_of(text)
    canonical = METHODS[method].canonical if method else None
    readers = [trust for trust in in_order(trusts) if _reads(trust, canonical, now)]
    hook = TokenHook(app, canonical or "connect", stream or "", {})
    shown = verify_text(text, hook, readers, keys_of, now)
    taking = next((trust for trust in readers if shown.trust and trust.id == shown.trust), None)
    kids = tuple(key.kid for key in (keys_of(taking) or ()) if key.kid) if taking else ()
    return CheckedToken(shown, taking, _claims(text), kids)


def _reads(trust: Trust, method: str | None, now: float) -> bool:
    methods = trust.methods if method is None else (method,)
    return any(trust.covers(one, now) for one in methods)


def _method_of(key: str) -> str | None:
    try:
        return _METHOD_OF[stream_key.parse(key).act]
    except MalformedTokenError:
        return None


def _claims(text: str) -> Mapping[str, Any] | None:
    try:
        if text.startswith(stream_key.PREFIX):
            key = stream_key.parse(text)
            return ({"sub": key.user} if key.user else {}) | {"exp": key.expiry, "act": key.act}
        return decode(text).claims
    except MalformedTokenError:
        return None
