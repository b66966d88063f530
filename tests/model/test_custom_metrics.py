"""The metrics that are billed, against those that are emitted."""

import json

import pytest

from bench.model.custom_metrics import (
    OF_ANY_FUNCTION,
    OF_THE_COMPILER,
    USUAL,
    CustomMetric,
    every_metric,
    methods_in_use,
    usual_metrics,
)
from bench.model.hook_mix import StreamLife
from bench.model.log_lines import written_lines
from tests.support.hook_client import ENVIRONMENT
from wcs_hooks.core.methods import METHODS
from wcs_hooks.observability import METRICS


def test_given_what_is_told_of_metrics_when_compared_then_all_of_them_are_emitted() -> None:
    assert set(METRICS) >= OF_THE_COMPILER | OF_ANY_FUNCTION | USUAL


def test_given_one_method_when_metrics_are_enumerated_then_it_is_what_counting_by_hand_gives() -> (
    None
):
    found = every_metric(["call"])

    # 18 by category in four categories, ColdStart in five functions, two of the compiler, four by
    # method; and RestErrors: 13 things that WCS does, for each of four causes.
    assert len(found) == 18 * 4 + 5 + 2 + 4 + 13 * 4
    assert {each for each in found if "call" in each.dimensions} == {
        CustomMetric(name, ("direct", "call"))
        for name in ("Calls", "Denied", "Overridden", "ReportedFailures")
    }


@pytest.mark.parametrize("count", [1, 10, 45, len(METHODS)])
def test_given_more_methods_when_enumerated_then_each_adds_its_four(count: int) -> None:
    assert len(every_metric(methods_in_use(count))) == len(every_metric(["call"])) + 4 * (count - 1)


@pytest.mark.parametrize("count", [8, 10, 45])
def test_given_a_healthy_stack_when_enumerated_then_it_publishes_a_part_of_all(count: int) -> None:
    methods = methods_in_use(count)

    assert usual_metrics(methods) < every_metric(methods)


def test_given_the_methods_of_streams_when_hooks_are_reported_then_what_is_published_is_counted() -> (  # noqa: E501
    None
):
    published = set()
    for lines in written_lines("bench.model.reported_hooks", ENVIRONMENT).values():
        for line in lines:
            document = json.loads(line)
            for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
                for dimensions in directive["Dimensions"]:
                    values = tuple(document[each] for each in dimensions if each != "service")
                    published |= {
                        CustomMetric(metric["Name"], values) for metric in directive["Metrics"]
                    }

    assert len(published) > len(USUAL)
    assert published <= every_metric(list(StreamLife().hooks()))


def test_given_more_methods_than_there_are_when_asked_for_then_that_is_refused() -> None:
    with pytest.raises(ValueError, match="47 methods"):
        methods_in_use(48)
