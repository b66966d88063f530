"""Compiles the policies of each app that was edited: the Policies table's stream leads here.

A schedule does too, for what depends on time.
"""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcs_hooks.environment import CompilerEnvironment
from wcs_hooks.telemetry.compiler_reporter import CompilerReporter

_CALL_TIME_LIMIT = 10.0

_environment = CompilerEnvironment.read(os.environ)
_clock = SystemClock()
_compiler = PolicyCompiler(
    DynamoPolicyStore(
        Clients(_CALL_TIME_LIMIT).dynamodb(),
        _environment.policies_table,
        _environment.snapshots_table,
        _environment.retention_days,
        _clock,
    ),
    _clock,
)
_reporter = CompilerReporter()


class AppsNotCompiledError(Exception):
    """Some apps could not be compiled: the stream's records are tried again, then dead-lettered."""


def handler(event: dict[str, Any], _context: object) -> None:
    """Compile the apps that a batch of stream records names, and those that depend on them.

    An event without records, which the schedule sends, compiles what time has changed.

    Raises
    ------
    AppsNotCompiledError
        After all of them were tried, so that one does not hold up the others.
    """
    edited = _edited_apps(event["Records"]) if "Records" in event else []
    if "Records" in event and not edited:
        return
    try:
        failed = _compiler.compile_all(edited, _report)
    finally:
        _reporter.flush()
    if failed:
        raise AppsNotCompiledError(f"could not compile the policies of {', '.join(failed)}")


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
