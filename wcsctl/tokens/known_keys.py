"""The keys that a decision verifies tokens with, beside those that are in policies."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.tokens.keys import Key
from wcs_hooks.core.tokens.trust import Trust


class KnownKeys(NamedTuple):
    """Keys of issuers and secrets, as they were read from a deployment.

    Attributes
    ----------
    fetched
        Keys that the compiler fetched and that still count, JSON, by their address.
    secrets
        By name: the current one, then the previous.
    """

    fetched: Mapping[KeyAddress, bytes] = {}
    secrets: Mapping[str, Sequence[str]] = {}

    def keys_of(self, trust: Trust) -> Sequence[Key] | None:
        """The keys of an item, by the code of the functions; none if there are none to be had."""
        # Imported here because most decisions are about no token.
        from wcs_hooks.adapters.token_keys import TrustedKeys  # noqa: PLC0415

        return TrustedKeys(self, self)(trust, Deadline(SystemClock(), 1.0))

    def keys(self, address: KeyAddress, _deadline: Deadline) -> Sequence[Key] | None:
        """The keys of an address; none if there are none."""
        from wcs_hooks.adapters.token_keys import stored_keys  # noqa: PLC0415 - as above

        stored = self.fetched.get(address)
        return stored_keys(stored) if stored else None

    def valid(self, name: str, _deadline: Deadline) -> Sequence[str]:
        """The current secret of a name, then the previous one; none if there is no such name."""
        return self.secrets.get(name, ())


NO_KEYS = KnownKeys()
"""Only what is in policies."""
