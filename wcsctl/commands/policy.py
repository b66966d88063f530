"""Edit, compare, test and roll back policies."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.text import Text

from strict_yaml import plain
from wcs_hooks.compiler.policy_compiler import PIN_ID
from wcsctl.context import of
from wcsctl.errors import ExitStatus, NotFoundError, WcsctlError
from wcsctl.output import Output
from wcsctl.policies import files as policy_files
from wcsctl.policies import schema as policy_schema
from wcsctl.policies import yaml as policy_yaml
from wcsctl.policies.apply import (
    Editing,
    advancing,
    outcome_of,
    show_findings,
)
from wcsctl.policies.diff import Change, compare, render
from wcsctl.policies.editor import edit as edit_text
from wcsctl.policies.files import FileFinding, Policies, PolicyFiles
from wcsctl.policies.history import History, Version
from wcsctl.policies.lint import lint as lint_policies
from wcsctl.policies.listing import Listing, lines
from wcsctl.policies.table import AppItems, PolicyTable, Write, attribute_of, key_of

app = typer.Typer(no_args_is_help=True, help="Edit, compare, test and roll back policies.")

_App = Annotated[str, typer.Argument(help="The app: an appKey, or * for every app (quote it).")]
_Id = Annotated[str, typer.Argument(help="The policy's id.")]
_Version = Annotated[int, typer.Argument(help="The version's number; see `history`.", min=1)]
_Directory = Annotated[
    Path, typer.Argument(help="A directory with a folder of YAML files for each app.")
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Write without asking.")]
_Wait = Annotated[
    float, typer.Option("--wait", help="Seconds to wait until the edit is in force.", min=1)
]
_WAIT = 60.0


@app.command("list")
def list_policies(
    context: typer.Context,
    app_key: Annotated[
        str | None, typer.Option("--app", help="Only this app; * for every app's (quote it).")
    ] = None,
) -> None:
    """The policies as they stand in the table, and whether each is in force.

    Below them each app's last compilation: the version in force, and what is wrong if it is not
    what the table holds. In force is `yes`, `edited` (an earlier one is), `new` (none is yet), or
    `off`.
    """
    command = of(context)
    table = PolicyTable(command.deployment)
    with command.output.progress("Reading") as progress:
        if app_key is None:
            apps = table.read_all(advancing(progress))
        else:
            apps = {app_key: _known(table.read(app_key, advancing(progress)))}
        listing = Listing(apps, table, History(command.deployment))
        told = listing.to_json()
    command.output.result(told, *lines(told))


@app.command()
def get(context: typer.Context, app_key: _App, policy_id: _Id) -> None:
    """One policy, as YAML that `put` takes."""
    command = of(context)
    policy = _found(PolicyTable(command.deployment).read(app_key), policy_id)
    _show(command.output, [policy])


@app.command()
def put(
    context: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="YAML files of one policy or a list.")],
    wait: _Wait = _WAIT,
) -> None:
    """Write the policies of files, and leave all others as they are.

    A policy that names no `app` belongs to the app that the file's folder is named after. The
    command says which of the changes hold only for sessions that connect from now on.
    """
    command = of(context)
    editing = Editing(command.deployment, command.output, wait)
    read = policy_files.load(files)
    seen = _read_apps(editing, read.policies)
    changes = compare(_policies(seen), read.policies, delete=False)
    _bring(editing, read, changes, seen, yes=True)


@app.command()
def delete(
    context: typer.Context,
    app_key: _App,
    policy_ids: Annotated[list[str], typer.Argument(help="The policies' ids.")],
    yes: _Yes = False,
    wait: _Wait = _WAIT,
) -> None:
    """Delete policies; shows them and asks first."""
    command = of(context)
    editing = Editing(command.deployment, command.output, wait)
    seen = editing.table.read(app_key)
    changes = [
        Change(app_key, policy_id, _found(seen, policy_id), None)
        for policy_id in dict.fromkeys(policy_ids)
    ]
    editing.bring(changes, {app_key: seen}, yes=yes)


@app.command()
def edit(context: typer.Context, app_key: _App, policy_id: _Id, wait: _Wait = _WAIT) -> None:
    """Edit a policy in your editor (EDITOR, else VISUAL, else vi).

    A mistake opens the editor again, with what is wrong on top. Whoever edited the policy meanwhile
    keeps their edit: yours is then a conflict.
    """
    command = of(context)
    editing = Editing(command.deployment, command.output, wait)
    seen = editing.table.read(app_key)
    policy = _found(seen, policy_id)

    def check(text: str) -> tuple[dict[str, Any], Sequence[str]]:
        return _checked(editing, seen, policy_id, text)

    intro = f"Policy {policy_id} of app {app_key}. Save it to write it, leave it as it is not to."
    edited = edit_text(policy_yaml.write_policies([policy]), intro, check)
    changes = [] if edited is None else [Change(app_key, policy_id, policy, edited)]
    editing.bring(
        [change for change in changes if list(change.attributes())], {app_key: seen}, yes=True
    )


@app.command()
def lint(
    context: typer.Context,
    places: Annotated[
        list[Path], typer.Argument(help="Files, or directories with a folder for each app.")
    ],
) -> None:
    """Check policy files as the compiler will; needs no AWS.

    Prints `file: policy: attribute: message` for each mistake. Ends with status 1 if any is an
    error; warnings do not keep policies out of force.
    """
    output = of(context).output
    with output.progress("Reading") as progress:
        read = policy_files.load(places)
        progress.update(progress.tasks[0].id, description="Checking", total=read.count)
        checked = lint_policies(read.policies, read.files, advance=advancing(progress))
    findings = [*read.findings, *checked]
    errors = sum(finding.is_error for finding in findings)
    warnings = len(findings) - errors
    told = {
        "ok": not errors,
        "policies": read.count,
        "errors": [finding.to_json() for finding in findings if finding.is_error],
        "warnings": [finding.to_json() for finding in findings if not finding.is_error],
    }
    summary = f"{read.count:,} policies: {errors:,} errors, {warnings:,} warnings"
    output.result(told, *_finding_lines(findings), Text(summary))
    if errors:
        raise typer.Exit(ExitStatus.FAILED)


@app.command()
def diff(
    context: typer.Context,
    directory: _Directory,
    delete_others: Annotated[
        bool, typer.Option("--delete/--no-delete", help="Count what the files do not have.")
    ] = True,
) -> None:
    """What `apply` would change: the table against a directory, attribute by attribute.

    Edits made in the console or with the AWS CLI show here. Apps without a folder are named, and
    left alone. Ends with status 1 if there is a difference.
    """
    command = of(context)
    read = policy_files.load_directory(directory)
    _stop_at_errors(command.output, read.findings)
    with command.output.progress("Reading") as progress:
        apps = PolicyTable(command.deployment).read_all(advancing(progress))
    changes, others = _compare_all(apps, read.policies, delete=delete_others)
    told = {"changes": [change.to_json() for change in changes], "withoutFolder": others}
    command.output.result(told, render(changes), *_without_folder(others))
    if changes:
        raise typer.Exit(ExitStatus.FAILED)


@app.command()
def apply(
    context: typer.Context,
    directory: _Directory,
    yes: _Yes = False,
    delete_others: Annotated[
        bool,
        typer.Option("--delete/--no-delete", help="Delete policies that an app's files lack."),
    ] = True,
    wait: _Wait = _WAIT,
) -> None:
    """Make the table what a directory says, and wait until that is in force.

    Checks the files, shows the difference, asks, writes, and says which version is active and which
    changes hold only for sessions that connect from now on. Where there is no difference, it checks
    and waits all the same; status 1 while anything that it names is not active. Apps without a
    folder are left alone. What fits is one transaction: up to 100 items, an app's own kept
    together. If somebody edits meanwhile, nothing of a transaction is written (status 3).
    """
    command = of(context)
    read = policy_files.load_directory(directory)
    editing = Editing(command.deployment, command.output, wait)
    with command.output.progress("Reading") as progress:
        apps = editing.table.read_all(advancing(progress))
    changes, others = _compare_all(apps, read.policies, delete=delete_others)
    for line in _without_folder(others):
        command.output.say(escape(str(line)))
    seen = {name: apps.get(name) or AppItems(name) for name in read.policies}
    _bring(editing, read, changes, seen, yes=yes)


@app.command()
def export(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="A new or an empty directory.")],
    app_key: Annotated[
        str | None, typer.Option("--app", help="Only this app; * for every app's (quote it).")
    ] = None,
) -> None:
    """Write the table's policies to files, one folder for each app.

    Beside them goes the JSON Schema that editors check the files with.
    """
    command = of(context)
    table = PolicyTable(command.deployment)
    with command.output.progress("Reading") as progress:
        if app_key is None:
            apps = table.read_all(advancing(progress))
        else:
            apps = {app_key: _known(table.read(app_key, advancing(progress)))}
    policies = {name: items for name, items in _policies(apps).items() if items}
    written = policy_files.export(directory, policies, policy_schema.text())
    told = {"directory": str(directory), "apps": list(policies), "policies": len(written)}
    command.output.result(told, Text(f"{len(written):,} policies written to {directory}"))


@app.command()
def history(
    context: typer.Context,
    app_key: _App,
    limit: Annotated[int, typer.Option(help="How many versions at most.", min=1)] = 20,
) -> None:
    """The versions of an app's policies, newest first, and which is in force."""
    output = of(context).output
    versions = History(of(context).deployment).versions(app_key, limit)
    table = output.table(
        ("version", "compiled", "policies", "changed", ""),
        (
            (
                str(version.version),
                version.compiled_at[:19].replace("T", " "),
                f"{version.policies:,}",
                escape(_changed(version)),
                _mark(version),
            )
            for version in versions
        ),
    )
    output.result([version.to_json() for version in versions], table)


