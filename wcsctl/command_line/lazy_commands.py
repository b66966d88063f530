"""Commands that are imported when they are used: to start, and to print help, needs none."""

from collections.abc import Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from wcsctl.command_line import global_options

_MARKUP: Final = "markdown"


class LazyCommands(MutableMapping[str, Any]):
    """Commands by their names, each made when it is first looked up.

    Parameters
    ----------
    places
        Each command's name to where it is, `module:attribute`: a function, or a Typer group.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = dict(places)
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Import and make a command."""
        if name not in self._made:
            self._made[name] = _command(name, self._places[name])
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        """Take a command that is made already."""
        self._places[name] = ""
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        """Forget a command."""
        del self._places[name]
        self._made.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """The names, in the order of the help."""
        return iter(self._places)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._places)


def _command(name: str, place: str) -> TyperCommand | TyperGroup:
    module, _, attribute = place.partition(":")
    found = getattr(import_module(module), attribute)
    app = typer.Typer(
        rich_markup_mode=_MARKUP, pretty_exceptions_enable=False, add_completion=False
    )
    app.callback()(lambda: None)
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=name)
    else:
        app.command(name)(found)
    group = get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - it has a callback
    command = group.commands[name]
    assert isinstance(command, TyperCommand | TyperGroup)  # noqa: S101 - Typer makes no other
    global_options.add_to(command)
    return command
