"""Runs wcsctl's commands in this process and captures their results as values."""

import hashlib
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import typer
from rich.console import RenderableType
from rich.text import Text
from typer.main import get_command

from wcsctl import cli
from wcsctl.command_line.failure import failure_of
from wcsctl.context import CommandContext
from wcsctl.deployment import Deployment
from wcsctl.errors import ExitStatus
from wcsctl.output import Output, visible

_ROOT: Final = get_command(cli.app)

_SHOWN: Final = 50
"""How much of what a question is about is shown."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A question that a command asks before it writes.

    Attributes
    ----------
    about
        The changes that would be written, as JSON, at most 50 of many; None if the text is enough.
    agreed
        Digest of the question. The page sends it back to agree to exactly this question.
    """

    text: str
    about: Any
    agreed: str


@dataclass(frozen=True, slots=True)
class Ran:
    """The outcome of a command: a result, a question, or an error.

    Attributes
    ----------
    command
        The equivalent command line, which can be copied into a shell.
    status
        The command's exit status.
    value
        Its result, as `-o json` prints it.
    remarks
        The lines that it prints to standard error for people.
    """

    command: str
    status: ExitStatus = ExitStatus.OK
    value: Any = None
    remarks: Sequence[str] = ()
    question: Confirmation | None = None
    error: str = ""


class NotAgreedError(Exception):
    """A command asked a question that the user has not agreed to."""

    def __init__(self, question: Confirmation) -> None:
        super().__init__(question.text)
        self.question = question


class CapturedOutput(Output):
    """Captures the output of a command.

    Parameters
    ----------
    agreed
        Digest of the question that the user agreed to; empty for none.
    """

    def __init__(self, agreed: str) -> None:
        super().__init__(as_json=True)
        self.asker = self._answer
        self.value: Any = None
        self.remarks: list[str] = []
        self._records: list[Any] = []
        self._about: Any = None
        self._agreed = agreed

    @property
    def results(self) -> Any:
        """The result, or the list of records if there were several."""
        return self.value if self.value is not None else self._records

    def result(self, value: Any, *renderables: RenderableType) -> None:
        """Capture the result."""
        del renderables
        self.value = value

    def record(self, value: Any) -> None:
        """Capture one of many results."""
        self._records.append(value)

    def say(self, text: str | Text) -> None:
        """Capture a remark."""
        self.remarks.append(visible(str(text)))

    def warn(self, text: str | Text) -> None:
        """Capture a remark."""
        self.say(text)

    def preview(self, value: Any, *renderables: RenderableType) -> None:
        """Capture the changes that the next question is about."""
        del renderables
        self._about = value

    def _answer(self, text: str) -> bool:
        # If the question or what it is about has changed since, the digest differs: ask again.
        asked = json.dumps([text, self._about], sort_keys=True, default=str)
        digest = hashlib.sha256(asked.encode(errors="surrogatepass")).hexdigest()
        if self._agreed != digest:
            about = self._about
            if isinstance(about, list) and len(about) > _SHOWN:
                self.say(f"… and {len(about) - _SHOWN:,} more, which are not shown.")
                about = about[:_SHOWN]
            raise NotAgreedError(Confirmation(visible(text), about, digest))
        return True


@dataclass(frozen=True)
class CommandRunner:
    """Runs commands against one deployment.

    Attributes
    ----------
    deployment
        The deployment.
    options
        The options that select it on a command line, such as `--local`.
    """

    deployment: Deployment
    options: Sequence[str] = field(default=())

    def run(self, *words: str, agreed: str = "") -> Ran:
        """Run a command.

        Parameters
        ----------
        words
            Its command line without `wcsctl`. The value of an option is joined to it with `=`.
        agreed
            Digest of the question that the user agreed to; empty for none.
        """
        output = CapturedOutput(agreed)

        def command() -> int:
            context = CommandContext(output, lambda: self.deployment)
            arguments = [*self.options, *words]
            status = _ROOT.main(arguments, "wcsctl", standalone_mode=False, obj=context)
            return status if isinstance(status, int) else ExitStatus.OK

        return self._ran(words, output, command)

    def call(
        self, words: Sequence[str], action: Callable[[CapturedOutput], None], agreed: str = ""
    ) -> Ran:
        """Run an action that has no command line of its own, as if it were a command.

        Parameters
        ----------
        words
            The closest command line, which the page shows.
        """
        output = CapturedOutput(agreed)

        def command() -> int:
            try:
                action(output)
            except typer.Exit as ended:
                return ended.exit_code
            return ExitStatus.OK

        return self._ran(words, output, command)

    def _ran(self, words: Sequence[str], output: CapturedOutput, command: Callable[[], int]) -> Ran:
        line = self.line(words)
        try:
            status = ExitStatus(command())
        except NotAgreedError as asked:
            return Ran(line, remarks=output.remarks, question=asked.question)
        except typer.BadParameter as error:
            message = visible(error.format_message())
            return Ran(line, ExitStatus.USAGE, None, output.remarks, error=message)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            message = visible(failure.message)
            return Ran(line, failure.status, output.value, output.remarks, error=message)
        return Ran(line, status, output.results, output.remarks)

    def line(self, words: Sequence[str]) -> str:
        """Return a command line for a shell, with the options that select the deployment."""
        shown: list[str] = []
        for word in words:
            name, equals, value = word.partition("=")
            # People write an option and its value apart, where that means the same.
            option = word.startswith("--") and "--" not in shown
            shown += [name, value] if option and equals and not value.startswith("-") else [word]
        return f"wcsctl {' '.join(map(_quoted, [*self.options, *shown]))}"


def _quoted(word: str) -> str:
    r"""Quote a word for a shell, in which nothing steers the terminal that it is pasted into.

    Examples
    --------
    >>> _quoted("it's"), _quoted("a\x03\x1b[201~")
    ('\'it\'"\'"\'s\'', "$'a\\x03\\x1b[201~'")
    """
    if visible(word) == word:
        return shlex.quote(word)
    escaped = word.replace("\\", r"\\").replace("'", r"\'")
    return f"$'{visible(escaped)}'"
