"""The words that a shell completes, without importing the commands that have them.

Commands import the libraries they need, which takes most of a second: too long for a key press. So
what completion needs of them, their names and parameters, is kept in the user's cache directory,
and made again when a source file of wcsctl has changed.
"""

import contextlib
import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Final, NamedTuple, get_type_hints

import typer
from typer.completion import get_completion_inspect_parameters
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from wcsctl import saved_contexts
from wcsctl.command_line import global_options
from wcsctl.completion import Completed, words_for

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_NOTHING: Final[Mapping[str, Any]] = {"parameters": ()}


class CompletionItem(NamedTuple):
    """A word that fits, as Typer's shells take it; without help, which they format with Rich."""

    value: str
    help: str | None = None
    type: str = "plain"


class Completer(TyperCommand):
    """A command that takes any words, and completes them as the indexed one would.

    Parameters
    ----------
    index
        What `index_of` returns.
    """

    def __init__(self, index: Mapping[str, Any]) -> None:
        settings = {"ignore_unknown_options": True, "allow_extra_args": True}
        super().__init__("wcsctl", add_help_option=False, context_settings=settings)
        self._index = index

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Return the words that fit."""
        return list(map(CompletionItem, fitting(self._index, ctx.args, incomplete)))


def complete(app: typer.Typer) -> None:
    """Answer the shell, which asks by the environment; ends the program.

    Parameters
    ----------
    app
        Whose commands are completed; they are imported only where there is no index of them.
    """
    get_completion_inspect_parameters()  # This makes Typer know the shells.
    Completer(_index(app)).main(prog_name="wcsctl")


def index_of(command: Any) -> dict[str, Any]:
    """Return what completion needs of a command, and of all that it holds."""
    completed = _completed(command)
    found: dict[str, Any] = {
        "parameters": [_parameter(one, completed.get(one.name)) for one in command.params],
    }
    if isinstance(command, TyperGroup):
        found["commands"] = {
            name: index_of(inner) for name, inner in command.commands.items() if not inner.hidden
        }
    return found


def fitting(index: Mapping[str, Any], words: Sequence[str], incomplete: str) -> list[str]:
    """Return what can be the next word.

    Parameters
    ----------
    words
        Those before it.
    incomplete
        What there is of it so far.
    """
    line = _Line(index)
    for word in words:
        line.take(word)
    return [word for word in line.next_words(incomplete) if word.startswith(incomplete)]


class _Line:
    """What a command line says so far.

    Parameters
    ----------
    index
        What `index_of` returns of the root.
    """

    def __init__(self, index: Mapping[str, Any]) -> None:
        self._command = index
        self._arguments = _arguments(index)
        self._option: Mapping[str, Any] | None = None
        self._given: dict[str, Any] = {}

    def take(self, word: str) -> None:
        """Read one more word."""
        if word == "=":
            return  # Bash makes words of an option, its `=` and its value.
        if self._option is not None:
            self._given[self._option["name"]] = word
            self._option = None
        elif word.startswith("-") and len(word) > 1:
            self._take_option(word)
        elif "commands" in self._command:
            self._command = self._command["commands"].get(word, _NOTHING)
            self._arguments = _arguments(self._command)
        elif self._arguments:
            self._given[self._arguments[0]["name"]] = word
            if not self._arguments[0]["many"]:
                self._arguments = self._arguments[1:]

    def next_words(self, incomplete: str) -> Iterable[str]:
        """Return what the next word can be, whatever there is of it; its first sign decides."""
        if self._option is not None:
            return self._values(self._option)
        if incomplete.startswith("-"):
            return (word for one in self._command["parameters"] for word in one["options"] or ())
        if "commands" in self._command:
            return list(self._command["commands"])
        return self._values(self._arguments[0]) if self._arguments else ()

    def _take_option(self, word: str) -> None:
        for one in self._command["parameters"]:
            if word in (one["options"] or ()):
                if one["flag"]:
                    self._given[one["name"]] = True
                else:
                    self._option = one

    def _values(self, parameter: Mapping[str, Any]) -> Iterable[str]:
        completed: list[str] | str | None = parameter["completed"]
        if isinstance(completed, list):
            return completed
        return () if completed is None else words_for(Completed(completed), self._given)


def _arguments(command: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in command["parameters"] if one["options"] is None]


def _index(app: typer.Typer) -> Mapping[str, Any]:
    made_of = [_state(file) for file in sorted(_PACKAGE.rglob("*.py"))]
    file = saved_contexts.cache_directory() / "commands.json"
    # Where there is none, or a damaged one, it is made again; where none can be, it is only slower.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        kept: Any = json.loads(file.read_text(encoding="utf-8"))
        if kept["of"] == made_of:
            found: Mapping[str, Any] = kept["index"]
            return found
    index = index_of(get_command(app))
    with contextlib.suppress(OSError):
        saved_contexts.write_whole(file, json.dumps({"of": made_of, "index": index}))
    return index


def _state(file: Path) -> list[Any]:
    state = file.stat()
    return [str(file), state.st_mtime_ns, state.st_size]


def _completed(command: Any) -> dict[str, str | list[str]]:
    """What completes each parameter of a command: a `Completed`, or all values that it can have."""
    # The options that may be anywhere are those of the root.
    hints = get_type_hints(global_options.root, include_extras=True)
    if command.callback is not None:
        hints |= get_type_hints(inspect.unwrap(command.callback), include_extras=True)
    found: dict[str, str | list[str]] = {}
    for name, hint in hints.items():
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, Completed):
                found[name] = extra.value
        kind = getattr(hint, "__origin__", None)
        if inspect.isclass(kind) and issubclass(kind, Enum):
            found[name] = [choice.value for choice in kind]
    return found


def _parameter(parameter: Any, completed: str | list[str] | None) -> dict[str, Any]:
    is_option = isinstance(parameter, TyperOption)
    return {
        "name": parameter.name,
        "options": [*parameter.opts, *parameter.secondary_opts] if is_option else None,
        "flag": is_option and parameter.is_flag,
        "many": parameter.nargs != 1,
        "completed": completed,
    }
