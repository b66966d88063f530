"""Templates of JSON texts: what they are filled with is the only difference to plain encoding."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wcs_hooks.core.json_template import HOLE, template

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(fields=st.dictionaries(st.text(), _VALUES), name=st.text(), filled=_VALUES)
def test_given_any_object_with_a_hole_when_it_is_filled_then_it_reads_as_if_there_had_been_none(
    fields: dict[str, Any], name: str, filled: Any
) -> None:
    text = template({"outer": {**fields, name: HOLE}, "%s": "100%"}) % json.dumps(filled)

    assert json.loads(text) == {"outer": {**fields, name: filled}, "%s": "100%"}


@pytest.mark.parametrize("text", ["\0", "%s", "%(hole)s", "<object object at 0x7f>"])
def test_given_a_text_that_looks_like_a_hole_then_it_is_none(text: str) -> None:
    assert json.loads(template({text: text}) % ()) == {text: text}


def test_given_several_holes_when_they_are_filled_then_it_is_in_their_order() -> None:
    text = template({"a": HOLE, "b": {"c": HOLE}, "d": HOLE})

    assert text % (1, '"two"', "[3]") == '{"a":1,"b":{"c":"two"},"d":[3]}'
