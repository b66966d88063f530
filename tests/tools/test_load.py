"""Which hooks come, how long calls take, and how many environments that needs."""

import json
import math
from pathlib import Path

import pytest

from tools.cost.fleets import refreshes_per_second, warm_environments
from tools.cost.load import KEEP_ALIVE, Load
from tools.cost.measured import Measured, read_measured
from wcs_hooks.core.methods import METHODS, Category


def test_given_streams_with_a_keep_alive_every_ten_seconds_when_counted_then_load_is_known() -> (
    None
):
    # docs/reference/wcs-protocol.md, section 7: 1,000 streams are 100 hooks a second, of
    # keep-alives alone.
    assert Load(stream_seconds=1e9, viewers=0).streams == pytest.approx(1_000)


def test_given_a_mix_when_its_shares_are_added_then_nothing_is_missing() -> None:
    load = Load()

    assert sum(load.shares().values()) == pytest.approx(1)
    assert sum(load.category_shares().values()) == pytest.approx(1)
    assert Category.INCOMING not in load.category_shares()
    assert set(load.shares()) <= set(METHODS)
    assert load.shares()[KEEP_ALIVE] > 0.5


def test_given_viewers_when_hooks_are_counted_then_each_connects_and_disconnects() -> None:
    shares = Load(viewers=4).shares()

    assert shares["connect"] == pytest.approx(5 * shares["publishStream"])
    assert shares["ConnectionStatusEvent"] == pytest.approx(10 * shares["publishStream"])
    assert shares["playStream"] == shares["stopStream"]
    assert shares["playStream"] == pytest.approx(4 * shares["publishStream"])


@pytest.mark.parametrize(("rate", "seconds"), [(10, 0.05), (1_000, 0.003), (20_000, 0.003)])
def test_given_a_load_when_environments_are_counted_then_one_more_would_hardly_be_needed(
    rate: float, seconds: float
) -> None:
    def needed(least: int) -> float:
        """How often, within Lambda's patience, so many calls are in progress or more."""
        mean = rate * seconds
        below = sum(
            math.exp(number * math.log(mean) - mean - math.lgamma(number + 1))
            for number in range(least)
        )
        return rate * (1 - below) * 300

    count = warm_environments(rate, seconds)

    assert needed(count) < 1 <= needed(count - 1)


def test_given_calls_that_seldom_meet_when_environments_are_counted_then_one_stays() -> None:
    # One call a minute of 3 ms: that two are in progress happens once in 40 years.
    assert warm_environments(1 / 60, 0.003) == 1


def test_given_more_calls_when_environments_are_counted_then_they_nearly_follow_the_load() -> None:
    counts = [warm_environments(rate, 0.003) for rate in (100, 1_000, 10_000, 100_000)]

    assert counts == sorted(counts)
    # 300 calls are in progress on average; six standard deviations more are kept.
    assert 300 + 3 * math.sqrt(300) < counts[-1] < 300 + 7 * math.sqrt(300)


@pytest.mark.parametrize(
    ("rate", "ttl", "expected"), [(1.0, 1.0, 0.5), (1e9, 2.0, 0.5), (0.01, 1.0, 1 / 101)]
)
def test_given_a_ttl_when_uses_come_at_random_then_reads_are_a_ttl_and_a_gap_apart(
    rate: float, ttl: float, expected: float
) -> None:
    assert refreshes_per_second(rate, ttl) == pytest.approx(expected)


def test_given_less_memory_when_a_call_is_made_then_its_processor_time_takes_longer() -> None:
    measured = Measured(echo_ms=1.0, aws_call_ms=0.5)

    assert measured.call_ms(1769) == pytest.approx(1.0)
    assert measured.call_ms(10_240) == pytest.approx(1.0)
    assert measured.call_ms(1769 // 2) == pytest.approx(2.0, rel=0.01)
    assert measured.call_ms(1769, 2) == pytest.approx(1.0 + 2 * 5.5)


def test_given_the_benchmarks_results_when_read_then_times_come_in_milliseconds() -> None:
    measured = read_measured()

    assert 0.1 < measured.echo_ms < measured.powertools_call_ms < 10
    assert 0 < measured.powertools_metrics_bytes < measured.powertools_log_bytes


@pytest.mark.parametrize("figures", [{}, {"warm.cpu.event.echo": {"unit": "bytes", "median": 1}}])
def test_given_results_without_a_figure_when_read_then_the_error_says_how_to_measure_it(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    (tmp_path / "functions.json").write_text(json.dumps({"figures": figures}))

    with pytest.raises(ValueError, match="run: make bench SECTIONS=functions"):
        read_measured(tmp_path)
