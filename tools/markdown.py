"""Markdown tables, and the generated parts of documents that are otherwise written by people."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Format a table, without a line end after its last row.

    Examples
    --------
    >>> print(table(["a", "b"], [["1", "x | y"]]))
    | a | b |
    |---|---|
    | 1 | x \| y |
    """

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |"

    return "\n".join([line(head), "|---" * len(head) + "|", *map(line, rows)])


def replace_block(text: str, begin: str, end: str, content: str) -> str:
    """Replace what is between two markers; the markers stay.

    Raises
    ------
    ValueError
        If the text does not have both markers, in this order.

    Examples
    --------
    >>> replace_block("a <b> old <e> c", "<b>", "<e>", " new ")
    'a <b> new <e> c'
    """
    before, begun, rest = text.partition(begin)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError(f"there is no block between {begin!r} and {end!r}")
    return f"{before}{begin}{content}{end}{after}"
