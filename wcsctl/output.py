"""What a command says: for people with colour and tables, with `--json` for programs.

Results go to standard output, everything else to standard error.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import IO, Any, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from wcsctl.feedback import Advance

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
"""Control characters but tab and line feed, and those that change the direction of what follows."""


def visible(text: str) -> str:
    r"""A text whose control characters show as their escapes, and do nothing to the terminal.

    Examples
    --------
    >>> visible("a\x1b[2Jb\u202ec")
    'a\\x1b[2Jb\\u202ec'
    """
    return _INVISIBLE.sub(lambda found: repr(found[0])[1:-1], text)


class TextConsole(Console):
    """A console on which the text of others, such as a row's, cannot steer the terminal.

    Parameters
    ----------
    file
        Where to.
    """

    def __init__(self, file: IO[str]) -> None:
        super().__init__(file=file, highlight=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """Render with each control character as its escape, but Rich's own."""
        for segment in super().render(renderable, options):
            if segment.control or not _INVISIBLE.search(segment.text):
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


class Output:
    """How a command speaks.

    Parameters
    ----------
    as_json
        Whether results are for programs: JSON, unless they are YAML.
    as_yaml
        Whether results for programs are YAML.
    """

    def __init__(self, *, as_json: bool = False, as_yaml: bool = False) -> None:
        self.as_json = as_json
        self._as_yaml = as_yaml
        if isinstance(sys.stdout, TextIOWrapper):
            # A hook may hold lone surrogates, which no encoding has: they show as their escapes.
            sys.stdout.reconfigure(errors="backslashreplace")
        self.people = TextConsole(sys.stdout)
        self.aside = TextConsole(sys.stderr)

    def result(self, value: Any, *renderables: Any) -> None:
        """The result: `value` for programs, or for people what is to be rendered."""
        if self.as_json:
            sys.stdout.write(_yaml(value) if self._as_yaml else f"{_json(value, indent=2)}\n")
            return
        for renderable in renderables:
            # Rich leaves out some control characters of a text before it is rendered.
            shown = visible(renderable) if isinstance(renderable, str) else renderable
            # A text's lines stay whole, for pipes and for what is aligned; the terminal folds them.
            self.people.print(shown, soft_wrap=isinstance(renderable, str | Text))

    def record(self, value: Any) -> None:
        """One of many results for programs, at once: a line of JSON, or a document of YAML."""
        sys.stdout.write(f"---\n{_yaml(value)}" if self._as_yaml else f"{_json(value)}\n")
        sys.stdout.flush()

    def say(self, text: str | Text) -> None:
        """Show a remark beside the result; none for programs."""
        if not self.as_json:
            self.aside.print(Text(visible(text)) if isinstance(text, str) else text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None
    ) -> Table:
        """A table for people."""
        names = map(visible, columns)
        table = Table(*names, title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*map(visible, row))
        return table

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[Advance]:
        """Show on a terminal how far something long is."""
        with self.steps(what, total) as steps:
            yield lambda count: steps.advance(steps.task_ids[0], count)

    @contextmanager
    def steps(self, what: str, total: int | None = None) -> Iterator[Progress]:
        """Show the same with a description that changes; its task is the first."""
        # Where it is no terminal, it would leave an empty line.
        disable = self.as_json or not self.aside.is_terminal
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        with Progress(
            *columns, MofNCompleteColumn(), console=self.aside, transient=True, disable=disable
        ) as progress:
            progress.add_task(what, total=total)
            yield progress


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, default=str, ensure_ascii=False, indent=indent)


def _yaml(value: Any) -> str:
    import yaml  # noqa: PLC0415 - for those who ask for it

    plain = json.loads(_json(value))
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=10_000)
    return text
