"""The command line's root: its options, its groups of commands, and how errors end it."""

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

from wcsctl.command_line import global_options
from wcsctl.command_line.lazy_commands import LazyCommands
from wcsctl.command_line.overview import OVERVIEW
from wcsctl.command_line.streams import prepare_streams
from wcsctl.errors import ExitStatus, WcsctlError

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from wcs_hooks.core.errors import UnavailableError

_COMMANDS: Final = {
    "status": "wcsctl.commands.status:status",
    "verify": "wcsctl.commands.verify:verify",
    "policy": "wcsctl.commands.policy.group:app",
    "try": "wcsctl.commands.try_hook:try_hook",
    "send": "wcsctl.commands.send:send",
    "scenario": "wcsctl.commands.scenario:app",
    "outcomes": "wcsctl.commands.outcomes:outcomes",
    "stats": "wcsctl.commands.stats:stats",
    "decisions": "wcsctl.commands.decisions:decisions",
    "explain": "wcsctl.commands.explain:explain",
    "dead-letter": "wcsctl.commands.dead_letter:app",
    "list": "wcsctl.commands.list_rows:app",
    "ban": "wcsctl.commands.ban:ban_user",
    "unban": "wcsctl.commands.ban:unban_user",
    "bans": "wcsctl.commands.ban:list_bans",
    "limits": "wcsctl.commands.limits:app",
    "secret": "wcsctl.commands.secret:app",
    "token": "wcsctl.commands.token:app",
    "wcs-setup": "wcsctl.commands.wcs_setup:wcs_setup",
    "context": "wcsctl.commands.context:app",
    "version": "wcsctl.commands.version:version",
}
"""Where each command is. It is imported when it is used."""


class Root(TyperGroup):
    """wcsctl itself: its commands are imported when they are used, and its help is one page."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LazyCommands(_COMMANDS)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands, without importing them."""
        del ctx
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the overview; each command's own help has the details."""
        del ctx
        formatter.write(OVERVIEW)


app = typer.Typer(
    cls=Root,
    name="wcsctl",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback()(global_options.root)


def main() -> None:
    """Run, and end with a documented exit status; an error is one line, never a traceback."""
    if "_WCSCTL_COMPLETE" in os.environ:
        from wcsctl.command_line.completion_index import complete  # noqa: PLC0415 - only a shell asks for it

        complete(app)
    try:
        prepare_streams()
        try:
            app()
        finally:
            # A disk that is full shows here, and not after the last of our handlers.
            sys.stdout.flush()
    except WcsctlError as error:
        _end(f"{error}{_permission_hint(error)}", error.status)
    except _client_error() as error:
        details = error.response.get("Error", {})
        _end(
            f"AWS refused {error.operation_name}: {details.get('Code')}: {details.get('Message')}"
            f"{_permission_hint(error)}",
            ExitStatus.UNREACHABLE,
        )
    except _unavailable_error() as error:
        hint = _permission_hint(error) or ": is this the right stack?"
        _end(f"{error}{hint}", ExitStatus.UNREACHABLE)
    except _boto_core_error() as error:
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


# An except clause imports what it names only when there is an error.


def _client_error() -> "type[ClientError]":
    from botocore.exceptions import ClientError  # noqa: PLC0415

    return ClientError


def _boto_core_error() -> "type[BotoCoreError]":
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    return BotoCoreError


def _unavailable_error() -> "type[UnavailableError]":
    from wcs_hooks.core.errors import UnavailableError  # noqa: PLC0415

    return UnavailableError


def _permission_hint(error: BaseException | None) -> str:
    """A sentence that names the missing permission, if IAM's refusal caused an error, else none."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - only after an error

    from wcsctl.permissions import is_access_denied, missing_permission  # noqa: PLC0415

    while error is not None:
        if isinstance(error, ClientError) and is_access_denied(error):
            return f". {missing_permission(error)}"
        error = error.__cause__
    return ""


def _end(message: str, status: ExitStatus) -> None:
    from rich.text import Text  # noqa: PLC0415 - only after an error

    from wcsctl.output import TextConsole, visible  # noqa: PLC0415

    TextConsole(sys.stderr).show(Text.assemble(("error:", "red"), f" {visible(message)}"))
    sys.exit(status)
