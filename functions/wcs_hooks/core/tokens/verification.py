"""Verify the token that a hook shows: which policy believes it, by which key, and what it claims.

Which token, which item, which key: each is chosen before anything is verified, and nothing is tried
in turn but the current and the previous value of one secret.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from wcs_hooks.core.methods import PLAYERS
from wcs_hooks.core.tokens import stream_key
from wcs_hooks.core.tokens.jwt import MalformedTokenError, Signed, UnverifiedToken, decode
from wcs_hooks.core.tokens.keys import ALGORITHMS, Key
from wcs_hooks.core.tokens.places import token_at
from wcs_hooks.core.tokens.stream_key import Act, StreamKey
from wcs_hooks.core.tokens.trust import Form, Trust

_METHODS_OF_ACTS: Final[Mapping[Act, frozenset[str]]] = {
    Act.PUBLISH: frozenset({"publishStream"}),
    Act.PLAY: PLAYERS | {"playStream"},
}
_RENDITIONS: Final = "playHLS"
"""The method whose stream may be named with the height of a rendition."""


class TokenStatus(StrEnum):
    """What became of a hook's token: `token.status` of expressions."""

    NONE = "none"
    VALID = "valid"
    MALFORMED = "malformed"
    UNKNOWN_ISSUER = "unknown-issuer"
    UNKNOWN_KEY = "unknown-key"
    NO_KEYS = "no-keys"
    BAD_SIGNATURE = "bad-signature"
    WRONG_AUDIENCE = "wrong-audience"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    MISSING_CLAIM = "missing-claim"
    OTHER_SUBJECT = "other-subject"


class TokenHook(NamedTuple):
    """What a verification looks at.

    Attributes
    ----------
    app
        Its `appKey`.
    method
        The canonical name.
    stream
        The stream's own name, which a stream key is signed for; empty where there is none.
    fields
        The body, with its texts as they came: `Payload.fields`.
    """

    app: str
    method: str
    stream: str
    fields: Mapping[str, Any]


type KeysOf = Callable[[Trust], Sequence[Key] | None]
"""The keys of an item; none, or an empty sequence, if there are none to be had."""


class Shown(NamedTuple):
    """What is known of the token that a hook shows. Only verified claims are anybody's words.

    Attributes
    ----------
    trust
        The id of the item that took the token; empty if none did.
    algorithm
        The one that the token names; empty if it is not supported or not known.
    kid
        The identifier of the key that was chosen; empty if none was, or it has none.
    claims
        Present exactly if the token is valid. `exp`, `nbf` and `iat` are whole seconds.
    detail
        Why it is not valid, for people; nothing of the token is quoted.
    form
        Which of both it is.
    """

    status: TokenStatus
    trust: str = ""
    algorithm: str = ""
    kid: str = ""
    claims: Mapping[str, Any] | None = None
    detail: str = ""
    form: Form = Form.JWT

    def variable(self) -> dict[str, str]:
        """The variable `token` of expressions."""
        return {
            "status": str(self.status),
            "trust": self.trust,
            "alg": self.algorithm,
            "kid": self.kid,
        }

    def beside(self, connect_claims: Mapping[str, Any] | None) -> Self:
        """The same, or `OTHER_SUBJECT` if connect's token of this session was somebody else's.

        Issuer and subject must be those of connect's token, and absent where they are absent
        there. A stream key names no issuer, so its subject alone is compared.

        Parameters
        ----------
        connect_claims
            What was verified at connect; none if nothing was.
        """
        if self.claims is None or connect_claims is None:
            return self
        compared = ("sub",) if self.form is Form.KEY else ("iss", "sub")
        if all(self.claims.get(name) == connect_claims.get(name) for name in compared):
            return self
        return self._replace(
            status=TokenStatus.OTHER_SUBJECT,
            claims=None,
            detail="is not of the issuer and subject that connected",
        )


NOTHING_SHOWN: Final = Shown(TokenStatus.NONE)


def verify(hook: TokenHook, trusts: Sequence[Trust], keys_of: KeysOf, now: float) -> Shown:
    """Verify the token that a hook shows, if it shows one.

    Parameters
    ----------
    trusts
        The items of the app and those for every app: `wcs_hooks.core.tokens.trust.in_order`.
    now
        Seconds since the epoch.
    """
    covering = [trust for trust in trusts if trust.covers(hook.method, now)]
    for trust in covering:
        for place in trust.token_in:
            try:
                text = token_at(hook.fields, place)
            except MalformedTokenError as error:
                return Shown(TokenStatus.MALFORMED, detail=str(error))
            if text:
                readers = [reader for reader in covering if place in reader.token_in]
                return verify_text(text, hook, readers, keys_of, now)
    return NOTHING_SHOWN


def verify_text(
    text: str, hook: TokenHook, readers: Sequence[Trust], keys_of: KeysOf, now: float
) -> Shown:
    """Verify a token that was found in a hook.

    Parameters
    ----------
    readers
        The items that read the place where it was found, in the order of evaluation.
    now
        Seconds since the epoch.
    """
    try:
        if text.startswith(stream_key.PREFIX):
            return _verify_stream_key(stream_key.parse(text), hook, readers, keys_of, now)
        return _verify_jwt(decode(text), readers, keys_of, now)
    except MalformedTokenError as error:
        return Shown(TokenStatus.MALFORMED, detail=str(error))


