"""Expressions where they are evaluated: in a process that has read them, and compiled nothing."""

import base64
import hashlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import tzdata

from tests.support import documented_expressions
from tests.support.documented_expressions import (
    CLAIMS,
    CONNECTED_AT,
    METHOD,
    NOW,
    SESSION,
    examples,
)
from tests.support.reading_process import (
    FUNCTIONS,
    Asked,
    Decided,
    Outcome,
    decide_by,
    evaluate,
)
from tests.unit.given import compiled, deny, override
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import VARIABLES, environment
from wcs_hooks.core.decision import NOBODY

_DOCUMENTED = {
    "method": METHOD,
    "category": "direct",
    "app": "school",
    "stream": "exam-7",
    "clientAddress": "192.0.2.1",
    "connectedAt": CONNECTED_AT.timestamp(),
    "body": documented_expressions.body(),
    "session": SESSION,
    "known": True,
    "claims": CLAIMS,
    "rows": {"ban": None},
    "token": NOBODY.token(),
    "now": NOW.timestamp(),
}

_BODIES: dict[str, Any] = {
    "nested": {"a": {"b": {"c": [{"d": [1, "x", None, True, {}]}, [], ""]}}},
    "numbers": {
        "int": -5,
        "zero": 0,
        "negativeZero": -0.0,
        "half": 0.5,
        "largest": 2**63 - 1,
        "smallest": -(2**63),
        "unsigned": 2**64 - 1,
        "beyond": float(2**70),
        "tiny": 5e-324,
    },
    "texts": {
        "empty": "",
        "latin": "Rīga",
        "wide": "\U0001f511",
        "replaced": "\ufffd",
        "line": "a\nb",
    },
    "truths": {"yes": True, "no": False, "nothing": None},
    "empty": {},
}

_SESSIONS: list[Any] = [None, {}, {"custom": {"role": "teacher", "tags": ["a"], "age": 7}}]

_MOMENTS = [0.0, 1.5, -1.0, 1_900_000_000.123456, 253_402_300_799.0]

_OF_ALL_VARIABLES = [
    *VARIABLES,
    *(f"type({name}) == type({other})" for name in VARIABLES for other in VARIABLES),
    "session == null",
    "string(now)",
    "int(now)",
    "[method, category, app]",
    "{'m': method, 'k': known, 's': session, 'b': body}",
    "session == null ? 'unknown' : string(has(session.custom))",
    "session.custom.role",
    "dyn(session).custom.age + 1",
    "body == {}",
    "body.map(name, [name, type(body[name]) == type(1)]).size()",
    "body.all(name, body[name] == body[name])",
    "body.exists(name, type(body[name]) == double)",
    "body.filter(name, type(body[name]) == uint).size()",
    "body.filter(name, type(body[name]) == int).size()",
    "body.filter(name, body[name] == null).size()",
    "body.a.b.c[0].d[4] == {}",
    "body.a.b.c.size() + body.a.b.c[0].d.size()",
    "body.int + 1",
    "body.half * 2.0",
    "body.largest + 1",
    "body.unsigned > 0u",
    "body.beyond > 1.0e20",
    "body.negativeZero == 0",
    "string(body.smallest)",
    "int(body.beyond)",
    "body.latin.size() + size(bytes(body.latin))",
    "body.wide + body.latin",
    "body.line.matches('^a.b$')",
    "body.yes && !body.no",
    "body.nothing == null",
    "body.missing",
    "now.getFullYear()",
    "now - duration('1h') < now",
    "string(now - timestamp(0))",
    *(
        f"now.{function}({zone})"
        for function in (
            *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear"),
            *("getHours", "getMilliseconds", "getMinutes", "getMonth", "getSeconds"),
        )
        for zone in ("", "'Europe/Riga'", "'America/St_Johns'", "'+05:30'", "'UTC'")
    ),
    *(
        f"duration('90061.5s').{function}()"
        for function in ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
    ),
    "dyn(now).getHours('Europe/Riga')",
    "now.getHours(known ? 'Europe/Riga' : 'UTC')",
    "stream.glob('less*') && dyn(body.latin).glob('R*a')",
    "body.latin.glob(body.wide)",
    "sha256(stream) + sha256(body.latin)",
    "sha256(body.int)",
    "clientAddress.isIn('2001:db8::/32')",
    "clientAddress.isIn(['192.0.2.0/24', '2001:db8::1'])",
    "clientAddress.isIn(body.latin)",
    "clientAddress.isIn(body.texts)",
    "ip(body.latin)",
    "ip('::ffff:192.0.2.1')",
    "string(connectedAt)",
    "now - connectedAt > duration('1h')",
    "connectedAt.getHours('Europe/Riga')",
]


