"""What a cell of a CSV file means as an attribute of a row, and the other way round."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from enum import StrEnum
from typing import Any, Final, NoReturn

from strict_yaml import fits_dynamodb
from wcs_hooks.adapters.dynamo_lists import (
    EXPIRES_AT,
    KEY,
    LIST,
    json_value,
    stored_row,
)
from wcs_hooks.core.lists import MAX_KEY_BYTES, DamagedRow
from wcsctl.lists.stored_lists import RawRow
from wcsctl.policies.dynamodb_json import attribute_of, item_size
from wcsctl.policies.table import MAX_ITEM_BYTES
from wcsctl.since import iso_moment

type AttributeValue = Mapping[str, Any]
"""An attribute in DynamoDB's own JSON: type to value."""

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}
_DATE_DIGITS: Final = 8
_MAX_LEVELS: Final = 32
"""The deepest level of a value in DynamoDB; that of the attribute itself is 1."""


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
        """The attribute that a cell, which is not empty, represents.

        Raises
        ------
        CellError
            If it represents none.
        """
        if self.name == EXPIRES_AT:
            return expiry(cell)
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
            return _json_text(attribute)
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


def expiry(text: str) -> AttributeValue:
    """The attribute of a text with seconds since the epoch, or an ISO 8601 time (UTC by default).

    Raises
    ------
    CellError
        If it is neither, or a date that would be read as seconds.

    Examples
    --------
    >>> expiry("1893456000.5"), expiry("2030-01-01T00:00:00Z")
    ({'N': '1893456000.5'}, {'N': '1893456000'})
    """
    if len(text) != _DATE_DIGITS and _NUMBER.fullmatch(text):
        return _number(text)
    try:
        seconds = int(iso_moment(text))
    except ValueError:
        if _NUMBER.fullmatch(text):
            return _number(text)
        raise CellError(
            f"{text!r:.60} is neither seconds since 1970 nor ISO 8601: write 2030-01-31T18:00:00Z"
        ) from None
    if text.isdigit():
        raise CellError(
            f"{text} could be a date, or seconds since 1970: "
            f"write {text[:4]}-{text[4:6]}-{text[6:]}"
        )
    return {"N": str(seconds)}


def json_attribute(text: str) -> AttributeValue:
    """The attribute of a JSON text, numbers exactly.

    Raises
    ------
    CellError
        If it is not JSON, or has a number that DynamoDB does not keep.
    """
    try:
        value = json.loads(
            text, parse_float=_kept_number, parse_int=_kept_number, parse_constant=_not_json
        )
        attribute = attribute_of(value)
    except CellError:
        raise
    except (ValueError, RecursionError):
        raise CellError(f"{text!r:.60} is not JSON") from None
    _check_storable(attribute)
    return attribute


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
    _check_text(key)
    size = len(key.encode())
    if not 0 < size <= MAX_KEY_BYTES:
        raise CellError(f"the key has {size:,} bytes: it must have 1 to {MAX_KEY_BYTES:,}")
    for name, attribute in row.items():
        try:
            _check_text(name)
            _check_storable(attribute)
        except CellError as error:
            raise CellError(f"{name}: {error}") from None
    # The keys of a row, its size and its expiry are as policies read them, expired or not.
    read = stored_row(row, -math.inf)
    if isinstance(read, DamagedRow):
        raise CellError(f"policies cannot use it: {read.reason}")
    size = item_size(dict(row))
    if size > MAX_ITEM_BYTES:
        raise CellError(f"it has {size:,} bytes: DynamoDB keeps {MAX_ITEM_BYTES:,} of an item")


def _check_storable(attribute: AttributeValue, level: int = 1) -> None:
    """Check an attribute against DynamoDB's limits for numbers, texts and nesting.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    """
    if level > _MAX_LEVELS:
        raise CellError(f"it is more than {_MAX_LEVELS} levels deep")
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            _kept_number(value)
        case "S":
            _check_text(value)
        case "L":
            for inner in value:
                _check_storable(inner, level + 1)
        case "M":
            for name, inner in value.items():
                _check_text(name)
                _check_storable(inner, level + 1)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CellError(
            f"{text!r:.60} has half of a surrogate pair, which UTF-8 cannot hold"
        ) from None


def _number(text: str) -> AttributeValue:
    if not _NUMBER.fullmatch(text):
        raise CellError(f"{text!r:.60} is not a number: write 12 or 0.5")
    return attribute_of(_kept_number(text))


def _kept_number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except DecimalException:
        number = Decimal("NaN")
    if not fits_dynamodb(number):
        raise CellError(
            f"{text:.60} is not a number that DynamoDB keeps: it has more than 38 digits, "
            "or an exponent beyond -130 to 125"
        )
    return number


def _json_text(attribute: Any) -> str:
    """An attribute as JSON, with each digit of its numbers, which `json.dumps` does not keep."""
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            return str(attribute_of(Decimal(value))["N"])
        case "L":
            return f"[{', '.join(map(_json_text, value))}]"
        case "M":
            members = (
                f"{json.dumps(name, ensure_ascii=False)}: {_json_text(inner)}"
                for name, inner in value.items()
            )
            return f"{{{', '.join(members)}}}"
        case "NS":
            return f"[{', '.join(_json_text({'N': one}) for one in sorted(value, key=Decimal))}]"
        case _:
            return json.dumps(json_value(attribute), ensure_ascii=False)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
