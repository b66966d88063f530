"""What is said of a sample."""

import doctest

import pytest

from bench import figures, markdown, samples
from bench.figures import Figures
from bench.samples import paired_ratios, percentile, summarize


def test_given_measurements_when_summarized_then_median_quartiles_and_ends_are_told() -> None:
    found = summarize([5.0, 1.0, 4.0, 2.0, 3.0])

    assert (found.count, found.median) == (5, 3.0)
    assert (found.low, found.high) == (2.0, 4.0)
    assert (found.least, found.most) == (1.0, 5.0)


def test_given_one_measurement_when_summarized_then_it_stands_for_everything() -> None:
    found = summarize([7.0])

    assert {found.median, found.low, found.high, found.least, found.p99, found.most} == {7.0}


def test_given_no_measurements_when_summarized_then_it_is_an_error() -> None:
    with pytest.raises(ValueError, match="no measurements"):
        summarize([])


def test_given_200_measurements_when_asked_for_p99_then_two_of_them_may_be_larger() -> None:
    measurements = [float(number) for number in range(1, 201)]

    assert percentile(measurements, 99) == 198.0
    assert summarize(measurements).p99 == 198.0


def test_given_a_slow_round_when_ratios_are_paired_then_it_does_not_show() -> None:
    ours, baseline = [2.0, 20.0, 2.2], [1.0, 10.0, 1.1]

    assert paired_ratios(ours, baseline) == pytest.approx([2.0, 2.0, 2.0])


def test_given_rounds_that_do_not_pair_when_ratios_are_asked_for_then_it_is_an_error() -> None:
    with pytest.raises(ValueError, match="longer"):
        paired_ratios([1.0], [1.0, 2.0])


def test_given_figures_when_written_and_read_back_then_they_are_the_same() -> None:
    before = Figures()
    before.add("cold.baseline", "ms", [30.25, 29.5, 31.0])

    after = Figures.from_json(before.to_json())

    assert after["cold.baseline"] == before["cold.baseline"]
    assert "cold.other" not in after


@pytest.mark.parametrize("module", [figures, markdown, samples])
def test_given_a_module_when_its_examples_are_run_then_they_give_what_they_show(
    module: object,
) -> None:
    outcome = doctest.testmod(module, raise_on_error=False)  # type: ignore[arg-type]

    assert outcome.attempted > 0
    assert outcome.failed == 0
