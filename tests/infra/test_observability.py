import json
from typing import Final

import pytest

from infra.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from wcs_hooks.core.methods import Category

SEEN: Final = frozenset(
    {
        *("Calls", "Echoed", "Overridden", "Denied", "ShadowDenied", "ShadowOverridden"),
        *("DenySuppressed", "Failed", "Rejected", "Malformed", "UnknownMethod", "ReportedFailures"),
        *("ExpressionErrors", "StaleSnapshot", "DeadLettered", "ColdStart", "DecisionTime"),
        *("ServiceTime", "Compiled", "CompileErrors"),
    }
)
"""Every metric of the functions' own."""


def alarms_on(stack: SynthesisedStack, metric: str) -> list[Json]:
    return [
        alarm["Properties"]
        for alarm in stack.of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["MetricName"] == metric
    ]


def dimensions(alarm: Json) -> dict[str, Json]:
    return {each["Name"]: each["Value"] for each in alarm["Dimensions"]}


def widgets(stack: SynthesisedStack) -> str:
    """The dashboard's body, each reference in it replaced by its logical id."""
    body = stack.the("AWS::CloudWatch::Dashboard")["DashboardBody"]
    return "".join(
        part if isinstance(part, str) else next(iter(map(str, part.values())))
        for part in body["Fn::Join"][1]
    )


@pytest.mark.parametrize("metric", ["Failed", "Rejected", "StaleSnapshot", "ServiceTime"])
def test_given_a_kind_of_hook_suffers_when_an_alarm_goes_off_then_it_tells_which_kind(
    metric: str, stack: SynthesisedStack
) -> None:
    watched = [dimensions(alarm) for alarm in alarms_on(stack, metric)]

    assert sorted(each["category"] for each in watched) == sorted(Category)
    assert {each["service"] for each in watched} == {"wcs-hooks"}


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
        assert alarm["Properties"]["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("address", ["", "ops@example.com"])
def test_given_an_alarm_address_when_one_is_set_then_it_is_told(
    address: str, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(alarm_email=address))

    told = [each["Properties"] for each in stack.of_type("AWS::SNS::Subscription").values()]
    assert [(each["Protocol"], each["Endpoint"]) for each in told] == (
        [("email", address)] if address else []
    )


def test_given_what_functions_count_when_the_dashboard_is_opened_then_all_of_it_is_there(
    stack: SynthesisedStack,
) -> None:
    body = widgets(stack)

    assert not {metric for metric in SEEN if f'"{metric}"' not in body.replace('\\"', '"')}


def test_given_the_gateway_and_functions_when_the_dashboard_is_opened_then_they_are_there_too(
    stack: SynthesisedStack,
) -> None:
    body = widgets(stack)

    for metric in ("4xx", "5xx", "ThrottledRequests", "Throttles", "Errors", "Latency"):
        assert f'"{metric}"' in body


def test_given_the_dashboard_when_cloudwatch_reads_it_then_it_is_json_within_its_width(
    stack: SynthesisedStack,
) -> None:
    body = json.loads(widgets(stack))

    assert all(widget["x"] + widget["width"] <= 24 for widget in body["widgets"])
    titles = [widget["properties"]["title"] for widget in body["widgets"]]
    assert len(titles) == len(set(titles))


def test_given_two_stages_in_one_account_when_graphs_search_then_each_finds_its_own(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(stage="test"))

    searches = [
        metric[0]["expression"]
        for widget in json.loads(widgets(stack))["widgets"]
        for metric in widget["properties"].get("metrics", [])
        if isinstance(metric[0], dict) and "SEARCH" in metric[0]["expression"]
    ]
    assert searches
    assert all('service="wcs-hooks-test"' in search for search in searches)
