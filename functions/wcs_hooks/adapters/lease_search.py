"""The search for a place in a budget: what to write next, by what is known of the budget's items.

Nothing is known at first, and what is written then is right in nearly all cases. If the conditions
fail DynamoDB returns the items as they are, from which the search goes on.
"""

import math
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple

from wcs_hooks.adapters.dynamo_update import Update
from wcs_hooks.adapters.lease_items import (
    APP,
    BY,
    CLOCK_DIFFERENCE,
    COUNT,
    EXPIRES_AT,
    HELD,
    KEY,
    MAX_BY_CHARACTERS,
    MOST,
    POLICY,
    Shard,
    TakenPlace,
    budget_item,
    lease_name,
    owner_item,
    place_name,
    places_in_shard,
    rate_item,
    shard_count,
    storable,
)
from wcs_hooks.core.limits import Full, Held, WantedPlace
from wcs_hooks.core.secrets import MASK, masked

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    from wcs_hooks.adapters.lease_items import Attributes

_MAX_REPLACED: Final = 100
"""The most run-out leases that are removed in one write: an expression has 4 KB at most."""

_SHORTEST_ID: Final = 8
"""Characters of a session's id below which it is none of WCS's, and may be part of any word."""


class Found(Enum):
    """How a search stands when there is nothing to write."""

    HELD = auto()
    FULL = auto()
    UNREAD = auto()
    """Shards must be read before it goes on."""


class LeaseWrite(NamedTuple):
    """What a search writes.

    Attributes
    ----------
    update
        The change of the budget's item.
    shard
        Which of its shards that is.
    place
        What the owner's item then says; none if that does not change.
    expired
        How many leases that had run out are replaced.
    """

    update: Update
    shard: int
    place: TakenPlace | None
    expired: int = 0


