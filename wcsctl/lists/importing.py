"""Rows from a CSV file: the whole file is checked first, then written by several threads.

However long the file is, memory holds a few hundred of its rows. An import that stops says which
line to go on from. To write a row twice does no harm, so that nothing is lost if it goes on from an
earlier one.
"""

import contextlib
import csv
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import batched
from typing import Any, Final, NamedTuple, TextIO

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.dynamo_lists import EXPIRES_AT, KEY, LIST
from wcsctl.errors import ExitStatus, WcsctlError
from wcsctl.feedback import Advance, no_advance
from wcsctl.lists.cells import CellError, Column, check_row
from wcsctl.lists.stored_lists import BATCH_ROWS, RawRow, StoredLists

ENCODING: Final = "utf-8-sig"
ENCODING_ERRORS: Final = "surrogateescape"
"""How the file is to be opened, with `newline=""`: what is not UTF-8 is found line by line."""

MAX_LISTED: Final = 20
"""The most lines that are wrong which are listed; all are counted."""

_THREADS: Final = 8
_WINDOW: Final = 4 * _THREADS
"""Batches that are written at the same time, or wait for a thread."""

_FIRST_ROW: Final = 2


class ImportFileError(WcsctlError):
    """A file whose first line does not name the columns, or which changes while it is read."""


class ImportStoppedError(WcsctlError):
    """An import that did not write all rows.

    Attributes
    ----------
    go_on_from
        The first line that may not be written.
    """

    def __init__(self, why: str, go_on_from: int, status: ExitStatus) -> None:
        super().__init__(
            f"{why.removesuffix('.')}. All rows above line {go_on_from:,} are in the list. "
            f"Give the same file with --from-line {go_on_from} to go on"
        )
        self.go_on_from = go_on_from
        self.status = status


class FileRow(NamedTuple):
    """A row of a file.

    Attributes
    ----------
    line
        The first of its lines; the file's first line is 1.
    """

    line: int
    row: RawRow


