"""Exact values: two have the same key exactly if JSON calls them equal."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.json_texts import ANY_VALUES, PLAIN_VALUES, are_equal
from tests.unit.given import decided, deny, snapshot
from wcs_hooks.core.decision import Verdict
from wcs_hooks.core.snapshot import value_key

_TRUE: Any = True


def _written_otherwise(value: Any) -> Any:
    """An equal value: whole numbers as floats, where those are exact, and names the other way."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= 2**53:
        return float(value)
    if isinstance(value, list):
        return [_written_otherwise(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _written_otherwise(inner) for name, inner in reversed(value.items())}
    return value


@given(PLAIN_VALUES, PLAIN_VALUES)
@example(1, _TRUE)
@example("\0[1]", [1])
@example([0], [False])
def test_given_two_values_then_their_keys_are_equal_exactly_if_they_are(
    one: Any, other: Any
) -> None:
    assert (value_key(one) == value_key(other)) is are_equal(one, other)


@given(ANY_VALUES)
def test_given_a_value_written_otherwise_then_its_key_is_the_same(value: Any) -> None:
    other = _written_otherwise(value)

    assert are_equal(value, other)
    assert value_key(value) == value_key(other)


@given(st.lists(ANY_VALUES, min_size=2, max_size=6))
def test_given_many_values_then_as_many_keys_as_differ(values: list[Any]) -> None:
    distinct: list[Any] = []
    for value in values:
        if not any(are_equal(value, known) for known in distinct):
            distinct.append(value)

    assert len({value_key(value) for value in values}) == len(distinct)


@given(st.integers(-(10**38) + 1, 10**38 - 1), st.sampled_from([1, [1, 2, 3]]))
@example(123456789012345678901234567890, 1)
def test_given_any_number_a_table_holds_when_a_hook_brings_it_then_it_matches(
    number: int, other: object
) -> None:
    # DynamoDB holds numbers of 38 digits, and a hook's body may bring the very same.
    policy = deny(match={"n": [number, "x"], "a": other})

    found = decided(snapshot(policy), b'{"a":1,"n":%d}' % number)

    assert found.verdict is Verdict.DENY
