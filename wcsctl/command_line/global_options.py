"""The options that may be anywhere on the command line: which deployment, and what results are."""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from wcsctl.completion import Completed
from wcsctl.errors import UsageError
from wcsctl.saved_contexts import LOCAL_DIRECTORY, STACK

_GIVEN: Final = "wcsctl.given"

_NAMING: Final = {
    "--local-directory": "local_directory",
    "--context": "context_name",
    "--stack": "stack",
    "--profile": "profile",
    "--region": "region",
}
"""Options with a value that name the deployment, and their parameters of `root`."""


class Format(StrEnum):
    """What results are."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


def note(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> Any:
    """Keep an option that was given, for all commands of this run; the last one holds."""
    source = context.get_parameter_source(parameter.name or "")
    if source is not None and source.name == "COMMANDLINE":
        context.meta.setdefault(_GIVEN, {})[parameter.name] = value
    return value


def root(  # noqa: PLR0913, PLR0917 - the options that every command has
    local: Annotated[
        bool,
        typer.Option("--local", callback=note, help="The deployment of `make local`, in .local/."),
    ] = False,
    local_directory: Annotated[
        Path,
        typer.Option(
            "--local-directory",
            callback=note,
            help="The directory that --local means.",
            envvar="WCSCTL_LOCAL",
        ),
    ] = LOCAL_DIRECTORY,
    context_name: Annotated[
        str | None,
        typer.Option(
            "--context",
            callback=note,
            help="The context to use; by default the one that `context use` selected.",
            envvar="WCSCTL_CONTEXT",
            metavar="NAME",
        ),
        Completed.CONTEXTS,
    ] = None,
    stack: Annotated[
        str,
        typer.Option(callback=note, help="The stack's name.", envvar="WCSCTL_STACK"),
    ] = STACK,
    profile: Annotated[str | None, typer.Option(callback=note, help="The AWS profile.")] = None,
    region: Annotated[str | None, typer.Option(callback=note, help="The AWS region.")] = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", callback=note, help="How results are printed.")
    ] = Format.TABLE,
    as_json: Annotated[
        bool, typer.Option("--json", callback=note, help="The same as --output json.")
    ] = False,
) -> None:
    """Operate a WCS hooks deployment: policies, decisions, outcomes, dead letters."""
    del local, local_directory, context_name, stack, profile, region, output, as_json


def add_to(command: TyperCommand | TyperGroup) -> None:
    """Let a command, and all that it holds, have the options too; its help does not repeat them."""
    command.params = [*command.params, *_hidden()]
    command.epilog = "`wcsctl --help` shows the options of every command: --context, --output …"
    if isinstance(command, TyperGroup):
        for inner in command.commands.values():
            assert isinstance(inner, TyperCommand | TyperGroup)  # noqa: S101 - Typer makes no other
            add_to(inner)


def given(context: typer.Context) -> Mapping[str, Any]:
    """The options that were given on the command line, by the names of `root`'s parameters."""
    found: Mapping[str, Any] = context.meta.get(_GIVEN, {})
    return found


def words(options: Mapping[str, Any]) -> list[str]:
    """Return those of the options that name the deployment, as a command line has them.

    Parameters
    ----------
    options
        By the names of `root`'s parameters.

    Examples
    --------
    >>> words({"local": True, "output": "json"}), words({"stack": "WcsHooks-test"})
    (['--local'], ['--stack', 'WcsHooks-test'])
    """
    found = ["--local"] if options.get("local") else []
    for option, name in _NAMING.items():
        found += [option, str(options[name])] if name in options else []
    return found


def format_of(options: Mapping[str, Any]) -> Format:
    """What results are to be, by the options that were given.

    Raises
    ------
    UsageError
        If two options contradict each other.
    """
    chosen = options.get("output")
    if options.get("as_json") and chosen not in {None, Format.JSON}:
        raise UsageError(f"--json and --output {chosen} exclude each other.")
    return Format.JSON if options.get("as_json") else Format(chosen or Format.TABLE)


@cache
def _hidden() -> tuple[TyperOption, ...]:
    app = typer.Typer(add_completion=False)
    app.command()(root)
    options = [one for one in get_command(app).params if isinstance(one, TyperOption)]
    for option in options:
        option.hidden = True
        option.expose_value = False
    return tuple(options)
