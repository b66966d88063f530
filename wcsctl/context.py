"""What every command is given: how to speak, and the deployment it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import typer

from wcsctl.command_line import global_options
from wcsctl.command_line.global_options import Format
from wcsctl.deployment import Deployment
from wcsctl.output import Output
from wcsctl.saved_contexts import place_of

_COMMAND: Final = "wcsctl.command"


@dataclass
class CommandContext:
    """Made of the options that may be anywhere on the command line.

    Attributes
    ----------
    output
        How to speak.
    find_deployment
        Finds the deployment; called when it is first needed: some commands need none.
    """

    output: Output
    find_deployment: Callable[[], Deployment]

    @cached_property
    def deployment(self) -> Deployment:
        """The deployment."""
        return self.find_deployment()


def command_context(context: typer.Context) -> CommandContext:
    """Return the command's context; the console passes its own as Typer's `obj`.

    Raises
    ------
    UsageError
        If its options contradict each other.
    """
    found = context.meta.get(_COMMAND) or context.obj
    if not isinstance(found, CommandContext):
        given = global_options.given(context)
        wanted = global_options.format_of(given)
        output = Output(as_json=wanted is not Format.TABLE, as_yaml=wanted is Format.YAML)
        found = CommandContext(output, lambda: Deployment.at(place_of(given)))
        context.meta[_COMMAND] = found
    return found
