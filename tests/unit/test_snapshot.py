"""A snapshot: what is compiled comes back, quickly, and nothing else passes for one."""

import json
import zlib
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.given import NOW, compiled, configure, decided, deny, echo, override, snapshot
from wcs_hooks.core.payload import parse
from wcs_hooks.core.snapshot import (
    EVERYTHING,
    FORMAT,
    Snapshot,
    SnapshotFormatError,
    Visible,
    field_at,
    value_key,
)


def _ids(found: Snapshot, fields: dict[str, Any], method: str = "publishStream") -> list[str]:
    return [rule.id for rule in found.rules(method, fields)]


# --- format -------------------------------------------------------------------------------------


def test_given_a_snapshot_when_it_is_loaded_then_it_knows_what_it_is() -> None:
    loaded = snapshot(deny(), version=12)

    assert (loaded.app, loaded.version) == ("live", 12)
    assert [requirement.rest_on_error for requirement in loaded.requirements] == ["FAIL"]


@pytest.mark.parametrize(("app", "layer"), [("live", 0), ("*", 1), ("**", 0)])
def test_given_a_snapshot_then_the_own_layer_stands_before_every_apps(app: str, layer: int) -> None:
    assert snapshot(app=app).layer == layer


def test_given_the_same_compilation_when_it_is_dumped_twice_then_the_bytes_are_the_same() -> None:
    compilation = compiled(deny(when="body.a"), override(id="b", set={"c": 1, "b": 2}))

    assert compilation.dump(1, NOW) == compilation.dump(1, NOW)


def _document(**changed: Any) -> bytes:
    document = json.loads(zlib.decompress(compiled(deny()).dump(1, NOW)))
    return zlib.compress(json.dumps(document | changed).encode())


def test_given_expressions_when_a_hook_is_decided_then_they_are_shown_what_they_can_see() -> None:
    loaded = snapshot(
        deny(id="a", when="body.name == 'x' && 'custom' in body"),
        override(id="b", compute={"name": "body.name + method"}, when="now > timestamp(0)"),
        deny(id="c", method="call", when="size(body) > 1"),
        deny(id="d", method="hangup", match={"name": "x"}),
    )

    assert loaded.visible("publishStream") == Visible(
        frozenset({"body", "method", "now"}), frozenset({"name", "custom"})
    )
    assert loaded.visible("call") == Visible(frozenset({"body"}), None)
    assert loaded.visible("hangup") == Visible(frozenset(), frozenset())


def test_given_a_snapshot_that_does_not_tell_what_is_seen_when_it_decides_then_all_is() -> None:
    data = compiled(deny(when="method == 'publishStream' && body.name == 'x'")).dump(1, NOW)
    document = json.loads(zlib.decompress(data))
    for table in document["tables"]:
        del table["visible"]

    older = Snapshot.load(zlib.compress(json.dumps(document).encode()))

    assert older.visible("publishStream") == EVERYTHING
    assert decided(older, {"name": "x"}).denial
    assert not decided(older, {"name": "y"}).denial


_DAMAGED = {
    "nothing": b"",
    "noise": b"\x00\x01\x02",
    "cut": compiled(deny()).dump(1, NOW)[:-5],
    "no-json": zlib.compress(b"{"),
    "no-utf-8": zlib.compress(b'{"format":"\xff"}'),
    "array": zlib.compress(b"[1]"),
    "null": zlib.compress(b"null"),
    "no-format": zlib.compress(b"{}"),
    "format-alone": zlib.compress(b'{"format":%d}' % FORMAT),
    "older": _document(format=FORMAT - 1),
    "newer": _document(format=FORMAT + 1),
    "wrong-requirements": _document(config=[["call"]]),
}


@pytest.mark.parametrize("data", _DAMAGED.values(), ids=_DAMAGED)
def test_given_bytes_that_are_no_snapshot_when_they_are_loaded_then_that_is_an_error(
    data: bytes,
) -> None:
    with pytest.raises(SnapshotFormatError):
        Snapshot.load(data)


def test_given_a_snapshot_of_another_format_when_it_is_loaded_then_both_are_named() -> None:
    with pytest.raises(SnapshotFormatError, match=f"format {FORMAT + 1}, this is {FORMAT}"):
        Snapshot.load(_document(format=FORMAT + 1))


# --- rules --------------------------------------------------------------------------------------


def test_given_policies_then_a_rule_has_all_that_a_decision_needs() -> None:
    policy = override(
        id="r",
        priority=7.5,
        mode="shadow",
        match={"name": ["a", 1]},
        when="session != null",
        whenError="match",
        set={"x": [1]},
        compute={"y": "body.y"},
        notBefore="2030-01-01T12:00:00Z",
        notAfter="2030-01-01T12:00:01Z",
    )

    (rule,) = snapshot(policy).rules("publishStream", {"name": "a"})

    assert (rule.id, rule.action, rule.mode, rule.when_error) == (
        "r",
        "override",
        "shadow",
        "match",
    )
    assert rule.order == (7.5, 0, "r")
    assert rule.match == [("name", frozenset({value_key("a"), value_key(1)}))]
    assert rule.set_json == {"x": "[1]"}
    assert list(rule.compute) == ["y"]
    assert (rule.not_before, rule.not_after) == (NOW, NOW + 1)
    assert rule.when is not None
    assert rule.uses_session


