"""Calls and times, from CloudWatch and from EMF lines alike."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.operated_stack import SERVICE, OperatedStack, emulate, operated


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def emf(method: str, milliseconds: float, **counted: float) -> dict[str, Any]:
    by_method = [name for name in counted if name in {"Calls", "Denied"}]
    rest = [name for name in counted if name not in by_method]
    return {
        "_aws": {
            "CloudWatchMetrics": [
                {
                    "Namespace": "WcsHooks",
                    "Dimensions": [["service", "category"], ["service", "category", "method"]],
                    "Metrics": [{"Name": name} for name in by_method],
                },
                {
                    "Namespace": "WcsHooks",
                    "Dimensions": [["service", "category"]],
                    "Metrics": [{"Name": name} for name in (*rest, "ServiceTime")],
                },
            ]
        },
        "service": SERVICE,
        "category": "direct",
        "method": method,
        "ServiceTime": [milliseconds],
        **{name: [value] for name, value in counted.items()},
    }


def test_given_cloudwatch_then_calls_are_told_by_category_and_method_of_this_stage(
    stack: OperatedStack,
) -> None:
    direct = {"service": SERVICE, "category": "direct"}
    stack.count("Calls", 5, **direct)
    stack.count("Denied", 2, **direct)
    stack.count("DenySuppressed", 1, **direct)
    stack.count("Calls", 5, **direct, method="publishStream")
    stack.count("Denied", 2, **direct, method="publishStream")
    stack.count("Calls", 99, service="wcs-hooks-test", category="direct")

    stats = stack.json("stats")
    drawn = stack.run("stats").stdout

    assert stats["categories"]["direct"] == {"Calls": 5, "Denied": 2, "DenySuppressed": 1}
    assert stats["methods"] == {"publishStream": {"Calls": 5, "Denied": 2}}
    [row] = [line for line in drawn.splitlines() if line.startswith("publishStream")]
    assert row.split()[:4] == ["publishStream", "direct", "5", "2"]
    assert "suppressed: direct 1" in drawn


def test_given_an_emulator_then_lines_are_added_up_and_times_ranked(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(monkeypatch)
    lines = [emf("publishStream", number, Calls=1, Echoed=1) for number in range(1, 100)]
    stack.log("direct", *lines, emf("call", 100, Calls=1, Denied=1))
    stack.log("direct", emf("call", 1000, Calls=1), ago=7200)

    stats = stack.json("stats")

    assert stats["categories"]["direct"] == {
        "Calls": 100,
        "Denied": 1,
        "Echoed": 99,
        "ServiceTime": {"p50": 50, "p99": 99},
    }
    assert stats["methods"] == {
        "publishStream": {"Calls": 99},
        "call": {"Calls": 1, "Denied": 1},
    }


def test_given_nothing_came_then_that_is_said(stack: OperatedStack) -> None:
    assert "No hook in the last 2h" in stack.run("stats", "--since", "2h").stdout


def test_when_watched_then_it_is_shown_anew_until_interrupted(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def pause(_: float) -> None:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise KeyboardInterrupt
        stack.count("Calls", 7, service=SERVICE, category="event")

    monkeypatch.setattr("wcsctl.commands.stats.time.sleep", pause)

    result = stack.run("stats", "--watch")

    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.split()[:2] == ["event", "7"]]
