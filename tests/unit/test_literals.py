"""Literals of expressions: what no hook could give a value to is a mistake of the edit."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcs_hooks.core.cel import time_zones
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import (
    Expression,
    ExpressionError,
    bind,
    environment,
    read_back,
)

_NOW = datetime(2030, 3, 15, 16, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "message", "column"),
    [
        ("now < timestamp('2030-13-45')", "conversion failed; write it like '2030-01", 17),
        ("now < timestamp('2030-01-31 08:00')", "write it like '2030-01-31T08:00:00Z'", 17),
        ("now < timestamp(99999999999999)", "timestamp overflow", 17),
        ("now - now > duration('1 hour')", "conversion failed; write it like '1h30m'", 22),
        ("body.n == int('x')", "cannot convert string to int", 15),
        ("body.n == double('1,5')", "cannot convert string to double", 18),
        ("body.n == uint('-1')", "cannot convert string to uint", 16),
        ("body.n == bool('maybe')", "Type conversion error", 16),
        ("body.n == string(b'\\xff')", "malformed UTF-8", 18),
        ("body.n > 1 / 0", "divide by zero", 14),
        ("body.n > 9223372036854775807 + 1", "integer overflow", 32),
        ("body.n == ['a', 'b'][2]", "Index error", 22),
        ("body.n == {'a': 1}.b", "Key not found", 19),
        ("body.l.exists(x, x == int('x'))", "cannot convert string to int", 27),
        ("has(body.x) && [now, timestamp('soon')].size() > 0", "conversion failed", 32),
        ("timestamp('2030-13-45').getHours('Europe/Riga') == 1", "conversion failed", 11),
        ("clientAddress.isIn('192.0.2.1/24')", "behind its prefix; write '192.0.2.0/24'", 20),
        ("clientAddress.isIn('192.0.2.0/33')", "is not a network; write '192.0.2.0/24'", 20),
        ("clientAddress.isIn(['10.0.0.0/8', 'office'])", "'office' is not a network", 35),
        ("clientAddress == ip('192.0.2')", "not an IP address", 21),
        ("'ü' == app &&\n  known && int('x') == 1", "cannot convert string to int", 16),
        ("now.getHours('Europe/Rigaa') < 8", "did you mean 'Europe/Riga'?", 14),
        ("now.getHours('europe/riga') < 8", "did you mean 'Europe/Riga'?", 14),
        ("now.getHours('Riga') < 8", "did you mean 'Europe/Riga'?", 14),
        ("now.getDayOfWeek('+2') == 1", "an offset such as '+02:00'", 18),
        ("timestamp(body.at).getMonth('Mars') == 1", "'Mars' is not a time zone", 29),
        ("body.l.all(t, timestamp(t).getDate('Mars') == 1)", "is not a time zone", 36),
        ("known || dyn(now).getMinutes('Mars') == 1", "is not a time zone", 30),
        ("session.at.getHours('Mars') == 1", "is not a time zone", 21),
        ("now.getHours(app) < 8", "must be a literal text, such as 'Europe/Riga'", 14),
    ],
)
def test_given_a_literal_that_has_no_value_when_it_is_checked_then_a_caret_shows_it(
    source: str, message: str, column: int
) -> None:
    with pytest.raises(ExpressionError) as caught:
        check(source)

    first, line, caret = str(caught.value).split("\n")
    number = 1 + source.count("\n")
    assert first.startswith(f"<input>:{number}:{column}: ")
    assert message in first
    assert line == f" | {source.rsplit('\n', maxsplit=1)[-1]}"
    assert caret == f" | {'.' * (column - 1)}^"


@pytest.mark.parametrize(
    "zone",
    ["localtime", "/usr/share/zoneinfo/Europe/Riga", "file:Europe/Riga", "../zoneinfo/Europe/Riga"],
)
def test_given_a_zone_that_depends_on_the_machine_when_it_is_checked_then_it_is_a_mistake(
    zone: str,
) -> None:
    with pytest.raises(ExpressionError, match="is not a time zone"):
        check(f"now.getHours('{zone}') < 8")


def test_given_the_zones_of_the_database_when_they_are_checked_then_each_is_accepted() -> None:
    zones = time_zones.names()

    assert len(zones) > 500
    assert [zone for zone in zones if not _is_accepted(f"now.getHours('{zone}') < 8")] == []


@pytest.mark.parametrize(
    "source",
    [
        "now.getHours('') < 8",
        "now.getHours('UTC') < 8",
        "now.getHours('+05:30') < 8",
        "now.getHours('-03:00') < 8",
        "now.getHours(known ? 'Europe/Riga' : 'UTC') < 8",
        "duration('1h').getHours() == 1",
        "body.getHours == 'Mars'",
        "now > timestamp('2030-01-31T08:00:00.5+02:00')",
        "now - timestamp(0) > duration('-1.5h')",
        "int('-5') + int(1.9) + int('9223372036854775807') < 0",
        "double('-1e300') < 0.0",
        "{'a': [1, 2]}['a'][1] == 2 && {'a': 1}.a == 1",
        "has({'a': 1}.b)",
        "-9223372036854775808 < body.n",
        "true || int('x') == 1",
        "timestamp(body.at) > now && int(body.n) == 1",
        "[]",
        "{}",
        "null",
        "type(1) == int",
        "[[], {}, [1, 'a', null, b'x', 1.5, 2u]].size() == 3",
    ],
)
def test_given_literals_that_have_a_value_when_they_are_checked_then_they_are_accepted(
    source: str,
) -> None:
    assert check(source).source == source


_FUNCTIONS = ("timestamp", "duration", "int", "uint", "double", "bool", "string", "bytes")
_PARTS = st.sampled_from(
    [
        *("2030", "-", "01", "13", "31", "T", "t", " ", "08", ":", "00", "60", "Z", "z", "+02:00"),
        *("1", "9", "h", "m", "s", "ms", "us", "ns", ".", "5", "e", "E", "+", "0x", "inf", "nan"),
        *("true", "false", "True", "TRUE", "1h30m", "2030-01-31T08:00:00Z", "9223372036854775808"),
        *("'", "\\", "ü", "\n", "\U0001f511"),
    ]
)
_TEXTS = st.lists(_PARTS, max_size=8).map("".join)
_ZONES = st.one_of(
    st.sampled_from(time_zones.names()),
    st.sampled_from(time_zones.names()).map(str.lower),
    st.sampled_from(time_zones.names()).map(lambda zone: zone[:-1]),
    st.from_regex(r"[+-]?[0-9]{0,2}:?[0-9]{0,2}", fullmatch=True),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=10),
)


def _quoted(text: str) -> str:
    return "'" + "".join(f"\\U{ord(character):08x}" for character in text) + "'"


def _is_accepted(source: str) -> bool:
    try:
        check(source)
    except ExpressionError:
        return False
    return True


def _has_value(source: str, text: str) -> bool:
    """Whether the runtime gives it a value when its text comes with a hook, as `method`."""
    try:
        Expression(check(source).serialized).json_value(bind(now=_NOW, method=text))
    except ExpressionError:
        return False
    return True


@given(function=st.sampled_from(_FUNCTIONS), text=_TEXTS)
def test_given_any_text_then_a_conversion_is_accepted_exactly_if_the_runtime_has_a_value(
    function: str, text: str
) -> None:
    source = f"{function}({{}}) == {function}({{}})"

    accepted = _is_accepted(source.format(_quoted(text), _quoted(text)))

    assert accepted is _has_value(source.format("method", "method"), text)


@given(zone=_ZONES)
def test_given_any_text_then_it_is_accepted_as_a_zone_exactly_if_the_runtime_knows_it(
    zone: str,
) -> None:
    accepted = _is_accepted(f"now.getHours({_quoted(zone)}) < 24")

    # By the runtime alone: a zone that comes with a hook is an error of the edit.
    hours = environment().compile("now.getHours(method)").serialize()
    outcome = read_back(hours).eval(bind(now=_NOW, method=zone))
    assert accepted is (outcome.type().name() != "ERROR")


@given(
    values=st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=4),
    operators=st.lists(st.sampled_from("+-*/%"), min_size=3, max_size=3),
)
def test_given_any_arithmetic_then_it_is_accepted_exactly_if_the_runtime_has_a_value(
    values: list[int], operators: list[str]
) -> None:
    fields = {f"v{number}": value for number, value in enumerate(values)}
    source = "{v0}" + "".join(
        f" {operator} {{v{number}}}"
        for number, operator in zip(range(1, len(values)), operators, strict=False)
    )
    of_a_hook = check(source.format(**{name: f"body.{name}" for name in fields}))
    try:
        Expression(of_a_hook.serialized).json_value(bind(body=fields))
        has_value = True
    except ExpressionError:
        has_value = False

    accepted = _is_accepted(source.format(**{name: f"({v})" for name, v in fields.items()}))

    assert accepted is has_value
