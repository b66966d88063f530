"""Lists, in DynamoDB: partition key `list`, sort key `key`, TTL attribute `expiresAt`.

Any system may write rows, with whatever other attributes, so that nothing about them is certain. A
row comes in the types that expressions know: whole numbers of up to 64 bits are integers and others
doubles, a set is a list, a binary is a text in base64.
"""

import base64
import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wcs_hooks.adapters.batch_read import read_items
from wcs_hooks.adapters.deadlines import CircuitBreaker
from wcs_hooks.clock import Clock, Deadline, Moment, SystemClock
from wcs_hooks.core.cel.expression import MAX_VISIBLE_BYTES, MAX_VISIBLE_VALUES
from wcs_hooks.core.lists import DamagedRow, Row, RowKey
from wcs_hooks.core.payload import representable
from wcs_hooks.core.policy.vocabulary import count_values

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

LIST: Final = "list"
KEY: Final = "key"
EXPIRES_AT: Final = "expiresAt"

MAX_CACHED_ROWS: Final = 10_000
"""The most rows that a function remembers. The one that was asked for longest ago is forgotten
first."""

MAX_CACHED_BYTES: Final = 4_000_000
"""The same in bytes of keys and of rows as JSON: in memory they take 4 to 8 times as many."""

MILLISECONDS: Final = 10**11
"""As seconds the year 5138, as milliseconds 1973: who writes more than that means milliseconds."""

TTL_IGNORES: Final = 5 * 365 * 86_400
"""Seconds: DynamoDB deletes no item whose time was more than five years ago.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html"""

_NEVER: Final = float("inf")
_INT64: Final = range(-(2**63), 2**63)

type _Name = tuple[str, str]
"""A row's list and its key."""


class _Stored(NamedTuple):
    """A row as it was read.

    Attributes
    ----------
    row
        The row, whether or not it has expired since.
    expires_at
        When it does, in seconds since the epoch.
    size
        Bytes of JSON.
    read_at
        When the read was begun: a slow one brings a row that is old already.
    """

    row: Row
    expires_at: float
    size: int
    read_at: Moment

    def at(self, now: float) -> Row:
        """The row at a time, in seconds since the epoch; none once it has expired."""
        return self.row if now < self.expires_at else None


class DynamoLists:
    """Reads rows of lists.

    Parameters
    ----------
    client
        With timeouts.
    table
        The name of Lists.
    cache_seconds
        How long a row, or that there is none, is used before it is read again; 0 for not at all.
    clock
        Clock that rows expire by.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, cache_seconds: float, clock: Clock
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._reads = CircuitBreaker("the list store", clock)
        self._cache = _Cache(cache_seconds)

    def rows(self, keys: Collection[RowKey], deadline: Deadline) -> Mapping[RowKey, Row]:
        """The rows of at most 100 keys; those that are not cached are read in one request.

        If one of the keys that are read asks for a consistent read, all of them are read so: a
        request has one consistency for a table.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or leaves keys unprocessed.
        """
        stored: dict[_Name, _Stored] = {}
        missing: set[_Name] = set()
        for key in keys:
            name = (key.list, key.key)
            if key.consistent or (cached := self._cache.get(name)) is None:
                missing.add(name)
            else:
                stored[name] = cached
        if missing:
            consistent = any(key.consistent for key in keys)
            stored |= self._read(tuple(missing), deadline, consistent=consistent)
        now = self._clock.now()
        return {key: stored[key.list, key.key].at(now) for key in keys}

    def _read(
        self, names: tuple[_Name, ...], deadline: Deadline, *, consistent: bool
    ) -> Mapping[_Name, _Stored]:
        begun, now = Moment(self._clock), self._clock.now()
        items = self._reads.run_before(deadline, lambda: self._get(names, consistent=consistent))
        found = {name: _stored(items.get(name), begun, now) for name in names}
        self._cache.put(found)
        return found

    def _get(
        self, names: tuple[_Name, ...], *, consistent: bool
    ) -> "Mapping[_Name, Mapping[str, AttributeValueTypeDef]]":
        keys = [{LIST: of, KEY: key} for of, key in names]
        items = read_items(self._client, self._table, keys, "the list store", consistent=consistent)
        return {(item[LIST]["S"], item[KEY]["S"]): item for item in items}


def stored_row(item: "Mapping[str, AttributeValueTypeDef]", now: float) -> Row:
    """An item as a lookup returns it at a time, in seconds since the epoch."""
    return _stored(item, Moment(SystemClock()), now).at(now)


class _Cache:
    """Remembers rows, and that there are none.

    Parameters
    ----------
    seconds
        For how long; 0 for not at all.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rows: OrderedDict[_Name, _Stored] = OrderedDict()
        self._bytes = 0

    def get(self, name: _Name) -> _Stored | None:
        """A row as it was read; none if it was not, or too long ago."""
        stored = self._rows.get(name)
        if stored is None or stored.read_at.older_than(self._seconds):
            return None
        self._rows.move_to_end(name)
        return stored

    def put(self, rows: Mapping[_Name, _Stored]) -> None:
        """Remember rows, and forget those that no longer fit."""
        if not self._seconds:
            return
        for name, stored in rows.items():
            before = self._rows.pop(name, None)
            self._rows[name] = stored
            self._bytes += _size(name, stored) - (0 if before is None else _size(name, before))
        while len(self._rows) > MAX_CACHED_ROWS or self._bytes > MAX_CACHED_BYTES:
            self._bytes -= _size(*self._rows.popitem(last=False))


