"""What a cell of a CSV file means as an attribute of a row, and the other way round."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from enum import StrEnum
from typing import Any, Final, NoReturn

from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeSerializer

from wcs_hooks.adapters.dynamo_lists import (
    EXPIRES_AT,
    KEY,
    LIST,
    MILLISECONDS,
    json_value,
    row_of,
)
from wcs_hooks.core.lists import MAX_KEY_BYTES, DamagedRow
from wcsctl.lists.stored_lists import RawRow
from wcsctl.policies.dynamodb_json import attribute_of
from wcsctl.since import iso_moment

type AttributeValue = Mapping[str, Any]
"""An attribute in DynamoDB's own JSON: type to value."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_SERIALIZER: Final = TypeSerializer()


class CellError(ValueError):
    """A cell that cannot be an attribute; the message says what is wrong, and what would fit."""


class ColumnType(StrEnum):
    """How the cells of a column are read: what follows the last colon of its name."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a CSV file.

    Attributes
    ----------
    name
        The attribute's.
    """

    name: str
    type: ColumnType = ColumnType.TEXT

    @classmethod
    def from_header(cls, header: str) -> "Column":
        """Read `name` or `name:type`.

        Raises
        ------
        CellError
            If it names no attribute, or a type that does not exist.

        Examples
        --------
        >>> Column.from_header("quota:number").type
        <ColumnType.NUMBER: 'number'>
        """
        name, colon, kind = header.rpartition(":")
        if not colon:
            name, kind = header, ColumnType.TEXT
        if not name:
            raise CellError(f"the column {header!r} has no name")
        try:
            column = cls(name, ColumnType(kind))
        except ValueError:
            raise CellError(
                f"the column {header!r} has no type {kind!r}: there are "
                f"{', '.join(ColumnType)}; write {header}:text if the colon belongs to the name"
            ) from None
        if name == LIST:
            raise CellError(f"the column {LIST!r} has no meaning: the command names the list")
        if name in {KEY, EXPIRES_AT} and colon:
            raise CellError(f"the column {name!r} has no type: write {name}")
        return column

    @property
    def header(self) -> str:
        """What the file's first line has.

        >>> Column("quota", ColumnType.NUMBER).header, Column("plan").header, Column("a:b").header
        ('quota:number', 'plan', 'a:b:text')
        """
        is_plain = self.type is ColumnType.TEXT and ":" not in self.name
        return self.name if is_plain else f"{self.name}:{self.type}"

    def attribute(self, cell: str) -> AttributeValue:
        """The attribute that a cell, which is not empty, stands for.

        Raises
        ------
        CellError
            If it stands for none.
        """
        if self.name == EXPIRES_AT:
            return {"N": str(expiry(cell))}
        match self.type:
            case ColumnType.TEXT:
                return {"S": cell}
            case ColumnType.NUMBER:
                return _number(cell)
            case ColumnType.BOOLEAN:
                if cell.lower() not in _BOOLEANS:
                    raise CellError(f"{cell!r:.60} is not true or false")
                return {"BOOL": _BOOLEANS[cell.lower()]}
            case ColumnType.JSON:
                return json_attribute(cell)

    def cell(self, attribute: Any) -> str:
        """The cell of an attribute in DynamoDB's own JSON, which has the column's type."""
        [(kind, value)] = attribute.items()
        if self.type is ColumnType.JSON:
            return json.dumps(json_value(attribute), ensure_ascii=False)
        return str(value).lower() if kind == "BOOL" else str(value)


def column_type(attribute: AttributeValue) -> ColumnType:
    """The type that shows an attribute as simply as possible, and completely."""
    match attribute:
        case {"S": str(text)} if text:
            return ColumnType.TEXT
        case {"N": _}:
            return ColumnType.NUMBER
        case {"BOOL": _}:
            return ColumnType.BOOLEAN
        case _:
            # An empty cell would be a missing attribute.
            return ColumnType.JSON


def expiry(text: str) -> int:
    """Seconds since the epoch of a text with seconds, or with an ISO 8601 time (UTC by default).

    Raises
    ------
    CellError
        If it is neither.

    Examples
    --------
    >>> expiry("1893456000"), expiry("2030-01-01T00:00:00Z")
    (1893456000, 1893456000)
    """
    if text.isascii() and text.isdigit():
        seconds = int(text)
        if seconds > MILLISECONDS:
            raise CellError(f"{text} is too large for seconds since 1970: are they milliseconds?")
        return seconds
    try:
        return int(iso_moment(text))
    except ValueError:
        raise CellError(
            f"{text!r:.60} is neither seconds since 1970 nor ISO 8601: write 2030-01-31T18:00:00Z"
        ) from None


def json_attribute(text: str) -> AttributeValue:
    """The attribute of a JSON text, numbers exactly.

    Raises
    ------
    CellError
        If it is not JSON, or has a number that DynamoDB does not keep.
    """
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=_not_json)
        # It checks numbers.
        _SERIALIZER.serialize(value)
    except (ValueError, RecursionError):
        raise CellError(f"{text!r:.60} is not JSON") from None
    except DecimalException:
        raise CellError(f"{text!r:.60} has a number of more than 38 digits") from None
    return attribute_of(value)


def readable_row(row: RawRow) -> dict[str, Any]:
    """A row in JSON's types, without its list: the key first, then when it expires.

    Examples
    --------
    >>> readable_row({"plan": {"S": "pro"}, "list": {"S": "users"}, "key": {"S": "anna"}})
    {'key': 'anna', 'plan': 'pro'}
    """
    names = [name for name in (KEY, EXPIRES_AT) if name in row]
    names += sorted(row.keys() - {LIST, KEY, EXPIRES_AT})
    return {name: json_value(row[name]) for name in names}


def check_row(row: RawRow) -> None:
    """Check what a row must be, so that DynamoDB takes it and policies can use it.

    Raises
    ------
    CellError
        If it is not.
    """
    key = row[KEY]["S"]
    size = len(key.encode())
    if not 0 < size <= MAX_KEY_BYTES:
        raise CellError(f"the key has {size:,} bytes: it must have 1 to {MAX_KEY_BYTES:,}")
    read, _ = row_of(row)
    if isinstance(read, DamagedRow):
        raise CellError(f"policies cannot use it: {read.reason}")


def _number(text: str) -> AttributeValue:
    if not _NUMBER.fullmatch(text):
        raise CellError(f"{text!r:.60} is not a number: write 12 or 0.5")
    try:
        number = DYNAMODB_CONTEXT.create_decimal(text)
    except DecimalException:
        raise CellError(
            f"{text:.60} is not a number that DynamoDB keeps: 38 digits, up to 1e125"
        ) from None
    return attribute_of(number)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
