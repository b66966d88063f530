"""Whether all is well, and what is wrong if it is not."""

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulated_wcs.transport import AUTHORIZATION, Exchange, HookReply, HookTransport, Signature
from tests.support.aws_tables import LEASES, POLICIES, SNAPSHOTS
from tests.support.operated_stack import ALARM, SECRET, SERVICE, OperatedStack, emulate, operated
from tests.support.policy_items import deny
from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore, to_attributes
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler
from wcs_hooks.core.methods import METHODS
from wcsctl.health import PROBE


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[Exchange]:
    """An endpoint that echoes what is signed with the secret, and refuses all else."""
    exchanges: list[Exchange] = []

    def send(transport: HookTransport, method: str, body: bytes) -> Exchange:
        header = transport._authentication.header(body)
        signed = header == Signature(SECRET).header(body)
        reply = HookReply(200 if signed else 403, "", {"x-decision-id": "d-1"}, body)
        headers = {AUTHORIZATION: header or ""}
        exchanges.append(Exchange(method, transport.target.url, headers, body, reply, (), 0.01))
        return exchanges[-1]

    monkeypatch.setattr(HookTransport, "send", send)
    return exchanges


def write_status(stack: OperatedStack, app: str, **status: Any) -> None:
    """Write an app's status as the compiler does."""
    item = {"version": 3, "ok": True, "policies": 2, "errors": [], "warnings": []}
    item_of_status = {
        "app": app,
        "id": "#status",
        "compiledAt": "2026-03-01T12:00:00+00:00",
        **item,
    }
    stack.aws.dynamodb.put_item(TableName="Policies", Item=to_attributes(item_of_status | status))


def in_force(stack: OperatedStack, app: str) -> None:
    requirements = zlib.compress(b"[]")
    item = to_attributes({"app": "#apps", "item": app, "demands": requirements})
    stack.aws.dynamodb.put_item(TableName="PolicySnapshots", Item=item)


def failing(report: dict[str, Any]) -> list[str]:
    return [check["check"] for check in report["checks"] if not check["ok"]]


def test_given_all_is_well_then_a_signed_hook_came_back_and_the_status_is_0(
    stack: OperatedStack, posted: list[Exchange]
) -> None:
    in_force(stack, "school")
    write_status(stack, "school", pinned=2)
    write_status(stack, "*")

    report = stack.json("status")

    assert report["ok"]
    assert [exchange.method for exchange in posted] == [PROBE]
    assert {app["app"]: (app["version"], app["pinned"]) for app in report["apps"]} == {
        "*": (3, None),
        "school": (3, 2),
    }


def test_given_another_secret_then_the_endpoint_is_wrong_and_the_decision_is_named(
    stack: OperatedStack, posted: list[Exchange]
) -> None:
    stack.aws.set_secret("another")

    result = stack.run("status")

    assert posted
    assert result.exit_code == 1
    assert "rejected" in result.stdout
    assert "d-1" in result.stdout


@pytest.mark.usefixtures("posted")
def test_given_an_edit_with_errors_then_they_are_told(stack: OperatedStack) -> None:
    in_force(stack, "school")
    finding = {"policy": "no-calls", "attribute": "when", "message": "no such field"}
    write_status(stack, "school", ok=False, errors=[finding], errorCount=70)

    result = stack.run("status")

    assert result.exit_code == 1
    assert "school/no-calls when: no such field" in result.stdout
    assert "70" in result.stdout


@pytest.mark.usefixtures("posted")
def test_given_an_app_whose_first_edit_was_turned_away_then_it_is_found_by_the_log(
    stack: OperatedStack,
) -> None:
    stack.log("compiler", {"app": "club", "version": 0, "errors": ["p: when"]})
    write_status(stack, "club", ok=False, version=0)

    result = stack.run("--json", "status")

    assert result.exit_code == 1
    assert [app["app"] for app in json.loads(result.stdout)["apps"]] == ["club"]


@pytest.mark.usefixtures("posted")
def test_given_apps_that_have_no_policies_any_more_then_they_are_not_listed(
    stack: OperatedStack,
) -> None:
    in_force(stack, "school")
    write_status(stack, "school")
    gone = to_attributes({"app": "#apps", "item": "gone", "expiresAt": 1})
    stack.aws.dynamodb.put_item(TableName="PolicySnapshots", Item=gone)
    write_status(stack, "gone", version=0, policies=0)
    # Rejected yesterday, and then deleted.
    stack.log("compiler", {"app": "club", "version": 0, "errors": ["p: when"]})
    write_status(stack, "club", version=0, policies=0)

    report = stack.json("status")

    assert [app["app"] for app in report["apps"]] == ["school"]


