"""Show an edit, ask, apply it, and show what became of it."""

from collections.abc import Mapping, Sequence
from typing import Final

import typer
from rich.text import Text

from wcsctl.commands.asking import ask
from wcsctl.commands.policy.rendering import changes_text
from wcsctl.errors import ExitStatus, WcsctlError
from wcsctl.output import Output, counted, visible
from wcsctl.policies import connect_config
from wcsctl.policies.apply import Editing
from wcsctl.policies.diff import PolicyChange
from wcsctl.policies.files import FileFinding, PolicyFiles
from wcsctl.policies.table import AppItems

SHOWN_CHANGES: Final = 50
"""How many changes are shown before the question."""

_SHOWN_FINDINGS: Final = 50


def check_and_apply(
    editing: Editing,
    output: Output,
    read: PolicyFiles,
    changes: Sequence[PolicyChange],
    seen: Mapping[str, AppItems],
    *,
    yes: bool,
) -> None:
    """Check what will be in the table, then review and apply.

    Raises
    ------
    WcsctlError
        If the policies have errors.
    """
    stop_at_errors(output, [*read.findings, *editing.check(changes, seen, read.files)])
    for app_items in seen.values():
        if app_items.pin is not None and any(one.app == app_items.app for one in changes):
            output.say(
                Text(
                    f"App {app_items.app} has version {app_items.pin} pinned: "
                    "the edit becomes active when that is released.",
                    style="yellow",
                )
            )
    review_and_apply(editing, output, changes, seen, yes=yes)


def review_and_apply(
    editing: Editing,
    output: Output,
    changes: Sequence[PolicyChange],
    seen: Mapping[str, AppItems],
    *,
    yes: bool,
) -> None:
    """Show changes, ask, apply them, and show which version is active.

    Parameters
    ----------
    seen
        The apps as they were when the changes were worked out, also those without changes.
    yes
        Whether to write without asking.

    Raises
    ------
    UsageError
        If the question cannot be asked.
    ConflictError
        If somebody else edited an app since.
    typer.Exit
        If the person says no, or the edit does not become active.
    """
    if changes:
        edits = [change.to_json() for change in changes]
        output.preview(edits, changes_text(changes, SHOWN_CHANGES))
        if not yes:
            ask(output, f"Write to {editing.deployment.name}?")
    done = editing.apply(changes, seen)
    texts = [Text(str(one)) for one in done.outcomes if changes or not one.is_active]
    if not changes:
        texts.insert(0, Text("Nothing to do: the table holds just this."))
    output.result(done.to_json(), *texts, *map(Text, connect_config.lines(done.reconfigured)))
    if not done.is_active:
        raise typer.Exit(ExitStatus.FAILED)


def stop_at_errors(output: Output, findings: Sequence[FileFinding]) -> None:
    """Show what is wrong with policies.

    Raises
    ------
    WcsctlError
        If any of it is an error.
    """
    errors = [finding for finding in findings if finding.is_error]
    warnings = [finding for finding in findings if not finding.is_error]
    for kind, style, found in (("error", "red", errors), ("warning", "yellow", warnings)):
        for finding in found[:_SHOWN_FINDINGS]:
            output.warn(Text.assemble((f"{kind}:", style), f" {visible(str(finding))}"))
        if len(found) > _SHOWN_FINDINGS:
            output.say(f"… and {len(found) - _SHOWN_FINDINGS:,} more {kind}s")
    if errors:
        raise WcsctlError(f"{counted(len(errors), 'error')} in the policies: nothing was written.")
