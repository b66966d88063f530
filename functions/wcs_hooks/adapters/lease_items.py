"""How the table Leases is laid out: partition key `key`, TTL attribute `expiresAt`.

| `key` | what the item holds | other attributes |
|---|---|---|
| `b#` budget `#` shard | places of a budget | `x` holder, `n`; and for people, see below |
| `s#` session | where a session, its streams and its calls have places | `p…`, `renewedAt` |
| `h#` holder | the same of a stream or a call without a session | `p…` |
| `r#` holder | in which shards a hook took places of rates | `p…` |
| `k#` app | that a keep-alive came from an app | `app`, `at` |

A lease is an attribute `x` holder: until when, in seconds since the epoch; `n` counts the leases of
the item. People see by `app`, `policy`, `by`, `held` and `most` what the budget is. A place is an
attribute `p` holder `#` budget: the shard, what ends the holding, and when it was taken.

Budgets and holders stand here by `Budget.key` and `Holder.key`, sessions and apps by hashes. A
budget of more than `SHARD_PLACES` places is divided into shards, so that its items stay small and
are not written by everybody at once.
"""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wcs_hooks.core.limits import Held, Holder
from wcs_hooks.ports import SessionKey

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

    type Attributes = Mapping[str, AttributeValueTypeDef]

KEY: Final = "key"
EXPIRES_AT: Final = "expiresAt"
COUNT: Final = "n"
APP: Final = "app"
POLICY: Final = "policy"
BY: Final = "by"
HELD: Final = "held"
MOST: Final = "most"
RENEWED_AT: Final = "renewedAt"
AT: Final = "at"
SHARD: Final = "shard"

BUDGET_PREFIX: Final = "b#"

SHARD_PLACES: Final = 32
"""The most places in one item: with so many it has less than 1 KB, one write unit, unless the names
that it bears are long."""

MAX_BY_CHARACTERS: Final = 256
"""How much of `by` is kept, for people."""

CLOCK_DIFFERENCE: Final = 5.0
"""Seconds by which the clocks of two functions may differ. A lease that has run out for less than
that is not replaced."""

_LEASE: Final = "x"
_PLACE: Final = "p"
_LEASE_CHARACTERS: Final = 17
_NEVER_HELD: Final = float("-inf")


def budget_item(budget: str, shard: int) -> str:
    """The key of a budget's item, by `Budget.key`."""
    return f"{BUDGET_PREFIX}{budget}#{shard}"


def owner_item(holder: Holder) -> str:
    """The key of the item that lists what a stream or a call holds."""
    if not holder.session:
        return f"h#{holder.key}"
    return session_item(SessionKey(holder.node, holder.session))


def session_item(key: SessionKey) -> str:
    """The key of the item that lists what a session, its streams and its calls hold."""
    return f"s#{_hash(f'{key.node}\0{key.session}')}"


def rate_item(holder: Holder) -> str:
    """The key of the item that lists what a hook took of rates with several shards."""
    return f"r#{holder.key}"


def keep_alive_item(app: str) -> str:
    """The key of the item that says that a keep-alive came from an app."""
    return f"k#{_hash(app)}"


def lease_name(holder: str) -> str:
    """The attribute of a holder's lease, by `Holder.key`."""
    return f"{_LEASE}{holder}"


def holder_of(lease: str) -> str:
    """Whose lease an attribute is, by `Holder.key`."""
    return lease.removeprefix(_LEASE)


def place_name(holder: str, budget: str) -> str:
    """The attribute that says where a holder has a place, by `Holder.key` and `Budget.key`."""
    return f"{_PLACE}{holder}#{budget}"


