"""The command line's root: its options, its groups of commands, and how errors end it."""

import os
import sys
from contextlib import suppress
from typing import Any, Final

import typer
from typer.core import TyperGroup

from wcsctl.command_line import global_options
from wcsctl.command_line.lazy_commands import LazyCommands
from wcsctl.command_line.overview import OVERVIEW
from wcsctl.command_line.streams import prepare_streams
from wcsctl.errors import ExitStatus

_COMMANDS: Final = {
    "status": "wcsctl.commands.status:status",
    "verify": "wcsctl.commands.verify:verify",
    "policy": "wcsctl.commands.policy.group:app",
    "try": "wcsctl.commands.try_hook:try_hook",
    "send": "wcsctl.commands.send:send",
    "scenario": "wcsctl.commands.scenario:app",
    "outcomes": "wcsctl.commands.outcomes:outcomes",
    "stats": "wcsctl.commands.stats:stats",
    "console": "wcsctl.commands.console:console",
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
    except BrokenPipeError:
        # Who read the output has seen enough.
        _discard_output()
        sys.exit(ExitStatus.FAILED)
    except Exception as error:
        from wcsctl.command_line.failure import failure_of  # noqa: PLC0415 - only after an error

        failure = failure_of(error)
        if failure is None:
            raise
        if isinstance(error, OSError):
            _discard_output()
        _end(*failure)


def _discard_output() -> None:
    """Drop what cannot be written: the interpreter would try again as it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _end(message: str, status: ExitStatus) -> None:
    from rich.text import Text  # noqa: PLC0415 - only after an error

    from wcsctl.output import TextConsole, visible  # noqa: PLC0415

    TextConsole(sys.stderr).show(Text.assemble(("error:", "red"), f" {visible(message)}"))
    sys.exit(status)
