"""What is seen of hooks from outside: log, queries, metrics, alarms, dashboard."""

import math
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from wcs_hooks.core.methods import Category
from wcsctl.decision_log import DecisionLog, Filter
from wcsctl.function_configuration import CATEGORIES
from wcsctl.function_logs import FunctionLogs
from wcsctl.metrics import EmfMetrics, MetricsSource, source_of
from wcsctl.stack_alarms import alarm_names, described
from wcsctl.verification.check import DeploymentCheck, Sighting, failed, not_possible, passed
from wcsctl.verification.run import VerificationRun

RUNBOOK: Final = Path(__file__).resolve().parents[2] / "docs" / "operate" / "runbook.md"

METRICS_SECONDS: Final = 300.0
"""By when CloudWatch has to have the metrics of a hook."""

_COMPARED: Final = ("Denied", "Overridden")
_LOG_SECONDS: Final = 60.0
_QUERY_SECONDS: Final = 60.0
_LOG_PAUSE: Final = 1.0
_METRICS_PAUSE: Final = 10.0
_MINUTE: Final = 60
_NO_DENIAL: Final = "needs the denial of this run, which was not seen"


def _look_at_log(run: VerificationRun) -> Sighting:
    if not run.denied:
        return not_possible(_NO_DENIAL)
    log = DecisionLog(FunctionLogs(run.deployment, run.configurations), Filter(decision=run.denied))
    run.waiting("the decision log")
    found = run.until(lambda: log.decisions(run.began), bool, _LOG_SECONDS, pause=_LOG_PAUSE)
    if not found:
        return failed(f"no line of decision {run.denied} within {_LOG_SECONDS:.0f} s")
    line = found[0].fields
    detail = f"{line.get('answer')} by {', '.join(line.get('policies', ()))}"
    right = line.get("answer") == "denied" and line.get("app") == run.name.name
    return (passed if right else failed)(detail)


def _look_at_events(run: VerificationRun) -> Sighting:
    if run.is_local:
        return not_possible("the emulator puts several lines into one event")
    client = run.deployment.client("logs")
    group = run.configurations.for_function(Category.DIRECT).log_group
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=int(run.began * 1000), PaginationConfig={"MaxItems": 10_000}
    )
    lines = [
        len(event["message"].strip().splitlines()) for page in pages for event in page["events"]
    ]
    several = sum(count > 1 for count in lines)
    if several or not lines:
        return failed(f"{several} of {len(lines)} events of the direct function have several lines")
    return passed(f"{len(lines)} events of one line each")


def _look_at_queries(run: VerificationRun) -> Sighting:
    if run.is_local:
        return not_possible("the emulator's Logs Insights does not read the fields of JSON lines")
    if not run.denied:
        return not_possible(_NO_DENIAL)
    queries = _runbook_queries()
    if not queries:
        return not_possible(f"wcsctl is installed without {RUNBOOK.name}")
    wrong = []
    for number, query in enumerate(queries, start=1):
        run.waiting(f"query {number} of the runbook")
        status, _ = _answer_to(run, query)
        if status != "Complete":
            wrong.append(f"query {number} is {status}: {query.splitlines()[0]}")
    own = f'filter decision = "{run.denied}" | stats count(*) as lines by answer'
    run.waiting("a query for one decision")
    rows = run.until(lambda: _answer_to(run, own)[1], bool, _QUERY_SECONDS, pause=_METRICS_PAUSE)
    if rows != [{"answer": "denied", "lines": "1"}]:
        wrong.append(f"the denial of this run gave {rows}")
    if wrong:
        return failed("; ".join(wrong))
    return passed(f"{len(queries)} queries, and the denial of this run in one row")


