"""Writes the tables of `docs/maintainers/reliability.md` from the matrix and new figures.

`make reliability`. The text around the tables is written manually, and kept.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.conftest import pytest_configure
from verification.fault_matrix.matrix import MATRIX
from verification.fault_matrix.row import Area, Expected, Level, Row, differences
from verification.fault_matrix.running import run
from wcs_hooks.core.outcome import UNKNOWN

FILE: Final = Path(__file__).resolve().parents[2] / "docs" / "maintainers" / "reliability.md"

BEGIN: Final = "<!-- The matrix: written by `make reliability`. -->"
END: Final = "<!-- The end of the matrix. -->"

_HEADINGS: Final = (
    "test",
    "fault",
    "call",
    "function",
    "hook",
    "reply",
    "WCS",
    "metrics",
    "dead letter",
    "log",
    "ms",
    "of ms",
    "emulator",
)
_MEASURED: Final = _HEADINGS.index("ms")


def tables(measured: Mapping[str, float]) -> str:
    """All of the matrix, in Markdown.

    Parameters
    ----------
    measured
        Seconds, by the rows' names.
    """
    return "\n".join(_area(area, measured) for area in Area)


def rows_of(document: str) -> list[list[str]]:
    """The matrix's rows as a document has them, without what was measured."""
    text = document.partition(BEGIN)[2].partition(END)[0]
    rows = [_cells(line) for line in text.splitlines() if line.startswith("| `")]
    return [_unmeasured(row) for row in rows if len(row) == len(_HEADINGS)]


def expected_rows() -> list[list[str]]:
    """The same as the matrix has them."""
    return [row for area in Area for row in rows_of(f"{BEGIN}\n{_area(area, {})}")]


def notes_of(document: str) -> list[str]:
    """The notes as a document has them."""
    text = document.partition(BEGIN)[2].partition(END)[0]
    return [line for line in text.splitlines() if re.match(r"\d+\. ", line)]


def expected_notes() -> list[str]:
    """The same as the matrix has them."""
    return notes_of(f"{BEGIN}\n{tables({})}")


def measure() -> dict[str, float]:
    """Try every row once.

    Returns
    -------
    dict
        Seconds, by the rows' names.

    Raises
    ------
    SystemExit
        If one went otherwise than the matrix says, or took longer than it may.
    """
    measured: dict[str, float] = {}
    wrong: list[str] = []
    for row in MATRIX:
        if row.trial is None:
            continue
        observed = run(row)
        measured[row.name] = observed.seconds
        wrong += [f"{row.name}: {each}" for each in differences(row.expected, observed)]
        if observed.seconds > row.reply_timeout:
            wrong.append(f"{row.name}: {observed.seconds:.3f} s, and {row.reply_timeout} s allowed")
        sys.stderr.write(f"{row.name}: {observed.seconds * 1000:.0f} ms\n")
    if wrong:
        raise SystemExit("\n".join(["Not written:", *wrong]))
    return measured


def main() -> None:
    """Write the tables."""
    pytest_configure()
    document = FILE.read_text(encoding="utf-8")
    before, _, rest = document.partition(BEGIN)
    after = rest.partition(END)[2]
    measured = measure()
    text = f"{BEGIN}\n\n{_worst(measured)}\n{tables(measured)}\n{END}"
    FILE.write_text(f"{before}{text}{after}", encoding="utf-8")


def _worst(measured: Mapping[str, float]) -> str:
    """The longest times, by what went wrong."""
    groups: dict[str, list[Row]] = {}
    for row in MATRIX:
        if row.name in measured and row.method:
            groups.setdefault(_kind(row), []).append(row)
    lines = []
    for kind, rows in groups.items():
        slowest = max(rows, key=lambda row: measured[row.name] / row.reply_timeout)
        seconds = measured[slowest.name]
        share = f"{seconds / slowest.reply_timeout:.0%}"
        lines.append((kind, str(len(rows)), _ms(seconds), _ms(slowest.reply_timeout), share))
    return _table(("fault", "rows", "longest, ms", "`replyTimeout`, ms", "share"), lines)


def _kind(row: Row) -> str:
    """What went wrong, rows of one area taken together where that says more."""
    if row.area in {Area.DUPLICATES, Area.CLOCK, Area.LOAD}:
        return row.area.lower()
    return (
        row.fault
        if row.call not in {"PolicySnapshots", "Sessions", "Lists", "Secrets Manager"}
        else ("damaged or missing data")
    )


def _area(area: Area, measured: Mapping[str, float]) -> str:
    rows = [row for row in MATRIX if row.area is area]
    notes = list(dict.fromkeys(row.note for row in rows if row.note))
    table = _table(_HEADINGS, [_row(row, notes, measured) for row in rows])
    footnotes = "".join(f"{number}. {note}\n" for number, note in enumerate(notes, 1))
    return f"### {area}\n\n{table}" + (f"\n{footnotes}" if footnotes else "")


def _row(row: Row, notes: Sequence[str], measured: Mapping[str, float]) -> list[str]:
    expected = row.expected
    note = f" [{notes.index(row.note) + 1}]" if row.note else ""
    return [
        f"`{row.name}`",
        f"{row.fault}: {row.injected}{note}",
        row.call,
        row.state,
        f"{row.method}, {row.hook}".strip(", ") or "-",
        row.answered_by or (str(expected.status) if expected.status else "-"),
        _wcs(row),
        _names(expected),
        f"{expected.letter}, in the table" if expected.is_in_table else expected.letter,
        "-" if expected.level is Level.NO_LINE else expected.level,
        _ms(measured[row.name]) if row.name in measured else "-",
        _ms(row.reply_timeout),
        "yes" if row.end_to_end or row.answered_by else "",
    ]


def _wcs(row: Row) -> str:
    error_outcome, answered = row.expected.error_outcome, row.expected.status or row.answered_by
    if error_outcome is None and row.expected.status:
        return "continues"
    if error_outcome is None or error_outcome.outcome == UNKNOWN:
        return "as `restOnError` says" if answered else "-"
    if error_outcome.rest_on_error == UNKNOWN:
        return error_outcome.outcome
    return f"{error_outcome.outcome} ({error_outcome.rest_on_error})"


def _names(expected: Expected) -> str:
    return ", ".join(f"`{name}`" for name in sorted(expected.counted)) or "-"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f}"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def _unmeasured(row: Sequence[str]) -> list[str]:
    return [cell for column, cell in enumerate(row) if column != _MEASURED]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"{line}\n" for line in _lines(headings, rows))


def _lines(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield f"|{'---|' * len(headings)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    main()
