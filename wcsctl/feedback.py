"""What a service shows while it works. Commands print, ask and exit; services only report."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

type Advance = Callable[[int], object]
"""Called with how many more are done."""


def no_advance(count: int) -> None:
    """Show no progress."""
    del count


class Feedback(Protocol):
    """Shows what a service is doing. Results are returned instead."""

    def say(self, text: str) -> None:
        """Show a remark beside the result."""

    def progress(self, what: str, total: int | None = None) -> AbstractContextManager[Advance]:
        """Show how far something long is, until the context ends.

        Parameters
        ----------
        what
            What is going on.
        total
            How many there are to do; `None` if that is not known.
        """