@app.command()
def show(context: typer.Context, app_key: _App, version: _Version) -> None:
    """The policies of a version, as YAML."""
    command = of(context)
    policies = History(command.deployment).policies(app_key, version)
    _show(command.output, [policies[name] for name in sorted(policies)])


@app.command()
def rollback(
    context: typer.Context,
    app_key: _App,
    version: _Version,
    yes: _Yes = False,
    wait: _Wait = _WAIT,
) -> None:
    """Put the policies of an old version back into the table, and so into force.

    Shows the difference and asks, as `apply` does. The version that comes into force has a new
    number, and the policies of the old one.
    """
    command = of(context)
    editing = Editing(command.deployment, command.output, wait)
    policies = History(command.deployment).policies(app_key, version)
    seen = {app_key: editing.table.read(app_key)}
    changes = compare(_policies(seen), {app_key: policies})
    files = {(app_key, name): f"version {version}" for name in policies}
    read = PolicyFiles({app_key: policies}, files, ())
    _bring(editing, read, changes, seen, yes=yes)


@app.command()
def pin(context: typer.Context, app_key: _App, version: _Version, wait: _Wait = _WAIT) -> None:
    """Hold a version in force at once, whatever is edited, until `unpin`."""
    command = of(context)
    editing = Editing(command.deployment, command.output, wait)
    History(command.deployment).check(app_key, version)
    mark = {**key_of(app_key, PIN_ID), "version": attribute_of(version)}
    _mark_pin(editing, app_key, mark)


