"""How long ago something was, and how much time is left, whatever the clocks do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_clock import FakeClock
from tests.support.uneven_clock import UnevenClock
from wcs_hooks.clock import Deadline, Moment, Pause


@pytest.mark.parametrize(
    ("wall", "monotonic", "is_older"),
    [
        pytest.param(1.9, 1.9, False, id="both say it is not"),
        pytest.param(2, 2, True, id="both say it is"),
        pytest.param(2, 0, True, id="the monotonic clock stood still"),
        pytest.param(0, 2, True, id="the wall clock stood still"),
        pytest.param(-0.1, 1, True, id="the wall clock ran backwards"),
        pytest.param(1, -0.1, True, id="the monotonic clock ran backwards"),
        pytest.param(0, 0, False, id="neither moved"),
    ],
)
def test_given_a_moment_when_either_clock_says_it_is_long_ago_or_cannot_say_then_it_is(
    wall: float, monotonic: float, *, is_older: bool
) -> None:
    clock = UnevenClock(0, 0)
    moment = Moment(clock)
    clock.move(wall=wall, monotonic=monotonic)

    assert moment.older_than(2) == is_older


def test_given_no_time_at_all_when_a_moment_is_asked_then_it_is_older() -> None:
    assert Moment(FakeClock()).older_than(0)


@given(
    steps=st.lists(
        st.tuples(st.sampled_from([-60.0, -0.5, 0.0, 0.25, 0.5]), st.sampled_from([0.25, 0.5])),
        min_size=8,
        max_size=60,
    ),
    wrong_is_wall=st.booleans(),
)
def test_given_one_clock_that_runs_as_it_likes_when_the_other_is_right_then_a_pause_ends_in_time(
    steps: list[tuple[float, float]], *, wrong_is_wall: bool
) -> None:
    clock = UnevenClock()
    pause = Pause(clock, 2)
    passed = 0.0
    while not pause.is_over() and steps:
        wrong, right = steps.pop()
        passed += right
        wall, monotonic = (wrong, right) if wrong_is_wall else (right, wrong)
        clock.move(wall=wall, monotonic=monotonic)

    assert pause.is_over() or passed < 2
    # A step is half a second at most.
    assert passed < 2.5


def test_given_a_clock_that_is_set_back_when_the_other_stands_then_a_pause_begins_again() -> None:
    clock = UnevenClock()
    pause = Pause(clock, 2)
    clock.move(wall=-3_600, monotonic=0)
    assert not pause.is_over()
    clock.move(wall=1.9, monotonic=0)
    assert not pause.is_over()
    clock.move(wall=0.1, monotonic=0)

    assert pause.is_over()


def test_given_a_deadline_when_part_of_it_is_taken_then_both_know_what_is_normal() -> None:
    clock = FakeClock(0)
    deadline = Deadline(clock, 10)
    clock.advance(1)
    part = deadline.part(0.5)

    assert (part.remaining(), part.is_cut_short(), deadline.is_cut_short()) == (4.5, False, False)

    clock.advance(2)
    assert (part.is_cut_short(), deadline.is_cut_short()) == (True, True)
    assert deadline.part(0.5).is_cut_short()
    assert Deadline(clock, 1, normal=2).is_cut_short()
