"""What goes wrong with things outside: they throttle, refuse, hang, or have a bug."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from wcs_hooks.core.errors import UnavailableError

_LONGEST_HANG = 20.0
"""Seconds after which a call that hangs gives up, so that a test with a bug ends, too."""


class Faulty:
    """A fake that can be made to fail, and that remembers how often it was asked.

    Attributes
    ----------
    calls
        What was asked of it, failures included.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._error: Exception | None = None
        self._released = Event()
        self._released.set()

    def throttle(self) -> None:
        self._error = UnavailableError("it is throttled")

    def refuse(self) -> None:
        self._error = UnavailableError("it refuses the call")

    def break_with(self, error: Exception) -> None:
        """Raise an error that no one expects: a bug."""
        self._error = error

    def recover(self) -> None:
        self._error = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let calls hang until the block is left."""
        self._released.clear()
        try:
            yield
        finally:
            self._released.set()

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        self._released.wait(_LONGEST_HANG)
        if self._error is not None:
            raise self._error
