"""Leases, in DynamoDB: the places that limits count. `lease_items` says how the table is laid out.

A place is taken by one transaction on the budget's item and on that of its owner, so that all
places of a hook are taken or none is. If its conditions fail DynamoDB returns the items, and the
search goes on from them: the holder may have the place already, or another lease has run out.
"""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import batched
from typing import TYPE_CHECKING, Final, NamedTuple

from wcs_hooks.adapters.deadlines import CircuitBreaker
from wcs_hooks.adapters.dynamo_update import Update
from wcs_hooks.adapters.lease_items import (
    APP,
    AT,
    EXPIRES_AT,
    KEY,
    RENEWED_AT,
    SHARD_PLACES,
    ListedPlace,
    budget_item,
    keep_alive_item,
    lease_name,
    moment,
    number,
    owned_places,
    owner_item,
    session_item,
    storable,
)
from wcs_hooks.adapters.lease_search import Found, LeaseWrite, Search
from wcs_hooks.adapters.lease_table import STORE, LeaseStore
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import (
    ALL_TAKEN,
    MAX_RATE_SECONDS,
    Full,
    Held,
    Holder,
    Taken,
    WantedPlace,
)
from wcs_hooks.ports import SessionKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


TTL_MARGIN: Final = 3_600.0
"""Seconds for which an item stays after its last lease has run out."""

_ATTEMPTS: Final = 16
_BATCH: Final = 25
"""How many places are given back before the owner's item says so."""

_RENEWED_WITH_SESSION: Final = frozenset({Held.CALL, Held.SESSION})


CONFIRMED_WITHIN: Final = 300.0
"""Seconds for which a call or a session holds a place before a renewal confirms it. One whose hook
failed after its place was taken never begins, and WCS never reports its end."""


class LeaseSeconds(NamedTuple):
    """How long a place is held after a renewal; that of a stream also before the first one."""

    stream: float
    call: float
    session: float


