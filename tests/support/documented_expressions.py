"""The variables and functions that `docs/reference/expressions.md` lists, each with an example."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

_PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "expressions.md"
_TABLES: Final = ("## Variables", "## Functions")

METHOD: Final = "publishStream"
NOW: Final = datetime(2030, 3, 15, 16, 30, tzinfo=UTC)
CONNECTED_AT: Final = datetime(2030, 3, 15, 16, 0, tzinfo=UTC)
SESSION: Final = {"custom": {"role": "teacher"}}
LOOKUP: Final = {"ban": {"list": "bans", "key": "claims.sub"}}
CLAIMS: Final = {"sub": "anna", "rooms": ["exam-*", "hall"]}


@dataclass(frozen=True)
class Example:
    """One row of a table.

    Attributes
    ----------
    names
        The variables, functions or operators that the row is about.
    gives
        The value of the expression, for the page's hook at `NOW`.
    """

    names: tuple[str, ...]
    expression: str
    gives: Any


def body() -> dict[str, Any]:
    """Return the body of the hook that the examples are about."""
    [block] = re.findall(r"```json\n(.*?)```", _section("## The examples", "## "), re.DOTALL)
    fields: dict[str, Any] = json.loads(block)
    return fields


def examples() -> list[Example]:
    """Return the rows of the tables, in order."""
    return [
        _example(line)
        for heading in _TABLES
        for line in _section(heading, "##").splitlines()
        if line.startswith("| `")
    ]


def variables() -> set[str]:
    """Return the names in the table of variables."""
    return {
        re.findall(r"`(\w+)`", line)[0]
        for line in _section(_TABLES[0], "##").splitlines()
        if line.startswith("| `")
    }


def _section(heading: str, until: str) -> str:
    _, _, rest = _PAGE.read_text().partition(f"\n{heading}\n")
    assert rest, f"docs/reference/expressions.md has no heading {heading!r}"
    return rest.partition(f"\n{until}")[0]


def _example(line: str) -> Example:
    cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    names = tuple(re.findall(r"`([^`]+)`", cells[0]))
    expression, gives = (cell.strip("`") for cell in cells[-2:])
    return Example(names, expression, json.loads(gives))
