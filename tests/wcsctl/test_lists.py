"""`wcsctl list`: rows one by one, and whole lists as CSV files."""

import csv
import io
import json
import os
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from tests.support.aws_tables import LISTS
from tests.support.operated_stack import STACK, OperatedStack, operated
from wcsctl import cli
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError, UsageError, WcsctlError
from wcsctl.lists import stored_lists
from wcsctl.lists.exporting import write_csv
from wcsctl.lists.importing import ImportStoppedError, check_file, write_file
from wcsctl.lists.stored_lists import StoredLists
from wcsctl.permissions import LIST_EDITOR_ACTIONS, Resource

_FEW_BYTES = 500_000
"""Of 5,000 rows with a note, the notes alone take twice as many."""
_NOTE = "x" * 200


@pytest.fixture(scope="module")
def operated_stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


@pytest.fixture
def stack(operated_stack: OperatedStack) -> Iterator[OperatedStack]:
    """The stack, whose lists are empty: to make one takes a second."""
    before = dict(operated_stack.outputs)
    yield operated_stack
    operated_stack.outputs.update(before)
    for row in operated_stack.aws.items(LISTS):
        key = {name: row[name] for name in ("list", "key")}
        operated_stack.aws.delete_item(LISTS, key)


def _rows(stack: OperatedStack, name: str) -> dict[str, dict[str, Any]]:
    """The rows of a list as DynamoDB has them, by key."""
    found = stack.aws.dynamodb.scan(TableName=LISTS)["Items"]
    rows = [row for row in found if row.pop("list") == {"S": name}]
    return {row.pop("key")["S"]: dict(row) for row in rows}


def _error(stack: OperatedStack, *words: str, answer: str = "") -> WcsctlError:
    error = stack.run("list", *words, answer=answer).exception
    assert isinstance(error, WcsctlError)
    return error


def _file(tmp_path: Path, *lines: str) -> str:
    file = tmp_path / "rows.csv"
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


# --- one row ------------------------------------------------------------------------------------


def test_given_a_row_that_was_put_when_it_is_shown_then_it_has_its_types_and_its_secrets_are_masked(
    stack: OperatedStack,
) -> None:
    words = ("users", "anna", "plan=pro", "quota:=2.50", "active:=true", "sipPassword=s3cret")

    put = stack.json("list", "put", *words, "--for", "1h")

    assert not put["replaced"]
    row = _rows(stack, "users")["anna"]
    assert int(row.pop("expiresAt")["N"]) == pytest.approx(time.time() + 3600, abs=5)
    assert row == {
        "plan": {"S": "pro"},
        "quota": {"N": "2.5"},
        "active": {"BOOL": True},
        "sipPassword": {"S": "s3cret"},
    }
    shown = stack.json("list", "get", "users", "anna")
    assert (shown["key"], shown["quota"], shown["sipPassword"]) == ("anna", 2.5, "***")
    assert stack.json("list", "get", "users", "anna", "--reveal")["sipPassword"] == "s3cret"
    assert "s3cret" not in stack.run("list", "get", "users").output
    assert stack.json("list", "put", "users", "anna")["replaced"]
    assert stack.json("list", "get", "users") == [{"key": "anna"}]


def test_given_a_row_when_it_is_deleted_then_it_is_gone_and_a_second_time_the_status_is_5(
    stack: OperatedStack,
) -> None:
    stack.json("list", "put", "users", "anna")

    assert stack.json("list", "delete", "users", "anna") == {"list": "users", "deleted": "anna"}

    assert _rows(stack, "users") == {}
    assert isinstance(_error(stack, "delete", "users", "anna"), NotFoundError)
    assert isinstance(_error(stack, "get", "users", "anna"), NotFoundError)


