"""Hold a version of an app's policies, and release it."""

import typer
from rich.text import Text

from wcsctl.commands.policy.arguments import WAIT, AppKey, VersionNumber, Wait
from wcsctl.context import command_context
from wcsctl.errors import ExitStatus
from wcsctl.output import Output
from wcsctl.policies.apply import Editing, EditOutcome
from wcsctl.policies.history import History


def pin(context: typer.Context, app_key: AppKey, version: VersionNumber, wait: Wait = WAIT) -> None:
    """Keep a version active from now on, whatever is edited, until `unpin`.

    ```
    wcsctl policy pin school 7
    ```
    """
    command = command_context(context)
    editing = Editing(command.deployment, command.output, wait)
    History(command.deployment).check(app_key, version)
    with command.output.progress("Waiting until it is active"):
        done = editing.pin(app_key, version)
    if done.pinned_already:
        message = f"{app_key}: version {version} is pinned already"
        command.output.result(done.outcome.to_json(), Text(message))
    else:
        _show(command.output, done.outcome, f"{app_key}: version {version} is pinned and active")


def unpin(context: typer.Context, app_key: AppKey, wait: Wait = WAIT) -> None:
    """Release what `pin` holds: what the table says becomes active again.

    ```
    wcsctl policy unpin school
    ```
    """
    command = command_context(context)
    editing = Editing(command.deployment, command.output, wait)
    with command.output.progress("Waiting until it is active"):
        outcome = editing.unpin(app_key)
    _show(command.output, outcome, f"{app_key}: released; version {outcome.version} is active")


def _show(output: Output, outcome: EditOutcome, text: str) -> None:
    output.result(outcome.to_json(), Text(text if outcome.ok else str(outcome)))
    if not outcome.ok:
        raise typer.Exit(ExitStatus.FAILED)
