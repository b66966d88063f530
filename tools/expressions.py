"""Writes the completions of expressions for the console from docs/reference/expressions.md."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from tools.locations import DOCS, REPOSITORY

FILE: Final = REPOSITORY / "wcsctl" / "console" / "expressions.json"

_SOURCE: Final = DOCS / "reference" / "expressions.md"
_COLUMN: Final = re.compile(r"(?<!\\)\|")
_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def expressions() -> dict[str, Any]:
    """Return the variables and functions of expressions with their documentation."""
    text = _SOURCE.read_text(encoding="utf-8")
    variables = [
        {"name": name.strip("`"), "type": kind, "doc": _plain(doc), "example": example.strip("`")}
        for name, kind, doc, example, _ in _rows(text, "## Variables")
    ]
    functions = [
        {"name": found[0], "signature": example.strip("`"), "doc": _plain(doc)}
        for name, doc, example, _ in _rows(text, "## Functions")
        if (found := _NAME.fullmatch(name.strip("`")))
    ]
    return {"variables": variables, "functions": functions}


def text() -> str:
    """Return the text of the file."""
    return json.dumps(expressions(), ensure_ascii=False, indent=1) + "\n"


def _rows(text: str, heading: str) -> Iterator[list[str]]:
    """Return the rows of the table below a heading, without its head."""
    _, _, rest = text.partition(f"{heading}\n")
    lines = [line for line in rest.partition("\n#")[0].splitlines() if line.startswith("|")]
    for line in lines[2:]:
        yield [cell.strip().replace("\\|", "|") for cell in _COLUMN.split(line)[1:-1]]


def _plain(cell: str) -> str:
    return _LINK.sub(r"\1", cell).replace("`", "")


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
