"""How many environments stay warm, against sums and formulas."""

import math

import pytest

from bench.model.environments import (
    Habits,
    poisson_tail,
    refreshes_per_second,
    settle,
    warm_environments,
)


@pytest.mark.parametrize("mean", [0.01, 0.5, 3.0, 40.0])
@pytest.mark.parametrize("least", [0, 1, 2, 5, 60])
def test_given_a_poisson_distribution_when_its_tail_is_asked_for_then_it_is_the_rest(
    mean: float, least: int
) -> None:
    below = sum(
        math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
        for number in range(least)
    )

    assert poisson_tail(least, mean) == pytest.approx(1 - below, abs=1e-12)


def test_given_a_large_mean_when_the_tail_starts_far_below_it_then_all_is_in_it() -> None:
    assert poisson_tail(10, 1e6) == 1
    assert poisson_tail(1_000_000, 1e6) == pytest.approx(0.5, abs=0.001)


def test_given_calls_that_seldom_meet_when_environments_are_counted_then_one_stays() -> None:
    # One call a minute of 3 ms: that two are in progress happens once in 40 years.
    assert warm_environments(1 / 60, 0.003, 300) == 1


def test_given_more_calls_when_environments_are_counted_then_they_nearly_follow_the_load() -> None:
    counts = [warm_environments(rate, 0.003, 300) for rate in (100, 1_000, 10_000, 100_000)]

    assert counts == sorted(counts)
    # 300 calls are in progress on average; six standard deviations more are kept.
    assert 300 + 3 * math.sqrt(300) < counts[-1] < 300 + 7 * math.sqrt(300)


def test_given_no_calls_when_environments_are_counted_then_there_are_none() -> None:
    assert warm_environments(0, 0.003, 300) == 0
    assert refreshes_per_second(0, 1) == 0


@pytest.mark.parametrize(
    ("rate", "ttl", "expected"), [(1.0, 1.0, 0.5), (1e9, 2.0, 0.5), (0.01, 1.0, 1 / 101)]
)
def test_given_a_ttl_when_uses_come_at_random_then_reads_are_a_ttl_and_a_gap_apart(
    rate: float, ttl: float, expected: float
) -> None:
    assert refreshes_per_second(rate, ttl) == pytest.approx(expected)


def test_given_more_apps_when_a_function_settles_then_it_looks_for_policies_more_often() -> None:
    def looks(apps: int) -> float:
        habits = Habits(seconds=0.002, waiting_seconds=0.01, apps=apps, ttl=1.0, idle_seconds=300)
        return settle(10_000, 0.0, habits).looks_per_second

    assert looks(1) < looks(10) < looks(100) < 10_000


def test_given_a_function_that_settles_when_looked_at_then_its_figures_agree() -> None:
    habits = Habits(seconds=0.002, waiting_seconds=0.01, apps=1, ttl=1.0, idle_seconds=300)

    fleet = settle(1_000, 0.1, habits)

    assert fleet.waiting == pytest.approx(0.1 + fleet.looks_per_second / 1_000)
    mean = (1 - fleet.waiting) * 0.002 + fleet.waiting * 0.01
    assert fleet.environments == pytest.approx(warm_environments(1_000, mean, 300), abs=1)
