"""Expressions: what compiles, what they refer to, and that none of them harms a hook."""

from typing import Any

import pytest

from wcs_hooks.core.cel.check import MAX_EXPRESSION_CHARACTERS, check
from wcs_hooks.core.cel.expression import VARIABLES, Expression, ExpressionError, bind


def _evaluated(source: str, **body: Any) -> Any:
    return Expression(check(source).serialized).json_value(bind(body=body))


@pytest.mark.parametrize(
    ("source", "returns"),
    [
        ("body.name.startsWith('private-')", "BOOL"),
        ("body.name", "DYN"),
        ("1", "INT"),
        ("'a' + app", "STRING"),
        ("now", "TIMESTAMP"),
        ("null", "NULL"),
    ],
)
def test_given_an_expression_when_it_is_checked_then_its_type_is_known(
    source: str, returns: str
) -> None:
    assert check(source).returns == returns


@pytest.mark.parametrize(
    ("source", "may_be"), [("known", True), ("body.x", True), ("1", False), ("'true'", False)]
)
def test_given_an_expression_when_it_is_checked_then_it_shows_whether_it_may_be_boolean(
    source: str, *, may_be: bool
) -> None:
    assert check(source).may_be_boolean is may_be


@pytest.mark.parametrize(
    ("source", "may_be"),
    [
        ("1", True),
        ("1u", True),
        ("1.5", True),
        ("true", True),
        ("null", True),
        ("body", True),
        ("body.x", True),
        ("[1]", True),
        ("{'a': 1}", True),
        ("now", False),
        ("b'x'", False),
        ("duration('1s')", False),
        ("type(1)", False),
    ],
)
def test_given_an_expression_when_it_is_checked_then_it_shows_whether_json_may_hold_it(
    source: str, *, may_be: bool
) -> None:
    assert check(source).may_be_json is may_be


@pytest.mark.parametrize("name", VARIABLES)
def test_given_a_variable_when_an_expression_refers_to_it_then_that_is_known(name: str) -> None:
    assert check(f"{name} == {name}").uses == {name}


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("true", set()),
        ("'session known'.size() > 0", set()),
        ("body.session == 'x'", {"body"}),
        ("body.ids.exists(session, session == 'x')", {"body"}),
        ("has(session.custom) && known", {"session", "known"}),
        ("'now' == method", {"method"}),
    ],
)
def test_given_a_variables_name_elsewhere_when_it_is_no_reference_then_it_does_not_count(
    source: str, uses: set[str]
) -> None:
    assert check(source).uses == uses


@pytest.mark.parametrize(
    "source",
    ["body.name.startsWith(", "nobody.name", "1 + 'a'", "body.name ==", "f(1)", "a\nb"],
)
def test_given_a_mistake_when_an_expression_is_checked_then_a_caret_shows_where(
    source: str,
) -> None:
    with pytest.raises(ExpressionError) as caught:
        check(source)

    *_, last = str(caught.value).splitlines()
    assert last.strip(" |.") == "^"
    assert not str(caught.value).startswith("INVALID_ARGUMENT")


def test_given_the_longest_expression_when_it_is_checked_then_it_compiles() -> None:
    assert check("'" + "x" * (MAX_EXPRESSION_CHARACTERS - 2) + "'").returns == "STRING"


def test_given_a_longer_expression_when_it_is_checked_then_that_is_the_mistake() -> None:
    with pytest.raises(ExpressionError, match="4,097 characters; at most 4,096"):
        check("'" + "x" * (MAX_EXPRESSION_CHARACTERS - 1) + "'")


@pytest.mark.parametrize(
    "source",
    ["'a\0b'", "'\ud800'", "(" * 500 + "1" + ")" * 500, "[" * 300 + "]" * 300],
    ids=["NUL", "lone-surrogate", "parentheses", "lists"],
)
def test_given_a_hostile_expression_when_it_is_checked_then_it_is_a_mistake_and_no_crash(
    source: str,
) -> None:
    with pytest.raises(ExpressionError):
        check(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("body.name + '-hd'", "b4e7-hd"),
        ("body.width * 2", 1280),
        ("body.width / 3", 213),
        ("double(body.width) / 4.0", 160.0),
        ("body.missing == null", ExpressionError),
        ("has(body.missing)", False),
        ("has(body.missing) ? body.missing : null", None),
        ("body.tags.filter(t, t != 'b')", ["a"]),
        ("{'name': body.name, 'n': [1, true]}", {"name": "b4e7", "n": [1, True]}),
        ("body.custom", {"token": "t"}),
        ("5u", 5),
        ("body.name.matches('^b[0-9]')", True),
    ],
)
def test_given_a_hook_when_an_expression_is_evaluated_then_it_gives_json(
    source: str, value: Any
) -> None:
    body = {"name": "b4e7", "width": 640, "tags": ["a", "b"], "custom": {"token": "t"}}

    if value is ExpressionError:
        with pytest.raises(ExpressionError, match="missing"):
            _evaluated(source, **body)
    else:
        result = _evaluated(source, **body)
        assert result == value
        assert type(result) is type(value)


@pytest.mark.parametrize(
    "source",
    [
        "body.zero / 0",
        "body.name[0]",
        "body.list[5]",
        "9223372036854775807 + body.one",
        "string(b'\\xff')",
        "timestamp('9999-12-31T23:59:59Z') + duration('48h') > now",
        "dyn(now)",
        "dyn(b'x')",
        "body.name.matches('(')",
    ],
)
def test_given_an_expression_without_a_value_when_it_is_evaluated_then_that_is_its_error(
    source: str,
) -> None:
    with pytest.raises(ExpressionError) as caught:
        _evaluated(source, name="b4e7", list=[1], zero=0, one=1)

    assert str(caught.value)


@pytest.mark.parametrize("source", ["body.name", "body.width", "body.custom", "body.absent"])
def test_given_a_condition_that_gives_no_boolean_when_it_is_evaluated_then_that_is_an_error(
    source: str,
) -> None:
    activation = bind(body={"name": "true", "width": 1, "custom": None})

    with pytest.raises(ExpressionError):
        Expression(check(source).serialized).is_true(activation)


@pytest.mark.parametrize(("name", "holds"), [("private-1", True), ("public-1", False)])
def test_given_one_expression_when_it_meets_many_hooks_then_each_has_its_own_answer(
    name: str, *, holds: bool
) -> None:
    expression = Expression(check("body.name.startsWith('private-')").serialized)

    answers = [expression.is_true(bind(body={"name": name})) for _ in range(3)]

    assert answers == [holds] * 3


def test_given_a_costly_pattern_when_a_long_name_meets_it_then_the_answer_comes() -> None:
    expression = Expression(check("body.name.matches('^(a+)+$')").serialized)

    assert not expression.is_true(bind(body={"name": "a" * 100_000 + "b"}))


def test_given_loops_in_loops_when_a_long_list_meets_them_then_the_budget_ends_them() -> None:
    loops = check("body.l.all(a, body.l.all(b, body.l.all(c, a + b + c >= 0)))")

    with pytest.raises(ExpressionError, match=r"[Ii]teration"):
        Expression(loops.serialized).is_true(bind(body={"l": [1] * 2_000}))
