import json
import re
from typing import Final

import pytest

from infra.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.metrics_named import dashboard
from tests.infra.synthesis import Json, SynthesisedStack
from tests.support.hook_client import ENVIRONMENT, forget_logger
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.decision import Decision, Verdict
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import Cause, Outcome, RestOnError
from wcs_hooks.core.payload import parse
from wcs_hooks.core.reply import Reply
from wcs_hooks.hook.request import HookResult, Observation, Request, RestError
from wcs_hooks.telemetry.hook_reporter import HookReporter


def alarms_on(stack: SynthesisedStack, metric: str) -> list[Json]:
    return [
        alarm["Properties"]
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["MetricName"] == metric
    ]


def dimensions(alarm: Json) -> dict[str, Json]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def widgets(stack: SynthesisedStack) -> list[Json]:
    listed: list[Json] = dashboard(stack)["widgets"]
    return listed


def query_of(stack: SynthesisedStack, title: str) -> list[str]:
    """The steps of the Logs Insights query whose widget's title begins so."""
    (query,) = [
        each["properties"]["query"]
        for each in widgets(stack)
        if each["type"] == "log" and each["properties"]["title"].startswith(title)
    ]
    return [step.strip() for step in re.split(r"\n?\| ", query)]


@pytest.mark.parametrize(
    "metric",
    [
        *("Failed", "DeadLetterFallback", "DeadLetterLost"),
        *("Rejected", "StaleSnapshot", "ServiceTime"),
    ],
)
def test_given_a_kind_of_hook_suffers_when_an_alarm_goes_off_then_it_tells_which_kind(
    metric: str, stack: SynthesisedStack
) -> None:
    watched = [dimensions(alarm) for alarm in alarms_on(stack, metric)]

    assert sorted(each["category"] for each in watched) == sorted(Category)
    assert {each["service"] for each in watched} == {"wcs-hooks"}


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_given_a_hook_function_when_an_alarm_watches_it_then_as_it_is_called(
    metric: str, stack: SynthesisedStack
) -> None:
    resources = [each.get("Resource") for each in map(dimensions, alarms_on(stack, metric))]

    # The compiler has no alias.
    assert resources.count(None) == 1
    for resource in filter(None, resources):
        function, alias = resource["Fn::Join"][1]
        assert alias == f":{stack.output('FunctionAlias')}"
        assert stack.called(function)["Handler"].startswith("wcs_hooks.handlers.")


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_given_any_function_crashes_or_is_throttled_when_it_does_then_an_alarm_goes_off(
    metric: str, stack: SynthesisedStack
) -> None:
    watched = [
        stack.resource(dimensions(alarm)["FunctionName"])["Properties"]["Handler"]
        for alarm in alarms_on(stack, metric)
    ]

    functions = stack.of_type("AWS::Lambda::Function").values()
    assert sorted(watched) == sorted(each["Properties"]["Handler"] for each in functions)


def test_given_a_wrong_edit_when_the_compiler_refuses_it_then_an_alarm_goes_off(
    stack: SynthesisedStack,
) -> None:
    (alarm,) = alarms_on(stack, "CompileErrors")

    assert dimensions(alarm) == {"category": "compiler", "service": "wcs-hooks"}