class Search:
    """The search for one holder's place in one budget.

    Parameters
    ----------
    table
        The name of Leases.
    wanted
        What is wanted.
    seconds
        How long the place is held.
    ttl
        Seconds after which the items that are written expire.
    shard_places
        The most places in a shard.

    Attributes
    ----------
    indexes
        Which of the wanted places it finds.
    optional
        Whether all those can be missed.
    owner
        The key of the item that lists the place; none if the budget's only item says enough.
    place_name
        The attribute of the owner's item.
    """

    def __init__(
        self, table: str, wanted: WantedPlace, seconds: float, ttl: float, shard_places: int
    ) -> None:
        self._table = table
        self._wanted = wanted
        self._seconds = seconds
        self._ttl = ttl
        self._shards = shard_count(wanted.most, shard_places)
        self._shard_places = shard_places
        self._is_rate = wanted.held is Held.RATE
        self._lease = lease_name(wanted.holder.key)
        self._budget = wanted.budget.key
        # As many begin with a shard as it has places for.
        first = int(wanted.holder.key, 16) % wanted.most // shard_places
        self._order = [(first + offset) % self._shards for offset in range(self._shards)]
        self._known: dict[int, Shard] = {}
        self._listed: AttributeValueTypeDef | None = None
        self.indexes: list[int] = []
        self.optional = wanted.optional
        self.place_name = place_name(wanted.holder.key, self._budget)
        self.owner: str | None
        if self._is_rate:
            self.owner = rate_item(wanted.holder) if self._shards > 1 else None
        else:
            self.owner = owner_item(wanted.holder)

    def next_step(self, now: float) -> LeaseWrite | Found:
        """What to do next, at a time in seconds since the epoch."""
        own = self._own_shard()
        if own is not None:
            shard = self._known.get(own)
            if self._is_rate and shard is not None and not shard.has_run_out(self._lease, now):
                return Found.HELD
            return self._renewal(own, now)
        if not self._known:
            return self._taking(self._order[0], now)
        for number in self._order:
            known = self._known.get(number)
            if known is not None and len(known.holders(now)) < self._places(number):
                return self._taking(number, now)
        return Found.UNREAD if self.unread() else Found.FULL

    def unread(self) -> Mapping[str, int]:
        """The keys of the shards that nothing is known of, each with its number."""
        return {
            budget_item(self._budget, number): number
            for number in self._order
            if number not in self._known
        }

    def learn(self, shard: int, item: "Attributes | None") -> None:
        """Go on from an item of the budget as it was read; none if it is missing."""
        self._known[shard] = Shard(item)

    def learn_listed(self, item: "Attributes | None") -> None:
        """Go on from the owner's item as it was read."""
        self._listed = None if item is None else item.get(self.place_name)

    def list_in(self, update: Update, place: TakenPlace) -> None:
        """Let the owner's item say where the place is, provided that it says what is known."""
        update.set(self.place_name, place.to_attribute())
        update.require_value(self.place_name, self._listed)

    def full(self, now: float) -> Full:
        """Who holds the places, all of whose shards are known."""
        holders = {holder for shard in self._known.values() for holder in shard.holders(now)}
        return Full(self._wanted.most, tuple(sorted(holders)))

    def recounts(self) -> Sequence[Update]:
        """What lets items that were edited manually say again how many leases they have."""
        updates = []
        for number, shard in self._known.items():
            if not shard.is_in_order:
                update = self._update(number)
                update.set(COUNT, {"N": str(len(shard.leases))})
                update.require_present(KEY)
                update.require_value(COUNT, shard.raw_count)
                updates.append(update)
        return updates

    def _own_shard(self) -> int | None:
        """The shard that the holder has a place in, as far as is known."""
        for number, shard in self._known.items():
            if self._lease in shard.leases:
                return number
        listed = TakenPlace.read(self._listed)
        return None if listed is None or listed.shard in self._known else listed.shard

    def _places(self, shard: int) -> int:
        return places_in_shard(self._wanted.most, shard, self._shard_places)

    def _taking(self, number: int, now: float) -> LeaseWrite:
        """Take a place in a shard that has room, or of which nothing is known."""
        update = self._update(number)
        self._set_lease(update, now)
        wanted = self._wanted
        for name, text in (
            (APP, wanted.budget.app),
            (POLICY, wanted.budget.policy),
            (BY, self._shown_by()[:MAX_BY_CHARACTERS]),
            (HELD, wanted.held.value),
        ):
            update.set_once(name, {"S": storable(text)})
        update.set(MOST, {"N": str(wanted.most)})
        update.require_value(self._lease, None)
        place = None if self.owner is None else TakenPlace(number, wanted.held, now)
        shard, places = self._known.get(number), self._places(number)
        if shard is None or (shard.is_in_order and len(shard.leases) < places):
            # The item is missing, not just its count, which somebody may have deleted.
            is_missing = f"attribute_not_exists({update.name(KEY)})"
            update.require(f"({is_missing} OR {update.less(COUNT, places)})")
            update.add(COUNT, 1)
            return LeaseWrite(update, number, place)
        run_out = [name for name in shard.leases if shard.has_run_out(name, now)]
        replaced = run_out[:_MAX_REPLACED]
        update.require_present(KEY)
        # If leases came and went meanwhile, and are as many as before, the new count is right too.
        update.require_value(COUNT, shard.raw_count)
        for name in replaced:
            update.require_value(name, shard.leases[name])
            update.remove(name)
        update.set(COUNT, {"N": str(len(shard.leases) - len(replaced) + 1)})
        return LeaseWrite(update, number, place, 0 if self._is_rate else len(replaced))

    def _shown_by(self) -> str:
        """Whose budget it is, for people: without a session's id and other secrets."""
        by, session = self._wanted.budget.by, self._wanted.holder.session
        is_id = len(session) >= _SHORTEST_ID
        shown: str = masked({BY: by.replace(session, MASK) if is_id else by})[BY]
        return shown

    def _renewal(self, number: int, now: float) -> LeaseWrite:
        """Keep the place that the holder has already; that of a rate only if it has run out."""
        update = self._update(number)
        self._set_lease(update, now)
        shard = self._known.get(number)
        if shard is not None:
            update.require_value(self._lease, shard.leases[self._lease])
        else:
            # Else it is read first: a rate's may last still, and another one for longer.
            last = now - CLOCK_DIFFERENCE if self._is_rate else now + self._seconds
            update.require(update.less(self._lease, math.floor(last)))
        listed = TakenPlace.read(self._listed)
        is_listed = self.owner is None or (listed is not None and listed.shard == number)
        return LeaseWrite(
            update, number, None if is_listed else TakenPlace(number, self._wanted.held, now)
        )

    def _has(self, shard: Shard) -> bool:
        return self._lease in shard.leases

    def _update(self, shard: int) -> Update:
        return Update(self._table, (KEY, budget_item(self._budget, shard)))

    def _set_lease(self, update: Update, now: float) -> None:
        # A hook that comes again must not shorten what was renewed meanwhile.
        kept = [shard.until(self._lease) for shard in self._known.values() if self._has(shard)]
        update.set(self._lease, {"N": str(math.ceil(max(now + self._seconds, *kept, 0.0)))})
        update.set(EXPIRES_AT, {"N": str(math.ceil(now + self._ttl))})
