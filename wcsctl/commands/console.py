"""Serve the console."""

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from wcsctl.command_line import global_options
from wcsctl.console.browser import open_browser
from wcsctl.console.command_runner import CommandRunner
from wcsctl.console.server import IDLE_HOURS, ConsoleServer
from wcsctl.context import command_context

_TESTS: Final = Path("policies")


def console(
    context: typer.Context,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the address; do not open a browser.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; a free one by default.")
    ] = 0,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse requests that write.")
    ] = False,
    tests: Annotated[
        Path | None,
        typer.Option(
            help="Directory with a folder of policy tests for each app, which the editor runs; "
            "policies/ by default, if it exists.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Serve a web page on this machine to watch and edit the deployment.

    The page shows live decisions, outcomes, policies with an editor, versions, dead letters, lists
    and limits. It has the permissions of your AWS credentials, and shows the equivalent command
    line of everything it does. Nothing is deployed for it. It listens on 127.0.0.1 only. Its
    address, which is printed on a line of its own, ends with a secret token: do not share it. The
    console ends on Ctrl-C, or after eight hours without use.

        wcsctl console
        wcsctl console --read-only --no-open
    """
    command = command_context(context)
    folder = tests or (_TESTS if _TESTS.is_dir() else None)
    options = global_options.words(global_options.given(context))
    runner = CommandRunner(command.deployment, options)
    server = ConsoleServer(runner, folder, port, read_only=read_only)
    command.output.result({"address": server.address}, Text(server.address))
    command.output.people.file.flush()
    command.output.say("Press Ctrl-C to end the console.")
    if not (no_open or open_browser(server.address)):
        command.output.say("No browser could be started: open the address.")
    try:
        idle = server.serve()
    except KeyboardInterrupt:
        # Ctrl-C is how the console ends.
        return
    if idle:
        command.output.say(f"The console ended after {IDLE_HOURS} hours without use.")
