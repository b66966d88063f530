"""The keys that tokens are verified with, wherever their policy says that they are."""

from collections.abc import Sequence

from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.tokens.keys import Key, UnusableKeyError, secret_key
from wcs_hooks.core.tokens.trust import Trust
from wcs_hooks.ports import IssuerKeys, TokenSecrets


class TokenKeys:
    """The keys of `trust` items.

    Parameters
    ----------
    fetched
        The keys of issuers, as the compiler fetched them.
    secrets
        The secrets that policies name.
    """

    def __init__(self, fetched: IssuerKeys[Sequence[Key]], secrets: TokenSecrets) -> None:
        self._fetched = fetched
        self._secrets = secrets

    def __call__(self, trust: Trust, deadline: Deadline) -> Sequence[Key] | None:
        """The keys of an item; none if there are none to be had, for whatever reason."""
        source = trust.keys
        try:
            if source.address:
                return self._fetched.keys(KeyAddress(source.address, source.issuer), deadline)
            if source.secret:
                return [secret_key(text) for text in self._secrets.valid(source.secret, deadline)]
        except (UnavailableError, UnusableKeyError):
            return None
        return source.static
