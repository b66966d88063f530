"""Compiles the policies of each app that was edited: the Policies table's stream leads here.

A schedule does too, for what depends on time, and another one fetches the keys of token issuers.
"""

import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_keys import DynamoKeyStore
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.adapters.key_fetcher import KeyFetcher
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.key_refresher import KeyRefresher
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status
from wcs_hooks.core.issuer_keys import KeyFetchError
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcs_hooks.core.tokens.keys import UnusableKeyError, keys_of_jwks
from wcs_hooks.environment import SECONDS_PER_DAY, CompilerEnvironment
from wcs_hooks.telemetry.compiler_reporter import CompilerReporter

REFRESH_KEYS: Final = "refreshKeys"
"""The member of an event that asks for the keys of token issuers to be fetched again."""

_CALL_TIME_LIMIT = 10.0


def _usable_keys(fetched: bytes) -> bytes:
    """The keys of a fetched set that verify tokens, as they are stored."""
    try:
        keys, _ = keys_of_jwks(json.loads(fetched))
    except (UnusableKeyError, ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, UnusableKeyError) else "it is not JSON"
        raise KeyFetchError(reason) from None
    return json.dumps([key.to_json() for key in keys]).encode()


_environment = CompilerEnvironment.read(os.environ)
_clock = SystemClock()
_dynamodb = Clients(_CALL_TIME_LIMIT).dynamodb()
_keys = KeyRefresher(
    KeyFetcher(_usable_keys, _clock, local=_environment.local_issuers).fetch,
    DynamoKeyStore(
        _dynamodb, _environment.snapshots_table, _environment.keys_stale + SECONDS_PER_DAY, _clock
    ),
    _clock,
)


def _has_keep_alive(app: str) -> bool:
    # Imported here because most apps limit no streams.
    from wcs_hooks.adapters.keep_alive_marks import has_keep_alive  # noqa: PLC0415

    return has_keep_alive(_dynamodb, _environment.leases_table, app)


_compiler = PolicyCompiler(
    DynamoPolicyStore(
        _dynamodb,
        _environment.policies_table,
        _environment.snapshots_table,
        _environment.retention_days,
        _clock,
    ),
    _clock,
    fetch_new=_keys.fetch_new,
    retention=_environment.retention_days * SECONDS_PER_DAY,
    has_keep_alive=_has_keep_alive,
)
_reporter = CompilerReporter()


class AppsNotCompiledError(Exception):
    """Some apps could not be compiled: the stream's records are tried again, then dead-lettered."""


def handler(event: dict[str, Any], _context: object) -> dict[str, Any] | None:
    """Compile the apps that a batch of stream records names, and those that depend on them.

    An event without records, which a schedule sends, compiles what time has changed. The event
    `{"refreshKeys": true}` fetches the keys of token issuers again; the result says what came of
    each address: `{"keys": [{"address": "https://…", "error": ""}]}`.

    Raises
    ------
    AppsNotCompiledError
        After all of them were tried, so that one does not hold up the others.
    """
    if event.get(REFRESH_KEYS) is True:
        return _refresh_keys()
    edited = _edited_apps(event["Records"]) if "Records" in event else []
    if "Records" in event and not edited:
        return None
    try:
        failed = _compiler.compile_all(edited, _report)
    finally:
        _reporter.flush()
    if failed:
        raise AppsNotCompiledError(f"could not compile the policies of {', '.join(failed)}")
    return None


def _refresh_keys() -> dict[str, Any]:
    refreshed = _keys.refresh(_compiler.key_addresses())
    _reporter.keys_refreshed(refreshed)
    _reporter.flush()
    return {"keys": [{"address": address.url, "error": error} for address, error in refreshed]}


def _report(app: str, outcome: Status | Exception) -> None:
    if isinstance(outcome, Status):
        _reporter.compiled(outcome)
    else:
        _reporter.failed(app, outcome)


def _edited_apps(records: Sequence[dict[str, Any]]) -> list[str]:
    """The edited apps; one of which many policies were edited does not hold up the others."""
    keys = [record["dynamodb"]["Keys"] for record in records]
    edits = Counter(key["app"]["S"] for key in keys if key["id"]["S"] != STATUS_ID)
    return sorted(edits, key=edits.__getitem__)
