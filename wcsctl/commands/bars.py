"""Bars drawn in the terminal."""

from collections.abc import Iterable
from typing import Final

from rich.text import Text

WIDTH: Final = 14
"""Of the longest bar, in characters."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def bar(shares: Iterable[tuple[float, str]], most: float) -> Text:
    """A bar of several colours.

    Parameters
    ----------
    shares
        Values with their colours.
    most
        The value that a bar of full length stands for.

    Examples
    --------
    >>> bar([(1, "red"), (2, "blue")], 6).plain
    '██▍████▋'
    """
    # A column too narrow for it cuts it off, rather than a number beside it.
    text = Text(no_wrap=True, overflow="crop")
    for value, colour in shares:
        eighths = round(value / most * WIDTH * 8) if most else 0
        if value and not eighths:
            eighths = 1
        whole, rest = divmod(eighths, 8)
        text.append("█" * whole + (_EIGHTHS[rest] if rest else ""), colour)
    return text
