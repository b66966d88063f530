"""Show and change the lists that policies look up."""

import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any, Final, TextIO

import typer
from rich.text import Text

from wcs_hooks.adapters.dynamo_lists import EXPIRES_AT, KEY, LIST, stored_row
from wcs_hooks.core.lists import DamagedRow
from wcs_hooks.core.payload import encode
from wcs_hooks.core.secrets import masked
from wcsctl.ages import in_words
from wcsctl.commands.asking import ask
from wcsctl.context import command_context
from wcsctl.errors import ExitStatus, NotFoundError, UsageError
from wcsctl.hook_sender import fields_of
from wcsctl.lists.cells import CellError, check_row, expiry, json_attribute, readable_row
from wcsctl.lists.exporting import write_csv
from wcsctl.lists.importing import (
    ENCODING,
    ENCODING_ERRORS,
    CheckedFile,
    check_file,
    write_file,
)
from wcsctl.lists.stored_lists import (
    RawRow,
    StoredLists,
    checked_list_name,
    expires_in,
    expiry_of,
)
from wcsctl.output import Output, counted
from wcsctl.policies.yaml import as_yaml
from wcsctl.since import duration

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Show and change the lists that policies look up.",
)

_SHOWN: Final = 100
_STANDARD: Final = "-"

ListName = Annotated[str, typer.Argument(metavar="LIST", help="As policies name it.")]
RowName = Annotated[str, typer.Argument(metavar="KEY", help="The row's key.")]
For = Annotated[
    str | None,
    typer.Option(
        "--for", help="How long it holds: 1h, 7d; for good by default.", metavar="DURATION"
    ),
]


@app.command()
def get(
    context: typer.Context,
    name: ListName,
    key: Annotated[
        str | None, typer.Argument(metavar="[KEY]", help="The row's key; all rows by default.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Show no more rows than that.")] = _SHOWN,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Attributes as they are, secrets and all.")
    ] = False,
) -> None:
    """Show a row, or the rows of a list in the order of their keys.

    Attributes that are named like a secret (`password`, `token`, `sipPassword` …) are masked unless
    you give --reveal. A row that has expired is shown as such: policies do not see it any more, and
    DynamoDB deletes it within days. Exit status 5: there is no such row.

        wcsctl list get teachers
        wcsctl list get teachers anna
    """
    command = command_context(context)
    lists = StoredLists(command.deployment)
    checked_list_name(name)
    if key is not None:
        row = lists.row(name, key)
        if row is None:
            raise _no_row(name, key)
        shown = _shown(row, reveal=reveal)
        command.output.result(shown, as_yaml(shown))
        read = stored_row(row, time.time())
        if isinstance(read, DamagedRow):
            command.output.say(f"Policies cannot read it: {read.reason}.")
        elif read is None:
            command.output.say("It has expired: policies do not see it any more.")
        return
    with command.output.progress("Reading") as advance:
        found = []
        for row in islice(lists.rows(name), limit + 1):
            found.append(row)
            advance(1)
    shown_rows = [_shown(row, reveal=reveal) for row in found[:limit]]
    cells = [
        _cells(readable, expired=_has_expired(row))
        for row, readable in zip(found, shown_rows, strict=False)
    ]
    names = list(dict.fromkeys(name for row in cells for name in row))
    table = command.output.table(
        names,
        ([row.get(name, "") for name in names] for row in cells),
    )
    command.output.result(shown_rows, table if cells else "No rows.")
    if len(found) > limit:
        command.output.say(f"There are more than {limit}: see --limit, or wcsctl list export.")


@app.command()
def put(
    context: typer.Context,
    name: ListName,
    key: RowName,
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ATTRIBUTE]...", help="name=text, or name:=JSON."),
    ] = None,
    lifetime: For = None,
) -> None:
    """Write a row; one that is there already is replaced as a whole.

    ```
    wcsctl list put users anna plan=pro quota:=3 rooms:='["math-*", "hall"]'
    wcsctl list put stream-keys 2bb80d53… stream=lesson --for 2h
    ```

    After the time of --for the row has expired (attribute `expiresAt`).
    """
    command = command_context(context)
    lists = StoredLists(command.deployment)
    row = _row(checked_list_name(name), key, fields_of(fields or ()), lifetime)
    before = lists.put(row)
    done = "Replaced" if before is not None else "Added"
    command.output.result(
        {"list": name, "row": _shown(row, reveal=False), "replaced": before is not None},
        Text(f"{done} {key} in {name}{_until(row)}."),
    )


