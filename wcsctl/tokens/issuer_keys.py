"""The keys of issuers that a deployment has fetched, and fetching them again."""

import json
import time
from typing import Any, Final, NamedTuple

from wcs_hooks.adapters.dynamo_keys import DynamoKeyStore
from wcs_hooks.adapters.token_keys import stored_keys
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.issuer_keys import KeyAddress, StoredKeys
from wcs_hooks.telemetry.catalogue import COMPILER
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.invocation import invoke
from wcsctl.tokens.deployed_keys import DeployedKeys

_REFRESH: Final = {"refreshKeys": True}
"""The compiler's event: `wcs_hooks.handlers.compiler`."""


class RefreshError(WcsctlError):
    """The compiler did not fetch the keys."""


class FetchedKeys(NamedTuple):
    """The keys of an address.

    Attributes
    ----------
    fetched_at
        When they were fetched last, in seconds since the epoch; 0 if they never were.
    error
        Why the last fetch failed; empty if it did not.
    usable
        Whether tokens are verified with them: not if there are none, or they are too old.
    keys
        Of each key `kid`, `kty` and the algorithms that it is limited to.
    """

    address: KeyAddress
    fetched_at: float
    error: str
    usable: bool
    keys: tuple[dict[str, Any], ...]


def fetched_keys(deployment: Deployment) -> list[FetchedKeys]:
    """What is stored of every address, by URL."""
    store = DynamoKeyStore(
        deployment.client("dynamodb"), deployment.output("SnapshotsTableName"), 0, SystemClock()
    )
    stored = store.all()
    stale_seconds = DeployedKeys(deployment).stale_seconds() if stored else 0.0
    now = time.time()
    return [
        FetchedKeys(
            address,
            one.fetched_at,
            "" if one.ok else one.error,
            one.usable_at(now, stale_seconds),
            _keys(one),
        )
        for address, one in sorted(stored.items())
    ]


def refresh_keys(deployment: Deployment) -> int:
    """Have the compiler fetch the keys of all addresses; return how many that are.

    Raises
    ------
    RefreshError
        If it fails.
    """
    client = deployment.client("lambda")
    name = deployment.output(f"{COMPILER.capitalize()}FunctionName")
    answer, problem = invoke(client, name, _REFRESH)
    if problem:
        raise RefreshError(f"The keys were not fetched: {problem}. See its log.")
    if not isinstance(answer, dict) or not isinstance(answer.get("keys"), list):
        raise RefreshError(f"{name} does not know how to fetch keys: deploy the stack again.")
    return len(answer["keys"])


def _keys(stored: StoredKeys) -> tuple[dict[str, Any], ...]:
    if not stored.keys:
        return ()
    try:
        keys = stored_keys(stored.keys)
    except (json.JSONDecodeError, KeyError, ValueError, TypeError):
        return ()
    return tuple(
        {"kid": key.kid, "kty": str(key.family), "algorithms": list(key.algorithms)} for key in keys
    )
