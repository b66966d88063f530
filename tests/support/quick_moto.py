"""moto as it is, with less work for each call: most tests call it dozens of times.

What it answers is the same. It looks for each attribute value under every name that each of its ten
types could have, sorts a table by values that it reads again for each comparison, and lists a
class's methods by looking at all of its members.
"""

from functools import cache
from typing import Any

from moto.core import responses
from moto.core.serialize import ResponseSerializer
from moto.dynamodb.models.dynamo_type import DDBType, DynamoType
from moto.dynamodb.models.table import Table

_serialize_member = ResponseSerializer._serialize_structure_member
_equal = DynamoType.__eq__


def _serialize_structure_member(
    self: ResponseSerializer, serialized: Any, value: Any, shape: Any, key: str
) -> None:
    """Pass over the types that an attribute value does not have."""
    if type(value) is not dict or key in value or shape.parent.name != "AttributeValue":
        _serialize_member(self, serialized, value, shape, key)


def _all_items(self: Table) -> list[Any]:
    """Return all items in the order of their keys, each of which is read once."""
    if self.range_key_attr:
        items = [item for by_range in self.items.values() for item in by_range.values()]
    else:
        items = list(self.items.values())
    return sorted(items, key=_key)


def _key(item: Any) -> tuple[Any, ...]:
    keys = (item.hash_key, item.range_key) if item.range_key else (item.hash_key,)
    return tuple(key.cast_value for key in keys)


def _is_equal(self: DynamoType, other: DynamoType) -> bool:
    if self.type == DDBType.STRING:
        return bool(self.type == other.type and self.value == other.value)
    return _equal(self, other)


ResponseSerializer._serialize_structure_member = _serialize_structure_member  # type: ignore[method-assign]
Table.all_items = _all_items  # type: ignore[method-assign]
DynamoType.__eq__ = _is_equal  # type: ignore[method-assign]
responses.method_names_from_class = cache(  # type: ignore[attr-defined]
    responses.method_names_from_class  # type: ignore[attr-defined]
)
