"""Lists: rows that an operator's other systems write, and that policies look up."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple


class RowKey(NamedTuple):
    """Which row of which list is looked up.

    Attributes
    ----------
    list
        The list's name, the partition key of the Lists table.
    key
        The row's, the sort key.
    consistent
        Whether the read is strongly consistent: it sees each write that was acknowledged before it.
    """

    list: str
    key: str
    consistent: bool = False


class DamagedRow(NamedTuple):
    """A row that cannot be used, so that its alias has no value.

    Attributes
    ----------
    reason
        What is wrong with it. Never quotes a value of the row.
    """

    reason: str


type Row = Mapping[str, Any] | DamagedRow | None
"""A row's attributes, as expressions see them (`wcs_hooks.core.payload.representable`); none if it
does not exist or has expired."""

type Rows = Callable[[Collection[RowKey]], Mapping[RowKey, Row]]
"""Returns the rows of keys, all of them. Raises `UnavailableError` if the store does not answer."""

MAX_KEY_BYTES: Final = 1024
"""The longest key of a row, in bytes of UTF-8: DynamoDB's limit for a sort key."""


def no_rows(keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
    """The rows of lists that are all empty."""
    return dict.fromkeys(keys)