class DynamoLeases:
    """Takes places and gives them back.

    Parameters
    ----------
    client
        With timeouts.
    table
        The name of Leases.
    seconds
        How long places are held.
    clock
        Clock that leases run out by.
    shard_places
        The most places in one item.
    pause
        What waits for some seconds.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        seconds: LeaseSeconds,
        clock: Clock,
        *,
        shard_places: int = SHARD_PLACES,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = LeaseStore(client, table, pause)
        self._table = table
        self._seconds: Mapping[Held, float] = {
            Held.STREAM: seconds.stream,
            Held.CALL: seconds.call,
            Held.SESSION: seconds.session,
        }
        self._until_confirmed = {
            held: seconds if held is Held.STREAM else min(seconds, CONFIRMED_WITHIN)
            for held, seconds in self._seconds.items()
        }
        self._ttl = max(*self._seconds.values(), MAX_RATE_SECONDS) + TTL_MARGIN
        self._clock = clock
        self._shard_places = shard_places
        # One for each use: what is given less time, or can wait, must not keep a hook from taking.
        self._takes = CircuitBreaker(STORE, clock)
        self._renewals = CircuitBreaker(STORE, clock)
        self._releases = CircuitBreaker(STORE, clock)
        self._keep_alives = CircuitBreaker(STORE, clock)

    def take(self, wanted: Sequence[WantedPlace], deadline: Deadline) -> Taken:
        """Take places for one hook: all of them, or none if one that is not optional has no room.

        A holder has one place of a budget, however often it is taken: who has it already keeps it
        for as long as if it had just been taken, but for a rate's, whose end is fixed.

        If `most` falls, places that are held already stay so, and where a budget thereby has fewer
        shards they are not counted.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or does nothing but throttle. Whether the places are taken
            is not known then.
        """
        if not wanted:
            return ALL_TAKEN
        return self._takes.run_before(deadline, lambda: self._take(wanted, deadline))

    def renew(self, holder: Holder, deadline: Deadline) -> None:
        """Keep what a stream or a call holds for longer; a place that was given back stays so.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        self._renewals.run_before(deadline, lambda: self._renew_holder(holder, deadline))

    def renew_session(self, key: SessionKey, deadline: Deadline) -> None:
        """Keep what a session and its calls hold for longer, if that is half spent.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        self._renewals.run_before(deadline, lambda: self._renew_session(key, deadline))

    def release(self, holder: Holder, deadline: Deadline, *, taken_by: float | None = None) -> None:
        """Give back what a stream or a call holds, but for places of rates. Twice does no harm.

        Parameters
        ----------
        taken_by
            What was taken later is kept, in seconds since the epoch; nothing is if this is None.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer. Places that are not given back yet are by another call.
        """
        self._releases.run_before(
            deadline,
            lambda: self._release(owner_item(holder), holder.key, taken_by, deadline),
        )

    def release_session(
        self, key: SessionKey, deadline: Deadline, *, taken_by: float | None = None
    ) -> None:
        """Give back what a session, its streams and its calls hold, as `release` does.

        Raises
        ------
        UnavailableError
            As `release` does.
        """
        self._releases.run_before(
            deadline, lambda: self._release(session_item(key), None, taken_by, deadline)
        )

    def note_keep_alive(self, app: str, deadline: Deadline) -> None:
        """Remember that an app's streams are kept alive: without that they are not counted long.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        update = Update(self._table, (KEY, keep_alive_item(app)))
        update.set(APP, {"S": storable(app)})
        update.set(AT, {"N": moment(self._clock.now())})
        self._keep_alives.run_before(deadline, lambda: self._store.write([update], deadline))

    # --- Taking -------------------------------------------------------------------------------

    def _take(self, wanted: Sequence[WantedPlace], deadline: Deadline) -> Taken:
        searches = self._searches(wanted)
        full: dict[int, Full] = {}
        for _ in range(_ATTEMPTS):
            now = self._clock.now()
            steps = {search: self._next_step(search, now) for search in searches}
            without_room = [search for search, step in steps.items() if step is Found.FULL]
            for search in without_room:
                self._recount(search, deadline)
                full |= dict.fromkeys(search.indexes, search.full(now))
            if not all(search.optional for search in without_room):
                return Taken(full)
            writes = {
                search: step for search, step in steps.items() if isinstance(step, LeaseWrite)
            }
            if not writes or self._wrote(writes, deadline):
                return Taken(full, sum(write.expired for write in writes.values()))
            searches = list(writes)
        raise UnavailableError(f"{STORE} is busy: others wrote the same budgets all the time")

    def _searches(self, wanted: Sequence[WantedPlace]) -> list[Search]:
        """A search for each budget, in which a hook can have one place."""
        searches: dict[str, Search] = {}
        for index, place in enumerate(wanted):
            search = searches.get(place.budget.key)
            if search is None:
                seconds = place.seconds or self._until_confirmed[place.held]
                search = Search(self._table, place, seconds, self._ttl, self._shard_places)
                searches[place.budget.key] = search
            search.indexes.append(index)
            search.optional = search.optional and place.optional
        return list(searches.values())

    def _next_step(self, search: Search, now: float) -> LeaseWrite | Found:
        step = search.next_step(now)
        if step is not Found.UNREAD:
            return step
        shards = search.unread()
        found = self._store.read_all(shards)
        for key, shard in shards.items():
            search.learn(shard, found.get(key))
        return search.next_step(now)

    def _wrote(self, writes: Mapping[Search, LeaseWrite], deadline: Deadline) -> bool:
        """Write all that searches want; if that fails they go on from what DynamoDB returned."""
        updates = [write.update for write in writes.values()]
        owners: dict[str, tuple[Update, list[Search]]] = {}
        for search, write in writes.items():
            if search.owner is not None and write.place is not None:
                if search.owner not in owners:
                    owners[search.owner] = self._expiring(search.owner), []
                update, listed = owners[search.owner]
                search.list_in(update, write.place)
                listed.append(search)
        failed = self._store.write([*updates, *(update for update, _ in owners.values())], deadline)
        for index, (search, write) in enumerate(writes.items()):
            if index in failed:
                search.learn(write.shard, failed[index])
        for index, (_, listed) in enumerate(owners.values(), len(updates)):
            if index in failed:
                for search in listed:
                    search.learn_listed(failed[index])
        return not failed

    def _recount(self, search: Search, deadline: Deadline) -> None:
        """Repair items whose count somebody edited: a wrong one lets in too many later."""
        for update in search.recounts():
            self._store.write([update], deadline)

    # --- Renewing -----------------------------------------------------------------------------

    def _renew_holder(self, holder: Holder, deadline: Deadline) -> None:
        owner = owner_item(holder)
        item = self._store.read(owner)
        if item is None:
            return
        self._renew(
            (one for one in owned_places(item) if one.holder == holder.key),
            deadline,
        )
        half = self._clock.now() + self._ttl / 2
        if number(item.get(EXPIRES_AT), 0.0) < half:
            update = self._expiring(owner)
            update.require_present(KEY)
            self._store.write([update], deadline)

    def _renew_session(self, key: SessionKey, deadline: Deadline) -> None:
        owner = session_item(key)
        item = self._store.read(owner)
        if item is None:
            return
        now, renewed_at = self._clock.now(), number(item.get(RENEWED_AT), 0.0)
        places = [
            one
            for one in owned_places(item)
            if one.place and one.place.held in _RENEWED_WITH_SESSION
        ]
        if not any(
            now - max(one.place.at, renewed_at) >= self._seconds[one.place.held] / 2
            for one in places
            if one.place
        ):
            return
        # All of them, since the item says of all when they were renewed.
        self._renew(places, deadline)
        update = self._expiring(owner)
        update.set(RENEWED_AT, {"N": moment(now)})
        update.require_present(KEY)
        self._store.write([update], deadline)

    def _renew(self, places: Iterable[ListedPlace], deadline: Deadline) -> None:
        for one in places:
            if one.place is None or one.place.held is Held.RATE:
                continue
            until = self._clock.now() + self._seconds[one.place.held]
            update = self._expiring(budget_item(one.budget, one.place.shard))
            lease = lease_name(one.holder)
            update.set(lease, {"N": str(math.ceil(until))})
            update.require_present(lease)
            self._store.write([update], deadline)

    # --- Releasing ----------------------------------------------------------------------------

    def _release(
        self, owner: str, holder: str | None, taken_by: float | None, deadline: Deadline
    ) -> None:
        item = self._store.read(owner)
        if item is None:
            return
        places = [
            one
            for one in owned_places(item)
            if holder in (None, one.holder)
            and (taken_by is None or one.place is None or one.place.at <= taken_by)
        ]
        # The owner's item comes last: what fails in between is done by the next call.
        for batch in batched(places, _BATCH):
            for one in batch:
                # Where a damaged one is nobody knows: its lease runs out by itself.
                if one.place is not None:
                    key = budget_item(one.budget, one.place.shard)
                    self._store.give_back(key, lease_name(one.holder), deadline)
            self._strike_off(owner, batch, deadline)

    def _strike_off(self, owner: str, places: Sequence[ListedPlace], deadline: Deadline) -> None:
        """Remove places from an owner's item, but for those that were taken again meanwhile."""
        for _ in range(_ATTEMPTS):
            if not places:
                return
            update = Update(self._table, (KEY, owner))
            for one in places:
                update.remove(one.name)
                update.require_value(one.name, one.value)
            failed = self._store.write([update], deadline)
            if not failed:
                return
            item = failed[0] or {}
            places = [one for one in places if item.get(one.name) == one.value]
        raise UnavailableError(f"{STORE} is busy: others wrote {owner} all the time")

    def _expiring(self, key: str) -> Update:
        """A change of an item which then expires as late as it can be needed."""
        update = Update(self._table, (KEY, key))
        update.set(EXPIRES_AT, {"N": str(math.ceil(self._clock.now() + self._ttl))})
        return update
