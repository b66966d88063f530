"""Reads a call of wcsctl as wcsctl does, up to where it would run."""

from collections.abc import Sequence
from typing import Any, Final

from typer.core import TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from wcsctl import cli

ROOT: Final[Any] = get_command(cli.app)
_DONE_AT_ONCE: Final = frozenset({"--help", "-h", "--install-completion", "--show-completion"})
"""Options that do something while they are read, whatever else is there."""


def parse(words: Sequence[str], *, is_whole: bool = True) -> None:
    """Read the words that follow `wcsctl`.

    Parameters
    ----------
    is_whole
        Whether all that is required has to be there; else the command may only be named.

    Raises
    ------
    TyperException
        If wcsctl would not run with them.
    """
    rest = [word for word in words if word not in _DONE_AT_ONCE]
    may_lack = not is_whole or len(rest) < len(words)
    if may_lack and not rest:
        return
    context = ROOT.make_context("wcsctl", rest)
    while isinstance(context.command, TyperGroup):
        name, command, rest = context.command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert command is not None
        if may_lack and not rest:
            return
        try:
            context = command.make_context(name, rest, parent=context)
        except TyperException as error:
            if may_lack and _is_lacking(str(error)):
                return
            raise


def _is_lacking(message: str) -> bool:
    return message.startswith("Missing ") or message.endswith("requires an argument.")
