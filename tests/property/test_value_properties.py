"""Exact values: two have the same key exactly if JSON calls them equal."""

import json
from decimal import Context, Decimal
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.json_texts import ANY_VALUES, PLAIN_VALUES, are_equal
from tests.unit.given import decided, deny, override, snapshot
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
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


_DECIMALS = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent, Context(prec=38)),
    st.one_of(
        st.integers(-(10**38) + 1, 10**38 - 1),
        st.integers(10**37, 10**38 - 1),
        st.integers(-(2**53) - 2, 2**53 + 2),
        st.integers(-1000, 1000),
    ),
    st.one_of(st.just(0), st.integers(-45, 5), st.integers(-92, 88)),
)
"""Numbers that DynamoDB holds."""


def _neighbours(number: Decimal) -> st.SearchStrategy[Decimal]:
    """Numbers that a double would take for the same, and the same."""
    wide = Context(prec=400)
    last = Decimal((0, (1,), int(number.as_tuple().exponent)))
    return st.sampled_from(
        [
            number,
            wide.add(number, last),
            wide.subtract(number, last),
            wide.add(number, last.scaleb(-20, wide)),
            Decimal(float(number)),
            Decimal(repr(float(number))),
        ]
    )


def _writings(number: Decimal) -> st.SearchStrategy[str]:
    """JSON texts that say a number."""
    plain = f"{number:f}"
    fraction = plain if "." in plain else f"{plain}.0"
    mantissa = f"{number:e}"
    return st.sampled_from(
        [plain, fraction, f"{fraction}00", f"{plain}e0", mantissa, mantissa.upper()]
    )


def _item(number: Decimal) -> Any:
    """A number as a policy of the table has it."""
    return from_attributes({"n": {"N": str(number)}})["n"]


@given(_DECIMALS, st.data())
def test_given_any_number_of_a_policy_when_a_hook_brings_one_then_it_matches_exactly_if_equal(
    number: Decimal, data: st.DataObject
) -> None:
    other = data.draw(_neighbours(number))
    written = data.draw(_writings(other))
    shape = data.draw(st.sampled_from(["%s", "[%s]", '{"a":[1,%s]}']))
    alternative = {"%s": _item(number), "[%s]": [[_item(number)]]}.get(
        shape, {"a": [1, _item(number)]}
    )

    found = decided(snapshot(deny(match={"n": alternative})), f'{{"n":{shape % written}}}'.encode())

    assert (found.verdict is Verdict.DENY) == (Decimal(written) == number)


@given(_DECIMALS)
def test_given_any_number_of_a_policy_when_it_is_set_then_wcs_gets_that_number(
    number: Decimal,
) -> None:
    found = decided(snapshot(override(set={"n": [_item(number)]})), {})

    assert found.fields is not None
    [sent] = json.loads(found.fields["n"], parse_float=Decimal)
    assert sent == number
