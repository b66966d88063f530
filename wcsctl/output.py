"""What a command says: for people with colour and tables, with `--json` for programs.

Results go to standard output, everything else to standard error. Whatever comes from hooks, logs,
tables and files is shown as it is: no text is taken for markup or for the name of an emoji, and
control characters are shown as their escapes. Only a `Text` has colours.
"""

import codecs
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from wcsctl.command_line.streams import prepare_streams
from wcsctl.feedback import Advance

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""Control characters but tab and line feed, and those that change the direction of what follows."""

_LINE_ENDS: Final = re.compile(r"[\n\t]")

_INDENT: Final = 4
"""Columns by which a line is indented where it goes on after a terminal's edge."""


def visible(text: str) -> str:
    r"""A text whose control characters show as their escapes, and do nothing to the terminal.

    Examples
    --------
    >>> visible("a\x1b[2Jb\u202ec")
    'a\\x1b[2Jb\\u202ec'
    """
    return _INVISIBLE.sub(_escape, text)


def one_line(text: object) -> str:
    r"""The same in one line: nobody can make two of it, or leave its column.

    Examples
    --------
    >>> one_line("a\r\nforged")
    'a\\r\\nforged'
    """
    return _LINE_ENDS.sub(_escape, visible(str(text)))


def _escape(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def counted(count: int, one: str, several: str = "") -> str:
    """A number and a noun.

    Parameters
    ----------
    several
        The noun's plural, if it is not `one` and an s.

    Examples
    --------
    >>> counted(1, "policy", "policies"), counted(2_000, "error")
    ('1 policy', '2,000 errors')
    """
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def json_text(value: Any, *, indent: int | None = None, encoding: str = "utf-8") -> str:
    r"""A value as JSON which any terminal can show: what it could obey is escaped.

    Parameters
    ----------
    encoding
        Where to: what it lacks is escaped as JSON has it.

    Examples
    --------
    >>> json_text("\x9b2Jé"), json_text("é", encoding="ascii")
    ('"\\u009b2Jé"', '"\\u00e9"')
    """
    ascii_only = not codecs.lookup(encoding).name.startswith("utf")
    text = json.dumps(value, default=str, ensure_ascii=ascii_only, indent=indent)
    return _INVISIBLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class TextConsole(Console):
    """A console on which the text of others, such as a row's, cannot steer the terminal.

    Parameters
    ----------
    file
        Where to.
    """

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file=file, highlight=False, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """A text as it is, each control character as its escape: Rich would leave some out."""
        return super().render_str(visible(text), **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Render with each control character as its escape, but Rich's own."""
        for segment in super().render(renderable, options):
            if segment.control or not _INVISIBLE.search(segment.text):
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)

    def show(self, shown: RenderableType) -> None:
        """Print; lines of a text stay whole, but where a terminal would break them anywhere."""
        text = Text(visible(shown)) if isinstance(shown, str) else shown
        if not isinstance(text, Text):
            self.print(text)
        elif self.is_terminal:
            self.print(self._folded(text))
        else:
            # For pipes, and for what is aligned.
            self.print(text, soft_wrap=True)

    def _folded(self, text: Text) -> Text:
        lines: list[Text] = []
        for line in text.split("\n", allow_blank=True):
            if line.cell_len <= self.width:
                lines.append(line)
                continue
            width = max(self.width - _INDENT, 1)
            first, *others = line.wrap(self, width, overflow="fold", no_wrap=False)
            lines += [first, *(Text(" " * _INDENT).append_text(one) for one in others)]
        return Text("\n").join(lines)


class Output:
    """How a command speaks.

    Parameters
    ----------
    as_json
        Whether results are for programs: JSON, unless they are YAML.
    as_yaml
        Whether results for programs are YAML.

    Attributes
    ----------
    asker
        Answers questions instead of the person at the terminal; None to ask that person.
    """

    asker: Callable[[str], bool] | None = None

    def __init__(self, *, as_json: bool = False, as_yaml: bool = False) -> None:
        prepare_streams()
        self.as_json = as_json
        self._as_yaml = as_yaml
        self.people = TextConsole(sys.stdout)
        self.aside = TextConsole(sys.stderr)

    @property
    def width(self) -> int | None:
        """The columns of the terminal that results go to; none where they go to a pipe."""
        return self.people.width if self.people.is_terminal else None

    def result(self, value: Any, *renderables: RenderableType) -> None:
        """The result: `value` for programs, or for people what is to be rendered."""
        if self.as_json:
            sys.stdout.write(_yaml(value) if self._as_yaml else f"{_json(value, indent=2)}\n")
            return
        for renderable in renderables:
            self.people.show(renderable)

    def record(self, value: Any) -> None:
        """One of many results for programs, at once: a line of JSON, or a document of YAML."""
        sys.stdout.write(f"---\n{_yaml(value)}" if self._as_yaml else f"{_json(value)}\n")
        sys.stdout.flush()

    def preview(self, value: Any, *renderables: RenderableType) -> None:
        """Show people what the next question is about.

        Parameters
        ----------
        value
            The same as JSON, for an output that asks elsewhere than on a terminal.
        """
        del value
        if not self.as_json:
            for renderable in renderables:
                self.people.show(renderable)

    def warn(self, text: str | Text) -> None:
        """Show a remark, also where results are for programs."""
        self.aside.show(text)

    def say(self, text: str | Text) -> None:
        """Show a remark beside the result; none for programs."""
        if not self.as_json:
            self.aside.show(text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], title: str | None = None
    ) -> Table:
        """A table for people. Nothing leaves its cell: a text has the lines of a `Text` only."""
        names = map(one_line, columns)
        table = Table(*names, title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*(one if isinstance(one, Text) else one_line(one) for one in row))
        return table

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Advance]:
        """Show on a terminal how far something long is."""
        with self.steps(what, total) as steps:
            yield lambda count: steps.advance(steps.task_ids[0], count)

    @contextmanager
    def steps(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Show the same with a description that changes; its task is the first."""
        # Where it is not a terminal, it would leave an empty line.
        disable = self.as_json or not self.aside.is_terminal
        columns = [SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn()]
        with Progress(
            *columns, MofNCompleteColumn(), console=self.aside, transient=True, disable=disable
        ) as progress:
            progress.add_task(what, total=total)
            yield progress

    @contextmanager
    def paused(self, steps: Progress) -> Iterator[None]:
        """Take the line of `steps` off the terminal, while results are written to it."""
        if steps.disable:
            yield
            return
        steps.stop()
        try:
            yield
        finally:
            steps.start()


def _json(value: Any, indent: int | None = None) -> str:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return json_text(value, indent=indent, encoding=encoding)


def _yaml(value: Any) -> str:
    from wcsctl.policies.yaml import write  # noqa: PLC0415 - for those who ask for it

    return write(json.loads(json.dumps(value, default=str)))