@app.command()
def unpin(context: typer.Context, app_key: _App, wait: _Wait = _WAIT) -> None:
    """Release what `pin` holds: what the table says comes into force again."""
    command = of(context)
    editing = Editing(command.deployment, command.output, wait)
    _mark_pin(editing, app_key, None)


@app.command()
def schema(context: typer.Context) -> None:
    """The JSON Schema of policy files, for editors.

    Save it beside the files, and begin each with `# yaml-language-server: $schema=FILE`.
    """
    of(context).output.people.file.write(policy_schema.text())


def _bring(
    editing: Editing,
    read: PolicyFiles,
    changes: Sequence[Change],
    seen: Mapping[str, AppItems],
    *,
    yes: bool,
) -> None:
    """Check what will stand in the table, then write it."""
    after = {name: dict(items) for name, items in _policies(seen).items()}
    for change in changes:
        if change.after is None:
            del after[change.app][change.id]
        else:
            after[change.app][change.id] = dict(change.after)
    findings = [*read.findings, *editing.lint(after, read.files)]
    _stop_at_errors(editing.output, findings)
    for app_items in seen.values():
        if app_items.pin is not None and any(one.app == app_items.app for one in changes):
            editing.output.say(
                f"[yellow]App {escape(app_items.app)} has version {app_items.pin} pinned: "
                "the edit comes into force when that is released."
            )
    editing.bring(changes, seen, yes=yes)


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


