"""wcsctl: whatever is in files, tables, logs and queues, an operator's terminal only shows it.

What AWS would answer is made of the input; nothing is sent.
"""

import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, cast

from simulated_wcs.scenario import Scenario, ScenarioFileError
from strict_yaml import fits_dynamodb
from verification.fuzz.corpus import bodies, policies
from verification.fuzz.target import promise
from verification.fuzz.targets.policies import ODD_ITEMS, stored
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.core.secrets import masked
from wcsctl.commands.bars import Bar, Legend
from wcsctl.commands.dead_letter import letters_table
from wcsctl.commands.decisions import decision_line
from wcsctl.commands.policy.rendering import changes_text, finding_lines, listing_lines
from wcsctl.commands.stats import drawn
from wcsctl.commands.status import apps_table, findings_of
from wcsctl.dead_letters import DeadLetter, LetterKind
from wcsctl.decision_log import Filter, to_json
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.function_logs import FunctionLogs, LogRecord, records_in
from wcsctl.hook_recordings import of_dead_letter, of_file
from wcsctl.hook_sender import fields_of
from wcsctl.lists.bans import Ban
from wcsctl.lists.cells import CellError, readable_row
from wcsctl.lists.importing import check_file
from wcsctl.metrics import EmfMetrics
from wcsctl.output import Output
from wcsctl.policies import files as policy_files
from wcsctl.policies.app_status import AppStatus
from wcsctl.policies.diff import compare
from wcsctl.policies.lint import lint
from wcsctl.policies.testing.reading import read_tests
from wcsctl.policies.yaml import as_yaml, read, write_policies
from wcsctl.since import duration, moment

_ENCODINGS: Final = ("utf-8", "ascii", "koi8-r", "cp1252", "latin-1", "utf-16")
_NOW: Final = 1_900_000_000.0
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Operator:
    """The first byte chooses what is odd, the second the terminal."""

    def __init__(self) -> None:
        shared = Path("/dev/shm")  # noqa: S108 - one directory of our own in it
        self._directory = tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None)
        self._place = Path(self._directory.name)
        self._kinds: tuple[Callable[[bytes, Output], None], ...] = (
            self._policies,
            self._tests,
            self._scenario,
            self._recordings,
            self._csv,
            self._local,
            _log,
            _metrics,
            _letter,
            _status,
            _row,
            _words,
        )

    def seeds(self) -> Iterable[bytes]:
        """Each kind of input in order, and damaged a little."""
        for kind, texts in enumerate(_SEEDS):
            for number, text in enumerate(texts()):
                yield bytes([kind, (kind * 7 + number * 5) % 256]) + text

    def __call__(self, data: bytes) -> None:
        """Show an input, which may be refused."""
        kind, terminal, text = data[:1], data[1:2], data[2:]
        if not terminal:
            return
        with _terminal(terminal[0]) as (output, written):
            with suppress(WcsctlError, ScenarioFileError):
                self._kinds[kind[0] % len(self._kinds)](text, output)
            shown = written()
        if output.width is not None:
            shown = _COLOURS.sub("", shown)
        promise(not _CONTROL.search(shown), f"the terminal would obey {shown!r:.200}")

    def _file(self, name: str, text: bytes) -> Path:
        file = self._place / name
        file.write_bytes(text)
        return file

    def _policies(self, text: bytes, output: Output) -> None:
        found = policy_files.load([self._file("policies.yaml", text)])
        findings = [*found.findings]
        if found.count <= _MOST_LINTED:
            findings += lint(found.policies, found.files)
        changes = compare({}, found.policies)
        edits = [change.to_json() for change in changes]
        output.result(edits, changes_text(changes), *finding_lines(findings))
        for own in found.policies.values():
            again = write_policies(list(own.values()))
            promise(not _CONTROL.search(again), f"YAML would steer a terminal: {again!r:.200}")
            read(again, "what was written")

    def _tests(self, text: bytes, output: Output) -> None:
        for test in read_tests(self._file("policies.test.yaml", text)):
            output.result(test.name, test.name)

    def _scenario(self, text: bytes, output: Output) -> None:
        scenario = Scenario.load(self._file("scenario.yaml", text))
        output.result(scenario.name, *(step.title() for step in scenario.timeline))

    def _recordings(self, text: bytes, output: Output) -> None:
        for one in of_file(self._file("hooks.jsonl", text)):
            output.result(one.origin, output.table(("hook", "method"), [(one.origin, one.method)]))

    def _csv(self, text: bytes, output: Output) -> None:
        file = self._file("rows.csv", text)
        with file.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as opened:
            checked = check_file(opened, "users", now=_NOW)
        wrong = [one.to_json() for one in checked.wrong]
        rows = [(str(one.line), one.message) for one in checked.wrong]
        output.result(wrong, output.table(("line", "what is wrong"), rows))

    def _local(self, text: bytes, output: Output) -> None:
        outputs, _, variables = text.partition(b"\0")
        self._file("outputs.json", outputs)
        self._file("env", variables)
        # What botocore makes of a region is its own.
        with suppress(ValueError):
            output.result({}, Deployment.local(self._place).name)


