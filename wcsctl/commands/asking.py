"""Questions to the person who runs a command, on a terminal or in the console.

On a terminal questions go to standard error, so that results stay parseable.
"""

import sys

import typer

from wcsctl.errors import ExitStatus, UsageError
from wcsctl.output import Output, one_line


def interactive() -> bool:
    """Whether somebody can answer a question."""
    return sys.stdin.isatty()


def can_ask(output: Output) -> bool:
    """Whether somebody can answer a question."""
    return output.asker is not None or (interactive() and not output.as_json)


def ask(output: Output, question: str) -> None:
    """Ask whether to write; `--yes` of the command is for where nobody can answer.

    Raises
    ------
    UsageError
        If the question cannot be asked.
    typer.Exit
        If the person says no.
    """
    if not can_ask(output):
        raise _cannot_ask()
    if not _agreed(output, question):
        output.say("Nothing was written.")
        raise typer.Exit(ExitStatus.FAILED)


def confirm(output: Output, question: str) -> None:
    """Ask; the answer may come through a pipe.

    Raises
    ------
    UsageError
        If results are for a program, which expects no question.
    typer.Abort
        If the answer is no.
    """
    if not _agreed(output, question):
        raise typer.Abort


def _agreed(output: Output, question: str) -> bool:
    if output.asker is not None:
        return output.asker(question)
    if output.as_json:
        raise _cannot_ask()
    return typer.confirm(one_line(question), err=True)


def _cannot_ask() -> UsageError:
    return UsageError("Cannot ask for confirmation here: pass --yes to write without it.")