def _runbook_queries() -> list[str]:
    try:
        text = RUNBOOK.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return re.findall(r"^```insights\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def _answer_to(run: VerificationRun, query: str) -> tuple[str, list[dict[str, str]]]:
    """What Logs Insights says of a query's end, and its rows."""
    client = run.deployment.client("logs")
    groups = [run.configurations.for_function(category).log_group for category in CATEGORIES]
    try:
        started = client.start_query(
            logGroupNames=groups,
            startTime=int(run.began),
            endTime=math.ceil(time.time()) + _MINUTE,
            queryString=query,
        )
    except client.exceptions.MalformedQueryException as error:
        return str(error), []
    answer = run.until(
        lambda: client.get_query_results(queryId=started["queryId"]),
        lambda one: one["status"] not in {"Scheduled", "Running"},
        _QUERY_SECONDS,
        pause=_LOG_PAUSE,
    )
    rows = [
        {cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"}
        for row in answer["results"]
    ]
    return answer["status"], rows


def _look_at_metrics(run: VerificationRun) -> Sighting:
    """Compare CloudWatch's figures with those of the functions' lines, over whole minutes."""
    if run.is_local:
        return not_possible("the emulator makes no metrics of the functions' lines")
    if not run.denied:
        return not_possible(_NO_DENIAL)
    since = math.floor(run.began / _MINUTE) * _MINUTE
    until = math.ceil(time.time() / _MINUTE) * _MINUTE
    run.waiting("the end of this minute")
    run.pass_time(until - time.time())
    began = time.monotonic()
    namespace = run.configurations.for_function(Category.DIRECT).metric_namespace
    lines = EmfMetrics(FunctionLogs(run.deployment, run.configurations), namespace)
    written = _figures(lines, since, until)
    own = [written.get(("Denied", "direct"), 0), written.get(("Overridden", "direct"), 0)]
    if not all(own):
        return failed("the functions' lines have no figures of this run's denial and overrides")
    run.waiting("metrics in CloudWatch")
    cloudwatch = source_of(run.deployment, run.configurations)
    seen = run.until(
        lambda: _figures(cloudwatch, since, until),
        lambda figures: figures == written,
        METRICS_SECONDS,
        pause=_METRICS_PAUSE,
    )
    if seen != written:
        return failed(f"CloudWatch has {_listed(seen)}; the functions wrote {_listed(written)}")
    return passed(f"{_listed(seen)}, within {time.monotonic() - began:.0f} s of their minute")


def _figures(source: MetricsSource, since: float, until: float) -> dict[tuple[str, ...], int]:
    figures: dict[tuple[str, ...], int] = {}
    for name in _COMPARED:
        for category, count in source.counted(name, since, until).items():
            figures[name, category] = count
    for cell, count in source.rest_errors(since, until).items():
        figures["RestErrors", *cell] = count
    return {name: count for name, count in figures.items() if count}


def _listed(figures: Mapping[tuple[str, ...], int]) -> str:
    return (
        ", ".join(f"{'/'.join(name)} {count}" for name, count in sorted(figures.items())) or "none"
    )


def _look_at_alarms(run: VerificationRun) -> Sighting:
    names = alarm_names(run.deployment)
    found = {alarm["AlarmName"]: alarm for alarm in described(run.deployment, names)}
    topic = run.deployment.output("AlarmTopicArn")
    wrong = [*_wrong_alarms(names, found, topic)]
    if wrong or not names:
        return failed("; ".join(wrong) or "the stack has no alarms")
    return passed(f"{len(names)}, each notifies the topic")


def _wrong_alarms(
    names: list[str], found: Mapping[str, Mapping[str, Any]], topic: str
) -> Iterator[str]:
    for name in names:
        if name not in found:
            yield f"{name} is gone: deploy the stack again"
        elif not found[name].get("ActionsEnabled") or topic not in found[name]["AlarmActions"]:
            yield f"{name} does not notify the topic {topic}"


def _look_at_dashboard(run: VerificationRun) -> Sighting:
    name = run.deployment.output("DashboardUrl").rpartition("/")[2]
    client = run.deployment.client("cloudwatch")
    try:
        client.get_dashboard(DashboardName=name)
    except client.exceptions.DashboardNotFoundError:
        return failed(f"there is no dashboard {name}: deploy the stack again")
    return passed(name)


CHECKS: Final = (
    DeploymentCheck("decision log", "a denial's line, with app and policy", _look_at_log),
    DeploymentCheck("log events", "one line each", _look_at_events),
    DeploymentCheck("log queries", "those of the runbook answer", _look_at_queries),
    DeploymentCheck(
        "metrics",
        f"within {METRICS_SECONDS / _MINUTE:.0f} min in CloudWatch what the functions wrote",
        _look_at_metrics,
    ),
    DeploymentCheck("alarms", "each of the stack exists and notifies the topic", _look_at_alarms),
    DeploymentCheck("dashboard", "exists", _look_at_dashboard),
)
