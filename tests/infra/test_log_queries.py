"""The queries of the documents and of the dashboard, run on lines in the deployed format."""

import re
from typing import Final

import pytest

from infra.hook_api import _ACCESS_LOG
from tests.infra.metrics_named import dashboard
from tests.infra.synthesis import ROOT, SynthesisedStack
from tests.support import deployed_log
from tests.support.documents import blocks
from tests.support.hook_client import ENVIRONMENT
from tests.support.insights import InsightsError, LogLine, Value, run

QUERIES: Final = [block.text.removesuffix("\n") for block in blocks("insights")]

LOG_FIELDS: Final = {
    *("@timestamp", "@message"),
    *("answer", "app", "category", "deadLettered", "decision", "error", "method", "stale"),
    *("denySuppressed", "expressionErrors", "limitErrors", "lookupErrors", "outcome"),
    *("address", "reason"),
    *("ColdStart", "DecisionTime", "ServiceTime"),
    *_ACCESS_LOG,
}
"""What Logs Insights finds in the lines of our functions and of the gateway."""
LAMBDAS_FIELDS: Final = {"errorMessage", "errorType", "record", "type"}
"""What it finds in the lines of Lambda and of its runtime client."""


@pytest.fixture
def functions_log(monkeypatch: pytest.MonkeyPatch) -> list[LogLine]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return deployed_log.functions_log()


def lines_for(query: str, functions_log: list[LogLine]) -> list[LogLine]:
    """The lines of the log that a query is meant for: that of the gateway has addresses."""
    is_for_gateway = re.search(r"\b(sourceIp|path)\b", query)
    return deployed_log.access_log() if is_for_gateway else functions_log


def columns(query: str) -> set[str]:
    """What the rows are to have: what is displayed, or the figures and what they are put by."""
    [step] = re.findall(r"^\| (?:display|stats) (.*)$|^stats (.*)$", query, re.MULTILINE)
    [listed] = [part for part in step if part]
    return {part.split()[-1] for part in re.split(r", (?![^(]*\))| by ", listed)}


@pytest.mark.parametrize("query", QUERIES)
def test_given_the_deployed_log_when_a_query_of_a_page_is_run_then_it_finds_what_it_names(
    query: str, functions_log: list[LogLine]
) -> None:
    rows = run(query, lines_for(query, functions_log))

    assert rows
    assert {name for row in rows for name in row} == columns(query)


@pytest.mark.parametrize("query", QUERIES)
def test_given_a_query_on_a_page_when_it_is_run_then_the_log_has_what_it_asks_for(
    query: str,
) -> None:
    steps = [step.strip() for step in query.split("\n|")]
    made = {name for step in steps for name in re.findall(r"\bas (\w+)", step)}
    known = {"filter", "stats", "display", "sort", "limit"}
    words = {"by", "as", "or", "and", "in", "like", "desc", "asc", "count", "pct", "max", "bin"}

    for step in steps:
        assert step.split()[0] in known
        plain = re.sub(r"\"[^\"]*\"|/[^/]*/|\b\d+m?\b", " ", step.partition(" ")[2])
        names = set(re.findall(r"(?<!\.)@?\b[A-Za-z]\w*", plain)) - words - {"ispresent"}
        assert names <= LOG_FIELDS | LAMBDAS_FIELDS | made, names - LOG_FIELDS - made


def test_given_the_fields_of_queries_then_the_functions_write_them() -> None:
    telemetry = ROOT / "functions" / "wcs_hooks" / "telemetry"
    source = "".join(path.read_text() for path in sorted(telemetry.glob("*.py")))
    ours = LOG_FIELDS - {*_ACCESS_LOG} - {name for name in LOG_FIELDS if name.startswith("@")}

    assert [name for name in sorted(ours) if f'"{name}"' not in source] == []


@pytest.mark.parametrize("query", [query for query in QUERIES if query.startswith("filter")])
def test_given_only_a_plain_echo_when_a_query_of_a_page_is_run_then_no_trouble_is_found(
    query: str, functions_log: list[LogLine]
) -> None:
    log = lines_for(query, functions_log)
    # Of a hook the metrics come first, which the query for slow ones is about.
    harmless = [log[0]] if "ServiceTime" not in query else [log[1]]

    assert run(query, harmless) == []


def found(name: str, functions_log: list[LogLine]) -> list[dict[str, Value]]:
    [query] = [query for query in QUERIES if name in query]
    return run(query, lines_for(query, functions_log))


def test_given_crashes_and_a_timeout_when_they_are_looked_for_then_all_are_found_and_nothing_else(
    functions_log: list[LogLine],
) -> None:
    exited, timeout, crash = found("platform.report", functions_log)

    assert crash["errorType"] == "Runtime.ImportModuleError"
    assert (timeout["record.status"], timeout["record.metrics.durationMs"]) == ("timeout", 6000)
    assert exited["record.errorType"] == "Runtime.ExitError"


def test_given_slow_hooks_when_times_are_looked_for_then_percentiles_come_from_the_metrics_lines(
    functions_log: list[LogLine],
) -> None:
    [row] = found("ServiceTime", functions_log)

    assert (row["p99"], row["coldStarts"], row["category"]) == (10, 1, "direct")
    assert row["measured"] == sum("_aws" in line.message for line in functions_log)


def test_given_expressions_without_a_value_when_looked_for_then_policy_and_attribute_are_named(
    functions_log: list[LogLine],
) -> None:
    [row] = found("expressionErrors", functions_log)

    assert (row["expressionErrors.0"], row["hooks"]) == ("live/odd: when", 1)


def test_given_a_lost_hook_when_it_is_looked_for_then_only_that_one_is_found(
    functions_log: list[LogLine],
) -> None:
    [row] = found(r'"deadLettered":\s*false', functions_log)

    assert row["error"] == "the session store does not answer"


def test_given_the_deployed_log_when_a_query_of_the_dashboard_is_run_then_it_finds_lines(
    stack: SynthesisedStack, functions_log: list[LogLine]
) -> None:
    queries = [
        re.sub(r"^(SOURCE '\w+' \| )+", "", each["properties"]["query"].replace("\n| ", " | "))
        for each in dashboard(stack)["widgets"]
        if each["type"] == "log"
    ]

    assert len(queries) == 2
    denials, failures = (run(query, functions_log) for query in queries)
    assert {row["decision"] for row in denials} == {"decision-1", "decision-2", "decision-3"}
    assert {row["answer"] for row in failures} == {"failed", "malformed", "rejected"}


@pytest.mark.parametrize(
    "query",
    [
        "dedup method",
        'filter @message = "a" ||| limit 5',
        "filter strlen(method) > 3",
        'filter level = 40 or method = "x"',
        "stats avg(ServiceTime.0) as mean",
        "filter ispresent(method) method",
        "sort nowhere desc",
    ],
)
def test_given_what_the_evaluator_does_not_know_when_it_is_run_then_it_does_not_pass_in_silence(
    query: str, functions_log: list[LogLine]
) -> None:
    with pytest.raises(InsightsError):
        run(query, functions_log)
