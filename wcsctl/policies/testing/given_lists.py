"""Lists as a policy test has them."""

from collections.abc import Collection, Mapping
from typing import Any

from wcs_hooks.core.lists import Row, RowKey, Rows
from wcs_hooks.core.payload import representable

type GivenLists = Mapping[str, Mapping[str, Mapping[str, Any] | None]]
"""The attributes of each row, by list and key; none where there is expressly no row."""


def merged(lists: GivenLists, others: GivenLists) -> GivenLists:
    """The rows of both; of two with the same key the other one's.

    Examples
    --------
    >>> merged({"bans": {"anna": {}, "carl": {}}}, {"bans": {"anna": None}})
    {'bans': {'anna': None, 'carl': {}}}
    """
    names = dict.fromkeys((*lists, *others))
    return {name: {**lists.get(name, {}), **others.get(name, {})} for name in names}


def rows_of(lists: GivenLists) -> Rows:
    """Read rows that a test gives; there are no others."""

    def read(keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        return {key: _row(key, lists) for key in keys}

    return read


def _row(key: RowKey, lists: GivenLists) -> Row:
    attributes = lists.get(key.list, {}).get(key.key)
    if attributes is None:
        return None
    row: dict[str, Any] = representable({**attributes, "list": key.list, "key": key.key})
    return row
