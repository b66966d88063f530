"""Show, compare and check policies; nothing is written to the table."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from strict_yaml import plain
from wcsctl.app_words import app_of_word
from wcsctl.commands.policy.arguments import AppKey, AppOption, PolicyId, VersionNumber
from wcsctl.commands.policy.rendering import (
    author_of,
    changed_in,
    changes_text,
    finding_lines,
    listing_lines,
    standing_of,
    without_folder,
)
from wcsctl.commands.policy.review import stop_at_errors
from wcsctl.completion import Completed
from wcsctl.context import CommandContext, command_context
from wcsctl.errors import ExitStatus
from wcsctl.output import Output, counted, one_line
from wcsctl.policies import files as policy_files
from wcsctl.policies import schema as policy_schema
from wcsctl.policies import yaml as policy_yaml
from wcsctl.policies.diff import compare, compare_managed
from wcsctl.policies.history import History
from wcsctl.policies.lint import lint as lint_policies
from wcsctl.policies.listing import Listing
from wcsctl.policies.table import PolicyTable, policies_of


def list_policies(
    context: typer.Context,
    app_key: AppOption = None,
) -> None:
    """The policies in the table, and whether each is active.

    Below them each app's last compilation: the active version, and what is wrong if it is not
    what the table holds. Active is `yes`, `edited` (an earlier one is), `new` (none is yet), or
    `off`.

        wcsctl policy list
        wcsctl policy list --app school -o json
    """
    command = command_context(context)
    table = PolicyTable(command.deployment)
    with command.output.progress("Reading") as advance:
        apps = table.read_chosen(app_key, advance)
        listing = Listing(apps, table, History(command.deployment))
        result = listing.to_json()
    command.output.result(result, *listing_lines(result, command.output.width))


def get(context: typer.Context, app_key: AppKey, policy_id: PolicyId) -> None:
    """One policy, as YAML that `put` takes.

    ```
    wcsctl policy get school teachers-only
    wcsctl policy get every-app no-private-streams
    ```
    """
    command = command_context(context)
    policy = PolicyTable(command.deployment).read(app_key).policy(policy_id)
    _show(command.output, [policy])


def lint(
    context: typer.Context,
    places: Annotated[
        list[Path], typer.Argument(help="Files, or directories with a folder for each app.")
    ],
) -> None:
    """Check policy files as the compiler will; needs no AWS.

    Prints `file: policy: attribute: message` for each mistake. Ends with status 1 if any is an
    error; warnings do not keep policies out of force.

        wcsctl policy lint policies
    """
    output = command_context(context).output
    with output.progress("Reading"):
        read = policy_files.load(places)
    with output.progress("Checking", read.count) as advance:
        checked = lint_policies(read.policies, read.files, advance=advance)
    findings = [*read.findings, *checked]
    errors = sum(finding.is_error for finding in findings)
    warnings = len(findings) - errors
    result = {
        "ok": not errors,
        "policies": read.count,
        "errors": [finding.to_json() for finding in findings if finding.is_error],
        "warnings": [finding.to_json() for finding in findings if not finding.is_error],
    }
    summary = (
        f"{counted(read.count, 'policy', 'policies')}: {counted(errors, 'error')}, "
        f"{counted(warnings, 'warning')}"
    )
    output.result(result, *finding_lines(findings), Text(summary))
    if errors:
        raise typer.Exit(ExitStatus.FAILED)


def diff(
    context: typer.Context,
    what: Annotated[
        str,
        typer.Argument(
            metavar="DIRECTORY|APP", help="A directory with a folder for each app; or an app."
        ),
        Completed.APPS,
    ],
    first: Annotated[
        int | None, typer.Argument(metavar="[V1]", help="A version of the app.", min=1)
    ] = None,
    second: Annotated[
        int | None,
        typer.Argument(metavar="[V2]", help="A later one; without it the table.", min=1),
    ] = None,
    delete_others: Annotated[
        bool, typer.Option("--delete/--no-delete", help="Count what the files do not have.")
    ] = True,
) -> None:
    """What `apply` would change; or what changed between two versions.

    With a DIRECTORY: the table against its files, attribute by attribute. Edits made in the console
    or with the AWS CLI show here. Apps without a folder are named, and left alone.

    With an APP: version V1 of its policies against V2, or against the table.

    Ends with status 1 if there is a difference.

    ```
    wcsctl policy diff policies
    wcsctl policy diff school 3 4
    ```
    """
    command = command_context(context)
    if first is not None:
        _diff_versions(command, app_of_word(what), first, second)
        return
    read = policy_files.load_directory(Path(what))
    stop_at_errors(command.output, read.findings)
    with command.output.progress("Reading") as advance:
        apps = PolicyTable(command.deployment).read_allowed(read.policies, advance)
    changes, others = compare_managed(policies_of(apps), read.policies, delete=delete_others)
    result = {"changes": [change.to_json() for change in changes], "withoutFolder": others}
    named = [] if policy_files.is_app_folder(Path(what)) else without_folder(others)
    command.output.result(result, changes_text(changes), *named)
    if changes:
        raise typer.Exit(ExitStatus.FAILED)


def _diff_versions(command: CommandContext, app_key: str, first: int, second: int | None) -> None:
    history = History(command.deployment)
    before = history.policies(app_key, first)
    if second is None:
        after = PolicyTable(command.deployment).read(app_key).policies
    else:
        after = history.policies(app_key, second)
    changes = compare({app_key: before}, {app_key: after})
    result = {"changes": [change.to_json() for change in changes], "withoutFolder": {}}
    command.output.result(result, changes_text(changes))
    if changes:
        raise typer.Exit(ExitStatus.FAILED)


def export(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(help="A new or an empty directory.")],
    app_key: AppOption = None,
) -> None:
    """Write the table's policies to files, one folder for each app.

    Beside them goes the JSON Schema that editors check the files with.

    ```
    wcsctl policy export policies
    wcsctl policy export policies --app school
    ```
    """
    command = command_context(context)
    with command.output.progress("Reading") as advance:
        apps = PolicyTable(command.deployment).read_chosen(app_key, advance)
    policies = {name: items for name, items in policies_of(apps).items() if items}
    written = policy_files.export(directory, policies, policy_schema.text())
    result = {"directory": str(directory), "apps": list(policies), "policies": len(written)}
    command.output.result(
        result, f"{counted(len(written), 'policy', 'policies')} written to {directory}"
    )


def history(
    context: typer.Context,
    app_key: AppKey,
    limit: Annotated[int, typer.Option(help="How many versions at most.", min=1)] = 20,
) -> None:
    """The versions of an app's policies, newest first, and which is active.

    Who made a version, and why, is what wcsctl wrote when it was used (`-m`); for edits made
    otherwise that is empty.

        wcsctl policy history school --limit 5
    """
    output = command_context(context).output
    versions = History(command_context(context).deployment).versions(app_key, limit)
    table = output.table(
        ("version", "compiled (UTC)", "policies", "by", "changed", ""),
        (
            (
                str(version.version),
                version.compiled_at[:19].replace("T", " "),
                f"{version.policies:,}",
                author_of(version),
                Text(
                    "\n".join(map(one_line, filter(None, (version.message, changed_in(version)))))
                ),
                standing_of(version),
            )
            for version in versions
        ),
    )
    output.result([version.to_json() for version in versions], table)


def show(context: typer.Context, app_key: AppKey, version: VersionNumber) -> None:
    """The policies of a version, as YAML.

    ```
    wcsctl policy show school 7
    ```
    """
    command = command_context(context)
    policies = History(command.deployment).policies(app_key, version)
    _show(command.output, [policies[name] for name in sorted(policies)])


def schema(context: typer.Context) -> None:
    """The JSON Schema of policy files, for editors.

    Save it beside the files, and begin each with `# yaml-language-server: $schema=FILE`.

    ```
    wcsctl policy schema > policy.schema.json
    ```
    """
    command_context(context).output.people.file.write(policy_schema.text())


def _show(output: Output, policies: Sequence[Mapping[str, Any]]) -> None:
    if output.as_json:
        result = [plain(policy_yaml.in_order(policy)) for policy in policies]
        output.result(result[0] if len(result) == 1 else result)
    else:
        output.people.file.write(policy_yaml.write_policies(policies))
