"""Lists as a policy test has them."""

from collections.abc import Collection, Mapping
from typing import Any

from wcs_hooks.adapters.dynamo_lists import KEY, LIST, stored_row
from wcs_hooks.core.lists import Row, RowKey, Rows
from wcsctl.policies.dynamodb_json import attribute_of

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


def rows_of(lists: GivenLists, now: float) -> Rows:
    """Read rows that a test gives, as if they were in the table; there are no others.

    Parameters
    ----------
    now
        When they are read, in seconds since the epoch.
    """

    def row(key: RowKey) -> Row:
        given = lists.get(key.list, {}).get(key.key)
        if given is None:
            return None
        item: Any = attribute_of({**given, LIST: key.list, KEY: key.key})["M"]
        return stored_row(item, now)

    def read(keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        return {key: row(key) for key in keys}

    return read
