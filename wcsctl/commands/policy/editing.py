"""Edit policies: write files, delete, edit in an editor, apply a directory, roll back."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wcsctl.commands import asking
from wcsctl.commands.policy.arguments import (
    WAIT,
    AppKey,
    AppOption,
    Directory,
    Message,
    PolicyId,
    Wait,
    Yes,
)
from wcsctl.commands.policy.rendering import without_folder
from wcsctl.commands.policy.review import check_and_apply, review_and_apply
from wcsctl.completion import Completed
from wcsctl.context import command_context
from wcsctl.errors import UsageError
from wcsctl.output import Output
from wcsctl.policies import files as policy_files
from wcsctl.policies import yaml as policy_yaml
from wcsctl.policies.apply import Editing
from wcsctl.policies.cookbook import recipes, write_recipe
from wcsctl.policies.diff import PolicyChange, compare, compare_managed
from wcsctl.policies.editor import edit as edit_text
from wcsctl.policies.files import PolicyFiles, folder_of, is_app_folder
from wcsctl.policies.history import History
from wcsctl.policies.table import AppItems, policies_of

_HERE: Final = Path()


def new(
    context: typer.Context,
    recipe: Annotated[
        str | None, typer.Argument(help="A recipe of the cookbook; without it all are listed.")
    ] = None,
    directory: Annotated[
        Path, typer.Argument(help="Where the app's folder is, or will be.")
    ] = _HERE,
    app_key: AppOption = None,
) -> None:
    """Write a recipe of the cookbook, policies and tests, as files of an app.

    Edit them, then test and apply the app's folder. docs/cookbook/index.md says what each recipe is
    for. Needs no AWS.

        wcsctl policy new
        wcsctl policy new teachers-only --app school
        wcsctl policy new per-user-rights policies --app school
    """
    output = command_context(context).output
    if recipe is None:
        output.result(recipes(), *map(Text, recipes()))
        output.say("Write one as files: wcsctl policy new RECIPE --app APP")
        return
    if app_key is None:
        raise UsageError("Give --app: the app that the policies are for, or every-app.")
    written = [str(file) for file in write_recipe(recipe, directory, app_key)]
    output.result({"written": written}, *map(Text, written))
    folder = directory / folder_of(app_key)
    for finding in policy_files.load([folder]).findings:
        output.say(Text(f"{finding}: keep one of them", style="yellow"))
    place = shlex.quote(str(folder))
    output.say(f"Next: wcsctl policy test {place}, then wcsctl policy apply {place}")


def put(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="YAML files of one policy or a list.")],
    message: Message = "",
    yes: Yes = False,
    wait: Wait = WAIT,
) -> None:
    """Write the policies of files, and leave all others as they are.

    Shows the difference, and asks where somebody can answer: in a script it writes without asking.
    A policy that names no `app` belongs to the app that the file's folder is named after. The
    command says which of the changes hold only for sessions that connect from now on.

        wcsctl policy put school/teachers-only.yaml
    """
    command = command_context(context)
    editing = Editing(command.deployment, command.output, wait, message)
    read = policy_files.load(files)
    seen = _read_apps(editing, command.output, read.policies)
    changes = compare(policies_of(seen), read.policies, delete=False)
    asks = asking.can_ask(command.output) and not yes
    check_and_apply(editing, command.output, read, changes, seen, yes=not asks)


def delete(
    context: typer.Context,
    app_key: AppKey,
    policy_ids: Annotated[list[str], typer.Argument(help="The policies' ids."), Completed.POLICIES],
    yes: Yes = False,
    message: Message = "",
    wait: Wait = WAIT,
) -> None:
    """Delete policies; shows them and asks first.

    ```
    wcsctl policy delete school teachers-only
    ```
    """
    command = command_context(context)
    editing = Editing(command.deployment, command.output, wait, message)
    seen = editing.table.read(app_key)
    changes = [
        PolicyChange(app_key, policy_id, seen.policy(policy_id), None)
        for policy_id in dict.fromkeys(policy_ids)
    ]
    review_and_apply(editing, command.output, changes, {app_key: seen}, yes=yes)


def edit(
    context: typer.Context,
    app_key: AppKey,
    policy_id: PolicyId,
    message: Message = "",
    wait: Wait = WAIT,
) -> None:
    """Edit a policy in your editor (EDITOR, else VISUAL, else vi).

    A mistake opens the editor again, with what is wrong on top. Whoever edited the policy meanwhile
    keeps their edit: yours is then a conflict.

        wcsctl policy edit school teachers-only
    """
    command = command_context(context)
    editing = Editing(command.deployment, command.output, wait, message)
    seen = editing.table.read(app_key)
    policy = seen.policy(policy_id)

    def check(text: str) -> tuple[dict[str, Any], Sequence[str]]:
        return _checked(editing, seen, policy_id, text)

    intro = f"Policy {policy_id} of app {app_key}. Save it to write it, leave it as it is not to."
    edited = edit_text(policy_yaml.write_policies([policy]), intro, check)
    changes = [] if edited is None else [PolicyChange(app_key, policy_id, policy, edited)]
    changes = [change for change in changes if list(change.attributes())]
    review_and_apply(editing, command.output, changes, {app_key: seen}, yes=True)


def apply(
    context: typer.Context,
    directory: Directory,
    yes: Yes = False,
    delete_others: Annotated[
        bool,
        typer.Option("--delete/--no-delete", help="Delete policies that an app's files lack."),
    ] = True,
    message: Message = "",
    wait: Wait = WAIT,
) -> None:
    """Make the table what a directory says, and wait until that is active.

    Checks the files, shows the difference, asks, writes, and says which version is active and which
    changes hold only for sessions that connect from now on. Where there is no difference, it checks
    and waits all the same; status 1 while anything that it names is not active. Apps without a
    folder are left alone. What fits is one transaction: up to 100 items, an app's own kept
    together. If somebody edits meanwhile, nothing of a transaction is written (status 3).

        wcsctl policy apply policies
        wcsctl policy apply policies --yes --no-delete
    """
    command = command_context(context)
    read = policy_files.load_directory(directory)
    editing = Editing(command.deployment, command.output, wait, message)
    with command.output.progress("Reading") as advance:
        apps = editing.table.read_allowed(read.policies, advance)
    changes, others = compare_managed(policies_of(apps), read.policies, delete=delete_others)
    if not is_app_folder(directory):
        for line in without_folder(others):
            command.output.say(line)
    seen = {name: apps.get(name) or AppItems(name) for name in read.policies}
    check_and_apply(editing, command.output, read, changes, seen, yes=yes)


def rollback(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    app_key: AppKey,
    version: Annotated[
        int | None,
        typer.Argument(help="The version's number; see `history`.", min=1),
        Completed.VERSIONS,
    ] = None,
    previous: Annotated[
        bool, typer.Option("--previous", help="The version before the active one.")
    ] = False,
    yes: Yes = False,
    message: Message = "",
    wait: Wait = WAIT,
) -> None:
    """Put the policies of an old version back into the table, and wait until they are active.

    Shows the difference and asks, as `apply` does. The version that becomes active has a new number
    and the policies of the old one; so `--previous` a second time undoes the first.

        wcsctl policy rollback school 3
        wcsctl policy rollback school --previous
    """
    if (version is None) is not previous:
        raise UsageError("Give the VERSION to go back to, or --previous.")
    command = command_context(context)
    history = History(command.deployment)
    number = history.before_current(app_key) if version is None else version
    policies = history.policies(app_key, number)
    message = message or f"Roll back to version {number}"
    editing = Editing(command.deployment, command.output, wait, message)
    seen = {app_key: editing.table.read(app_key)}
    changes = compare(policies_of(seen), {app_key: policies})
    files = {(app_key, name): f"version {number}" for name in policies}
    read = PolicyFiles({app_key: policies}, files, ())
    check_and_apply(editing, command.output, read, changes, seen, yes=yes)


def _checked(
    editing: Editing, seen: AppItems, policy_id: str, text: str
) -> tuple[dict[str, Any], Sequence[str]]:
    """What an edited text means, and what is wrong with it."""
    try:
        edited = policy_yaml.read(text, "the text")
    except policy_yaml.PolicyYamlError as error:
        return {}, [str(error)]
    if not isinstance(edited, dict):
        return {}, ["It must be one policy: a map of attributes."]
    edited = {"app": seen.app, **edited}
    moved = [
        f"{name}: a policy cannot be moved here; it must stay {was!r}"
        for name, was in (("app", seen.app), ("id", policy_id))
        if edited.get(name) != was
    ]
    if moved:
        return edited, moved
    findings = editing.lint({seen.app: {**seen.policies, policy_id: edited}}, {})
    return edited, [
        f"{finding.finding.attribute}: {finding.finding.message}"
        for finding in findings
        if finding.is_error and finding.finding.policy == policy_id
    ]


def _read_apps(editing: Editing, output: Output, names: Mapping[str, Any]) -> dict[str, AppItems]:
    with output.progress("Reading") as advance:
        return {name: editing.table.read(name, advance) for name in names}
