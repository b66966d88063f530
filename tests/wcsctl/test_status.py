"""Whether all is well, and what is wrong if it is not."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulated_wcs.transport import AUTHORIZATION, Exchange, HookTransport, Reply, Signature
from tests.support.operated_stack import ALARM, SECRET, SERVICE, OperatedStack, operated
from wcs_hooks.adapters.dynamo_policy_store import to_attributes
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
        reply = Reply(200 if signed else 403, "", {"x-decision-id": "d-1"}, body)
        headers = {AUTHORIZATION: header or ""}
        exchanges.append(Exchange(method, transport.target.url, headers, body, reply, (), 0.01))
        return exchanges[-1]

    monkeypatch.setattr(HookTransport, "send", send)
    return exchanges


def tell(stack: OperatedStack, app: str, **status: Any) -> None:
    """Let the compiler have told an app's status."""
    item = {"version": 3, "ok": True, "policies": 2, "errors": [], "warnings": []}
    told = {"app": app, "id": "#status", "compiledAt": "2026-03-01T12:00:00+00:00", **item}
    stack.aws.dynamodb.put_item(TableName="Policies", Item=to_attributes(told | status))


def in_force(stack: OperatedStack, app: str) -> None:
    item = to_attributes({"app": "#apps", "item": app})
    stack.aws.dynamodb.put_item(TableName="PolicySnapshots", Item=item)


def failing(told: dict[str, Any]) -> list[str]:
    return [check["check"] for check in told["checks"] if not check["ok"]]


def test_given_all_is_well_then_a_signed_hook_came_back_and_the_status_is_0(
    stack: OperatedStack, posted: list[Exchange]
) -> None:
    in_force(stack, "school")
    tell(stack, "school", pinned=2)
    tell(stack, "*")

    told = stack.json("status")

    assert told["ok"]
    assert [exchange.method for exchange in posted] == [PROBE]
    assert {app["app"]: (app["version"], app["pinned"]) for app in told["apps"]} == {
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
    tell(stack, "school", ok=False, errors=[finding], errorCount=70)

    result = stack.run("status")

    assert result.exit_code == 1
    assert "school/no-calls when: no such field" in result.stdout
    assert "70" in result.stdout


@pytest.mark.usefixtures("posted")
def test_given_an_app_whose_first_edit_was_turned_away_then_it_is_found_by_the_log(
    stack: OperatedStack,
) -> None:
    stack.log("compiler", {"app": "club", "version": 0, "errors": ["p: when"]})
    tell(stack, "club", ok=False, version=0)

    result = stack.run("--json", "status")

    assert result.exit_code == 1
    assert [app["app"] for app in json.loads(result.stdout)["apps"]] == ["club"]


@pytest.mark.usefixtures("posted")
def test_given_apps_that_have_no_policies_any_more_then_they_are_not_listed(
    stack: OperatedStack,
) -> None:
    in_force(stack, "school")
    tell(stack, "school")
    gone = to_attributes({"app": "#apps", "item": "gone", "expiresAt": 1})
    stack.aws.dynamodb.put_item(TableName="PolicySnapshots", Item=gone)
    tell(stack, "gone", version=0, policies=0)
    # Turned away yesterday, and then deleted.
    stack.log("compiler", {"app": "club", "version": 0, "errors": ["p: when"]})
    tell(stack, "club", version=0, policies=0)

    told = stack.json("status")

    assert [app["app"] for app in told["apps"]] == ["school"]


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
    told = json.loads(result.stdout)
    assert failing(told) == ["policies", "dead letters", "alarms"]
    _, stale, letters, alarms = told["checks"]
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
