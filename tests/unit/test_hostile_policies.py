"""An operator's mistake, or somebody's malice, in the table: it is refused by name, or it decides.

Nothing is raised, the last good version stays active, and what decides does so in little time.
"""

import time
from typing import Any

import pytest

from tests.unit.given import decided, errors, snapshot, warnings
from verification.fuzz.targets.policies import ODD_ITEMS, compile_hostile, stored
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.core.cel.check import MAX_EXPRESSION_CHARACTERS

_LIMIT = 3.0
"""Seconds of CPU, for what takes some milliseconds: the machine may be busy."""

_LONGEST = MAX_EXPRESSION_CHARACTERS
_BODY = {"appKey": "live", "name": "a" * 30_000, "a": [0] * 200, "b": {"c": "x"}}


def _deny(**attributes: Any) -> dict[str, Any]:
    return {"app": "live", "id": "a", "method": "publishStream", "action": "deny", **attributes}


def _filled(unit: str, start: str = "", end: str = "") -> str:
    return start + unit * ((_LONGEST - len(start) - len(end)) // len(unit)) + end


def _nested(levels: int, of: str) -> str:
    expression = "1"
    for level in range(levels):
        expression = of.replace("X", f"x{level}").replace("E", expression)
    return expression


_COSTLY = {
    "a sum": "1" + " + 1" * 20 + " > 0",
    "a long disjunction": _filled(" || body.name == 'b'", "false"),
    "long texts": _filled("x", "body.name.contains('", "')"),
    "a long list": _filled(",1", "body.x in [1", "]"),
    "a text added to itself": "size(body.name" + " + body.name" * 20 + ") > 5",
    "a list added to itself": "size(body.a" + " + body.a" * 20 + ") > 5",
    "many loops, one after the other": _filled(" || body.a.exists(x, x > 1)", "false"),
    "loops over loops": "body.a.map(x, body.a.map(y, x + y)).size() > 1",
    "loops over loops over loops": "body.a.exists(x, body.a.exists(y, body.a.exists(z, z > 1)))",
    "loops over literals": f"size({_nested(6, '[1, 2, 3, 4, 5, 6, 7, 8, 9].map(X, E)')}) > 1",
    "a loop that compares the body": "body.a.filter(x, body == body).size() > 1",
    "a pattern of nested repetitions": "body.name.matches('^((a+)+)+$')",
    "a pattern of alternatives": "body.name.matches('(a|a|aa)*b')",
    "a pattern of two wildcards": "body.name.matches('.*.*.*=.*')",
    "many patterns": _filled(" || body.name.matches('(a*)*b')", "false"),
}
_REFUSED = {
    "a character too many": _filled(" ", "true", " "),
    "open brackets": _filled("("),
    "brackets that are closed again": "(" * 2000 + "1" + ")" * 2000,
    "nested lists": "[" * 2000 + "]" * 2000,
    "negations": _filled("!") + "x",
    "minus signs": _filled("-") + "1",
    "conditions in conditions": _filled("true ? ", "", "1"),
    "nested calls": "size(" * 600 + "body" + ")" * 600,
    "selections": _filled(".a", "body"),
    "indexes": _filled("[0]", "body"),
    "nothing": "",
    "blanks": _filled(" "),
    "a long sum": _filled(" + 1", "1", " > 0"),
    "loops in loops in loops": f"size({_nested(20, '[1].map(X, E)')}) > 0",
    "a NUL": "true\0",
    "a text without an end": _filled("x", "'"),
    "no expression at all": _filled("\N{PILE OF POO}"),
    "right to left": "true\N{RIGHT-TO-LEFT OVERRIDE}",
    "a pattern that repeats a thousand times a thousand": "body.name.matches('((a{1000}){1000})')",
    "a pattern of many classes": "body.name.matches('" + r"(\\pL{300}){300}" + "')",
    "a pattern without an end": "body.name.matches('(((')",
    "a pattern of the body's": "body.name.matches(body.b.c)",
    "another type": "1 + 'a'",
    "an unknown function": "open('/etc/passwd')",
    "an unknown variable": "os.environ == 'x'",
}


@pytest.mark.parametrize("kind", _COSTLY)
def test_given_a_costly_expression_when_it_decides_then_that_takes_little_time(kind: str) -> None:
    assert len(_COSTLY[kind]) <= _LONGEST
    began = time.process_time()

    policies = snapshot(_deny(when=_COSTLY[kind], whenError="skip"))
    decided(policies, _BODY)

    assert time.process_time() - began < _LIMIT


@pytest.mark.parametrize("kind", _REFUSED)
def test_given_an_expression_that_makes_no_sense_then_policy_and_attribute_are_named(
    kind: str,
) -> None:
    source = _REFUSED[kind] + (" " * _LONGEST if kind == "a character too many" else "")
    began = time.process_time()

    assert errors(_deny(when=source)) == [("a", "when")]
    override = _deny(action="override", compute={"name": source})
    assert errors(override) == [("a", "compute.name")]

    assert time.process_time() - began < _LIMIT


@pytest.mark.parametrize(
    ("attributes", "attribute"),
    [
        ({"priority": float("nan")}, "priority"),
        ({"priority": float("inf")}, "priority"),
        ({"priority": 10**125}, "priority"),
        ({"status": float("nan")}, "status"),
        ({"status": 10**40}, "status"),
        ({"status": 403.5}, "status"),
        ({"match": {"name": float("nan")}}, "match.name"),
        ({"match": {"name": [b"\0\xff"]}}, "match.name"),
        ({"match": {"a..b": 1}}, "match.a..b"),
        ({"match": [["name", "x"]]}, "match"),
        ({"method": [None]}, "method"),
        ({"method": b"call"}, "method"),
        ({"method": {"call": True}}, "method"),
        ({"mode": ["enforce"]}, "mode"),
        ({"mode": {"a": 1}}, "mode"),
        ({"whenError": 1}, "whenError"),
        ({"action": []}, "action"),
        ({"when": {"S": "true"}}, "when"),
        ({"when": b"true"}, "when"),
        ({"reason": b"x"}, "reason"),
        ({"reason": "x" * 400_000}, "reason"),
        ({"note": {"a": "b"}}, "note"),
        ({"notBefore": 0}, "notBefore"),
        ({"notBefore": "9" * 5000}, "notBefore"),
        ({"notBefore": "2030-01-01T00:00:00+99:99"}, "notBefore"),
        ({"\ufffe": 1}, "\ufffe"),
        ({"": 1}, ""),
    ],
)
def test_given_a_value_of_any_other_kind_then_policy_and_attribute_are_named(
    attributes: dict[str, Any], attribute: str
) -> None:
    assert ("a", attribute) in errors(_deny(**attributes))


@pytest.mark.parametrize("number", range(len(ODD_ITEMS)))
@pytest.mark.parametrize("app", ["live", "*", "a" * 2048, "\N{SNOWMAN}\t#", "current"])
def test_given_an_odd_item_of_dynamodb_when_it_is_compiled_then_nothing_is_raised(
    app: str, number: int
) -> None:
    compile_hostile(app, [from_attributes(stored(ODD_ITEMS[number]))])


@pytest.mark.parametrize(
    "item_id",
    ["a" * 1024, "\N{RIGHT-TO-LEFT OVERRIDE}x", "\t\n\x01", "'; DROP", "a#b/c", "\ufffe", " "],
)
def test_given_an_odd_id_when_its_policy_is_compiled_then_it_decides_under_that_name(
    item_id: str,
) -> None:
    decision = decided(snapshot(_deny(id=item_id)), {"appKey": "live"})

    assert decision.applied == (f"live/{item_id}",)


def test_given_policies_that_name_each_other_then_nothing_goes_in_circles() -> None:
    policies = [
        _deny(id="a", action="override", compute={"name": "body.b", "b": "body.name"}),
        _deny(id="b", action="override", compute={"b": "body.name", "name": "body.b"}),
    ]

    decision = decided(snapshot(*policies), {"appKey": "live", "name": "n", "b": "m"})

    assert decision.fields == {"name": '"m"', "b": '"n"'}


def test_given_50000_match_values_when_they_are_compiled_then_they_decide_in_no_time() -> None:
    values = [f"stream-{number}" for number in range(50_000)]
    policies = snapshot(
        *(_deny(id=f"p{part}", match={"name": values[part::50]}) for part in range(50))
    )
    assert decided(policies, {"name": "stream-49999"}).applied == ("live/p49",)
    began = time.process_time()

    decision = decided(policies, {"name": "stream-49999"})

    assert decision.denial is not None
    assert time.process_time() - began < _LIMIT / 10


def test_given_an_item_of_400_kib_when_it_is_compiled_then_it_decides() -> None:
    policy = _deny(action="override", set={"name": "x" * 390_000}, note="y" * 5_000)

    decision = decided(snapshot(policy), {"appKey": "live", "name": "n"})

    assert decision.fields is not None
    assert len(decision.fields["name"]) == 390_002


def test_given_a_thousand_policies_that_always_end_then_each_that_is_never_reached_is_told() -> (
    None
):
    began = time.process_time()

    found = warnings(*(_deny(id=f"p{number:04}") for number in range(1000)))

    assert len(found) == 999
    assert time.process_time() - began < _LIMIT