class WrongLine(NamedTuple):
    """A line that is not a row.

    Attributes
    ----------
    message
        What is wrong, and what would be right.
    """

    line: int
    message: str

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return self._asdict()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What a file holds.

    Attributes
    ----------
    rows
        How many.
    last_line
        The line of the last one.
    to_write
        How many there are from the line on that the import begins with.
    expired
        How many of those have expired already, so that policies do not see them.
    wrong
        The first lines that are wrong.
    wrong_count
        How many there are, listed or not.
    """

    rows: int
    last_line: int
    to_write: int
    expired: int
    wrong: Sequence[WrongLine]
    wrong_count: int


def check_file(
    file: TextIO,
    name: str,
    *,
    from_line: int = _FIRST_ROW,
    now: float | None = None,
    advance: Advance = no_advance,
) -> CheckedFile:
    """Read a whole file, and find every line that is wrong; writes nothing.

    Parameters
    ----------
    file
        At its beginning.
    name
        The list's.
    from_line
        Rows above this line are checked, but will not be written.
    now
        Seconds since the epoch.

    Raises
    ------
    ImportFileError
        If its first line does not name the columns.
    """
    moment = time.time() if now is None else now
    rows = last_line = to_write = expired = wrong_count = 0
    wrong: list[WrongLine] = []
    with contextlib.closing(_SeenKeys()) as seen:
        for found in read_rows(file, name):
            advance(1)
            one = found if isinstance(found, WrongLine) else seen.problem(found)
            if one is not None:
                wrong_count += 1
                wrong += [one] if wrong_count <= MAX_LISTED else []
            elif isinstance(found, FileRow):
                rows += 1
                last_line = found.line
                if found.line >= from_line:
                    to_write += 1
                    expired += _has_expired(found.row, moment)
    return CheckedFile(rows, last_line, to_write, expired, wrong, wrong_count)


def read_rows(file: TextIO, name: str) -> Iterator[FileRow | WrongLine]:
    """Read a file row by row.

    Raises
    ------
    ImportFileError
        If its first line does not name the columns.
    """
    lines = csv.reader(file, strict=True)
    columns = _columns(lines)
    while True:
        line = lines.line_num + 1
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            # Where the next row begins is not certain any more.
            yield WrongLine(line, f"{error}: put quotes around a cell and double those inside it")
            return
        if not cells:
            continue
        try:
            yield FileRow(line, _row(columns, cells, name))
        except CellError as error:
            yield WrongLine(line, str(error))


def write_file(
    table: StoredLists,
    file: TextIO,
    name: str,
    *,
    from_line: int = _FIRST_ROW,
    advance: Advance = no_advance,
    on_stop: Callable[[], None] = lambda: None,
) -> int:
    """Write the rows of a file that was checked; returns how many were written.

    Parameters
    ----------
    file
        At its beginning.
    name
        The list's.
    from_line
        Rows above this line are left out.
    on_stop
        Called when it stops early, before it waits for what is under way.

    Raises
    ------
    ImportStoppedError
        If it did not write all: AWS does not take more, the file has changed, or the user
        interrupted it.
    """
    rows = (found for found in _checked_rows(file, name) if found.line >= from_line)
    progress = _WriteProgress(max(from_line, _FIRST_ROW), advance)
    pool = ThreadPoolExecutor(_THREADS)
    try:
        for batch in batched(rows, BATCH_ROWS):
            if len(progress.batches) >= _WINDOW:
                progress.wait_for_oldest()
            write = pool.submit(table.put_batch, [found.row for found in batch])
            progress.batches.append((batch, write))
        while progress.batches:
            progress.wait_for_oldest()
    except (WcsctlError, ClientError, BotoCoreError) as error:
        stopped, cause = str(error), error
        status = error.status if isinstance(error, WcsctlError) else ExitStatus.UNREACHABLE
    except KeyboardInterrupt:
        stopped, cause, status = "Interrupted", None, ExitStatus.FAILED
    else:
        return progress.written
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    # What has a thread is finished, so that more is certain; whoever interrupts again does not
    # wait for that.
    with contextlib.suppress(KeyboardInterrupt):
        on_stop()
        table.stop_retrying()
        pool.shutdown()
    progress.count_finished()
    raise ImportStoppedError(stopped, progress.next_line, status) from cause


def _checked_rows(file: TextIO, name: str) -> Iterator[FileRow]:
    """The rows of a file that was checked."""
    for found in read_rows(file, name):
        if isinstance(found, WrongLine):
            raise ImportFileError(
                f"Line {found.line:,} is not what it was when the file was checked: {found.message}"
            )
        yield found


class _WriteProgress:
    """The batches that are not known to be written, in the file's order.

    Attributes
    ----------
    next_line
        All rows above it are written.
    """

    def __init__(self, next_line: int, advance: Advance) -> None:
        self.next_line = next_line
        self.written = 0
        self.batches: deque[tuple[Sequence[FileRow], Future[None]]] = deque()
        self._advance = advance

    def wait_for_oldest(self) -> None:
        """Wait until the oldest batch is written, or fails."""
        batch, write = self.batches[0]
        write.result()
        self.batches.popleft()
        self.written += len(batch)
        self.next_line = batch[-1].line + 1
        self._advance(len(batch))

    def count_finished(self) -> None:
        """Count the oldest batches, as far as all of them are written."""
        while self.batches:
            write = self.batches[0][1]
            if not write.done() or write.cancelled() or write.exception() is not None:
                return
            self.wait_for_oldest()


class _SeenKeys:
    """The keys of a file, in a temporary file: a million of them would take 100 MB of memory."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INT) WITHOUT ROWID")
        self._database.execute("BEGIN")

    def problem(self, found: FileRow) -> WrongLine | None:
        """What is wrong with a row whose key an earlier one has; none if none has it."""
        key = found.row[KEY]["S"]
        added = self._database.execute(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, found.line)
        )
        if added.rowcount:
            return None
        [first] = self._database.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()
        return WrongLine(
            found.line, f"line {first} has the key {key!r:.60} as well: keep one of the two"
        )

    def close(self) -> None:
        """Remove the temporary file."""
        self._database.close()


def _columns(lines: Iterator[list[str]]) -> Sequence[Column]:
    try:
        headers = next(lines, [])
    except csv.Error as error:
        raise ImportFileError(f"Line 1 does not name the columns: {error}.") from None
    try:
        columns = [Column.from_header(header.strip()) for header in headers]
        for header in headers:
            _check_utf8(header)
    except CellError as error:
        raise ImportFileError(f"Line 1: {error}.") from None
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ImportFileError(f"Line 1 names {', '.join(twice)} twice: a row has each once.")
    if KEY not in names:
        hint = "; separate columns by commas" if len(names) == 1 and ";" in names[0] else ""
        raise ImportFileError(
            f"Line 1 must name the columns, one of them {KEY!r}; it names "
            f"{', '.join(names) or 'none'}{hint}."
        )
    return columns


def _row(columns: Sequence[Column], cells: Sequence[str], name: str) -> RawRow:
    if len(cells) != len(columns):
        raise CellError(
            f"it has {len(cells)} cells for {len(columns)} columns: put quotes around a cell "
            "that has a comma"
        )
    row: dict[str, Any] = {LIST: {"S": name}, KEY: {"S": ""}}
    for column, cell in zip(columns, cells, strict=True):
        _check_utf8(cell)
        if not cell:
            continue
        try:
            row[column.name] = column.attribute(cell)
        except CellError as error:
            raise CellError(f"{column.name}: {error}") from None
    check_row(row)
    return row


def _check_utf8(cell: str) -> None:
    try:
        cell.encode()
    except UnicodeEncodeError:
        raise CellError("it is not UTF-8: save the file as UTF-8") from None


def _has_expired(row: RawRow, now: float) -> bool:
    return EXPIRES_AT in row and float(row[EXPIRES_AT]["N"]) <= now
