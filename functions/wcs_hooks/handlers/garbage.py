"""Python's cyclic garbage collector, kept from looking where there is no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self


@contextmanager
def no_collections() -> Iterator[None]:
    """Keep the garbage collector from looking at what is being loaded, then and later on.

    Loading makes many objects and lets go of few: one part in fourteen of what a cold start costs
    beyond Python itself was collections that found nothing. What was loaded stays for as long as
    the process, so that no later collection need visit it either.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


class PausedCollector:
    """Keeps the collector from running for the duration of a `with` block.

    A body of 1 MiB can hold half a million lists. While these are made, the collector would look
    through those made so far again and again, for a multiple of the time that making them takes.

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