def test_given_the_page_then_it_lists_the_variables_that_there_are_and_no_others() -> None:
    assert documented_expressions.variables() == set(VARIABLES)
    assert len(examples()) > 40


def _hooks() -> list[dict[str, Any]]:
    return [
        {
            "method": METHOD,
            "category": "direct",
            "app": "Europe/Riga",
            "stream": "lesson",
            "clientAddress": "2001:db8::1",
            "connectedAt": now / 2,
            "body": body,
            "session": session,
            "known": session is not None,
            "now": now,
        }
        for body in _BODIES.values()
        for session in _SESSIONS
        for now in _MOMENTS
    ]


@pytest.mark.parametrize("example", examples(), ids=lambda each: "/".join(each.names))
def test_given_a_listed_name_then_its_example_uses_it(
    example: documented_expressions.Example,
) -> None:
    for name in example.names:
        parts = [re.escape(part) for part in name.split(" ")]
        edge = r"\b" if name.isidentifier() else ""
        assert re.search(edge + ".+?".join(parts) + edge, example.expression), name


def test_given_the_listed_examples_when_they_are_only_read_then_each_gives_its_value() -> None:
    outcomes = evaluate([(check(each.expression).serialized, _DOCUMENTED) for each in examples()])

    given = dict(zip((each.expression for each in examples()), outcomes, strict=True))
    assert given == {each.expression: Outcome(each.gives) for each in examples()}


@pytest.mark.parametrize("with_now", [True, False])
def test_given_a_process_that_compiled_nothing_then_expressions_give_what_they_give_elsewhere(
    *, with_now: bool
) -> None:
    timestamps = {"now", "connectedAt"}
    checked = [
        one for one in map(check, _OF_ALL_VARIABLES) if bool(one.uses & timestamps) is with_now
    ]
    evaluations = [
        # Like a decision, which binds nothing that no expression asks for.
        (one.serialized, {name: value for name, value in variables.items() if name in one.uses})
        for one in checked
        for variables in _hooks()
    ]

    as_deployed = evaluate(evaluations)
    compiled_first = evaluate(evaluations, compile_first=True)

    assert as_deployed == compiled_first
    assert sum(not outcome.error for outcome in as_deployed) > len(evaluations) / 3


@pytest.mark.parametrize("name", VARIABLES)
def test_given_a_process_that_bound_nothing_else_then_each_variable_has_its_value(
    name: str,
) -> None:
    shown = {"now": "2030-03-15T16:30:00Z", "connectedAt": "2030-03-15T16:00:00Z"}
    source = f"string({name})" if name in shown else name

    outcomes = evaluate([(check(source).serialized, {name: _DOCUMENTED[name]})])

    assert outcomes == [Outcome(shown.get(name, _DOCUMENTED[name]))]


def _zone_evaluations(*zones: str) -> list[tuple[str, dict[str, Any]]]:
    # Not literals, which are checked against the zones of this process.
    hour = base64.b64encode(environment().compile("now.getHours(method)").serialize()).decode()
    return [(hour, {"now": NOW.timestamp(), "method": zone}) for zone in zones]


def test_given_a_machine_that_points_elsewhere_when_a_zone_is_asked_for_then_ours_is_read(
    tmp_path: Path,
) -> None:
    outcomes = evaluate(_zone_evaluations("Europe/Riga"), TZDIR=str(tmp_path))

    assert outcomes == [Outcome(18)]


