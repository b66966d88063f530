"""What the endpoint and the compiler need of the outside world.

The adapters implement these on AWS services; tests implement them in memory, with faults.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from wcs_hooks.clock import Deadline
from wcs_hooks.core.in_force import InForce
from wcs_hooks.core.snapshot import Snapshot


class UnavailableError(Exception):
    """Something that is needed to answer could not be had in time: the reply is 503."""


class Pointer(NamedTuple):
    """Which version of an app's policies is in force.

    Attributes
    ----------
    digest
        SHA-256 of the snapshot's bytes, hexadecimal.
    parts
        How many items the bytes are stored in.
    """

    app: str
    version: int
    digest: str
    parts: int


class SnapshotSource(Protocol):
    """Where snapshots are kept."""

    def pointers(self, apps: Sequence[str]) -> Mapping[str, Pointer]:
        """The pointers of those of the apps that have one.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def snapshot(self, pointer: Pointer) -> Snapshot:
        """The snapshot that a pointer points to.

        Raises
        ------
        UnavailableError
            If the store does not answer, or the snapshot is missing or damaged.
        """
        ...


class Policies(Protocol):
    """What is in force, as the endpoint asks for it."""

    def in_force(self, app: str, deadline: Deadline) -> tuple[InForce, bool]:
        """What decides an app's hooks, and whether that is stale: could not be refreshed.

        Raises
        ------
        UnavailableError
            If it was never read and cannot be.
        """
        ...

    def for_every_app(self) -> InForce | None:
        """What holds for every app, as far as that is known without asking anybody."""
        ...


class Secrets(Protocol):
    """The secrets that callers may prove themselves with."""

    def valid(self, deadline: Deadline) -> Sequence[str]:
        """The current secret, and while it is rotated the previous.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        ...

    def refreshed(self, deadline: Deadline) -> Sequence[str]:
        """The same, read anew if that was not done just now: a caller may know a newer one.

        Raises
        ------
        UnavailableError
            As `valid` does.
        """
        ...


class Place(StrEnum):
    """Where a message is kept: in the dead-letter queue, or in the table beside it."""

    QUEUE = "queue"
    TABLE = "table"


class DeadLetters(Protocol):
    """Where hooks go that could not be processed."""

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> Place:
        """Keep a message, and return where.

        Raises
        ------
        UnavailableError
            If it could not be kept.
        """
        ...