def test_given_an_issuer_that_is_down_when_two_of_three_refreshes_fail_then_an_alarm_goes_off(
    stack_with: Synthesise,
) -> None:
    (alarm,) = alarms_on(stack_with(Settings(keys_refresh_minutes=10)), "KeysStale")

    assert dimensions(alarm) == {"category": "compiler", "service": "wcs-hooks"}
    assert (alarm["Period"], alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (600, 3, 2)


def test_given_dead_letters_when_they_wait_then_alarms_go_off_at_once_and_before_sqs_drops_them(
    stack: SynthesisedStack,
) -> None:
    (depth,) = alarms_on(stack, "ApproximateNumberOfMessagesVisible")
    (age,) = alarms_on(stack, "ApproximateAgeOfOldestMessage")

    assert depth["Threshold"] == 1
    assert age["Threshold"] < stack.the("AWS::SQS::Queue")["MessageRetentionPeriod"]
    for alarm in (depth, age):
        queue = dimensions(alarm)["QueueName"]
        assert stack.logical_id(queue) == stack.logical_id(stack.output("DeadLetterQueueUrl"))


def test_given_a_reply_timeout_when_p99_passes_half_of_it_then_an_alarm_goes_off(
    stack_with: Synthesise,
) -> None:
    slow = alarms_on(stack_with(Settings(reply_timeout=3)), "ServiceTime")

    assert {alarm["ExtendedStatistic"] for alarm in slow} == {"p99"}
    assert {alarm["Threshold"] for alarm in slow} == {1500}


def test_given_the_gateway_refuses_by_rate_when_it_does_then_an_alarm_goes_off(
    stack: SynthesisedStack,
) -> None:
    (alarm,) = alarms_on(stack, "ThrottledRequests")
    (counted,) = stack.the("AWS::Logs::MetricFilter")["MetricTransformations"]

    assert (alarm["Namespace"], alarm["MetricName"]) == (
        counted["MetricNamespace"],
        counted["MetricName"],
    )
    assert list(dimensions(alarm)) == [each["Key"] for each in counted["Dimensions"]]


def test_given_any_alarm_when_it_goes_off_then_the_topic_tells_and_it_says_what_to_do(
    stack: SynthesisedStack,
) -> None:
    alarms = [each["Properties"] for each in stack.of_type("AWS::CloudWatch::Alarm").values()]

    assert all(alarm["AlarmActions"] == [stack.output("AlarmTopicArn")] for alarm in alarms)
    assert all(len(alarm["AlarmDescription"]) > 40 for alarm in alarms)


def test_given_nothing_happens_when_no_metric_is_published_then_no_alarm_goes_off(
    stack: SynthesisedStack,
) -> None:
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        # What Lambda publishes for as long as it polls, whether there was an edit or not.
        is_polling = alarm["Properties"]["MetricName"] == "PolledEventCount"
        assert alarm["Properties"]["TreatMissingData"] == (
            "breaching" if is_polling else "notBreaching"
        )


def test_given_a_dead_mapping_when_nobody_polls_for_edits_then_an_alarm_goes_off(
    stack: SynthesisedStack,
) -> None:
    (alarm,) = alarms_on(stack, "PolledEventCount")
    mapping = stack.the("AWS::Lambda::EventSourceMapping")

    assert stack.resource(dimensions(alarm)["EventSourceMappingUUID"])["Properties"] == mapping
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    assert (alarm["Statistic"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
        *("SampleCount", "LessThanThreshold"),
        1,
    )


def test_given_edits_that_wait_when_the_compiler_is_a_minute_late_then_an_alarm_goes_off(
    stack: SynthesisedStack,
) -> None:
    (alarm,) = alarms_on(stack, "IteratorAge")

    assert alarm["Threshold"] == 60_000
    assert stack.resource(dimensions(alarm)["FunctionName"])["Properties"]["Handler"] == (
        "wcs_hooks.handlers.compiler.handler"
    )


@pytest.mark.parametrize(
    ("metric", "categories"),
    [
        ("ExpressionErrors", [*Category]),
        ("LookupErrors", [*Category]),
        # Nothing that has happened already can be limited.
        ("LimitErrors", [each for each in Category if each is not Category.EVENT]),
        # Nobody was seen before connect, which is therefore never held back.
        ("DenySuppressed", [each for each in Category if each is not Category.CONNECT]),
    ],
)
def test_given_policies_that_do_not_work_when_it_lasts_then_an_alarm_of_the_category_goes_off(
    metric: str, categories: list[Category], stack: SynthesisedStack
) -> None:
    alarms = alarms_on(stack, metric)

    assert sorted(dimensions(alarm)["category"] for alarm in alarms) == sorted(categories)
    assert {(alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms} == {(10, 3)}


@pytest.mark.parametrize("address", ["", "ops@example.com"])
def test_given_an_alarm_address_when_one_is_set_then_it_is_told(
    address: str, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(alarm_email=address))

    subscriptions = [
        each["Properties"] for each in stack.of_type("AWS::SNS::Subscription").values()
    ]
    assert [(each["Protocol"], each["Endpoint"]) for each in subscriptions] == (
        [("email", address)] if address else []
    )


def test_given_the_gateway_and_functions_when_the_dashboard_is_opened_then_they_are_there_too(
    stack: SynthesisedStack,
) -> None:
    shown = {
        metric[1]
        for widget in widgets(stack)
        for metric in widget["properties"].get("metrics", [])
        if len(metric) > 1
    }

    assert shown >= {"4xx", "5xx", "ThrottledRequests", "Throttles", "Errors", "Latency"}


def test_given_the_dashboard_when_cloudwatch_reads_it_then_it_is_json_within_its_width(
    stack: SynthesisedStack,
) -> None:
    assert all(widget["x"] + widget["width"] <= 24 for widget in widgets(stack))
    titles = [
        widget["properties"]["title"] for widget in widgets(stack) if widget["type"] != "text"
    ]
    assert len(titles) == len(set(titles))


def test_given_the_dashboard_when_it_is_opened_then_no_two_widgets_lie_on_each_other(
    stack: SynthesisedStack,
) -> None:
    taken = [
        (x, y)
        for widget in widgets(stack)
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]

    assert len(taken) == len(set(taken))


def test_given_the_outcomes_when_read_at_night_then_sums_stand_alone_and_the_words_are_explained(
    stack: SynthesisedStack,
) -> None:
    tables = [each["properties"] for each in widgets(stack) if each["properties"].get("table")]
    (text,) = [each["properties"]["markdown"] for each in widgets(stack) if each["type"] == "text"]

    assert len(tables) == len(Cause)
    for table in tables:
        assert table["view"] == "table"
        assert table["table"]["summaryColumns"] == ["SUM"]
        assert table["table"]["showTimeSeriesData"] is False
        labels = [metric[-1]["label"] for metric in table["metrics"]]
        assert "direct: LOG → continued" in labels
    assert len({tuple(each[-1]["label"] for each in table["metrics"]) for table in tables}) == 1
    assert not [outcome for outcome in Outcome if f"**{outcome}**" not in text]


@pytest.mark.parametrize("title", ["The last denials", "The last hooks that could not be answered"])
def test_given_refusals_when_the_last_are_listed_then_they_come_from_all_four_functions_logs(
    title: str, stack: SynthesisedStack
) -> None:
    query = query_of(stack, title)

    sources = {re.fullmatch(r"SOURCE '(\w+)'", line) for line in query if "SOURCE" in line}
    groups = {stack.logical_id(stack.function(each)["LoggingConfig"]) for each in Category}
    assert {source[1] for source in sources if source} == groups


def _refused(kind: HookResult) -> Observation:
    return Observation(
        Request("publishStream", b"", None, "192.0.2.7", "decision-1"),
        Category.DIRECT,
        kind,
        payload=parse(b'{"appKey": "live", "sessionId": "1"}'),
        decision=Decision(Verdict.DENY, applied=("live/first", "live/private")),
        deny_suppressed=True,
        rest_error=RestError(RestOnError.LOG, Outcome.CONTINUED, Cause.POLICY),
    )


DENIED: Final = _refused(HookResult.DENIED)

FAILED: Final = _refused(HookResult.FAILED)._replace(
    error="PolicySnapshots does not answer", dead_lettered=True
)


@pytest.mark.parametrize(
    ("title", "observation"),
    [("The last denials", DENIED), ("The last hooks that could not be answered", FAILED)],
)
def test_given_refusals_when_the_last_are_listed_then_their_log_lines_have_what_is_asked_for(
    title: str,
    observation: Observation,
    stack: SynthesisedStack,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    forget_logger()
    reporter = HookReporter(
        Category.DIRECT, 0, lambda: "secret", echo_metrics_seconds=0, clock=SystemClock()
    )
    reporter.report(observation, Reply(403, b""), 0.01)
    _, line = capsys.readouterr().out.splitlines()

    query = query_of(stack, title)
    (displayed,) = [each.removeprefix("display ") for each in query if each.startswith("display")]
    cut_out = {
        name: value
        for each in query
        if each.startswith("parse @message ")
        # Python's names of groups have a P.
        for pattern in [each.removeprefix("parse @message ").strip("/").replace("(?<", "(?P<")]
        for found in [re.search(pattern, line)]
        if found
        for name, value in found.groupdict().items()
    }
    assert set(displayed.split(", ")) - {"@timestamp", *json.loads(line), *cut_out} == set()
    if observation is DENIED:
        assert cut_out == {"deniedBy": '"live/first","live/private"'}


def test_given_a_runbook_elsewhere_when_an_alarm_goes_off_then_it_leads_to_its_entry_there(
    stack_with: Synthesise,
) -> None:
    runbook = "https://wiki.example.com/wcs"

    alarms = stack_with(Settings(runbook_url=runbook)).of_type("AWS::CloudWatch::Alarm")

    for alarm in alarms.values():
        _, _, address = alarm["Properties"]["AlarmDescription"].partition(" Runbook: ")
        assert address.startswith(f"{runbook}#")


def test_given_ok_notifications_when_an_alarm_is_over_then_the_topic_is_told(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    telling = stack_with(Settings(ok_notifications=True)).of_type("AWS::CloudWatch::Alarm")

    assert telling
    for alarm in telling.values():
        assert alarm["Properties"]["OKActions"] == alarm["Properties"]["AlarmActions"]
    for alarm in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert "OKActions" not in alarm["Properties"]
