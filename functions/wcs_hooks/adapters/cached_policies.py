"""What is in force, cached: a warm hook within the TTL costs no call, and an outage serves stale.

It wraps any `SnapshotSource` and knows nothing of where that keeps its snapshots.
"""

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple
from weakref import WeakValueDictionary

from wcs_hooks.adapters.time_limit import await_before, begin
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.in_force import InForce
from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.core.terms import EVERY_APP
from wcs_hooks.ports import Pointer, SnapshotSource, UnavailableError

if TYPE_CHECKING:
    from concurrent.futures import Future

MAX_APPS: Final = 256
"""How many apps are remembered; the one that was asked for longest ago is forgotten first."""

_LONGEST_PAUSE: Final = 30.0
_LONGEST_READ: Final = 30.0
_WHAT: Final = "the policy store"


class _Entry(NamedTuple):
    in_force: InForce
    pointers: tuple[Pointer | None, ...]
    checked_at: float
    failures: int


class CachedPolicies:
    """Remembers what is in force.

    Parameters
    ----------
    source
        Where snapshots are kept.
    ttl
        Seconds for which the pointers are not asked for again. With each further failure in a row
        the pause doubles, up to 30 s: while the store is out, few hooks wait for it.
    clock
        By which the TTL goes.
    """

    def __init__(self, source: SnapshotSource, ttl: float, clock: Clock) -> None:
        self._source = source
        self._ttl = ttl
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._for_every_app: InForce | None = None
        self._reading: dict[str, tuple[Future[_Entry], float]] = {}
        # One that is loaded serves all apps, and goes with the last entry that has it.
        self._snapshots: WeakValueDictionary[Pointer, Snapshot] = WeakValueDictionary()

    def in_force(self, app: str, deadline: Deadline) -> tuple[InForce, bool]:
        """What decides an app's hooks, and whether that is stale.

        Raises
        ------
        UnavailableError
            If it was never read and cannot be.
        """
        self._adopt_late(app)
        entry = self._entries.get(app)
        if entry is not None and self._clock.monotonic() < entry.checked_at + self._pause(entry):
            self._entries.move_to_end(app)
            return entry.in_force, entry.failures > 0
        try:
            fresh = self._fetch(app, entry, deadline)
        except UnavailableError:
            if entry is None:
                raise
            stale = entry._replace(checked_at=self._clock.monotonic(), failures=entry.failures + 1)
            self._remember(app, stale)
            return stale.in_force, True
        self._remember(app, fresh)
        self._remember_for_every_app(fresh)
        return fresh.in_force, False

    def _adopt_late(self, app: str) -> None:
        """Remember what a read brought that no hook could wait for.

        Else a snapshot that takes longer to load than a hook may wait would never be loaded. How
        old it is counts from when it was asked for, so that a newer version is asked for at once.
        """
        reading, _ = self._reading.get(app, (None, 0.0))
        if reading is not None and reading.done():
            del self._reading[app]
            if reading.exception() is None:
                self._remember(app, reading.result())
                self._remember_for_every_app(reading.result())

    def _fetch(self, app: str, known: _Entry | None, deadline: Deadline) -> _Entry:
        """Read what is in force, or wait for a read that has begun."""
        now = self._clock.monotonic()
        reading, begun = self._reading.get(app, (None, 0.0))
        if reading is None or now > begun + _LONGEST_READ:
            reading, begun = begin(lambda: self._read(app, known), _WHAT), now
            self._reading[app] = (reading, begun)
        try:
            return await_before(deadline, reading, _WHAT)
        finally:
            if reading.done():
                self._reading.pop(app, None)

    def for_every_app(self) -> InForce | None:
        """What holds for every app, as it was read last; none if nothing ever was."""
        return self._for_every_app

    def _pause(self, entry: _Entry) -> float:
        if not entry.failures:
            return self._ttl
        return min(self._ttl * 2.0 ** min(entry.failures - 1, 10), max(_LONGEST_PAUSE, self._ttl))

    def _read(self, app: str, known: _Entry | None) -> _Entry:
        apps = tuple(dict.fromkeys((app, EVERY_APP)))
        found = self._source.pointers(apps)
        pointers = tuple(found.get(name) for name in apps)
        now = self._clock.monotonic()
        if known is not None and known.pointers == pointers:
            return _Entry(known.in_force, pointers, now, failures=0)
        snapshots = [self._snapshot(pointer) for pointer in pointers if pointer is not None]
        return _Entry(InForce(snapshots), pointers, now, failures=0)

    def _snapshot(self, pointer: Pointer) -> Snapshot:
        snapshot = self._snapshots.get(pointer)
        if snapshot is None:
            snapshot = self._snapshots[pointer] = self._source.snapshot(pointer)
        return snapshot

    def _remember(self, app: str, entry: _Entry) -> None:
        self._entries[app] = entry
        self._entries.move_to_end(app)
        if len(self._entries) > MAX_APPS:
            self._entries.popitem(last=False)

    def _remember_for_every_app(self, entry: _Entry) -> None:
        shared = tuple(one for one in entry.in_force.snapshots if one.app == EVERY_APP)
        if self._for_every_app is None or self._for_every_app.snapshots != shared:
            self._for_every_app = InForce(shared)