@pytest.mark.usefixtures("posted")
def test_given_stale_functions_dead_letters_and_an_alarm_then_each_is_wrong(
    stack: OperatedStack,
) -> None:
    stack.count("StaleSnapshot", 4, service=SERVICE, category="direct")
    stack.send("{}", "{}")
    stack.cloudwatch.put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": "DeadLetters"}],
                "Value": 7200,
                "Timestamp": datetime.now(UTC) - timedelta(seconds=90),
            }
        ],
    )
    stack.cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="a test")

    result = stack.run("--json", "status")

    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert failing(report) == ["policies", "dead letters", "alarms"]
    _, stale, letters, alarms = report["checks"]
    assert stale["stale"] == {"direct": 4}
    assert (letters["count"], letters["oldestSeconds"]) == (2, 7200)
    assert alarms["inAlarm"] == [ALARM]


@pytest.mark.usefixtures("posted")
def test_given_dead_letters_in_the_cloud_then_a_status_receives_none_of_them(
    stack: OperatedStack,
) -> None:
    stack.send("{}")
    stack.refused.add("ReceiveMessage")

    result = stack.run("--json", "status")

    assert failing(json.loads(result.stdout)) == ["dead letters"]


def _called(stack: OperatedStack, method: str, times: int = 1) -> None:
    category = str(METHODS[method].category)
    stack.count("Calls", times, service=SERVICE, category=category, method=method)


@pytest.mark.usefixtures("posted")
def test_given_streams_but_no_keep_alive_that_policies_wait_for_then_it_is_a_warning(
    stack: OperatedStack,
) -> None:
    limit = {"by": "app", "most": 2, "holds": "stream"}
    stack.enforce("school", deny("cut", "StreamKeepAliveEvent"), deny("hls", "playHLS"))
    stack.enforce("hall", deny("two", limit=limit))
    _called(stack, "publishStream", 7)
    _called(stack, "playHLS")

    report = stack.json("status")
    people = stack.run("status")

    [check] = [check for check in report["checks"] if check["check"] == "methods"]
    assert (check["ok"], check["warning"], report["ok"]) == (True, True, True)
    assert (check["started"], check["neverCalled"]) == (7, ["StreamKeepAliveEvent"])
    assert people.exit_code == 0
    text = " ".join(people.stdout.split())
    assert "! methods StreamKeepAliveEvent never came in 24 h, though 7 streams started" in text
    assert "school/cut is never asked, and hall/two counts a stream for about 90 s only" in text
    assert "keep_alive_streaming_sessions_enabled=true" in text


@pytest.mark.usefixtures("posted")
def test_given_a_limit_of_streams_then_status_warns_until_the_first_keep_alive_has_come(
    stack: OperatedStack,
) -> None:
    limit = {"by": "app", "most": 2, "holds": "stream"}
    clock = SystemClock()
    store = DynamoPolicyStore(stack.aws.dynamodb, POLICIES, SNAPSHOTS, 30, clock)
    stack.aws.put_policies("hall", deny("two", limit=limit))
    assert PolicyCompiler(store, clock, has_keep_alive=lambda _: False).compile("hall").ok

    before = stack.json("status")
    leases = DynamoLeases(stack.aws.dynamodb, LEASES, LeaseSeconds(90, 1, 1), clock)
    leases.note_keep_alive("hall", Deadline(clock, 5))
    after = stack.json("status")

    [warning] = before["apps"][0]["warnings"]
    assert (warning["policy"], before["apps"][0]["warningCount"]) == ("two", 1)
    assert "no StreamKeepAliveEvent has come yet" in warning["message"]
    assert (after["apps"][0]["warnings"], after["apps"][0]["warningCount"]) == ([], 0)


@pytest.mark.usefixtures("posted")
@pytest.mark.parametrize("calls", [["publishStream", "StreamKeepAliveEvent"], ["call"], []])
def test_given_keep_alives_or_no_streams_then_there_is_nothing_to_warn_of(
    stack: OperatedStack, calls: list[str]
) -> None:
    stack.enforce("school", deny("cut", "StreamKeepAliveEvent"))
    for method in calls:
        _called(stack, method)

    report = stack.json("status")

    [check] = [check for check in report["checks"] if check["check"] == "methods"]
    assert "warning" not in check


@pytest.mark.usefixtures("posted")
def test_given_policies_that_wait_for_no_such_method_then_it_is_not_looked_at(
    stack: OperatedStack,
) -> None:
    stack.enforce("school", deny("no"))
    _called(stack, "publishStream")

    assert "methods" not in [check["check"] for check in stack.json("status")["checks"]]


@pytest.mark.usefixtures("posted")
def test_given_an_emulator_then_the_calls_are_counted_by_the_lines_of_the_logs(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.enforce("school", deny("wall", "playRTSP"))
    directive = {
        "Namespace": "WcsHooks",
        "Dimensions": [["service", "category", "method"]],
        "Metrics": [{"Name": "Calls"}],
    }
    line = {"_aws": {"CloudWatchMetrics": [directive]}, "service": SERVICE, "category": "direct"}
    stack.log("direct", line | {"method": "publishStream", "Calls": [1.0, 2.0]}, ago=3600)
    emulate(monkeypatch)

    report = stack.json("status")

    [check] = [check for check in report["checks"] if check["check"] == "methods"]
    assert (check["started"], check["neverCalled"]) == (3, ["playRTSP"])
    assert "rtsp_server_auth_enabled=true" in check["detail"]