@pytest.mark.parametrize(
    ("when", "uses"), [("session != null", True), ("known", True), ("body.session", False)]
)
def test_given_a_rule_then_it_knows_whether_it_asks_for_the_session(
    when: str, *, uses: bool
) -> None:
    (rule,) = snapshot(echo(when=when)).rules("publishStream", {})

    assert rule.uses_session is uses


@pytest.mark.parametrize("policy", [deny(mode="off"), configure(restOnError="FAIL")])
def test_given_a_policy_that_decides_nothing_then_no_hook_meets_it(policy: dict[str, Any]) -> None:
    assert _ids(snapshot(policy), {}) == []


def test_given_a_method_then_only_its_policies_are_met_in_order() -> None:
    found = snapshot(
        deny(id="b"),
        echo(id="a"),
        echo(id="c", priority=1),
        echo(id="d", method="call"),
        echo(id="e", method="@direct", priority=1000),
    )

    assert _ids(found, {}) == ["c", "a", "b", "e"]
    assert _ids(found, {}, "call") == ["d", "e"]
    assert _ids(found, {}, "connect") == []
    assert _ids(found, {}, "newMethod") == []


@pytest.mark.parametrize("method", ["sendDTMF", "sendDtmf"])
@pytest.mark.parametrize("named", ["sendDTMF", "sendDtmf"])
def test_given_two_spellings_then_a_policy_for_one_meets_both(method: str, named: str) -> None:
    assert _ids(snapshot(echo(method=named)), {}, method) == ["a"]


def test_given_exact_values_then_only_the_policies_that_may_fit_are_met() -> None:
    many = [deny(id=f"{n:04}", match={"name": f"s-{n}"}) for n in range(500)]
    found = snapshot(*many, echo(id="last", priority=200), echo(id="first", priority=1))

    assert _ids(found, {"name": "s-123"}) == ["first", "0123", "last"]
    assert _ids(found, {"name": "other"}) == ["first", "last"]
    assert _ids(found, {}) == ["first", "last"]


def test_given_two_paths_then_the_one_with_more_values_sieves() -> None:
    many = [
        deny(id=f"{n:04}", match={"custom.role": "guest", "name": f"s-{n}"}) for n in range(100)
    ]

    assert _ids(snapshot(*many), {"custom": {"role": "guest"}, "name": "s-5"}) == ["0005"]


def test_given_a_value_named_twice_then_its_policy_is_met_once() -> None:
    assert _ids(snapshot(deny(match={"a": [5, 5.0, 5]})), {"a": 5}) == ["a"]


# --- fields and values --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "path", "value"),
    [
        ({"a": 1}, "a", 1),
        ({"a": None}, "a", None),
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {"b": {"c": [1]}}}, "a.b.c", [1]),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
    ],
)
def test_given_a_path_then_it_leads_to_its_value(
    fields: dict[str, Any], path: str, value: object
) -> None:
    assert field_at(fields, path) == value


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({}, "a"),
        ({}, "a.b"),
        ({"a": 1}, "a.b"),
        ({"a": None}, "a.b"),
        ({"a": "b"}, "a.b"),
        ({"a": [{"b": 1}]}, "a.b"),
        ({"a": [1]}, "a.0"),
        ({"a": {"b": {}}}, "a.b.c"),
    ],
)
def test_given_a_path_that_leads_nowhere_then_that_is_no_value_at_all(
    fields: dict[str, Any], path: str
) -> None:
    nothing = field_at({}, "absent")

    assert field_at(fields, path) is nothing
    assert nothing is not None


_BIG = "123456789012345678901234567890"


def _read(literal: str) -> Any:
    """A number as a hook brings it."""
    return parse(f'{{"n":{literal}}}'.encode()).fields["n"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (5, 5.0),
        (0, -0.0),
        (1e20, 100_000_000_000_000_000_000),
        (int(_BIG), _read(_BIG)),
        (int(_BIG), _read(f"{_BIG}.000e0")),
        (int(_BIG), _read(f"0.{_BIG}e30")),
        (Decimal("0.10"), 0.1),
        (Decimal(f"0.{_BIG}0"), _read(f"0.{_BIG}")),
        (Decimal("1e125"), 1e125),
        ([1, {"a": 2}], [1.0, {"a": 2.0}]),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ],
)
def test_given_equal_values_then_their_keys_are_equal(one: object, other: object) -> None:
    assert value_key(one) == value_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (int(_BIG), float(_BIG)),
        (int(_BIG), _read(_BIG[:-1] + "1")),
        (Decimal(f"0.{_BIG}"), float(f"0.{_BIG}")),
        (Decimal(f"0.{_BIG}"), _read(f"0.{_BIG}1")),
        (0, _read("1e-400")),
        (float("inf"), _read("1" * 400)),
        (1, True),
        (0, False),
        (1, "1"),
        (None, "null"),
        (None, False),
        (True, "true"),
        ("", None),
        ("[1]", [1]),
        ("\0[1]", [1]),
        ("\0\0a", "\0a"),
        ([], {}),
        ([1, 2], [2, 1]),
        ([1], [[1]]),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {}),
        (1, 1.5),
        (2**53, 2**53 + 1),
        ("a", "A"),
        ("ü", "u\u0308"),
    ],
)
def test_given_values_that_differ_then_their_keys_do(one: object, other: object) -> None:
    assert value_key(one) != value_key(other)
