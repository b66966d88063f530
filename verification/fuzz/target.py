"""What is fuzzed: something that takes any bytes, and must keep a promise whatever they are."""

from collections.abc import Iterable
from typing import Protocol


class BrokenPromiseError(AssertionError):
    """An input for which a target does not do what it must."""


class Target(Protocol):
    """One part of the product, with the promise that is checked.

    An instance is made once for a run, since what it sets up takes longer than an input.
    """

    def seeds(self) -> Iterable[bytes]:
        """Inputs to begin with, which reach as much as possible."""
        ...

    def __call__(self, data: bytes) -> None:
        """Try an input.

        Raises
        ------
        BrokenPromiseError
            If the promise is broken. Any other exception counts as one, too.
        """
        ...


def promise(kept: object, otherwise: str) -> None:
    """Check a promise.

    Raises
    ------
    BrokenPromiseError
        If it is not kept.
    """
    if not kept:
        raise BrokenPromiseError(otherwise)
