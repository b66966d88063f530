"""Tables in Markdown, and their place in a document that is otherwise written by people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

BEGIN: Final = "<!-- Written by `{command}`: edit the program instead. -->"
END: Final = "<!-- End of what `{command}` writes. -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown.

    Examples
    --------
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "|" + "|".join(cells) + "|" if cells[0] == "---" else "| " + " | ".join(cells) + " |"
        for cells in lines
    )


def write_tables(document: Path, command: str, content: str) -> None:
    """Put what a command found into its place in a document.

    Raises
    ------
    ValueError
        If the document has no such place.
    """
    begin, end = BEGIN.format(command=command), END.format(command=command)
    before, found, rest = document.read_text().partition(begin)
    _, ended, after = rest.partition(end)
    if not found or not ended:
        raise ValueError(f"{document} has no place for what `{command}` writes: {begin} … {end}")
    document.write_text(f"{before}{begin}\n\n{content}\n\n{end}{after}")