def test_given_an_expired_row_when_it_is_shown_then_it_says_that_policies_do_not_see_it(
    stack: OperatedStack,
) -> None:
    stack.json("list", "put", "users", "anna", "expiresAt=2026-01-01T00:00:00Z")

    assert "policies do not see it" in stack.run("list", "get", "users", "anna").stderr
    stack.aws.put_item(LISTS, {"list": "users", "key": "ben", "expiresAt": "soon"})
    assert "cannot read it: `expiresAt` is not a" in stack.run("list", "get", "users", "ben").stderr
    assert "1767225600 (expired)" in stack.run("list", "get", "users").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("put", "#system", "anna"), "names that begin with # are reserved"),
        (("import", "#system", "-"), "names that begin with # are reserved"),
        (("put", "users", ""), "must have 1 to 1,024"),
        (("put", "users", "anna", "key=ben"), "'key' is not an attribute"),
        (("put", "users", "anna", "expiresAt=1893456000000"), "are they milliseconds?"),
        (("put", "users", "anna", "expiresAt=20300131"), "write 2030-01-31"),
        (("put", "users", "anna", "expiresAt=9999-12-31"), "are they milliseconds?"),
        (("put", "users", "anna", "--for", "99999999d"), "--for is too long"),
        (("put", "users", "anna", "quota:=1e200"), "more than 38 digits"),
        (("put", "users", "anna", "quota:=1e126"), "beyond -130 to 125"),
        (("put", "users", "anna", f"rooms:={'[' * 32}1{']' * 32}"), "more than 32 levels deep"),
        (("put", "users", "anna", 'rooms:={"a": "\\ud800"}'), "half of a surrogate pair"),
        (("put", "users", "anna", f"note={'x' * 70_000}"), "it has more than 65,536 bytes as JSON"),
    ],
)
def test_given_what_cannot_be_a_row_then_the_error_says_what_can_and_nothing_is_written(
    stack: OperatedStack, words: tuple[str, ...], said: str
) -> None:
    error = _error(stack, *words)

    assert isinstance(error, UsageError)
    assert said in str(error)
    assert stack.aws.items(LISTS) == []


def test_given_a_secret_that_is_put_then_it_is_masked_in_the_answer_as_well(
    stack: OperatedStack,
) -> None:
    put = stack.json("list", "put", "sip-accounts", "anna", "password=s3cret")

    assert put["row"] == {"key": "anna", "password": "***"}


def test_given_control_characters_in_a_row_then_they_show_as_escapes_in_tables_and_errors(
    stack: OperatedStack,
) -> None:
    note = "\x1b[2J\x07\r\x9b\u202e"
    stack.json("list", "put", "users", "anna", f"note={note}")
    stack.aws.put_item(LISTS, {"list": "bans", "key": note, "reason": note})

    for words in (("list", "get", "users"), ("list", "get", "users", "anna"), ("bans",)):
        shown = stack.run(*words).stdout
        # YAML and tables escape them each in its way.
        assert any(
            escaped in shown
            for escaped in ("\\x1b[2J\\x07\\r\\x9b\\u202e", "\\e[2J\\a\\r\\x9B\\u202e")
        )
        assert not {*note} - {*"[2J"} & {*shown}
    wrong = stack.run("list", "import", "users", "-", answer=f'key,a:json\nanna,"{note}"\n').stdout
    assert not {*note} - {*"[2J"} & {*wrong}
    assert stack.json("list", "get", "users", "anna")["note"] == note
    assert note in stack.run("list", "export", "users").stdout


def test_given_a_stack_that_is_older_than_lists_then_the_error_says_to_deploy_it_again(
    stack: OperatedStack,
) -> None:
    del stack.outputs["ListsTableName"]

    assert "Deploy it again" in str(_error(stack, "get", "users"))


