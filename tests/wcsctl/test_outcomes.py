"""The grid of what WCS did, from CloudWatch and from EMF lines alike."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.operated_stack import OperatedStack, emulate, operated
from wcsctl.metrics import RestErrorCell, rest_error_cells

_CELL = {
    "category": "direct",
    "restOnError": "FAIL",
    "outcome": "aborted",
    "cause": "policy",
}


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def emf(**fields: Any) -> dict[str, Any]:
    dimensions = ["category", "restOnError", "outcome", "cause"]
    directive = {"Namespace": "WcsHooks", "Dimensions": [dimensions]}
    directives = [{**directive, "Metrics": [{"Name": "RestErrors", "Unit": "Count"}]}]
    return {"_aws": {"CloudWatchMetrics": directives}, "RestErrors": [1.0], **fields}


def test_given_cloudwatch_has_refusals_then_the_grid_shows_them_by_cause(
    stack: OperatedStack,
) -> None:
    stack.count("RestErrors", 3, **_CELL)
    stack.count("RestErrors", 2, **{**_CELL, "restOnError": "LOG", "outcome": "continued"})

    cells = stack.json("outcomes")
    drawn = stack.run("outcomes").stdout

    assert {(one["restOnError"], one["outcome"]): one["count"] for one in cells} == {
        ("FAIL", "aborted"): 3,
        ("LOG", "continued"): 2,
    }
    [row] = [line for line in drawn.splitlines() if line.startswith("direct   FAIL")]
    assert row.split()[:4] == ["direct", "FAIL", "aborted", "3"]
    assert "█" in row
    assert "2 denied by a policy and continued all the same" in drawn


@pytest.mark.parametrize("command", ["outcomes", "stats"])
def test_given_a_stage_in_cloudwatch_then_only_its_own_namespace_is_read(command: str) -> None:
    with operated(POWERTOOLS_METRICS_NAMESPACE="WcsHooks/test") as stack:
        stack.json(command)

        assert stack.namespaces == {"WcsHooks/test"}


def test_given_a_stage_on_an_emulator_then_only_its_own_namespace_is_added_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulate(monkeypatch)
    with operated(POWERTOOLS_METRICS_NAMESPACE="WcsHooks/test") as stack:
        stack.log("direct", emf(**_CELL))

        assert stack.json("outcomes") == []


def test_given_an_emulator_then_the_lines_of_all_functions_are_added_up(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulate(monkeypatch)
    stack.log("direct", emf(**_CELL), json.dumps(emf(**_CELL)) + "\n" + json.dumps(emf(**_CELL)))
    stack.log("direct", emf(**_CELL), ago=7200)

    [cells] = stack.json("outcomes", "--since", "1h")

    assert cells["count"] == 3
    assert cells["cause"] == "policy"


def test_given_nothing_was_refused_then_that_is_said_and_all_rows_are_there_on_demand(
    stack: OperatedStack,
) -> None:
    assert "No reply in the last 1h" in stack.run("outcomes").stdout
    every = stack.run("outcomes", "--all").stdout
    assert "StreamKeepAlive" not in every
    assert "stream-ended" in every


def test_the_cells_are_what_the_vendors_table_allows() -> None:
    cells = rest_error_cells()

    assert len(cells) == len(set(cells))
    assert RestErrorCell("event", "FAIL", "stream-ended", "policy") in cells
    assert RestErrorCell("connect", "LOG", "declined", "caller") in cells
    assert RestErrorCell("direct", "LOG", "aborted", "policy") not in cells
