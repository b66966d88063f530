"""Compiles the policies of each app that was edited: the Policies table's stream leads here."""

import os
from typing import Any

from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.clock import SystemClock
from wcs_hooks.environment import CompilerEnvironment
from wcs_hooks.observability import CompilerReporter
from wcs_hooks.policy_compiler import STATUS_ID, PolicyCompiler

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
    """Compile the apps that a batch of stream records names.

    Raises
    ------
    AppsNotCompiledError
        After all of them were tried, so that one does not hold up the others.
    """
    failed: list[str] = []
    for app in _edited_apps(event):
        try:
            status = _compiler.compile(app)
        except Exception as error:  # noqa: BLE001 - the other apps must not suffer for it
            _reporter.failed(app, error)
            failed.append(app)
        else:
            _reporter.compiled(status)
    _reporter.flush()
    if failed:
        raise AppsNotCompiledError(f"could not compile the policies of {', '.join(failed)}")


def _edited_apps(event: dict[str, Any]) -> list[str]:
    keys = [record["dynamodb"]["Keys"] for record in event["Records"]]
    edited = (key["app"]["S"] for key in keys if key["id"]["S"] != STATUS_ID)
    return list(dict.fromkeys(edited))
