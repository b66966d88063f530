"""The ports: what the endpoint needs of the outside world, and the values that go through them.

The adapters implement these on AWS services; tests implement them in memory, with faults. The
compiler's own port, `PolicyStore`, is beside the compiler: no function that answers hooks loads it.
A side effect (`wcs_hooks.hook.side_effects`) is not a port: it works on ports.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from wcs_hooks.clock import Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.lists import Row, RowKey
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.outcome import RestOnError
from wcs_hooks.core.payload import Payload
from wcs_hooks.core.snapshot import Snapshot

if TYPE_CHECKING:
    from wcs_hooks.core.limits import Holder, Taken, WantedPlace
    from wcs_hooks.core.tokens.keys import Key
    from wcs_hooks.core.tokens.trust import Trust


class Pointer(NamedTuple):
    """Which version of an app's policies is active.

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
    """What is active, as the endpoint asks for it."""

    def in_force(self, app: str, deadline: Deadline) -> tuple[ActivePolicies, bool]:
        """What decides an app's hooks, and whether that is stale: could not be refreshed.

        Raises
        ------
        UnavailableError
            If it was never read and cannot be.
        """
        ...

    def for_every_app(self) -> ActivePolicies | None:
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
        """The same, read again if that was not done just now: a caller may know a newer one.

        Raises
        ------
        UnavailableError
            As `valid` does.
        """
        ...


class IssuerKeys[Keys](Protocol):
    """The keys of token issuers, as they were last fetched."""

    def keys(self, address: KeyAddress, deadline: Deadline) -> Keys | None:
        """The keys of an address; none if there are none, or they were fetched too long ago.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        ...


class TokenSecrets(Protocol):
    """The secrets that tokens and stream keys are signed with, by name."""

    def valid(self, name: str, deadline: Deadline) -> Sequence[str]:
        """The current secret of a name, then the previous one; none if there is no such name.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        ...


class TokenKeys(Protocol):
    """The keys that tokens are verified with, wherever their policy says that they are."""

    def __call__(self, trust: "Trust", deadline: Deadline) -> "Sequence[Key] | None":
        """The keys of a policy that trusts tokens; none if there are none to be had."""
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


class SessionKey(NamedTuple):
    """What distinguishes sessions.

    Attributes
    ----------
    node
        The id of the WCS node; empty where the hook has none.
    session
        The session's id on that node.
    """

    node: str
    session: str

    @classmethod
    def named_by(cls, payload: Payload) -> "SessionKey | None":
        """The key of a hook's session; none if the hook does not name it."""
        session = payload.fields.get("sessionId")
        node = payload.fields.get("nodeId")
        if type(session) is not str or not session:
            return None
        return cls(node if type(node) is str else "", session)


class SessionRecord(NamedTuple):
    """What is kept of a session.

    Attributes
    ----------
    body
        The body of its connect, without secrets.
    versions
        The versions that were active at connect, by app.
    failing
        The canonical names of the methods for which connect's reply said `restOnError: FAIL`.
    connected_at
        When its connect was answered, in seconds since the epoch; none in records that were made
        before it was kept.
    app
        The `appKey` that it connected to.
    claims
        What connect's token claims, if it was verified; none if it was not, or nobody asked.
    """

    body: Mapping[str, Any]
    versions: Mapping[str, int]
    failing: frozenset[str]
    connected_at: float | None = None
    app: str = ""
    claims: Mapping[str, Any] | None = None

    def rest_on_error(self, method: str) -> RestOnError:
        """The `restOnError` that the session got for a method."""
        known = METHODS.get(method)
        canonical = known.canonical if known else method
        return RestOnError.FAIL if canonical in self.failing else RestOnError.LOG


class Sessions(Protocol):
    """Where sessions are kept."""

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """What is kept of a session; none if it was not seen at connect, or has ended.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def read_for_label(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """Read a session for a metric's label. That it fails has no consequence for other reads.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def record(
        self, key: SessionKey, record: SessionRecord, deadline: Deadline, *, redriven: bool = False
    ) -> None:
        """Keep a session.

        Parameters
        ----------
        redriven
            Whether its connect came long ago: a session that connected later is left alone.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def forget(
        self, key: SessionKey, deadline: Deadline, *, connected_by: float | None = None
    ) -> None:
        """Forget a session.

        Parameters
        ----------
        connected_by
            A session that connected later is left alone, in seconds since the epoch; none is if
            this is None.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...


class Lists(Protocol):
    """Where the rows are that policies look up."""

    def rows(self, keys: Collection[RowKey], deadline: Deadline) -> Mapping[RowKey, Row]:
        """The rows of keys, all of them, read together.

        Raises
        ------
        UnavailableError
            If the store does not answer, or leaves keys unprocessed.
        """
        ...


class Leases(Protocol):
    """Where the places are kept that limits count."""

    def take(self, wanted: "Sequence[WantedPlace]", deadline: Deadline) -> "Taken":
        """Take places for one hook: all of them, or none if one that is not optional has no room.

        A holder has one place of a budget, however often it is taken: who has it already keeps it
        for as long as if it had just been taken, but for a rate's, whose end is fixed.

        Raises
        ------
        UnavailableError
            If the store does not answer. Whether the places are taken is not known then.
        """
        ...

    def renew(self, holder: "Holder", deadline: Deadline) -> None:
        """Keep what a stream or a call holds for longer; a place that was given back stays so.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def renew_session(self, key: SessionKey, deadline: Deadline) -> None:
        """Keep what a session and its calls hold for longer, if that is half spent.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def release(
        self, holder: "Holder", deadline: Deadline, *, taken_by: float | None = None
    ) -> None:
        """Give back what a stream or a call holds, but for places of rates. Twice does no harm.

        Parameters
        ----------
        taken_by
            What was taken later is kept, in seconds since the epoch; nothing is if this is None.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def release_session(
        self, key: SessionKey, deadline: Deadline, *, taken_by: float | None = None
    ) -> None:
        """Give back what a session, its streams and its calls hold, as `release` does.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def note_keep_alive(self, app: str, deadline: Deadline) -> None:
        """Remember that an app's streams are kept alive: without that they are not counted long.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...


class EventBus(Protocol):
    """Where events are published."""

    def publish(self, method: str, detail: dict[str, Any], deadline: Deadline) -> None:
        """Publish an event.

        Raises
        ------
        UnavailableError
            If the bus did not take it by the deadline.
        """
        ...


class Redrives(Protocol):
    """Remembers which hooks out of the dead letters were published."""

    def is_done(self, decision_id: str, deadline: Deadline) -> bool:
        """Whether a hook was.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...

    def done(self, decision_id: str, deadline: Deadline) -> None:
        """Remember that it was, for as long as a dead letter is kept.

        Raises
        ------
        UnavailableError
            If the store does not answer.
        """
        ...
