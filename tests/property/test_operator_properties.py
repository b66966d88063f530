"""Whatever is in files, tables, logs and queues: wcsctl shows it, or refuses it in words."""

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.profiles import example_count
from verification.fuzz.registry import CAMPAIGNS
from verification.fuzz.targets.operator import Operator


@cache
def _operator() -> tuple[Operator, list[bytes]]:
    operator = Operator()
    return operator, list(operator.seeds())


def test_given_each_odd_input_that_is_known_then_the_terminal_only_shows_it() -> None:
    operator, seeds = _operator()

    for seed in seeds:
        operator(seed)


@given(data=st.data(), terminal=st.integers(0, 255), change=st.integers(0, 2**30))
@settings(max_examples=example_count(60))
def test_given_any_change_of_an_odd_input_then_the_terminal_only_shows_it(
    data: st.DataObject, terminal: int, change: int
) -> None:
    operator, seeds = _operator()
    seed = data.draw(st.sampled_from(seeds))
    mutation = CAMPAIGNS["operator"].mutation
    assert mutation is not None
    odd = seed[:1] + bytes([terminal]) + seed[2:]

    operator(mutation(odd, 8_192, change) or odd[: 2 + change % len(odd)])