@contextmanager
def _terminal(kind: int) -> Iterator[tuple[Output, Callable[[], str]]]:
    """Standard output of some kind, with what was written to it."""
    encoding = _ENCODINGS[kind % len(_ENCODINGS)]
    before, kept = dict(os.environ), (sys.stdout, sys.stderr)
    os.environ |= {"COLUMNS": str((10, 40, 80, 200)[kind // 6 % 4]), "TERM": "xterm-256color"}
    out, err = (_Stream(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))
    out.interactive = err.interactive = bool(kind & 128)
    try:
        sys.stdout, sys.stderr = out, err
        output = Output(as_json=kind % 5 == 0)
        yield output, lambda: "".join(_content(one) for one in (out, err))
    finally:
        sys.stdout, sys.stderr = kept
        os.environ.clear()
        os.environ |= before


class _Stream(io.TextIOWrapper):
    interactive = False

    def isatty(self) -> bool:
        return self.interactive


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    content = stream.buffer
    assert isinstance(content, io.BytesIO)
    return content.getvalue().decode(stream.encoding)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _log(text: bytes, output: Output) -> None:
    event = {"message": text.decode("utf-8", "replace"), "timestamp": int(_NOW * 1000)}
    for record in records_in("direct", event):
        for wanted in (Filter(), Filter(policy="no", app="live"), Filter(denied=True, method="x")):
            wanted.holds(record.fields)
        output.people.show(decision_line(record))
        output.record(to_json(record))


def _metrics(text: bytes, output: Output) -> None:
    event = {"message": text.decode("utf-8", "replace"), "timestamp": int(_NOW * 1000)}
    metrics = EmfMetrics(cast("FunctionLogs", _Logs(list(records_in("direct", event)))), "WcsHooks")
    activity = metrics.activity(0, _NOW)
    output.result(str(activity), drawn(activity, "1h"))
    cells = metrics.rest_errors(0, _NOW)
    most = max([*cells.values(), 1])
    output.result({}, Bar([(count, "red") for count in cells.values()], most), Legend([]))


class _Logs:
    """The log of one function."""

    def __init__(self, records: list[LogRecord]) -> None:
        self._records = records

    def records(self, *_: object, **__: object) -> Iterator[LogRecord]:
        return iter(self._records)


def _letter(text: bytes, output: Output) -> None:
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": text.decode("utf-8", "replace")}
    letter = DeadLetter.from_message(message)
    value = letter.details()
    if letter.kind is LetterKind.HOOK:
        value["body"] = letter.body(reveal=False)
        value["revealed"] = letter.body(reveal=True)
    output.result(value, as_yaml(value), letters_table([letter]))
    letter.is_of("publishStream")
    recording = of_dead_letter(letter)
    output.result(recording.origin, recording.method, recording.problem)


def _status(text: bytes, output: Output) -> None:
    item = _item(text)
    if item is None:
        return
    status = AppStatus.from_item("live", item)
    output.result(status.to_json(), apps_table([status]), *findings_of([status]))
    row = {**status.to_json(), "errors": status.error_texts, "warnings": status.warning_count}
    output.result(row, *listing_lines({"policies": [], "apps": [row]}, output.width))


def _row(text: bytes, output: Output) -> None:
    given = _raw_item(text)
    if given is None:
        return
    row = {"list": {"S": "bans"}, "key": {"S": "anna"}, **given}
    with suppress(CellError):
        readable = masked(readable_row(row))
        cells = [str(value) for value in readable.values()]
        output.result(readable, as_yaml(readable), output.table(list(readable), [cells]))
    ban = Ban.from_row(row, _NOW)
    output.result(ban.to_json(), f"{ban.user} {ban.reason} {ban.by}")


def _words(text: bytes, output: Output) -> None:
    words = text.decode("utf-8", "surrogateescape").split("\n")
    with suppress(WcsctlError):
        output.result({}, str(moment(words[0], _NOW)))
    with suppress(WcsctlError):
        output.result({}, str(duration(words[0])))
    output.result(fields_of(words), str(fields_of(words)))


def _item(text: bytes) -> Mapping[str, Any] | None:
    """An item as the store reads it; none where DynamoDB could not hold it."""
    given = _raw_item(text)
    return None if given is None else from_attributes(given)


def _raw_item(text: bytes) -> dict[str, Any] | None:
    given = _json(text)
    if not isinstance(given, dict):
        return None
    read: dict[str, Any] = stored({"": given})[""]
    return read if all(map(_is_storable, read.values())) else None


def _is_storable(attribute: Any) -> bool:  # noqa: PLR0911 - one for each type
    """Whether DynamoDB could hold an attribute."""
    if not isinstance(attribute, dict) or len(attribute) != 1:
        return False
    [(kind, value)] = attribute.items()
    match kind, value:
        case "L", list():
            return all(map(_is_storable, value))
        case "M", dict():
            return all(map(_is_storable, value.values()))
        case "S", str():
            return _is_text(value)
        case "N", str():
            return _is_number(value)
        case "NS", [_, *_]:
            return all(isinstance(one, str) and _is_number(one) for one in value)
        case "SS", [_, *_]:
            return all(isinstance(one, str) and _is_text(one) for one in value)
        case "BS", [_, *_]:
            return all(isinstance(one, bytes) for one in value)
        case ("B", bytes()) | ("BOOL", bool()) | ("NULL", True):
            return True
    return False


def _is_text(text: str) -> bool:
    try:
        return bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def _is_number(text: str) -> bool:
    try:
        return fits_dynamodb(Decimal(text)) or not Decimal(text)
    except InvalidOperation:
        return False


_MOST_LINTED: Final = 4

_ROOT: Final = Path(__file__).resolve().parents[3]
_HOSTILE: Final = "\x1b]0;x\x07\r\n\x9b2J[/y] :phone: \u202e"
_LINE: Final = {
    "decision": "d",
    "method": _HOSTILE,
    "answer": "denied",
    "status": 403,
    "policies": ["live/no"],
    "token": {"status": "expired", "trust": "a/b", "kid": _HOSTILE},
    "restOnError": "FAIL",
    "outcome": "aborted",
    "expressionErrors": ["live/no: x"],
    "deadLettered": False,
}
_LETTER: Final = {
    "schema": 2,
    "decision": _HOSTILE,
    "category": "direct",
    "method": "publishStream",
    "firstSeen": "2026-03-01T12:00:00+00:00",
    "attempts": 1,
    "error": {"kind": "x", "message": _HOSTILE},
    "body": '{"name":"\\ud800","sipPassword":"p"}',
}
_EMF: Final = {
    "_aws": {
        "CloudWatchMetrics": [
            {
                "Namespace": "WcsHooks",
                "Dimensions": [["category", "service"], ["category", "method", "service"]],
                "Metrics": [{"Name": "Calls"}, {"Name": "ServiceTime"}],
            }
        ]
    },
    "category": "direct",
    "method": _HOSTILE,
    "service": "s",
    "Calls": [1],
    "ServiceTime": [0.5],
}
_STATUS_ITEM: Final = {
    "version": {"N": "3"},
    "ok": {"BOOL": False},
    "policies": {"N": "2"},
    "compiledAt": {"S": "2026-03-01T12:00:00+00:00"},
    "errors": {
        "L": [{"M": {"policy": {"S": "p"}, "attribute": {"S": "when"}, "message": {"S": _HOSTILE}}}]
    },
    "pinned": {"N": "1"},
}
_ROW_ITEM: Final = {
    "reason": {"S": _HOSTILE},
    "by": {"S": "me"},
    "expiresAt": {"N": "1900000000"},
    "rooms": {"SS": ["a", "b"]},
    "password": {"S": "p"},
    "data": {"B": "AAAA"},
    "more": {"L": [{"N": "1E-130"}, {"NULL": True}]},
}
_YAML: Final = (
    b"id: p\nmethod: call\naction: deny\npriority: 1e999999999999\n",
    b"id: p\nmethod: call\naction: deny\npriority: !!int x\nmatch: !!map x\n",
    b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n",
    b'id: "\\e[2J\\u202e[/y]"\nmethod: call\naction: deny\nreason: ":phone:"\nnote: |\n  a\n',
    b"[" * 200,
)
_VARIABLES: Final = (
    b"export AWS_ACCESS_KEY_ID=x\nexport AWS_SECRET_ACCESS_KEY=x\nexport AWS_REGION=eu-west-1\n"
    b"export AWS_ENDPOINT_URL=http://127.0.0.1:4566\n"
)


def _texts(*values: object) -> Callable[[], Iterator[bytes]]:
    def texts() -> Iterator[bytes]:
        for value in values:
            yield value if isinstance(value, bytes) else json.dumps(value).encode()

    return texts


def _files(pattern: str) -> Callable[[], Iterator[bytes]]:
    def texts() -> Iterator[bytes]:
        for path in sorted(_ROOT.glob(pattern)):
            yield path.read_bytes()

    return texts


def _policy_texts() -> Iterator[bytes]:
    yield from _YAML
    for policy in policies():
        yield write_policies([{"id": "p", **policy}]).encode()


def _recorded() -> Iterator[bytes]:
    for body in bodies():
        yield b'{"method": "call", "body": %s, "at": "2030-01-31T18:00:00Z"}' % (body or b"{}")


_SEEDS: Final[tuple[Callable[[], Iterator[bytes]], ...]] = (
    _policy_texts,
    _files("policies/cookbook/*/*.test.yaml"),
    _files("tests/scenarios/*.yaml"),
    _recorded,
    _texts(b"key,plan,quota:number\nanna,pro,3\nben,\x1b[2J,x\n", b'key,a\n"', b"\xff,a\n"),
    _texts(b'{"WcsHooks":{"HooksUrl":"http://x"}}\0' + _VARIABLES, b"[1]\0" + _VARIABLES, b"{}\0'"),
    _texts(_LINE, {**_LINE, "policies": 5, "token": []}, {**_LINE, "status": {"a": 1}}),
    _texts(_EMF, {**_EMF, "_aws": 5}, {**_EMF, "Calls": "x"}),
    _texts(
        _LETTER, {**_LETTER, "firstSeen": "9999-12-31T23:59:59-14:00"}, {"DDBStreamBatchInfo": 1}
    ),
    _texts(_STATUS_ITEM, *ODD_ITEMS),
    _texts(_ROW_ITEM, *ODD_ITEMS),
    _texts(b"name=lesson\ncustom.role=x\nn:=1", b"1h30m", b"2030-01-31", b"0001-01-01\n\xff=\xff"),
)
