"""What is active, cached: a warm hook within the TTL costs no call, and an outage serves stale.

It wraps any `SnapshotSource` and knows nothing of where that keeps its snapshots.
"""

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from wcs_hooks.adapters.deadlines import LONGEST_PAUSE, Refreshed
from wcs_hooks.clock import Clock, Deadline, Moment
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.policy.vocabulary import EVERY_APP
from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.hook.time_budget import POLICIES_REFRESH
from wcs_hooks.ports import Pointer, SnapshotSource

if TYPE_CHECKING:
    from collections.abc import Mapping

APP_BYTES: Final = 1_000
"""Memory that an app takes, without its name and the policies of its own. Measured: some 500."""

BYTES_PER_BYTE: Final = 8
"""Memory that a snapshot takes for each byte of its JSON. Measured: 4 to 8, most for the smallest
ones whose rules have all been used."""

_NO_APP: Final = ""


class _Version(NamedTuple):
    """The active version of an app's own policies, or of those for every app.

    Attributes
    ----------
    pointer, snapshot
        None if there are no policies.
    """

    pointer: Pointer | None
    snapshot: Snapshot | None


class _Entry(NamedTuple):
    """What decides an app's hooks.

    Attributes
    ----------
    read_at
        Of the two that this is made of, the app's own policies and those for every app, when that
        one was read which was read first.
    is_stale
        Whether one of the two could not be read again since.
    size
        Bytes of memory, without what it shares with other apps.
    """

    in_force: ActivePolicies
    read_at: Moment
    is_stale: bool
    size: int


class CachedPolicies:
    """Remembers what is active: the policies for every app once, and those of each app.

    Parameters
    ----------
    source
        Where snapshots are kept.
    ttl
        Seconds for which a pointer is not asked for again. With each further failure in a row
        the pause doubles, up to 30 s: while the store is out, few hooks wait for it.
    clock
        Clock that the TTL goes by.
    max_bytes
        Memory that all apps may take together, about. The one that was asked for longest ago is
        forgotten first.
    """

    def __init__(self, source: SnapshotSource, ttl: float, clock: Clock, max_bytes: float) -> None:
        self._source = source
        self._ttl = ttl
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._for_every_app: ActivePolicies | None = None
        self._reads: Refreshed[str, _Version] = Refreshed(
            "the policy store",
            clock,
            self._read,
            share=POLICIES_REFRESH,
            pauses=(ttl, max(LONGEST_PAUSE, ttl)),
        )

    def in_force(self, app: str, deadline: Deadline) -> tuple[ActivePolicies, bool]:
        """What decides an app's hooks, and whether that is stale.

        Raises
        ------
        UnavailableError
            If it was never read and cannot be.
        """
        for late in self._reads.adopt_late():
            if late != EVERY_APP:
                self._remember(late)
        # No app is called `*`: a hook that says so has only the policies for every app.
        name = app if app != EVERY_APP else _NO_APP
        entry = self._entries.get(name)
        if entry is not None and not entry.read_at.older_than(self._ttl):
            self._entries.move_to_end(name)
            return entry.in_force, False
        if self._reads.is_due(name, self._ttl) or self._reads.is_due(EVERY_APP, self._ttl):
            self._reads.refresh(self._names(name), deadline)
        entry = self._remember(name)
        return entry.in_force, entry.is_stale

    def for_every_app(self) -> ActivePolicies | None:
        """What holds for every app, as it was read last; none if nothing ever was."""
        return self._for_every_app

    def _names(self, app: str) -> tuple[str, ...]:
        """What to ask for: the app's pointer, and that of every app unless it is known well."""
        every = self._reads.kept.get(EVERY_APP)
        if every is None or every.failures or every.read_at.older_than(self._ttl):
            return app, EVERY_APP
        return (app,)

    def _read(self, known: "Mapping[str, _Version | None]") -> "Mapping[str, _Version]":
        pointers = self._source.pointers(tuple(known))
        found = {}
        for name, before in known.items():
            pointer = pointers.get(name)
            if before is not None and before.pointer == pointer:
                found[name] = before
            else:
                snapshot = None if pointer is None else self._source.snapshot(pointer)
                found[name] = _Version(pointer, snapshot)
        return found

    def _remember(self, app: str) -> _Entry:
        """Combine an app's own policies, which were read, with those for every app."""
        own, every = self._reads.kept[app], self._reads.kept[EVERY_APP]
        before = self._entries.get(app)
        entry = self._entries[app] = _Entry(
            self._combined(before, own.value.snapshot, every.value.snapshot),
            own.read_at if own.number < every.number else every.read_at,
            own.failures > 0 or every.failures > 0,
            _size(app, own.value.snapshot),
        )
        self._entries.move_to_end(app)
        self._bytes += entry.size - (before.size if before is not None else 0)
        while self._bytes > self._max_bytes and len(self._entries) > 1:
            forgotten, evicted = self._entries.popitem(last=False)
            self._reads.forget(forgotten)
            self._bytes -= evicted.size
        return entry

    def _combined(
        self, before: _Entry | None, own: Snapshot | None, every: Snapshot | None
    ) -> ActivePolicies:
        """The policies of both. An app without policies of its own shares those for every app."""
        shared = () if every is None else (every,)
        if self._for_every_app is None or self._for_every_app.snapshots != shared:
            self._for_every_app = ActivePolicies(shared)
        if own is None:
            return self._for_every_app
        snapshots = (own, *shared)
        if before is not None and before.in_force.snapshots == snapshots:
            return before.in_force
        return ActivePolicies(snapshots)


def _size(app: str, own: Snapshot | None) -> int:
    size = APP_BYTES + sys.getsizeof(app)
    return size if own is None else size + own.json_bytes * BYTES_PER_BYTE
