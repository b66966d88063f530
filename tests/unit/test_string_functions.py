"""The functions of CEL's string extension: as the library has them, within bounds."""

from base64 import b64decode
from functools import cache
from typing import Any

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_strings
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.reading_process import Asked, decide_by
from tests.unit.given import compiled, decided, deny, snapshot
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import Expression, ExpressionError, bind
from wcs_hooks.core.cel.functions import STRING_FUNCTIONS

_SUBSTRING = "body.s.substring(body.i, body.j)"
_CALLS = [
    *("body.s.charAt(body.i)", "body.s.indexOf(body.p)", "body.s.indexOf(body.p, body.i)"),
    *("body.s.lastIndexOf(body.p)", "body.s.lastIndexOf(body.p, body.i)", "body.s.lowerAscii()"),
    *("body.s.upperAscii()", "body.s.trim()", "body.s.replace(body.p, body.r)"),
    *("body.s.replace(body.p, body.r, body.i)", "body.s.split(body.p)", "body.l.join()"),
    *("body.s.split(body.p, body.i)", "body.s.substring(body.i)", "body.l.join(body.p)"),
    _SUBSTRING,
]
_TEXTS = st.text(alphabet="aAbB \t\nāĀ,\U0001f511", max_size=8)
_INDEXES = st.integers(-2, 9)
_BODIES = st.fixed_dictionaries(
    {
        **dict.fromkeys("spr", _TEXTS),
        **dict.fromkeys("ij", _INDEXES),
        "l": st.lists(_TEXTS, max_size=4),
    }
)


@cache
def _library() -> cel.Env:
    return cel.NewEnv(
        variables={"body": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)},
        extensions=[ext_strings.ExtStrings()],
    )


def _by_library(serialized: str, body: dict[str, Any]) -> Any:
    activation = _library().Activation({"body": body})
    value = _library().deserialize(b64decode(serialized)).eval(activation)
    return None if value.type().name() == "ERROR" else value.plain_value()


def _by_ours(serialized: str, body: dict[str, Any]) -> Any:
    try:
        return Expression(serialized).json_value(bind(body=body))
    except ExpressionError:
        return None


def test_given_the_calls_then_they_are_of_all_functions() -> None:
    assert {call.split(".")[2].partition("(")[0] for call in _CALLS} == STRING_FUNCTIONS.keys()


@cache
def _checked(call: str) -> str:
    return check(call).serialized


@pytest.mark.parametrize("call", _CALLS)
@given(body=_BODIES)
def test_given_any_texts_then_a_function_gives_what_the_library_gives(
    call: str, body: dict[str, Any]
) -> None:
    # The library takes the end of a text for an index outside it, unlike the definition.
    assume(call != _SUBSTRING or body["j"] != len(body["s"]))
    serialized = _checked(call)

    assert _by_ours(serialized, body) == _by_library(serialized, body)


@pytest.mark.parametrize(("start", "gives"), [(0, "aīb"), (2, "b"), (3, "")])
def test_given_the_end_of_a_text_then_a_substring_may_end_there(start: int, gives: str) -> None:
    assert _by_ours(_checked(_SUBSTRING), {"s": "aīb", "i": start, "j": 3}) == gives


_HALF = 32_768


@pytest.mark.parametrize(
    ("call", "body", "message"),
    [
        ("body.s.split(',').map(x, x).size() > 0", {"s": "," * 9_000}, "more than 500 parts"),
        ("body.s.split('', 501).size() > 0", {"s": "a" * 9_000}, "more than 500 parts"),
        ("body.s.replace('a', body.s) != ''", {"s": "a" * _HALF}, "more than 65,536 characters"),
        ("body.s.replace('', 'bb') != ''", {"s": "a" * _HALF}, "more than 65,536 characters"),
        (
            "body.l.join(body.s) != ''",
            {"s": "a" * _HALF, "l": ["a"] * 400},
            "more than 65,536 characters",
        ),
        ("body.l.join() != ''", {"l": ["a", 5]}, "a list of texts"),
        ("body.s.substring(9) != ''", {"s": "a secret"}, "the index is outside the text"),
    ],
)
def test_given_what_would_take_minutes_then_it_has_no_value(
    call: str, body: dict[str, Any], message: str
) -> None:
    found = decided(snapshot(deny(when=call)), body)

    assert found.denial
    assert message in found.failures[0].message
    assert "secret" not in found.failures[0].message


def test_given_a_process_that_only_read_a_snapshot_then_they_are_loaded_where_one_is_used() -> None:
    without = compiled(deny(when="!has(body.split) && size(stream) > 1 && now > timestamp(0)"))
    using = compiled(
        deny(when="stream.lowerAscii().split('-')[0] == 'private' && now > timestamp(0)")
    )
    hooks = [Asked("publishStream", {"name": "Private-1?key=x"}, now=1.0)]

    neither = decide_by([without.dump(1, 0)], hooks)
    both = decide_by([using.dump(1, 0), without.dump(1, 0)], hooks)

    assert [one.verdict for one in (*neither.decided, *both.decided)] == ["deny", "deny"]
    module = "wcs_hooks.core.cel.string_functions"
    assert module not in neither.modules
    assert module in both.modules