@app.command()
def delete(context: typer.Context, name: ListName, key: RowName) -> None:
    """Delete a row. Exit status 5: there is no such row.

    ```
    wcsctl list delete teachers anna
    ```
    """
    command = command_context(context)
    if StoredLists(command.deployment).delete(checked_list_name(name), key) is None:
        raise _no_row(name, key)
    command.output.result({"list": name, "deleted": key}, Text(f"Deleted {key} from {name}."))


@app.command("import")
def import_rows(
    context: typer.Context,
    name: ListName,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file; - for standard input.")],
    from_line: Annotated[
        int,
        typer.Option("--from-line", min=1, help="Write only rows from this line of the file on."),
    ] = 1,
) -> None:
    """Write the rows of a CSV file to a list. Rows that the file does not have stay.

    The first line names the columns: `key` (required), `expiresAt` (seconds since 1970, or ISO
    8601), and any others. A cell is text unless its column says otherwise: `quota:number`,
    `active:boolean` (true or false), `rooms:json`. An empty cell is a missing attribute.

        key,plan,quota:number,rooms:json,expiresAt
        anna,pro,3,"[""math-*"", ""hall""]",2030-12-31T23:00:00Z

    The whole file is checked before anything is written: if lines are wrong, the first 20 are
    listed. An import that is interrupted, or that AWS stops, says which --from-line goes on. To run
    it again from the start does no harm, as each row is written as a whole. Exit status 1: lines
    are wrong.

        wcsctl list import teachers teachers.csv
    """
    command = command_context(context)
    lists = StoredLists(command.deployment)
    checked_list_name(name)
    with _opened(file) as rows:
        with command.output.progress("Checking") as advance:
            checked = check_file(rows, name, from_line=from_line, advance=advance)
        if checked.wrong_count:
            _show_wrong(command.output, checked)
            raise typer.Exit(ExitStatus.FAILED)
        if from_line > 1 and not checked.to_write:
            raise UsageError(
                f"--from-line {from_line}: the file has no row from there on, its last one is on "
                f"line {checked.last_line:,}."
            )
        rows.seek(0)
        with command.output.progress("Writing", checked.to_write) as advance:
            written = write_file(
                lists,
                rows,
                name,
                from_line=from_line,
                advance=advance,
                on_stop=lambda: command.output.say("Finishing what is under way …"),
            )
    command.output.result(
        {"list": name, "written": written, "rows": checked.rows, "expired": checked.expired},
        Text(f"Wrote {_rows(written)} to {name}."),
    )
    if checked.expired:
        command.output.say(
            f"Of these, policies do not see {_rows(checked.expired)}, expired before the import."
        )


@app.command()
def export(
    context: typer.Context,
    name: ListName,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="By default standard output.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Do not ask before a file is replaced.")
    ] = False,
) -> None:
    """Write a list's rows as CSV, which `wcsctl list import` takes.

    Nothing is masked, and rows that have expired are there as long as DynamoDB has them. What is
    neither text, number nor boolean is in a column of JSON, a set as a list and a binary as base64.

        wcsctl list export teachers teachers.csv
    """
    command = command_context(context)
    lists = StoredLists(command.deployment)
    checked_list_name(name)
    if file is None or str(file) == _STANDARD:
        if command.output.as_json:
            raise UsageError("An export is CSV: give a FILE, or leave out --json.")
        count = _export_to_stdout(command.output, lists, name)
        command.output.say(f"{_rows(count)}.")
        return
    if file.exists() and not yes:
        ask(command.output, f"Replace {file}?")
    try:
        count = _export_to_file(command.output, lists, name, file.resolve())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from None
    command.output.result(
        {"list": name, "rows": count, "file": str(file)}, Text(f"Wrote {_rows(count)} to {file}.")
    )


def _export_to_stdout(output: Output, lists: StoredLists, name: str) -> int:
    # As UTF-8, whatever the terminal has: an import reads nothing else.
    target = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="")
    try:
        return _exported(output, lists, name, target)
    finally:
        target.detach()