def _size(name: _Name, stored: _Stored) -> int:
    """Bytes of a key and its row: one without a row takes memory, too."""
    return sum(len(part.encode()) for part in name) + stored.size


def _stored(
    item: "Mapping[str, AttributeValueTypeDef] | None", read_at: Moment, now: float
) -> _Stored:
    if item is None:
        return _Stored(None, _NEVER, 0, read_at)
    expires_at = _NEVER
    if EXPIRES_AT in item:
        number = item[EXPIRES_AT].get("N")
        if number is None:
            return _Stored(DamagedRow("`expiresAt` is not a number"), _NEVER, 0, read_at)
        expires_at = float(number)
        if expires_at > MILLISECONDS:
            damaged = DamagedRow(
                "`expiresAt` is too large for seconds since the epoch: are they milliseconds?"
            )
            return _Stored(damaged, _NEVER, 0, read_at)
        if expires_at <= max(0.0, now - TTL_IGNORES):
            damaged = DamagedRow("`expiresAt` is more than five years ago")
            return _Stored(damaged, _NEVER, 0, read_at)
    row, size = row_of(item)
    return _Stored(row, expires_at, size, read_at)


def row_of(item: "Mapping[str, AttributeValueTypeDef]") -> tuple[Row, int]:
    """An item as expressions see it, and its bytes of JSON."""
    row = {name: json_value(value) for name, value in item.items()}
    if count_values(row, MAX_VISIBLE_VALUES) > MAX_VISIBLE_VALUES:
        return DamagedRow(f"it holds more than {MAX_VISIBLE_VALUES} values"), 0
    row = representable(row)
    size = len(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_VISIBLE_BYTES:
        return DamagedRow(f"it has more than {MAX_VISIBLE_BYTES:,} bytes as JSON"), 0
    return row, size


def json_value(attribute: "AttributeValueTypeDef") -> Any:
    """An attribute's value in the types of JSON.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
    """
    [(kind, value)] = attribute.items()
    convert = _CONVERTED.get(kind)
    return value if convert is None else convert(value)


def _number(text: str) -> int | float:
    """A number as DynamoDB writes it: an integer if it is whole and has 64 bits at most.

    Examples
    --------
    >>> _number("5"), _number("5.0"), _number("1E+2"), _number("0.5"), _number("1E+30")
    (5, 5, 100, 0.5, 1e+30)
    """
    try:
        value = int(text)
    except ValueError:
        # Imported here because hardly any row has a fraction.
        from decimal import Decimal  # noqa: PLC0415

        number = Decimal(text)
        if number != number.to_integral_value():
            return float(text)
        value = int(number)
    return value if value in _INT64 else float(value)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


_CONVERTED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "N": _number,
    "B": _base64,
    "NULL": lambda _: None,
    "L": lambda members: [json_value(one) for one in members],
    "M": lambda members: {name: json_value(one) for name, one in members.items()},
    "SS": sorted,
    "NS": lambda numbers: sorted(map(_number, numbers)),
    "BS": lambda binaries: sorted(map(_base64, binaries)),
}
"""What makes a value of each type one of JSON's; of texts and booleans nothing does."""
