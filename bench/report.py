"""Shows what was found: a table on the terminal, and the tables in the documents."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from bench import markdown
from bench.figures import Figures
from bench.locations import DOCS
from bench.markdown import with_unit
from bench.results import Result
from bench.targets import Verdict, judge

_DOCUMENT = DOCS / "maintainers" / "performance.md"
_LOG_WIDTH = 120
"""Columns where there is no terminal to ask."""


def render(results: Sequence[Result]) -> None:
    """Put the tables into the document."""
    figures = all_figures(results)
    verdicts = judge(figures, [result.section for result in results])
    markdown.replace_blocks(_DOCUMENT, markdown.blocks(results, verdicts))


def show(verdicts: Sequence[Verdict]) -> None:
    """Print each target, what was measured, and whether it is met."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    table = Table("figure", "target", "measured", "")
    for verdict in verdicts:
        target = verdict.target
        limit = f"{'<' if target.below else '≤'} {with_unit(target.at_most, verdict.unit)}"
        found = "not measured"
        if verdict.measured is not None:
            found = with_unit(verdict.measured, verdict.unit)
        mark = "[green]met[/]" if verdict.met else "[red]missed[/]"
        table.add_row(target.name, limit, found, mark)
    console.print(table)


def all_figures(results: Sequence[Result]) -> Figures:
    """The figures of all sections."""
    figures = Figures()
    for result in results:
        figures |= result.figures
    return figures
