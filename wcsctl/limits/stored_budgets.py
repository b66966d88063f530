"""Budgets as the table Leases has them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wcs_hooks.adapters.lease_items import (
    APP,
    BUDGET_PREFIX,
    BY,
    EXPIRES_AT,
    HELD,
    KEY,
    MOST,
    POLICY,
    Shard,
    budget_item,
    holder_of,
    lease_name,
    number,
    shard_count,
)
from wcs_hooks.adapters.lease_table import LeaseStore
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import MAX_PLACES
from wcsctl.errors import UnreachableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from wcs_hooks.adapters.lease_items import Attributes

_PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class HeldPlace:
    """A place that somebody holds.

    Attributes
    ----------
    holder
        Who, by `Holder.key`.
    until
        Until when, in seconds since the epoch. What has run out stays until another needs the
        place; of a lease that somebody damaged it is 0.
    """

    holder: str
    until: float


@dataclass(frozen=True, slots=True)
class StoredBudget:
    """A budget.

    Attributes
    ----------
    key
        `Budget.key`.
    app, policy, by
        Whose it is; of `by` the first 256 characters.
    held
        What ends the holding of a place: `stream`, `call`, `session` or `rate`.
    most
        How many places it had when one was last taken; 0 if somebody damaged that.
    places
        Who holds them, those first that run out last.
    """

    key: str
    app: str
    policy: str
    by: str
    held: str
    most: int
    places: Sequence[HeldPlace]

    def live(self, now: float) -> Sequence[HeldPlace]:
        """The places that have not run out by a time, in seconds since the epoch."""
        return [place for place in self.places if place.until >= now]


class StoredBudgets:
    """Reads budgets, and gives places back manually.

    Parameters
    ----------
    client
        With the operator's rights.
    table
        The name of Leases.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table
        self._leases = LeaseStore(client, table)

    def all(self) -> list[StoredBudget]:
        """Every budget from which a place was taken lately, by app, policy and `by`.

        The whole table is read.
        """
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="begins_with(#key, :prefix)",
            ExpressionAttributeNames={"#key": KEY},
            ExpressionAttributeValues={":prefix": {"S": BUDGET_PREFIX}},
        )
        by_budget: dict[str, list[Attributes]] = {}
        for page in pages:
            for item in page["Items"]:
                key = item[KEY]["S"].removeprefix(BUDGET_PREFIX).partition("#")[0]
                by_budget.setdefault(key, []).append(item)
        budgets = [_budget(key, items) for key, items in by_budget.items()]
        return sorted(budgets, key=lambda one: (one.app, one.policy, one.by, one.key))

    def budget(self, key: str) -> StoredBudget | None:
        """A budget by `Budget.key`; none if no place of it was taken lately.

        Raises
        ------
        UnreachableError
            If it cannot be read.
        """
        try:
            items = self._leases.read_all(_items_of(key))
        except UnavailableError as error:
            raise UnreachableError(f"The budget cannot be read: {error}.") from error
        return _budget(key, items.values()) if items else None

    def release(self, key: str, holder: str) -> bool:
        """Give back a holder's place of a budget; says whether it had one.

        A stream's next keep-alive does not take it again, but the stream goes on.

        Parameters
        ----------
        key
            `Budget.key`.
        holder
            `Holder.key`.

        Raises
        ------
        UnreachableError
            If that fails.
        """
        lease, deadline = lease_name(holder), Deadline(SystemClock(), _PATIENCE)
        try:
            found = self._leases.read_all(_items_of(key))
            held_in = [name for name, item in found.items() if lease in Shard(item).leases]
            given_back = [self._leases.give_back(name, lease, deadline) for name in held_in]
        except UnavailableError as error:
            raise UnreachableError(f"The place cannot be given back: {error}.") from error
        return any(given_back)


def _items_of(budget: str) -> list[str]:
    return [budget_item(budget, shard) for shard in range(shard_count(MAX_PLACES))]


def _budget(key: str, items: Iterable["Attributes"]) -> StoredBudget:
    shards = list(items)
    latest = max(shards, key=lambda item: number(item.get(EXPIRES_AT), 0.0))
    places = [
        HeldPlace(holder_of(name), max(0.0, shard.until(name)))
        for shard in map(Shard, shards)
        for name in shard.leases
    ]
    return StoredBudget(
        key,
        _text(latest, APP),
        _text(latest, POLICY),
        _text(latest, BY),
        _text(latest, HELD),
        int(number(latest.get(MOST), 0.0)),
        sorted(places, key=lambda place: (-place.until, place.holder)),
    )


def _text(item: "Attributes", name: str) -> str:
    value = item.get(name)
    return "" if value is None else value.get("S", "")
