"""What is in force, cached: a warm hook within the TTL costs no call, and an outage serves stale.

It wraps any `SnapshotSource` and knows nothing of where that keeps its snapshots.
"""

import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from wcs_hooks.adapters.deadlines import LONGEST_PAUSE, SharedReads
from wcs_hooks.clock import Clock, Deadline, Moment, Pause
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.errors import UnavailableError
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


class _Known(NamedTuple):
    """What is known of an app's own policies, or of those for every app.

    Attributes
    ----------
    pointer, snapshot
        None if there are no policies.
    number
        Of the read that this comes from; they count up.
    checked_at
        When that read was begun.
    failures
        How many reads failed since then.
    pause
        For how long no other one is begun after the last of them.
    """

    pointer: Pointer | None
    snapshot: Snapshot | None
    number: int
    checked_at: Moment
    failures: int = 0
    pause: Pause | None = None


class _Entry(NamedTuple):
    """What decides an app's hooks.

    Attributes
    ----------
    checked_at
        Of the two that this is made of, the app's own policies and those for every app, when that
        one was checked which was checked first.
    size
        Bytes of memory, without what it shares with other apps.
    """

    in_force: ActivePolicies
    own: _Known
    checked_at: Moment
    size: int


class CachedPolicies:
    """Remembers what is in force: the policies for every app once, and those of each app.

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
        self._clock = clock
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._every: _Known | None = None
        self._for_every_app: ActivePolicies | None = None
        self._count = 0
        self._reads: SharedReads[tuple[str, ...], Mapping[str, _Known]]
        self._reads = SharedReads("the policy store", clock)

    def in_force(self, app: str, deadline: Deadline) -> tuple[ActivePolicies, bool]:
        """What decides an app's hooks, and whether that is stale.

        Raises
        ------
        UnavailableError
            If it was never read and cannot be.
        """
        for late in self._reads.late():
            self._learn(late)
        # No app is called `*`: a hook that says so has only the policies for every app.
        name = app if app != EVERY_APP else _NO_APP
        entry = self._entries.get(name)
        if entry is not None and not entry.checked_at.older_than(self._ttl):
            self._entries.move_to_end(name)
            return entry.in_force, False
        own, every = entry.own if entry is not None else None, self._every
        if own is not None and every is not None:
            if self._is_due(own) or self._is_due(every):
                own, every = self._refreshed(name, own, every, deadline)
            entry = self._remember(name, own, every)
            return entry.in_force, own.failures > 0 or every.failures > 0
        known = {} if every is None else {EVERY_APP: every}
        self._learn(self._fetch(self._names(name), known, deadline))
        return self._entries[name].in_force, False

    def for_every_app(self) -> ActivePolicies | None:
        """What holds for every app, as it was read last; none if nothing ever was."""
        return self._for_every_app

    def _names(self, app: str) -> tuple[str, ...]:
        """What to ask for: the app's pointer, and that of every app unless it is known well."""
        every = self._every
        if every is None or every.failures or every.checked_at.older_than(self._ttl):
            return app, EVERY_APP
        return (app,)

    def _refreshed(
        self, app: str, own: _Known, every: _Known, deadline: Deadline
    ) -> tuple[_Known, _Known]:
        """Both, as they are now; as they were, if that cannot be read."""
        names = self._names(app)
        known = {app: own, EVERY_APP: every}
        try:
            self._learn(self._fetch(names, known, deadline.part(POLICIES_REFRESH)))
        except UnavailableError:
            own = self._failed(own)
            if EVERY_APP in names:
                every = self._every = self._failed(every)
            return own, every
        return self._entries[app].own, self._every or every

    def _is_due(self, known: _Known) -> bool:
        if known.pause is not None:
            return known.pause.is_over()
        return known.checked_at.older_than(self._ttl)

    def _failed(self, known: _Known) -> _Known:
        longest = max(LONGEST_PAUSE, self._ttl)
        pause = Pause.after_failures(self._clock, known.failures, self._ttl, longest)
        return known._replace(failures=known.failures + 1, pause=pause)

    def _fetch(
        self, names: tuple[str, ...], known: "Mapping[str, _Known]", deadline: Deadline
    ) -> "Mapping[str, _Known]":
        """Read what is active, or wait for a read that has begun."""
        self._count += 1
        number = self._count
        return self._reads.read(names, lambda now: self._read(names, known, number, now), deadline)

    def _read(
        self, names: tuple[str, ...], known: "Mapping[str, _Known]", number: int, now: Moment
    ) -> "Mapping[str, _Known]":
        pointers = self._source.pointers(names)
        found = {}
        for name in names:
            pointer, before = pointers.get(name), known.get(name)
            if before is not None and before.pointer == pointer:
                snapshot = before.snapshot
            else:
                snapshot = None if pointer is None else self._source.snapshot(pointer)
            found[name] = _Known(pointer, snapshot, number, now)
        return found

    def _learn(self, found: "Mapping[str, _Known]") -> None:
        """Remember what was read, unless a later read brought it before."""
        every = found.get(EVERY_APP)
        if every is not None and (self._every is None or self._every.number < every.number):
            self._every = every
        for name, own in found.items():
            entry = self._entries.get(name)
            is_newest = entry is None or entry.own.number < own.number
            if name != EVERY_APP and self._every is not None and is_newest:
                self._remember(name, own, self._every)

    def _remember(self, app: str, own: _Known, every: _Known) -> _Entry:
        before = self._entries.get(app)
        checked_first = own if own.number < every.number else every
        entry = self._entries[app] = _Entry(
            self._combined(before, own, every), own, checked_first.checked_at, _size(app, own)
        )
        self._entries.move_to_end(app)
        self._bytes += entry.size - (before.size if before is not None else 0)
        while self._bytes > self._max_bytes and len(self._entries) > 1:
            _, forgotten = self._entries.popitem(last=False)
            self._bytes -= forgotten.size
        return entry

    def _combined(self, before: _Entry | None, own: _Known, every: _Known) -> ActivePolicies:
        """The policies of both. An app without policies of its own shares those for every app."""
        shared = () if every.snapshot is None else (every.snapshot,)
        if self._for_every_app is None or self._for_every_app.snapshots != shared:
            self._for_every_app = ActivePolicies(shared)
        if own.snapshot is None:
            return self._for_every_app
        snapshots = (own.snapshot, *shared)
        if before is not None and before.in_force.snapshots == snapshots:
            return before.in_force
        return ActivePolicies(snapshots)


def _size(app: str, own: _Known) -> int:
    size = APP_BYTES + sys.getsizeof(app)
    return size if own.snapshot is None else size + own.snapshot.json_bytes * BYTES_PER_BYTE
