"""The plan: bounded, repeatable, and hard on everything that a function calls."""

import pytest

from verification.soak.faults import Place
from verification.soak.plan import LEAD_IN, Plan, fault_sets

HALF_AN_HOUR = 1800.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_given_half_an_hour_when_planned_then_every_fault_is_let_in(seed: int) -> None:
    plan = Plan.from_seed(seed, HALF_AN_HOUR)

    assert {window.faults for window in plan.windows} == set(fault_sets())
    assert plan.kills
    assert {edit.good for edit in plan.edits} == {True, False}
    assert LEAD_IN < plan.redeploy < HALF_AN_HOUR


@pytest.mark.parametrize("seconds", [30.0, 60.0, HALF_AN_HOUR])
def test_given_a_length_when_planned_then_all_ends_before_it_does_and_one_fault_at_a_time(
    seconds: float,
) -> None:
    plan = Plan.from_seed(5, seconds)

    ends = [window.at + window.seconds for window in plan.windows]
    assert all(end <= seconds - LEAD_IN for end in ends)
    assert all(end < window.at for end, window in zip(ends, plan.windows[1:], strict=False))


def test_given_a_rotation_when_planned_then_the_secret_can_be_read_meanwhile() -> None:
    plan = Plan.from_seed(5, HALF_AN_HOUR)

    rotation = plan.rotation
    during = [
        window
        for window in plan.windows
        if window.at < rotation.finish and window.at + window.seconds > rotation.rotate
    ]
    assert during
    assert all(fault.place is not Place.SECRET for window in during for fault in window.faults)