def test_given_a_zone_that_only_the_package_has_when_it_is_asked_for_then_it_is_found(
    tmp_path: Path,
) -> None:
    zones = Path(tzdata.__path__[0]) / "zoneinfo"
    package = tmp_path / "tzdata"
    (package / "zoneinfo" / "Test").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "zoneinfo" / "Test" / "Only").write_bytes((zones / "Asia" / "Tokyo").read_bytes())

    ours, machines = evaluate(
        _zone_evaluations("Test/Only", "Europe/Riga"), search=(tmp_path, FUNCTIONS)
    )

    assert ours == Outcome(1)
    assert machines.error == "Invalid timezone"


def test_given_a_machine_without_time_zones_when_one_is_asked_for_then_it_is_found(
    tmp_path: Path,
) -> None:
    """What `docs/reference/expressions.md` says of zones holds where Lambda has no zones."""
    in_a_namespace = ("unshare", "--mount", "--")
    hidden = f'mount --bind {tmp_path} /usr/share/zoneinfo && test -z "$(ls /usr/share/zoneinfo)"'
    if subprocess.run(
        [*in_a_namespace, "sh", "-c", hidden], capture_output=True, check=False
    ).returncode:
        pytest.skip("may not hide /usr/share/zoneinfo from a process here")

    outcomes = evaluate(
        _zone_evaluations("Europe/Riga", "America/St_Johns", "Europe/Rigaa"),
        command=(*in_a_namespace, "sh", "-c", f'{hidden} && exec "$@"', "sh"),
    )

    assert outcomes == [Outcome(18), Outcome(14), Outcome(None, "Invalid timezone")]


def test_given_expressions_without_a_zone_then_no_process_looks_for_the_database(
    tmp_path: Path,
) -> None:
    (tmp_path / "tzdata").mkdir()
    (tmp_path / "tzdata" / "__init__.py").write_text("raise SystemExit('was imported')")
    evaluations = [
        (check(source).serialized, {"now": NOW.timestamp(), "body": {}})
        for source in ("now.getHours()", "string(now)", "has(body.name)")
    ]

    outcomes = evaluate(evaluations, search=(tmp_path, FUNCTIONS))

    assert [outcome.value for outcome in outcomes] == [16, "2030-03-15T16:30:00Z", False]


def test_given_a_process_that_only_read_a_snapshot_then_it_decides_by_stream_and_pattern() -> None:
    data = compiled(
        deny(when="!body.custom.rights.exists(each, stream.glob(each))"),
        override(id="b", compute={"name": "sha256(stream)"}),
    ).dump(1, 0)
    rights = {"custom": {"rights": ["anna-*", "lobby"]}}

    found = decide_by(
        [data],
        [
            Asked("publishStream", {"name": "rtsp://host/anna-1?key=x", **rights}),
            Asked("publishStream", {"name": "bob-1?x=/anna-1", **rights}),
            Asked("publishStream", rights),
        ],
    ).decided

    digest = hashlib.sha256(b"anna-1").hexdigest()
    assert found[0] == Decided("override", {"name": f'"{digest}"'}, [])
    assert [one.verdict for one in found[1:]] == ["deny", "deny"]


def test_given_a_process_that_only_read_a_snapshot_then_it_decides_by_address_and_moment() -> None:
    data = compiled(
        deny(when="!clientAddress.isIn(['192.0.2.0/24', '2001:db8::/32'])"),
        deny(id="b", when="now - connectedAt > duration('1h')"),
    ).dump(1, 0)
    office = {"sessionId": "/192.0.2.1:50000/x"}
    connected = {"body": {}, "connected_at": 10_000.0}

    found = decide_by(
        [data],
        [
            Asked("publishStream", office, connected, now=10_000.0),
            Asked("publishStream", office, connected, now=13_601.0),
            Asked("publishStream", office, {"body": {}}, now=10_000.0),
            Asked("publishStream", {"sessionId": "/203.0.113.1:1/x"}, connected, now=10_000.0),
        ],
    ).decided

    assert [one.verdict for one in found] == ["echo", "deny", "deny", "deny"]