def shard_count(most: int, shard_places: int = SHARD_PLACES) -> int:
    """How many shards a budget of a number of places has."""
    return -(-most // shard_places)


def places_in_shard(most: int, shard: int, shard_places: int = SHARD_PLACES) -> int:
    """How many of a budget's places are in one of its shards: as many as fit, but for the last one.

    So a shard's places stay the same if `most` is raised. Were they divided evenly, shards that are
    full already would have more than their part, and further ones as much as theirs.

    Examples
    --------
    >>> [places_in_shard(40, shard) for shard in range(2)]
    [32, 8]
    >>> [places_in_shard(100, shard) for shard in range(4)]
    [32, 32, 32, 4]
    """
    return min(shard_places, most - shard * shard_places)


class Shard:
    """A budget's item as it was read. It may be missing, or edited manually.

    Parameters
    ----------
    item
        The item; none if there is none.

    Attributes
    ----------
    leases
        Each lease, as it was read, by the attribute's name.
    raw_count
        What says how many there are, as it was read; none if nothing does.
    """

    def __init__(self, item: "Attributes | None") -> None:
        self.exists = item is not None
        found = item or {}
        self.leases: Attributes = {
            name: value
            for name, value in found.items()
            if len(name) == _LEASE_CHARACTERS and name.startswith(_LEASE)
        }
        self.raw_count = found.get(COUNT)

    @cached_property
    def count(self) -> int | None:
        """How many leases the item says that it has; none if that is not a number."""
        return None if self.raw_count is None else _whole(self.raw_count)

    @property
    def is_in_order(self) -> bool:
        """Whether it has as many leases as it says."""
        return not self.exists or self.count == len(self.leases)

    def until(self, lease: str) -> float:
        """Until when a lease is held; long ago if that cannot be read."""
        return until(self.leases[lease])

    def has_run_out(self, lease: str, now: float) -> bool:
        """Whether a lease may be replaced by another one."""
        return self.until(lease) + CLOCK_DIFFERENCE < now

    def holders(self, now: float) -> list[str]:
        """Who holds leases that have not run out, by `Holder.key`."""
        return [holder_of(name) for name in self.leases if not self.has_run_out(name, now)]


class TakenPlace(NamedTuple):
    """Where a holder has a place.

    Attributes
    ----------
    shard
        The shard of the budget.
    held
        What ends the holding.
    at
        When it was taken, in seconds since the epoch.
    """

    shard: int
    held: Held
    at: float

    def to_attribute(self) -> "AttributeValueTypeDef":
        """The attribute's value."""
        return {
            "M": {
                SHARD: {"N": str(self.shard)},
                HELD: {"S": self.held.value},
                AT: {"N": moment(self.at)},
            }
        }

    @classmethod
    def read(cls, value: "AttributeValueTypeDef | None") -> "TakenPlace | None":
        """The place that an attribute names; none if it names none."""
        try:
            members: Any = value and value.get("M")
            shard, held, at = (members[SHARD]["N"], members[HELD]["S"], members[AT]["N"])
            return cls(int(shard), Held(held), float(at))
        except (KeyError, TypeError, ValueError):
            return None


class ListedPlace(NamedTuple):
    """A place, as the item of its owner lists it.

    Attributes
    ----------
    name
        The attribute's name.
    value
        Its value as it was read.
    place
        The place; none if the value is damaged.
    """

    name: str
    value: "AttributeValueTypeDef"
    place: TakenPlace | None

    @property
    def holder(self) -> str:
        """Whose place it is, by `Holder.key`."""
        return self.name.partition("#")[0].removeprefix(_PLACE)

    @property
    def budget(self) -> str:
        """Of which budget, by `Budget.key`."""
        return self.name.partition("#")[2]


def owned_places(item: "Attributes") -> Iterator[ListedPlace]:
    """The places that an owner's item lists."""
    for name, value in item.items():
        if name.startswith(_PLACE) and "#" in name:
            yield ListedPlace(name, value, TakenPlace.read(value))


def until(value: "AttributeValueTypeDef") -> float:
    """Until when a lease is held, in seconds since the epoch; long ago if that cannot be read."""
    return number(value, _NEVER_HELD)


def number(value: "AttributeValueTypeDef | None", default: float) -> float:
    """The number that an attribute holds; the default if it is missing or holds none."""
    text = None if value is None else value.get("N")
    return default if text is None else float(text)


def moment(seconds: float) -> str:
    """A time as it is stored."""
    return f"{seconds:.3f}"


def storable(text: str) -> str:
    """A text that UTF-8 can encode: a surrogate that stands alone becomes a question mark."""
    return text.encode(errors="replace").decode()


def _whole(value: "AttributeValueTypeDef") -> int | None:
    found = number(value, _NEVER_HELD)
    return int(found) if found.is_integer() else None


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:32]
