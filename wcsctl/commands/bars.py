"""Bars drawn in the terminal, which can be read without colours, too."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

WIDTH: Final = 14
"""Of the longest bar, in characters."""

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FILLS: Final = "█▓▒░▚▞"
"""What shares are drawn with where there are no colours, in their order."""


def bar(shares: Iterable[tuple[float, str]], most: float) -> Text:
    """A bar of several colours.

    Parameters
    ----------
    shares
        Values with their colours.
    most
        The value of a bar of full length.

    Examples
    --------
    >>> bar([(1, "red"), (2, "blue")], 6).plain
    '██▍████▋'
    """
    text = _empty()
    for value, colour in shares:
        whole, rest = divmod(_length(value, most, 8), 8)
        text.append("█" * whole + (_EIGHTHS[rest] if rest else ""), colour)
    return text


def bar_without_colours(values: Iterable[float], most: float) -> Text:
    """A bar whose parts have fills of their own.

    Examples
    --------
    >>> bar_without_colours([1, 2], 6).plain
    '██▓▓▓▓▓'
    """
    text = _empty()
    for value, fill in zip(values, _FILLS, strict=False):
        text.append(fill * _length(value, most, 1))
    return text


@dataclass(frozen=True)
class Bar:
    """A bar in a table, in colours where there are some.

    Attributes
    ----------
    shares
        Values with their colours; the value of the same place in another bar means the same.
    most
        The value of a bar of full length.
    """

    shares: Sequence[tuple[float, str]]
    most: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        if _has_colours(console):
            drawn = bar(self.shares, self.most)
        else:
            drawn = bar_without_colours((value for value, _ in self.shares), self.most)
        drawn.truncate(options.max_width)
        yield drawn

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """A column too narrow for it cuts it off, rather than a number beside it."""
        return Measurement(1, WIDTH + len(self.shares)).clamp(max_width=options.max_width)


@dataclass(frozen=True)
class Legend:
    """What the parts of bars mean: names with their colours, in the order of the shares."""

    parts: Sequence[tuple[str, str]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it."""
        fills = "█" * len(self.parts) if _has_colours(console) else _FILLS
        text = Text()
        for (name, colour), fill in zip(self.parts, fills, strict=False):
            text.append(fill, colour).append(f" {name}   ")
        text.rstrip()
        yield text


def _empty() -> Text:
    # A column too narrow for it cuts it off, rather than a number beside it.
    return Text(no_wrap=True, overflow="crop")


def _length(value: float, most: float, parts: int) -> int:
    length = round(value / most * WIDTH * parts) if most else 0
    return length or int(value > 0)


def _has_colours(console: Console) -> bool:
    return console.color_system is not None and not console.no_color
