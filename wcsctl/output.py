"""What a command says: for people with colour and tables, with `--json` for programs.

Results go to standard output, everything else to standard error.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from wcsctl.feedback import Advance


class Output:
    """How a command speaks.

    Parameters
    ----------
    as_json
        Whether results are JSON.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        if isinstance(sys.stdout, TextIOWrapper):
            # A hook may hold lone surrogates, which no encoding has: they show as their escapes.
            sys.stdout.reconfigure(errors="backslashreplace")
        self.people = Console(file=sys.stdout, highlight=False)
        self.aside = Console(file=sys.stderr, highlight=False)

    def result(self, value: Any, *renderables: Any) -> None:
        """The result: `value` as JSON, or for people what is to be rendered."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, default=str, ensure_ascii=False, indent=2) + "\n")
            return
        for renderable in renderables:
            # A text's lines stay whole, for pipes and for what is aligned; the terminal folds them.
            self.people.print(renderable, soft_wrap=isinstance(renderable, str | Text))

    def say(self, text: str | Text) -> None:
        """Show a remark beside the result; none with `--json`."""
        if not self.as_json:
            self.aside.print(Text(text) if isinstance(text, str) else text)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[str]], title: str | None = None
    ) -> Table:
        """A table for people."""
        table = Table(*columns, title=title, title_justify="left", box=None, pad_edge=False)
        for row in rows:
            table.add_row(*row)
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
