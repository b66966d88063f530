"""The keys that a deployment verifies tokens with, read with the operator's rights."""

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import batched
from typing import Final

from wcs_hooks.adapters.dynamo_keys import NEVER_FETCHED, DynamoKeys
from wcs_hooks.adapters.secrets_manager import read_token_secrets
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress, StoredKeys
from wcs_hooks.core.methods import Category
from wcs_hooks.core.tokens.trust import Trust
from wcsctl.ages import in_words
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError, UnreachableError
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.tokens.known_keys import NO_KEYS, KnownKeys

SECRETS_OUTPUT: Final = "TokenSecretsArn"
"""The stack's output with the secret of tokens; absent without the setting `tokenSecrets`."""

_MOST_ADDRESSES: Final = 100
_SECONDS_PER_HOUR: Final = 3_600
_STALE_HOURS: Final = "24"


class DeployedKeys:
    """Reads keys, each once; writes nothing.

    Parameters
    ----------
    deployment
        Whose.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._stored: dict[KeyAddress, StoredKeys] = {}
        self._secrets: Mapping[str, Sequence[str]] | None = None
        self._secrets_problem = ""
        self._stale_seconds: float | None = None

    def known(self, trusts: Iterable[Trust]) -> KnownKeys:
        """What tokens of some items are verified with.

        Secrets that cannot be read are left out: `problem` says so.

        Raises
        ------
        UnreachableError
            If the keys that were fetched cannot be read.
        """
        trusts = tuple(trusts)
        addresses = {address for trust in trusts if (address := address_of(trust))}
        self._fetch(addresses)
        now = time.time()
        fetched = {
            address: self._stored[address].keys
            for address in addresses
            if self._stored[address].usable_at(now, self.stale_seconds())
        }
        needs_secrets = any(trust.keys.secret for trust in trusts)
        if not fetched and not needs_secrets:
            return NO_KEYS
        return KnownKeys(fetched, self._read_secrets() if needs_secrets else {})

    def problem(self, trust: Trust) -> str:
        """Why an item of `known` has no keys; empty if it has."""
        address = address_of(trust)
        if address is not None:
            return self._problem_of_address(address)
        name = trust.keys.secret
        if not name:
            return ""
        secrets = self._read_secrets()
        if self._secrets_problem:
            return self._secrets_problem
        return "" if name in secrets else f"the secrets of tokens have none by the name {name}"

    def secrets(self) -> Mapping[str, Sequence[str]]:
        """The secrets of tokens, by name: the current one, then the previous.

        Raises
        ------
        NotFoundError
            If the stack has none.
        UnreachableError
            If they cannot be read.
        """
        if SECRETS_OUTPUT not in self._deployment.outputs:
            raise NotFoundError(
                f"The stack {self._deployment.name} has no secrets of tokens: deploy it with the "
                "setting tokenSecrets."
            )
        client = self._deployment.client("secretsmanager")
        try:
            return read_token_secrets(client, self._deployment.output(SECRETS_OUTPUT))
        except UnavailableError as error:
            raise UnreachableError(
                f"The secrets of tokens cannot be read: {error}. Has this profile the right to it?"
            ) from error

    def stale_seconds(self) -> float:
        """Seconds for which the functions use keys after they were fetched."""
        if self._stale_seconds is None:
            found = FunctionConfigurations(self._deployment).for_function(Category.CONNECT)
            hours = float(found.environment.get("KEYS_STALE_HOURS", _STALE_HOURS))
            self._stale_seconds = hours * _SECONDS_PER_HOUR
        return self._stale_seconds

    def _fetch(self, addresses: Iterable[KeyAddress]) -> None:
        missing = [address for address in addresses if address not in self._stored]
        if not missing:
            return
        reader = DynamoKeys(
            self._deployment.client("dynamodb"), self._deployment.output("SnapshotsTableName")
        )
        try:
            for some in batched(missing, _MOST_ADDRESSES):
                self._stored |= reader.read(some)
        except UnavailableError as error:
            raise UnreachableError(f"The keys of issuers cannot be read: {error}.") from error

    def _problem_of_address(self, address: KeyAddress) -> str:
        stored = self._stored.get(address, NEVER_FETCHED)
        now = time.time()
        if stored.usable_at(now, self.stale_seconds()):
            return ""
        if not stored.keys:
            return f"no keys were fetched from {address.url} ({stored.error})"
        since = in_words(now - stored.fetched_at)
        return f"the keys from {address.url} were fetched {since} ago, too long ({stored.error})"

    def _read_secrets(self) -> Mapping[str, Sequence[str]]:
        if self._secrets is None:
            try:
                self._secrets = self.secrets()
            except (NotFoundError, UnreachableError) as error:
                self._secrets, self._secrets_problem = {}, str(error)
        return self._secrets


def address_of(trust: Trust) -> KeyAddress | None:
    """Where an item's keys are fetched; none if they are not."""
    return KeyAddress(trust.keys.address, trust.keys.issuer) if trust.keys.address else None