def test_given_all_commands_about_lists_then_they_call_just_what_editors_of_lists_may(
    stack: OperatedStack, tmp_path: Path
) -> None:
    # The emulator's IAM knows no dynamodb:LeadingKeys, by which that policy is limited.
    called: set[str] = set()
    call_aws: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs

    def call(client: Any, operation: str, parameters: Any) -> Any:
        if LISTS in {parameters.get("TableName"), *parameters.get("RequestItems", {})}:
            called.add(f"dynamodb:{operation}")
        return call_aws(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", call):
        stack.json("list", "import", "users", _file(tmp_path, "key", "anna"))
        stack.json("list", "put", "users", "ben")
        stack.json("list", "get", "users")
        stack.json("list", "get", "users", "anna")
        stack.json("list", "export", "users", str(tmp_path / "exported.csv"))
        stack.json("list", "delete", "users", "ben")
        stack.json("ban", "anna")
        stack.json("bans")
        stack.json("unban", "anna")

    assert called == {*LIST_EDITOR_ACTIONS[Resource.LISTS]}


# --- import -------------------------------------------------------------------------------------


def test_given_a_file_when_it_is_imported_then_each_cell_has_its_columns_type(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = _file(
        tmp_path,
        "\ufeffkey,plan,quota:number,active:boolean,rooms:json,expiresAt",
        'anna,"pro, yearly",007,TRUE,"[""math-*"", 1]",2030-01-01T00:00:00Z',
        "ben,,,,,1893456000",
        "",
        '"carl\nsenior",basic,1e3,false,null,',
    )

    done = stack.json("list", "import", "users", file)

    assert done == {"list": "users", "written": 3, "rows": 3, "expired": 0}
    assert _rows(stack, "users") == {
        "anna": {
            "plan": {"S": "pro, yearly"},
            "quota": {"N": "7"},
            "active": {"BOOL": True},
            "rooms": {"L": [{"S": "math-*"}, {"N": "1"}]},
            "expiresAt": {"N": "1893456000"},
        },
        "ben": {"expiresAt": {"N": "1893456000"}},
        "carl\nsenior": {
            "plan": {"S": "basic"},
            "quota": {"N": "1000"},
            "active": {"BOOL": False},
            "rooms": {"NULL": True},
        },
    }


def test_given_rows_on_standard_input_then_they_are_imported_and_expired_ones_are_counted(
    stack: OperatedStack,
) -> None:
    result = stack.run("list", "import", "users", "-", answer="key,expiresAt\nanna,1\nben,\n")

    assert result.exit_code == 0
    assert "policies do not see 1 row, expired" in result.stderr
    assert _rows(stack, "users").keys() == {"anna", "ben"}


def test_given_lines_that_are_wrong_then_each_is_named_with_the_way_out_and_nothing_is_written(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(
        b"key,quota:number,active:boolean,rooms:json,expiresAt\n"
        b"anna,1,true,[],\n"
        b",1,true,[],\n"
        b"ben,many,true,[],\n"
        b"carl,1,yes,[],\n"
        b"dora,1,true,[,\n"
        b"emil,1,true,[],tomorrow\n"
        b"fred,1,true\n"
        b"J\xfcrgen,1,true,[],\n"
        b"anna,2,true,[],\n"
        b'gina,"1"2,true,[],\n'
    )

    result = stack.run("--json", "list", "import", "users", str(file))

    assert result.exit_code == 1
    said = json.loads(result.stdout)
    wrong = {one["line"]: one["message"] for one in said["wrong"]}
    assert said["wrongCount"] == len(wrong) == 9
    assert "1 to 1,024" in wrong[3]
    assert wrong[4] == "quota: 'many' is not a number: write 12 or 0.5"
    assert "active: 'yes' is not true or false" in wrong[5]
    assert "rooms: '[' is not JSON" in wrong[6]
    assert "write 2030-01-31T18:00:00Z" in wrong[7]
    assert "put quotes around a cell that has a comma" in wrong[8]
    assert "save the file as UTF-8" in wrong[9]
    assert "line 2 has the key 'anna' as well" in wrong[10]
    assert "double those inside it" in wrong[11]
    assert stack.aws.items(LISTS) == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("user,plan", "one of them 'key'"),
        ("key;plan", "separate columns by commas"),
        ("key,plan,plan", "names plan twice"),
        ("key,born:date", "there are text, number, boolean, json"),
        ("key,list", "the command names the list"),
        ("key,:number", "has no name"),
        ("", "it names none"),
    ],
)
def test_given_a_first_line_that_does_not_name_the_columns_then_the_error_says_what_it_must_name(
    stack: OperatedStack, header: str, said: str
) -> None:
    assert said in str(_error(stack, "import", "users", "-", answer=f"{header}\nanna,1\n"))


def _answering(**answers: Any) -> Any:
    """Calls of AWS, some operations of which are answered by a function of their parameters."""
    call_aws: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs

    def call(client: Any, operation: str, parameters: Any) -> Any:
        if operation in answers:
            return answers[operation](lambda: call_aws(client, operation, parameters), parameters)
        return call_aws(client, operation, parameters)

    return patch.object(BaseClient, "_make_api_call", call)


def test_given_rows_that_dynamodb_leaves_unprocessed_then_they_are_sent_again_and_none_is_lost(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = _file(tmp_path, "key", *(f"user-{number}" for number in range(30)))
    throttled: Any = {"Error": {"Code": "ThrottlingException", "Message": ""}}
    answers = iter(("throttle", "half", "half"))

    def write(call: Any, parameters: Any) -> Any:
        match next(answers, "all"):
            case "throttle":
                raise ClientError(throttled, "BatchWriteItem")
            case "half":
                requests = parameters["RequestItems"][LISTS]
                parameters["RequestItems"] = {LISTS: requests[1::2] or requests}
                call()
                return {"UnprocessedItems": {LISTS: requests[::2]} if requests[1::2] else {}}
        return call()

    with _answering(BatchWriteItem=write):
        stack.json("list", "import", "users", file)

    assert len(_rows(stack, "users")) == 30


@pytest.mark.parametrize(
    ("error", "said", "status"),
    [
        (KeyboardInterrupt(), "Interrupted. All rows above line", 1),
        (
            ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "BatchWriteItem"),
            "BatchWriteItem operation: no. All rows above line",
            4,
        ),
    ],
)
def test_given_an_import_that_stops_when_it_goes_on_from_the_line_it_names_then_no_row_is_missing(
    stack: OperatedStack, tmp_path: Path, error: BaseException, said: str, status: int
) -> None:
    keys = [f"user-{number:04}" for number in range(200)]
    file = _file(tmp_path, "key,plan", *(f"{key},pro" for key in keys))

    def write(call: Any, parameters: Any) -> Any:
        first = parameters["RequestItems"][LISTS][0]["PutRequest"]["Item"]["key"]["S"]
        if first == keys[100]:
            raise error
        return call()

    with _answering(BatchWriteItem=write):
        stopped = _error(stack, "import", "users", file)

    assert isinstance(stopped, ImportStoppedError)
    assert said in str(stopped)
    assert stopped.status == status
    written = _rows(stack, "users").keys()
    assert {*keys[: stopped.go_on_from - 2]} <= written
    assert len(written) < 200
    assert stopped.go_on_from == 102
    stack.json("list", "import", "users", file, "--from-line", str(stopped.go_on_from))
    assert _rows(stack, "users").keys() == {*keys}


def test_given_rows_that_wait_for_dynamodb_when_interrupted_then_nobody_waits_and_it_goes_on(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = _file(tmp_path, "key", *(f"user-{number:04}" for number in range(100)))
    throttled: Any = {"Error": {"Code": "ThrottlingException", "Message": ""}}

    def write(_: Any, parameters: Any) -> Any:
        if parameters["RequestItems"][LISTS][0]["PutRequest"]["Item"]["key"]["S"] == "user-0000":
            raise KeyboardInterrupt
        raise ClientError(throttled, "BatchWriteItem")

    started = time.monotonic()
    with _answering(BatchWriteItem=write), patch.object(stored_lists, "_FIRST_PAUSE", 1000):
        result = stack.run("list", "import", "users", file)

    assert time.monotonic() - started < 2
    assert "Finishing what is under way" in result.stderr
    assert isinstance(result.exception, ImportStoppedError)
    assert result.exception.go_on_from == 2


@pytest.mark.usefixtures("stack")
def test_given_a_file_that_changes_after_the_check_then_the_import_stops_there() -> None:
    table = StoredLists(Deployment.stack(STACK, None, None))
    rows = "".join(f"user-{number},1\n" for number in range(30))

    with pytest.raises(ImportStoppedError, match="Line 32 is not what it was") as stopped:
        write_file(table, io.StringIO(f"key,n:number\n{rows}anna,many\n"), "users")

    assert stopped.value.go_on_from == 27
    assert stopped.value.status == 1


def test_given_a_line_to_begin_with_then_only_rows_from_there_on_count_and_it_must_exist(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = _file(tmp_path, "key,expiresAt", "anna,1", "ben,")

    done = stack.json("list", "import", "users", file, "--from-line", "3")

    assert (done["written"], done["expired"]) == (1, 0)
    assert "its last one is on line 3" in str(
        _error(stack, "import", "users", file, "--from-line=4")
    )


def test_given_rows_that_come_through_a_pipe_then_they_are_imported(stack: OperatedStack) -> None:
    read, write = os.pipe()
    with os.fdopen(write, "w") as pipe:
        pipe.write("key\nanna\n")

    assert stack.json("list", "import", "users", f"/dev/fd/{read}")["written"] == 1
    os.close(read)


def test_given_a_long_file_when_it_is_checked_then_it_is_not_held_in_memory() -> None:

    def lines(count: int) -> io.StringIO:
        return io.StringIO("key,note\n" + "".join(f"user-{one},{_NOTE}\n" for one in range(count)))

    def peak(count: int) -> int:
        file = lines(count)
        tracemalloc.start()
        checked = check_file(file, "users")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert checked.rows == count
        return most

    assert peak(5_000) < _FEW_BYTES


# --- export -------------------------------------------------------------------------------------


def test_given_rows_of_all_types_when_exported_and_imported_then_policies_see_the_same(
    stack: OperatedStack, tmp_path: Path
) -> None:
    rows: dict[str, dict[str, Any]] = {
        "a": {"plan": {"S": 'pro, "yearly"\r\n'}, "quota": {"N": "0.10"}, "mixed": {"N": "1"}},
        "b": {"active": {"BOOL": False}, "expiresAt": {"N": "1893456000"}, "mixed": {"S": "1"}},
        "c": {"empty": {"S": ""}, "a:b": {"S": "x"}, "list of": {"L": [{"BOOL": True}]}},
        "d": {"raw": {"B": b"\x00\xff"}, "set": {"SS": ["b", "a"]}},
    }
    for key, row in rows.items():
        item: Any = {"list": {"S": "users"}, "key": {"S": key}, **row}
        stack.aws.dynamodb.put_item(TableName=LISTS, Item=item)
    file = tmp_path / "exported.csv"

    done = stack.json("list", "export", "users", str(file))
    stack.json("list", "import", "copies", str(file))

    assert done == {"list": "users", "rows": 4, "file": str(file)}
    [header, *_] = csv.reader(file.open(newline=""))
    assert header == [
        *("key", "expiresAt", "a:b:text", "active:boolean", "empty:json", "list of:json"),
        *("mixed:json", "plan", "quota:number", "raw:json", "set:json"),
    ]
    copies = _rows(stack, "copies")
    assert copies["a"]["quota"] == {"N": "0.1"}
    assert copies["d"]["raw"] == {"S": "AP8="}
    assert copies["d"]["set"] == {"L": [{"S": "a"}, {"S": "b"}]}
    for key in "abc":
        assert copies[key] | {"quota": 0} == rows[key] | {"quota": 0}


def test_given_numbers_and_maps_in_columns_of_json_then_no_digit_is_lost_nor_any_map_a_binary(
    stack: OperatedStack,
) -> None:
    long = "12345678901234567890.123456789"
    rows: dict[str, dict[str, Any]] = {
        "a": {"nested": {"L": [{"N": "12345678901234567890"}]}, "mixed": {"N": long}},
        "b": {"mixed": {"S": "1"}, "usage": {"M": {"bytes": {"N": "5"}}}},
        "c": {"usage": {"M": {"B": {"M": {"BS": {"S": "x"}}}}}, "expiresAt": {"N": "1893456000.5"}},
        "d": {"large": {"L": [{"N": "1E+100"}]}},
    }
    for key, row in rows.items():
        item: Any = {"list": {"S": "users"}, "key": {"S": key}, **row}
        stack.aws.dynamodb.put_item(TableName=LISTS, Item=item)
    item = {"list": {"S": "binaries"}, "key": {"S": "a"}, "set": {"BS": [b"\xff"]}}
    stack.aws.dynamodb.put_item(TableName=LISTS, Item=item)

    exported = stack.run("list", "export", "users").stdout
    assert stack.run("list", "import", "copies", "-", answer=exported).exit_code == 0

    assert _rows(stack, "copies") == rows
    assert "/w==" in stack.run("list", "export", "binaries").stdout


def test_given_a_terminal_that_is_not_utf_8_when_exported_then_the_file_is(
    stack: OperatedStack,
) -> None:
    stack.json("list", "put", "users", "Rīga")

    result = CliRunner(charset="latin-1").invoke(cli.app, ["list", "export", "users"])

    assert result.stdout_bytes == "key\nRīga\n".encode()


def test_given_a_folder_that_does_not_exist_then_the_error_says_so(
    stack: OperatedStack, tmp_path: Path
) -> None:
    error = _error(stack, "export", "users", str(tmp_path / "missing" / "rows.csv"))

    assert "cannot be written: No such file or directory" in str(error)


def test_given_an_export_that_fails_then_the_file_is_what_it_was_and_nothing_else_is_left(
    stack: OperatedStack, tmp_path: Path
) -> None:
    stack.json("list", "put", "users", "anna")
    file = tmp_path / "exported.csv"
    file.write_text("precious")
    file.chmod(0o640)

    with patch.object(Path, "replace", side_effect=OSError(28, "No space left on device")):
        assert "No space left" in str(_error(stack, "export", "users", str(file), "--yes"))

    assert file.read_text() == "precious"
    assert [*tmp_path.iterdir()] == [file]
    assert stack.run("list", "export", "users", str(file), "--yes").exit_code == 0
    assert file.stat().st_mode & 0o777 == 0o640


def test_given_nobody_who_can_be_asked_when_a_file_would_be_replaced_then_yes_is_asked_for(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = tmp_path / "exported.csv"
    file.write_text("precious")

    for words in ((), ("--json",)):
        error = stack.run(*words, "list", "export", "users", str(file), answer="y\n").exception
        assert "pass --yes" in str(error)
    assert file.read_text() == "precious"


def test_given_a_file_that_exists_when_a_list_is_exported_then_it_is_kept_unless_confirmed(
    stack: OperatedStack, tmp_path: Path
) -> None:
    stack.json("list", "put", "users", "anna", "plan=pro")
    file = tmp_path / "exported.csv"
    file.write_text("precious")

    assert stack.run("list", "export", "users", str(file), answer="n\n").exit_code == 1
    assert file.read_text() == "precious"
    assert stack.run("list", "export", "users", str(file), "--yes").exit_code == 0
    assert file.read_text() == "key,plan\nanna,pro\n"
    assert stack.run("list", "export", "users").stdout == "key,plan\nanna,pro\n"


def test_given_many_rows_when_exported_then_they_are_not_held_in_memory() -> None:

    def peak(count: int) -> int:
        rows = (
            {"list": {"S": "users"}, "key": {"S": f"user-{one}"}, "note": {"S": _NOTE}}
            for one in range(count)
        )
        tracemalloc.start()
        with Path(os.devnull).open("w", newline="", encoding="utf-8") as target:
            assert write_csv(rows, target) == count
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    assert peak(5_000) < _FEW_BYTES
