"""A page that shows and does what the other commands do."""

import webbrowser
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from wcsctl.command_line import global_options
from wcsctl.console.command_runner import CommandRunner
from wcsctl.console.server import IDLE_HOURS, ConsoleServer
from wcsctl.context import command_context

_TESTS: Final = Path("policies")


def console(
    context: typer.Context,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Only print the address; open no browser.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port; by default one that is free.")
    ] = 0,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Refuse everything that writes.")
    ] = False,
    tests: Annotated[
        Path | None,
        typer.Option(
            help="Where the folders of apps with tests are, which the editor runs; by default "
            "policies/, if it is there.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Serve a page on this machine that shows and does what the other commands do.

    Decisions as they come, outcomes, policies with an editor, versions, dead letters, lists,
    limits: all with your own rights in AWS, and with the command lines to copy. Nothing is deployed
    for it, and nobody else reaches it: it listens on 127.0.0.1 only, and its address, alone on a
    line, ends with a token. It ends with Ctrl-C, or after eight hours in which nobody used it.

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
    command.output.say("It ends with Ctrl-C.")
    if not no_open:
        webbrowser.open(server.address)
    try:
        idle = server.serve()
    except KeyboardInterrupt:
        # That is how it ends.
        return
    if idle:
        command.output.say(f"Nobody used the console for {IDLE_HOURS} hours: it ended.")
