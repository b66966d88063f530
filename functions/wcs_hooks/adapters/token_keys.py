"""The keys that tokens are verified with, wherever their policy says that they are."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from wcs_hooks.adapters.cached_keys import CachedKeys
from wcs_hooks.adapters.cached_token_secrets import CachedTokenSecrets
from wcs_hooks.adapters.dynamo_keys import DynamoKeys
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.tokens.keys import Key, UnusableKeyError, secret_key
from wcs_hooks.core.tokens.trust import Trust
from wcs_hooks.ports import IssuerKeys, TokenSecrets

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class TrustedKeys:
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


def trusted_keys(
    dynamodb: "DynamoDBClient",
    snapshots_table: str,
    keys_stale: float,
    secrets: Callable[[], Mapping[str, Sequence[str]]],
    clock: Clock,
) -> TrustedKeys:
    """The keys of `trust` items, as a function reads them that answers hooks.

    Parameters
    ----------
    keys_stale
        Seconds for which an issuer's keys count after they were fetched.
    secrets
        Reads the secrets that policies name; raises `UnavailableError`.
    """
    fetched = DynamoKeys(dynamodb, snapshots_table)
    return TrustedKeys(
        CachedKeys(fetched.read, stored_keys, keys_stale, clock), CachedTokenSecrets(secrets, clock)
    )


def stored_keys(stored: bytes) -> Sequence[Key]:
    """The keys that the compiler stored, JSON."""
    return [Key.from_json(record) for record in json.loads(stored)]
