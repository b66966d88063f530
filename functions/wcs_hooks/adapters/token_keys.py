"""The keys that tokens are verified with, wherever their policy says that they are."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wcs_hooks.adapters.cached_keys import CachedKeys
from wcs_hooks.adapters.cached_token_secrets import CachedTokenSecrets
from wcs_hooks.adapters.dynamo_keys import DynamoKeys
from wcs_hooks.adapters.secrets_manager import read_token_secrets
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.tokens.keys import Key, UnusableKeyError, secret_key
from wcs_hooks.core.tokens.trust import Trust
from wcs_hooks.ports import IssuerKeys, TokenSecrets

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient

    from wcs_hooks.environment import HookEnvironment


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


def token_keys(
    environment: "HookEnvironment",
    dynamodb: "DynamoDBClient",
    secrets_manager: "SecretsManagerClient",
    clock: Clock,
) -> TokenKeys:
    """The keys of `trust` items, as a function reads them that answers hooks."""
    arn = environment.token_secrets_arn
    return TokenKeys(
        CachedKeys(
            DynamoKeys(dynamodb, environment.snapshots_table).read,
            _parse,
            environment.keys_stale,
            clock,
        ),
        CachedTokenSecrets(lambda: read_token_secrets(secrets_manager, arn) if arn else {}, clock),
    )


def _parse(stored: bytes) -> Sequence[Key]:
    return [Key.from_json(record) for record in json.loads(stored)]