def _verify_jwt(
    token: UnverifiedToken, readers: Sequence[Trust], keys_of: KeysOf, now: float
) -> Shown:
    signed = token.signed
    algorithm = signed.algorithm if signed.algorithm in ALGORITHMS else ""
    trust = item_for(token.claims.get("iss", ""), readers)
    if trust is None:
        return Shown(
            TokenStatus.UNKNOWN_ISSUER,
            algorithm=algorithm,
            detail="has an issuer that no item believes",
        )
    shown = Shown(TokenStatus.VALID, trust.id, algorithm)
    keys = keys_of(trust)
    if not keys:
        return shown._replace(status=TokenStatus.NO_KEYS, detail="is of an issuer without keys")
    chosen = keys_for(signed, keys, trust.algorithms)
    if not chosen:
        return shown._replace(
            status=TokenStatus.UNKNOWN_KEY,
            detail="names by `kid` and `alg` no key, or more than one, of the item",
        )
    shown = shown._replace(kid=chosen[0].kid)
    if not any(
        key.verifies(signed.algorithm, signed.signing_input, signed.signature) for key in chosen
    ):
        return shown._replace(
            status=TokenStatus.BAD_SIGNATURE, detail="was not signed with the key"
        )
    if trust.audiences and not _audience_fits(token.claims.get("aud"), trust.audiences):
        return shown._replace(
            status=TokenStatus.WRONG_AUDIENCE, detail="has none of the item's audiences in `aud`"
        )
    return _with_claims(shown, token.claims, trust, now)


def _verify_stream_key(
    key: StreamKey, hook: TokenHook, readers: Sequence[Trust], keys_of: KeysOf, now: float
) -> Shown:
    trust = next((reader for reader in readers if reader.form is Form.KEY), None)
    if trust is None:
        return Shown(
            TokenStatus.UNKNOWN_ISSUER,
            detail="is a stream key, which no item believes here",
            form=Form.KEY,
        )
    shown = Shown(TokenStatus.VALID, trust.id, form=Form.KEY)
    if hook.method not in _METHODS_OF_ACTS[key.act]:
        return shown._replace(
            status=TokenStatus.WRONG_AUDIENCE,
            detail=f"with `{key.act}` does not hold for the method",
        )
    secrets = [one.secret for one in keys_of(trust) or () if one.is_secret]
    if not secrets:
        return shown._replace(status=TokenStatus.NO_KEYS, detail="is of an item without a secret")
    stream = stream_key.verify(
        key, secrets, hook.app, hook.stream, rendition=hook.method == _RENDITIONS
    )
    if stream is None:
        return shown._replace(
            status=TokenStatus.BAD_SIGNATURE,
            detail="was not signed with the secret for this app and stream",
        )
    subject = {"sub": key.user} if key.user else {}
    claims = {**subject, "exp": key.expiry, "stream": stream, "act": str(key.act)}
    return _with_claims(shown, claims, trust, now)


def _with_claims(shown: Shown, claims: Mapping[str, Any], trust: Trust, now: float) -> Shown:
    """What is known of a token whose signature is good."""
    if "exp" in claims and now >= claims["exp"] + trust.leeway:
        return shown._replace(status=TokenStatus.EXPIRED, detail="has expired")
    if "nbf" in claims and now < claims["nbf"] - trust.leeway:
        return shown._replace(status=TokenStatus.NOT_YET, detail="is not valid yet")
    missing = [name for name in trust.require if name not in claims]
    if missing:
        return shown._replace(
            status=TokenStatus.MISSING_CLAIM, detail=f"lacks the claim `{missing[0]}`"
        )
    return shown._replace(claims=claims)


def item_for(issuer: str, readers: Sequence[Trust]) -> Trust | None:
    """The item that a token is for: one that names its issuer, else one that names none."""
    items = [reader for reader in readers if reader.form is Form.JWT]
    naming = next((item for item in items if issuer in item.issuers), None)
    return naming or next((item for item in items if not item.issuers), None)


def keys_for(signed: Signed, keys: Sequence[Key], algorithms: Sequence[str] = ()) -> Sequence[Key]:
    """Choose the key that a token is for.

    A `kid` takes the key of that `kid`, or a sole key that has none; without `kid` exactly one key
    must fit. The values of one secret count as one key.

    Parameters
    ----------
    algorithms
        Those allowed; empty for all that fit the keys.

    Returns
    -------
    One key, or the values of one secret; empty if no key fits, or not one alone.
    """
    if algorithms and signed.algorithm not in algorithms:
        return ()
    fitting = [key for key in keys if signed.algorithm in key.algorithms]
    if all(key.is_secret for key in keys):
        return fitting
    if signed.kid:
        named = [key for key in keys if key.kid == signed.kid]
        chosen = named or ([*keys] if len(keys) == 1 and not keys[0].kid else [])
    else:
        chosen = fitting
    return chosen if len(chosen) == 1 and chosen[0] in fitting else ()


def _audience_fits(claimed: Any, audiences: Sequence[str]) -> bool:
    if type(claimed) is str:
        return claimed in audiences
    return type(claimed) is list and any(type(one) is str and one in audiences for one in claimed)
