"""Whatever the expression and the hook: a guard never says other than the CEL runtime."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.json_texts import ANY_VALUES
from tests.support.evaluation import value_of
from tests.support.profiles import example_count
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import ExpressionError
from wcs_hooks.core.cel.guard import Guard, StoredGuard
from wcs_hooks.core.payload import parse
from wcsctl.deployed_process import shared

_TEXTS = ["", "a", "ab", "b", "\\x", "é", "\U0001f600", "\ud83d", "\0", "a\0b", "\ufffd", "1"]
_INTEGERS = [0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1]
_LITERALS = [json.dumps(text) for text in _TEXTS if text != "\ud83d" and "\0" not in text]
_LITERALS = [*_LITERALS, *map(str, _INTEGERS), "true", "false", "1.0", "1u", "null"]
_TEXT_LITERALS = st.sampled_from(_LITERALS[: len(_TEXTS) - 3])
_COMPARED = st.one_of(
    # Mostly what a field holds, as people write it, and all else that can be written.
    st.tuples(st.just("body.a"), _TEXT_LITERALS),
    st.tuples(st.just("body.b"), st.sampled_from([*map(str, _INTEGERS)])),
    st.tuples(st.just('body["c"]'), st.sampled_from(["true", "false"])),
    st.tuples(st.sampled_from(["body.a", "body.b"]), st.sampled_from(_LITERALS)),
)
_RELATIONS = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])

_COMPARISONS = st.one_of(
    st.tuples(_COMPARED, _RELATIONS).map(lambda all_: f"{all_[0][0]} {all_[1]} {all_[0][1]}"),
    st.tuples(_COMPARED, _RELATIONS).map(lambda all_: f"{all_[0][1]} {all_[1]} {all_[0][0]}"),
    st.tuples(st.sampled_from(["startsWith", "endsWith", "contains"]), _TEXT_LITERALS).map(
        lambda parts: f"body.a.{parts[0]}({parts[1]})"
    ),
    st.lists(_TEXT_LITERALS, max_size=3).map(lambda texts: f"(body.a in [{', '.join(texts)}])"),
    st.sampled_from(["body.c", "body.a", "has(body.a)", "'b' in body", "method == 'call'"]),
    st.just("session.x == 1"),
)
_CONDITIONS = st.recursive(
    _COMPARISONS,
    lambda inner: st.one_of(
        inner.map(lambda source: f"!({source})"),
        st.lists(inner, min_size=2, max_size=4).map(lambda all_: f"({' && '.join(all_)})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]} || {two[1]})"),
    ),
    max_leaves=6,
)
_ANY: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([*_TEXTS, *_INTEGERS, 1.0, -0.0, 2.0**63, 2**64, True, False, None, [], {}]),
    ANY_VALUES,
)
_BODIES = st.one_of(
    st.fixed_dictionaries(
        {
            "a": st.sampled_from(_TEXTS),
            "b": st.sampled_from(_INTEGERS),
            "c": st.booleans(),
        }
    ),
    st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), _ANY, max_size=4),
)


def _stored_guard(source: str) -> StoredGuard | None:
    """Its guard; none if it has none, or does not compile."""
    try:
        return check(source).guard
    except ExpressionError:
        return None


def _by_the_runtime(source: str, body: dict[str, Any]) -> bool | None:
    """Its value as deployed; none if it has none. The session is one that could not be had."""
    return shared().run(value_of, check(source).serialized, {"method": "call", "body": body})


@settings(max_examples=example_count(3_000))
@given(_CONDITIONS, _BODIES)
def test_given_any_condition_and_body_when_its_guard_tells_then_the_runtime_says_the_same(
    source: str, body: dict[str, Any]
) -> None:
    stored = _stored_guard(source)
    if stored is None:
        return
    fields = parse(json.dumps(body).encode()).expression_fields

    held = Guard(json.loads(json.dumps(stored))).holds(fields)

    assert held is None or held is _by_the_runtime(source, fields)


@settings(max_examples=example_count(300))
@given(st.lists(_COMPARISONS, min_size=1, max_size=3).map(" && ".join), _BODIES)
def test_given_comparisons_of_fields_of_their_type_when_the_guard_is_asked_then_it_tells(
    source: str, body: dict[str, Any]
) -> None:
    stored = _stored_guard(source)
    if stored is None or not stored[0]:
        return
    kinds = [
        (field, str if isinstance(operand, list) else type(operand))
        for field, _, operand, _ in stored[1]
    ]
    fields = parse(json.dumps(body).encode()).expression_fields

    held = Guard(stored).holds(fields)

    fits = all(type(fields.get(field)) is kind for field, kind in kinds)
    assert held is not None or not fits
