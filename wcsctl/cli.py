"""The command line's root: its options, its groups of commands, and how errors end it."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from wcs_hooks.core.errors import UnavailableError
from wcsctl.commands import (
    ban,
    dead_letter,
    decisions,
    explain,
    list_rows,
    outcomes,
    scenario,
    secret,
    send,
    stats,
    status,
    token,
    try_hook,
    verify,
    wcs_setup,
)
from wcsctl.commands.policy import group as policy
from wcsctl.context import CommandContext
from wcsctl.deployment import LOCAL_DIRECTORY, STACK, Deployment
from wcsctl.errors import ExitStatus, WcsctlError
from wcsctl.output import Output, TextConsole, prepare_streams, visible
from wcsctl.permissions import is_access_denied, missing_permission

app = typer.Typer(
    name="wcsctl",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("status")(status.status)
app.command("verify")(verify.verify)
app.add_typer(policy.app, name="policy")
app.command("try")(try_hook.try_hook)
app.command("send")(send.send)
app.add_typer(scenario.app, name="scenario")
app.command("outcomes")(outcomes.outcomes)
app.command("stats")(stats.stats)
app.command("decisions")(decisions.decisions)
app.command("explain")(explain.explain)
app.add_typer(dead_letter.app, name="dead-letter")
app.add_typer(list_rows.app, name="list")
app.command("ban")(ban.ban_user)
app.command("unban")(ban.unban_user)
app.command("bans")(ban.list_bans)
app.add_typer(secret.app, name="secret")
app.add_typer(token.app, name="token")
app.command("wcs-setup")(wcs_setup.wcs_setup)


@app.callback()
def root(  # noqa: PLR0913, PLR0917 - the options that every command has
    context: typer.Context,
    local: Annotated[
        bool, typer.Option("--local", help="The deployment of `make local`, from .local/.")
    ] = False,
    directory: Annotated[
        Path, typer.Option("--local-directory", help="Where that is.", envvar="WCSCTL_LOCAL")
    ] = LOCAL_DIRECTORY,
    stack: Annotated[str, typer.Option(help="The stack's name.", envvar="WCSCTL_STACK")] = STACK,
    profile: Annotated[str | None, typer.Option(help="The AWS profile.")] = None,
    region: Annotated[str | None, typer.Option(help="The AWS region.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Results as JSON.")] = False,
) -> None:
    """See and steer what answers WCS REST hooks: policies, decisions, outcomes, dead letters."""

    def find() -> Deployment:
        if local:
            return Deployment.local(directory)
        return Deployment.stack(stack, profile, region)

    context.obj = CommandContext(Output(as_json=as_json), find)


def main() -> None:
    """Run, and end with a documented exit status; an error is one line, never a traceback."""
    try:
        prepare_streams()
        try:
            app()
        finally:
            # A disk that is full shows here, and not after the last of our handlers.
            sys.stdout.flush()
    except WcsctlError as error:
        _end(f"{error}{_permission_hint(error)}", error.status)
    except ClientError as error:
        details = error.response.get("Error", {})
        _end(
            f"AWS refused {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
            f"{_permission_hint(error)}",
            ExitStatus.UNREACHABLE,
        )
    except UnavailableError as error:
        hint = _permission_hint(error) or ": is this the right stack?"
        _end(f"{error}{hint}", ExitStatus.UNREACHABLE)
    except BotoCoreError as error:
        _end(f"AWS cannot be reached: {error}", ExitStatus.UNREACHABLE)
    except BrokenPipeError:
        # Who read the output has seen enough.
        _discard_output()
        sys.exit(ExitStatus.FAILED)
    except OSError as error:
        _discard_output()
        place = f"{error.filename}: " if error.filename is not None else ""
        _end(f"{place}{error.strerror or error}", ExitStatus.FAILED)
    except UnicodeEncodeError as error:
        _end(f"{error.object:.60} is not UTF-8: it has a lone surrogate.", ExitStatus.USAGE)


def _discard_output() -> None:
    """Drop what cannot be written: the interpreter would try again as it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _permission_hint(error: BaseException | None) -> str:
    """A sentence that names the missing permission, if IAM's refusal caused an error, else none."""
    while error is not None:
        if isinstance(error, ClientError) and is_access_denied(error):
            return f". {missing_permission(error)}"
        error = error.__cause__
    return ""


def _end(message: str, status: ExitStatus) -> None:
    TextConsole(sys.stderr).show(Text.assemble(("error:", "red"), f" {visible(message)}"))
    sys.exit(status)
