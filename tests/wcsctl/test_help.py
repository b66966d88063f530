"""The help of wcsctl and of each command: what it has, and that its examples are right."""

from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from tests.support import wcsctl_words
from tests.support.shell import calls
from tests.support.wcsctl_words import ROOT
from wcsctl import cli
from wcsctl.command_line.overview import OVERVIEW


def _commands(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name)


def _shown(*words: str) -> list[str]:
    shown = CliRunner().invoke(cli.app, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    return [line.strip() for line in shown.output.splitlines()]


def _parse(example: str) -> None:
    """Read an example as the shell and wcsctl do, up to where it would run."""
    words, *_ = calls(example)
    wcsctl_words.parse(words[1:])


def test_given_no_command_then_the_help_is_one_page_of_a_terminal() -> None:
    lines = CliRunner().invoke(cli.app, ["--help"]).output.splitlines()

    assert lines == OVERVIEW.splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80


def test_given_the_help_then_it_names_each_command() -> None:
    text = OVERVIEW.replace("|", " ").replace(",", " ").split()

    assert [words for words in _commands(ROOT) if not set(words) <= set(text)] == []


def test_given_a_command_then_none_of_its_options_is_one_that_every_command_has() -> None:
    for words in _commands(ROOT):
        command: Any = ROOT
        for word in words:
            command = command.commands[word]
        options = [name for one in command.params for name in (*one.opts, *one.secondary_opts)]
        assert sorted(set(options)) == sorted(options), words


def test_given_the_help_then_its_examples_are_right() -> None:
    examples = [line for line in OVERVIEW.splitlines() if line.startswith("  wcsctl ")]

    assert len(examples) >= 3
    for example in examples:
        _parse(example)


@pytest.mark.parametrize("words", list(_commands(ROOT)), ids=" ".join)
def test_given_a_commands_help_then_it_has_examples_on_lines_of_their_own_that_are_right(
    words: tuple[str, ...],
) -> None:
    command: Any = ROOT
    for word in words:
        command = command.commands[word]
    start = " ".join(("wcsctl", *words))
    examples = [
        line.strip() for line in command.help.splitlines() if line.strip().startswith(start)
    ]

    assert examples
    assert set(examples) <= set(_shown(*words))
    for example in examples:
        _parse(example)
