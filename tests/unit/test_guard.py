"""Guards: which comparisons of an expression are stored, and what they decide about a hook."""

from typing import Any

import pytest

from tests.unit.given import decided, deny, echo, override, snapshot
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.guard import Guard, StoredGuard
from wcs_hooks.core.decision import Verdict
from wcs_hooks.core.errors import UnavailableError


def _guard(source: str) -> StoredGuard:
    guard = check(source).guard
    assert guard is not None
    return guard


@pytest.mark.parametrize(
    ("source", "term"),
    [
        ("body.name.startsWith('a')", ("name", "startsWith", "a", True)),
        ("body['name'].endsWith('a')", ("name", "endsWith", "a", True)),
        ("!body.name.contains('a')", ("name", "contains", "a", False)),
        ("body.name == 'a'", ("name", "==", "a", True)),
        ("'a' != body.name", ("name", "==", "a", False)),
        ("body.name in ['a', 'b']", ("name", "in", ["a", "b"], True)),
        ("!(body.name in ['a'])", ("name", "in", ["a"], False)),
        ("!!body.record", ("record", "==", True, True)),
        ("body.record == false", ("record", "==", False, True)),
        ("body.width == 0", ("width", "==", 0, True)),
        ("body.width >= -9223372036854775808", ("width", ">=", -(2**63), True)),
        ("9223372036854775807 >= body.width", ("width", "<=", 2**63 - 1, True)),
        ("1 < body.width", ("width", ">", 1, True)),
    ],
)
def test_given_a_comparison_when_it_is_checked_then_it_is_noted_as_all_there_is(
    source: str, term: tuple[str, str, Any, bool]
) -> None:
    assert _guard(source) == (True, [term])


def test_given_comparisons_that_must_all_hold_when_they_are_checked_then_all_are_noted() -> None:
    is_whole, terms = _guard("body.a == 'x' && (body.b && body.c < 3) && !body.d.contains('y')")

    assert is_whole
    assert [term[0] for term in terms] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "source",
    [
        "body.name == 'a' && session.custom.role == 'teacher'",
        "has(body.width) && body.name == 'a'",
        "(body.x || body.y) && body.name == 'a'",
        "body.name == 'a' && 'b' in body",
        "body.name == 'a' && body.width * 2 > 5",
        "body.name == 'a' && body.c.d == 1",
        "body.name == 'a' && body.x == body.y",
    ],
)
def test_given_something_else_beside_a_comparison_then_it_is_noted_as_not_all_there_is(
    source: str,
) -> None:
    assert _guard(source) == (False, [("name", "==", "a", True)])


@pytest.mark.parametrize(
    "source",
    [
        "true",
        "has(body.name)",
        "'name' in body",
        "method == 'call'",
        "session.name == 'a'",
        "body.name == 'a' || body.name == 'b'",
        "!(body.x && body.y)",
        "body.name.matches('a')",
        "body.name == method",
        "'abc'.startsWith(body.name)",
        "body.c.name == 'a'",
        "body.x == 1.0",
        "body.x == 1u",
        "body.x == null",
        "body.x < 'a'",
        "body.x in [1, 2]",
        "body.x in []",
        "body.x in ['a', body.y]",
        "body.x in {'a': 1}",
        # The runtime sees U+FFFD for either.
        r"body.name == 'a\000'",
        r"body.name.startsWith('\ufffd')",
        "[{'x': true}].exists(body, body.x)",
    ],
)
def test_given_no_comparison_that_a_guard_can_make_then_nothing_is_noted(source: str) -> None:
    assert check(source).guard is None


def test_given_a_guard_when_a_comparison_fails_then_the_expression_is_false() -> None:
    guard = Guard(_guard("body.name == 'a' && session.x"))

    assert guard.holds({"name": "b"}) is False


def test_given_a_guard_when_all_that_there_is_holds_then_the_expression_is_true() -> None:
    guard = Guard(_guard("body.name == 'a' && body.width > 1"))

    assert guard.holds({"name": "a", "width": 2}) is True


@pytest.mark.parametrize(
    "fields", [{"name": "a"}, {"name": "a", "width": 2.0}, {"name": "a", "width": True}]
)
def test_given_a_guard_when_a_field_is_absent_or_of_another_type_then_only_the_runtime_can_tell(
    fields: dict[str, Any],
) -> None:
    guard = Guard(_guard("body.name == 'a' && body.width > 1"))

    assert guard.holds(fields) is None


def test_given_a_guard_when_the_rest_is_open_then_only_the_runtime_can_tell() -> None:
    assert Guard(_guard("body.name == 'a' && known")).holds({"name": "a"}) is None


def test_given_a_guard_when_a_field_is_absent_but_another_fails_then_it_is_false() -> None:
    guard = Guard(_guard("body.absent == 1 && body.name == 'a'"))

    assert guard.holds({"name": "b"}) is False


def _unavailable() -> Any:
    raise UnavailableError("no")


def test_given_a_condition_that_the_body_rules_out_then_its_session_is_not_waited_for() -> None:
    policies = snapshot(deny(when="session.custom.role != 'teacher' && body.name == 'exam'"))

    assert decided(policies, {"name": "room"}, session=_unavailable).verdict is Verdict.ECHO
    with pytest.raises(UnavailableError):
        decided(policies, {"name": "exam"}, session=_unavailable)


def test_given_policies_that_guards_decide_then_they_do_what_policies_do() -> None:
    policies = snapshot(
        echo(id="a", when="body.name.startsWith('public-')", priority=1),
        override(id="b", when="body.width > 640", set={"width": 640}, priority=2),
        deny(id="c", when="body.name in ['exam']", priority=3),
    )

    assert decided(policies, {"name": "public-exam", "width": 700}).applied == ("live/a",)
    assert decided(policies, {"name": "exam", "width": 700}).applied == ("live/b", "live/c")
    assert decided(policies, {"name": "room", "width": 640}).applied == ()


def test_given_a_body_that_expressions_do_not_see_then_no_guard_sees_it_either() -> None:
    policies = snapshot(deny(when="body.name == 'exam'", whenError="match"))

    found = decided(policies, {"name": "x" * 70_000})

    assert found.verdict is Verdict.DENY
    assert "expressions see at most" in found.failures[0].message
    assert decided(policies, {"name": "room", "sdp": "x" * 70_000}).verdict is Verdict.ECHO


def test_given_a_text_with_a_nul_then_a_guard_sees_what_the_runtime_sees() -> None:
    policies = snapshot(deny(when="body.name.contains('a')"), echo(when="body.name == 'b'"))

    assert decided(policies, b'{"name": "\\u0000a"}').verdict is Verdict.DENY
    assert decided(policies, b'{"name": "b\\u0000"}').applied == ()