def _export_to_file(output: Output, lists: StoredLists, name: str, file: Path) -> int:
    """Export to a file, which is complete, or what it was before."""
    with tempfile.NamedTemporaryFile(
        "w", dir=file.parent, encoding="utf-8", newline="", delete_on_close=False
    ) as target:
        count = _exported(output, lists, name, target.file)
        target.close()
        # A temporary file is its owner's alone.
        Path(target.name).chmod(file.stat().st_mode if file.exists() else 0o666 & ~_umask())
        Path(target.name).replace(file)
    return count


def _umask() -> int:
    # It can be read only by setting it.
    umask = os.umask(0)
    os.umask(umask)
    return umask


def _exported(output: Output, lists: StoredLists, name: str, target: IO[str]) -> int:
    with output.progress("Reading") as advance:
        return write_csv(lists.rows(name), target, advance)


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    """A file for reading it twice; what comes through a pipe is kept in a temporary file."""
    is_standard = str(file) == _STANDARD
    try:
        given = sys.stdin.buffer if is_standard else file.open("rb")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    with ExitStack() as opened:
        if not is_standard:
            opened.enter_context(given)
        if is_standard or not given.seekable():
            spool = opened.enter_context(tempfile.TemporaryFile("w+b"))
            shutil.copyfileobj(given, spool)
            spool.seek(0)
            given = spool
        text = io.TextIOWrapper(given, encoding=ENCODING, errors=ENCODING_ERRORS, newline="")
        yield opened.enter_context(text)


def _row(name: str, key: str, fields: Mapping[str, Any], lifetime: str | None) -> RawRow:
    """A row of what the command line says."""
    for reserved in (LIST, KEY):
        if reserved in fields:
            raise UsageError(f"{reserved!r} is not an attribute: the command names it.")
    if lifetime is not None and EXPIRES_AT in fields:
        raise UsageError(f"Give --for or {EXPIRES_AT}, not both.")
    row: dict[str, Any] = {LIST: {"S": name}, KEY: {"S": key}}
    try:
        for attribute, value in fields.items():
            if attribute == EXPIRES_AT:
                row[EXPIRES_AT] = expiry(str(value))
            else:
                row[attribute] = json_attribute(encode(value))
        if lifetime is not None:
            row[EXPIRES_AT] = {"N": str(expires_in(duration(lifetime), time.time()))}
        check_row(row)
    except CellError as error:
        raise UsageError(f"This is not a row: {error}.") from None
    return row


def _shown(row: RawRow, *, reveal: bool) -> dict[str, Any]:
    readable = readable_row(row)
    if reveal:
        return readable
    # The key names the row; what is named like a secret is masked.
    return {KEY: readable.pop(KEY), **masked(readable)}


def _cells(row: Mapping[str, Any], *, expired: bool) -> dict[str, str]:
    """The cells of a row for people."""
    cells = {name: _cell(value) for name, value in row.items()}
    if expired:
        cells[EXPIRES_AT] += " (expired)"
    return cells


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else encode(value)


def _show_wrong(output: Output, checked: CheckedFile) -> None:
    rows = [(f"{one.line:,}", one.message) for one in checked.wrong]
    more = checked.wrong_count - len(checked.wrong)
    output.result(
        {
            "written": 0,
            "wrongCount": checked.wrong_count,
            "wrong": [one.to_json() for one in checked.wrong],
        },
        output.table(("line", "what is wrong"), rows),
        f"{f'and {more:,} more. ' if more else ''}Nothing was written: correct the lines, and "
        "import the file again.",
    )


def _rows(count: int) -> str:
    return counted(count, "row")


def _no_row(name: str, key: str) -> NotFoundError:
    return NotFoundError(f"The list {name} has no row {key}: `wcsctl list get {name}` shows it.")


def _has_expired(row: RawRow) -> bool:
    expires_at = expiry_of(row)
    return expires_at is not None and expires_at <= time.time()


def _until(row: RawRow) -> str:
    expires_at = expiry_of(row)
    return "" if expires_at is None else f", for {in_words(expires_at - time.time() + 1)}"
