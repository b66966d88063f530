"""What every command is given: how to speak, and the deployment it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import typer

from wcsctl.deployment import Deployment
from wcsctl.output import Output


@dataclass
class CommandContext:
    """Made of the options before the command's name.

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
    """The command's context, from Typer's."""
    found = context.find_object(CommandContext)
    assert found is not None  # noqa: S101 - the root callback made it
    return found
