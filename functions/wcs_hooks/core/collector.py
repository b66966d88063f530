"""Python's cyclic garbage collector, kept away from values that cannot have cycles.

While half a million lists are made (a body of 1 MiB can hold as many), it would look through those
made so far again and again, for a multiple of the time that making them takes.
"""

import gc
from types import TracebackType
from typing import Self


class PausedCollector:
    """Keeps the collector from running for the duration of a `with` block.

    Examples
    --------
    >>> with PausedCollector():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """

    __slots__ = ("_was_enabled",)

    def __enter__(self) -> Self:
        """Pause it."""
        self._was_enabled = gc.isenabled()
        gc.disable()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let it go on, if it ran before."""
        if self._was_enabled:
            gc.enable()