def _mark_pin(editing: Editing, app_key: str, mark: dict[str, Any] | None) -> None:
    """Write or delete `#pin`, and wait until the compiler has seen it."""
    output = editing.output
    seen = editing.table.read(app_key)
    before = seen.system.get(PIN_ID)
    if mark is None and before is None:
        raise NotFoundError(f"No version of the policies of app {app_key} is pinned.")
    version = None if mark is None else int(mark["version"]["N"])
    if mark is not None and seen.pin == version == seen.status.get("pinned"):
        told = outcome_of(app_key, seen.status)
        output.result(told.to_json(), Text(f"{app_key}: version {version} is pinned already"))
        return
    with output.progress("Waiting until it is in force"):
        written = editing.table.write([Write(app_key, PIN_ID, before, mark)], {app_key: seen})
        outcome = editing.wait_for_pin(seen, version, written)
    if not outcome.ok:
        text = str(outcome)
    elif version is None:
        text = f"{app_key}: released; version {outcome.version} is in force"
    else:
        text = f"{app_key}: version {version} is pinned, and in force"
    output.result(outcome.to_json(), Text(text))
    if not outcome.ok:
        raise typer.Exit(ExitStatus.FAILED)


def _read_apps(editing: Editing, names: Mapping[str, Any]) -> dict[str, AppItems]:
    with editing.output.progress("Reading") as progress:
        return {name: editing.table.read(name, advancing(progress)) for name in names}


def _policies(apps: Mapping[str, AppItems]) -> Policies:
    return {name: items.policies for name, items in apps.items()}


def _compare_all(
    apps: Mapping[str, AppItems], wanted: Policies, *, delete: bool
) -> tuple[list[Change], dict[str, list[str]]]:
    """The changes in the apps that have a folder, and the policies of those that have none."""
    table = _policies(apps)
    managed = {name: table.get(name, {}) for name in wanted}
    others = {name: sorted(items) for name, items in table.items() if items and name not in wanted}
    return compare(managed, wanted, delete=delete), others


def _without_folder(others: Mapping[str, Sequence[str]]) -> list[Text]:
    return [
        Text(
            f"App {name} has no folder there, and is left alone: {len(ids):,} policies "
            f"({', '.join(ids):.100})"
        )
        for name, ids in others.items()
    ]


def _known(items: AppItems) -> AppItems:
    if not items.raw and not items.system:
        raise NotFoundError(f"There is no app {items.app}: `wcsctl policy list` shows them all.")
    return items


def _found(items: AppItems, policy_id: str) -> dict[str, Any]:
    try:
        return items.policies[policy_id]
    except KeyError:
        raise NotFoundError(
            f"App {items.app} has no policy {policy_id}: `wcsctl policy list` shows what there is."
        ) from None


def _show(output: Output, policies: Sequence[Mapping[str, Any]]) -> None:
    if output.as_json:
        told = [plain(policy_yaml.in_order(policy)) for policy in policies]
        output.result(told[0] if len(told) == 1 else told)
    else:
        output.people.file.write(policy_yaml.write_policies(policies))


def _stop_at_errors(output: Output, findings: Sequence[FileFinding]) -> None:
    if show_findings(output, findings):
        count = sum(finding.is_error for finding in findings)
        raise WcsctlError(f"{count:,} errors in the policies: nothing was written.")


def _finding_lines(findings: Sequence[FileFinding]) -> list[Text]:
    return [
        Text(str(finding), style="red" if finding.is_error else "yellow") for finding in findings
    ]


def _changed(version: Version) -> str:
    parts = []
    for kind, mark in (("added", "+"), ("removed", "-"), ("modified", "~")):
        told = version.changed.get(kind, {"count": 0, "first": []})
        shown = told["first"][:3]
        names = ", ".join(shown)
        if told["count"]:
            more = f" and {told['count'] - len(shown):,} more" if told["count"] > len(shown) else ""
            parts.append(f"{mark}{told['count']:,}: {names}{more}")
    return "; ".join(parts)


def _mark(version: Version) -> str:
    if not version.in_force:
        return ""
    return "in force, pinned" if version.pinned else "in force"
