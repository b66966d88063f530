"""The shares of `replyTimeout` add up, and a hook that fails always has time to be kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_clock import FakeClock
from wcs_hooks.clock import Deadline
from wcs_hooks.hook import time_budget
from wcs_hooks.hook.time_budget import TimeBudget

REPLY_TIMEOUT = 2.0
ROUNDING = 1e-6


def test_given_all_shares_when_each_is_used_up_then_they_are_the_whole_time() -> None:
    shares = [
        time_budget.FETCH,
        time_budget.LEAST_SIDE_EFFECTS,
        time_budget.DEAD_LETTER,
        time_budget.REPLY,
    ]

    assert sum(shares) == pytest.approx(1)
    assert time_budget.SIDE_EFFECTS >= time_budget.LEAST_SIDE_EFFECTS
    # Whoever looks up the session for a label has sent no dead letter, or has time left of that.
    assert time_budget.LABEL <= time_budget.DEAD_LETTER
    # What hung while policies were confirmed leaves the session at least as much as a write has.
    left = time_budget.FETCH * (1 - time_budget.SECRET_REFRESH) * (1 - time_budget.POLICIES_REFRESH)
    assert left >= time_budget.SIDE_EFFECTS * 0.9


@given(
    fetch=st.floats(0, 1),
    side_effects=st.none() | st.floats(0, 1),
    tries=st.none() | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    label=st.none() | st.floats(0, 1),
)
def test_given_any_use_of_the_time_then_the_reply_is_due_and_the_letter_had_its_share(
    fetch: float,
    side_effects: float | None,
    tries: tuple[float, float] | None,
    label: float | None,
) -> None:
    clock = FakeClock(0)
    budget = TimeBudget(clock, REPLY_TIMEOUT)

    def use(deadline: Deadline, share: float) -> None:
        clock.advance(deadline.remaining() * share)

    use(budget.fetch, fetch)
    if side_effects is not None:
        deadline = budget.side_effects()
        least = REPLY_TIMEOUT * time_budget.LEAST_SIDE_EFFECTS
        most = REPLY_TIMEOUT * time_budget.SIDE_EFFECTS
        assert least - ROUNDING <= deadline.remaining() <= most + ROUNDING
        use(deadline, side_effects)
    if tries is not None:
        letter = budget.dead_letter()
        first = letter.part(0.5)
        assert first.remaining() >= REPLY_TIMEOUT * time_budget.DEAD_LETTER / 2 - ROUNDING
        use(first, tries[0])
        assert letter.remaining() >= REPLY_TIMEOUT * time_budget.DEAD_LETTER / 2 - ROUNDING
        use(letter, tries[1])
    if label is not None:
        deadline = budget.label()
        assert deadline.remaining() <= REPLY_TIMEOUT * time_budget.LABEL + ROUNDING
        use(deadline, label)

    assert clock.monotonic() <= REPLY_TIMEOUT * (1 - time_budget.REPLY) + ROUNDING


def test_given_a_quick_decision_when_side_effects_begin_then_they_are_not_cut_short() -> None:
    clock = FakeClock(0)
    budget = TimeBudget(clock, REPLY_TIMEOUT)
    clock.advance(0.05)

    assert budget.side_effects().remaining() == REPLY_TIMEOUT * time_budget.SIDE_EFFECTS
    assert not budget.side_effects().is_cut_short()
    assert not budget.label().is_cut_short()

    clock.advance(1.3)
    assert budget.side_effects().is_cut_short()
