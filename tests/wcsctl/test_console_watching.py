"""What the console shows of what happens: trends, decisions as they come, refused permissions."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest
from starlette.testclient import TestClient

from tests.support.operated_stack import SERVICE, STACK, OperatedStack, emulate, operated
from tests.wcsctl.test_stats import emf
from wcsctl.console.application import Console
from wcsctl.console.command_runner import CommandRunner
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import CATEGORIES
from wcsctl.metrics import (
    PERCENTILES,
    TREND_COUNTS,
    CloudWatchMetrics,
    trend_period,
    usd_per_look,
)

type Open = Callable[..., TestClient]


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


@pytest.fixture
def open_page(stack: OperatedStack) -> Open:
    del stack

    def page(looks: int = 1) -> TestClient:
        """The page of a console that ends after so many looks at what happens."""
        answers = iter([False] * looks)
        runner = CommandRunner(Deployment.stack(STACK, None, None))
        console = Console(runner, None, lambda: next(answers, True), read_only=False)
        return TestClient(console.application())

    return page


def _happened(page: TestClient) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = page.get("/api/trend").json()["value"]["points"]
    return [point for point in points if point["calls"]]


def test_given_cloudwatch_when_the_trend_is_asked_for_then_all_categories_are_added_up(
    stack: OperatedStack, open_page: Open
) -> None:
    for category, calls in (("direct", 5), ("event", 3)):
        stack.count("Calls", calls, service=SERVICE, category=category)
    stack.count("Denied", 2, service=SERVICE, category="direct")

    [point] = _happened(open_page())

    assert (point["calls"], point["denied"], point["failed"]) == (8, 2, 0)


def test_given_times_of_several_categories_then_the_trend_has_those_of_the_slowest() -> None:
    """Moto knows no percentiles."""
    at = datetime.fromtimestamp(600, UTC)
    client = MagicMock()
    client.get_paginator.return_value.paginate = lambda MetricDataQueries, **_: [  # noqa: N803 - as boto3 has it
        {
            "MetricDataResults": [
                {"Id": query["Id"], "Timestamps": [at], "Values": [float(number)]}
                for number, query in enumerate(MetricDataQueries, start=1)
                if query["MetricStat"]["Stat"] == "p99"
            ]
        }
    ]

    trend = CloudWatchMetrics(client, "WcsHooks", SERVICE).trend(600, 719)

    queries = (len(TREND_COUNTS) + len(PERCENTILES)) * len(CATEGORIES)
    assert [(point.at, point.p50, point.p99) for point in trend.points] == [
        (600, None, queries),
        (660, None, None),
    ]


def test_given_an_emulator_when_the_trend_is_asked_for_then_each_minute_has_its_own_lines(
    stack: OperatedStack, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(monkeypatch)
    stack.log("direct", emf("call", 10, Calls=1), emf("call", 30, Calls=1, Denied=1))
    stack.log("direct", emf("call", 7, Calls=1), ago=600)

    earlier, latest = _happened(open_page())

    assert (earlier["calls"], latest["calls"], latest["denied"]) == (1, 2, 1)
    assert (latest["p50"], latest["p99"]) == (10, 30)
    assert latest["at"] - earlier["at"] == 600_000


@pytest.mark.parametrize(("hours", "minutes"), [(1, 1), (6, 3), (24, 12), (24 * 14, 168)])
def test_given_a_long_time_then_the_trend_has_some_hundred_points(hours: int, minutes: int) -> None:
    assert trend_period(hours * 3600) == minutes * 60


def test_given_a_stack_in_aws_then_the_page_says_what_a_look_costs(open_page: Open) -> None:
    session = open_page().get("/api/session").json()["value"]

    assert (session["local"], session["costs"]["perLook"]) == (False, usd_per_look())
    assert 0.001 < usd_per_look() < 0.01


def test_given_a_live_page_when_decisions_are_logged_then_they_come_once_each(
    stack: OperatedStack, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(monkeypatch)
    monkeypatch.setattr("wcsctl.console.application.PAUSE_SECONDS", 0)
    line = {"decision": "d1", "method": "call", "answer": "denied", "status": 403}
    stack.log("direct", line, {**line, "decision": "d2", "answer": "echoed"})

    text = open_page(looks=30).get("/api/decisions/live", params={"denied": "true"}).text

    [sent] = [one for one in text.split("\n\n") if one.startswith("data:")]
    assert json.loads(sent.removeprefix("data:"))["decision"] == "d1"
    assert text.count(": looked") > 1


def test_given_a_filter_that_no_line_can_fit_when_a_page_follows_then_it_learns_why(
    open_page: Open,
) -> None:
    text = open_page().get("/api/decisions/live", params={"user": "anna"}).text

    event, data = text.strip().splitlines()
    assert event == "event: problem"
    assert "subject" in json.loads(data.removeprefix("data:"))["error"]["message"]


def test_given_no_permission_when_a_page_asks_then_it_names_the_missing_one(
    stack: OperatedStack, open_page: Open
) -> None:
    stack.refused.add("GetMetricData")

    answer = open_page().get("/api/outcomes")

    assert answer.status_code == 502
    assert "needs permission for monitoring:GetMetricData" in answer.json()["error"]["message"]
