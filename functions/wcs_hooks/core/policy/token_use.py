"""What an app's policies are about tokens, as far as other apps' policies depend on it.

An app's policies hold together with those of every app: a token that two of their items would take
is ambiguous, and claims that a policy asks for may be filled by an item of the other.
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Self

from wcs_hooks.core.hook_fields import FIELDS
from wcs_hooks.core.methods import PLAYERS
from wcs_hooks.core.policy.reader import Mode, Policy
from wcs_hooks.core.tokens.trust import PLACES_BY_DEFAULT, Form, Trust

_CONNECT: Final = "connect"
_KEY_METHODS: Final = frozenset({"publishStream", "playStream", *PLAYERS})
"""Methods that a signed stream key can be for."""

_FOREVER: Final = float("inf")


class TrustScope(NamedTuple):
    """Which tokens a policy with the action `trust` takes.

    Attributes
    ----------
    policy
        Its `id`.
    methods
        The canonical names of its methods.
    showing
        Those of them whose hooks can hold such a token.
    issuers
        Exact values of `iss`; empty for those that no other policy names.
    until
        When its window is over, in seconds since the epoch; infinite if never.
    """

    policy: str
    methods: tuple[str, ...]
    showing: tuple[str, ...]
    form: Form
    issuers: tuple[str, ...]
    until: float = _FOREVER

    def takes(self) -> Iterator[tuple[str, str, str]]:
        """Yield what it takes: the attribute that says it, its value, and that in words."""
        if self.form is Form.KEY:
            yield "form", "", "there is at most one item of form key for a method"
        elif not self.issuers:
            yield "issuer", "", "neither names an issuer"
        for issuer in self.issuers:
            yield "issuer", issuer, f"both name the issuer {issuer!r}"

    def to_json(self) -> list[Any]:
        """As a record stores it."""
        # JSON has no infinity.
        return [*self[:5], None if self.until == _FOREVER else self.until]

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> Self:
        """Read back what `to_json` returned."""
        policy, methods, showing, form, issuers, until = stored
        return cls(
            policy,
            tuple(methods),
            tuple(showing),
            Form(form),
            tuple(issuers),
            _FOREVER if until is None else until,
        )


class TokenUse(NamedTuple):
    """Whose tokens an app's policies take, and on which methods they ask who a client is.

    Attributes
    ----------
    asked
        The canonical names of methods with a policy that uses `token` or `claims`, or requires a
        token, in order.
    """

    trusts: tuple[TrustScope, ...] = ()
    asked: tuple[str, ...] = ()

    def at(self, now: float) -> Self:
        """The same without windows that are over."""
        return self._replace(trusts=tuple(one for one in self.trusts if one.until >= now))


NO_TOKENS: Final = TokenUse()


def token_use(policies: Iterable[Policy]) -> TokenUse:
    """Return what policies are about tokens; those that are off do not count."""
    present = [policy for policy in policies if policy.mode is not Mode.OFF]
    asking = (one for one in present if one.requires_token or {"token", "claims"} & one.uses)
    return TokenUse(
        tuple(_scope(policy, policy.trust) for policy in present if policy.trust is not None),
        tuple(sorted({method for policy in asking for method in policy.methods})),
    )


def unfilled(methods: Iterable[str], uses: Iterable[TokenUse]) -> list[str]:
    """Of some methods those on whose hooks `claims` is always null.

    Parameters
    ----------
    methods
        Canonical names.
    uses
        Of all policies that hold together.
    """
    showing = {method for use in uses for trust in use.trusts for method in trust.showing}
    return [
        method
        for method in methods
        if method not in showing and (method in PLAYERS or _CONNECT not in showing)
    ]


def pack_token_use(use: TokenUse) -> bytes:
    """Compress it for storage."""
    return zlib.compress(json.dumps([[one.to_json() for one in use.trusts], use.asked]).encode())


def unpack_token_use(stored: bytes) -> TokenUse:
    """Read back what `pack_token_use` returned."""
    trusts, asked = json.loads(zlib.decompress(stored))
    return TokenUse(tuple(TrustScope.from_json(one) for one in trusts), tuple(asked))


def _scope(policy: Policy, trust: Trust) -> TrustScope:
    until = _FOREVER if policy.not_after is None else policy.not_after
    showing = tuple(method for method in policy.methods if _can_show(trust, method))
    return TrustScope(policy.id, policy.methods, showing, trust.form, trust.issuers, until)


def _can_show(trust: Trust, method: str) -> bool:
    """Whether a hook of a method can hold a token that an item takes.

    What is known of WCS's hooks is judged only where the item names no place of its own.
    """
    if trust.form is Form.KEY and method not in _KEY_METHODS:
        return False
    if trust.token_in != PLACES_BY_DEFAULT[trust.form]:
        return True
    return any(place.partition(".")[0] in FIELDS[method] for place in trust.token_in)
