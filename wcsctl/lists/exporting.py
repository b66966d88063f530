"""The rows of a list as a CSV file that an import takes."""

import base64
import csv
import json
import tempfile
from collections.abc import Iterable, Mapping
from typing import IO, Any

from wcs_hooks.adapters.dynamo_lists import EXPIRES_AT, KEY, LIST
from wcsctl.feedback import Advance, no_advance
from wcsctl.lists.cells import Column, ColumnType, column_type
from wcsctl.lists.stored_lists import RawRow


def write_csv(rows: Iterable[RawRow], target: IO[str], advance: Advance = no_advance) -> int:
    """Write rows to a file; returns how many.

    The columns are known only when the last row is: until then the rows are in a temporary file.
    An attribute that is a number in one row and a text in another becomes a column of JSON.

    Parameters
    ----------
    target
        Opened with `newline=""`.
    """
    types: dict[str, ColumnType] = {}
    count = 0
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        for row in rows:
            for name, attribute in row.items():
                found = column_type(attribute)
                types[name] = found if types.get(name, found) is found else ColumnType.JSON
            spool.write(json.dumps(row, default=_spooled) + "\n")
            count += 1
            advance(1)
        spool.seek(0)
        _write(spool, _columns(types), target)
    return count


def _columns(types: Mapping[str, ColumnType]) -> list[Column]:
    others = sorted(types.keys() - {LIST, KEY, EXPIRES_AT})
    first = [Column(name) for name in (KEY, EXPIRES_AT) if name == KEY or name in types]
    return [*first, *(Column(name, types[name]) for name in others)]


def _write(spool: IO[str], columns: list[Column], target: IO[str]) -> None:
    lines = csv.writer(target, lineterminator="\n")
    lines.writerow(column.header for column in columns)
    for text in spool:
        row = json.loads(text, object_hook=_unspooled)
        lines.writerow(
            column.cell(row[column.name]) if column.name in row else "" for column in columns
        )


def _spooled(value: object) -> str:
    assert isinstance(value, bytes)  # noqa: S101 - DynamoDB's own JSON has nothing else
    return base64.b64encode(value).decode()


def _unspooled(value: dict[str, Any]) -> dict[str, Any]:
    """The same with its binaries; a map's value is a map, so that a text is always base64."""
    match value:
        case {"B": str(text)}:
            return {"B": base64.b64decode(text)}
        case {"BS": list(texts)}:
            return {"BS": [base64.b64decode(text) for text in texts]}
        case _:
            return value
