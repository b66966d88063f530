"""Events on a bus: which, with what in them, and that none of it touches the reply."""

import json
from typing import Any

import boto3
import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from wcs_hooks.adapters.event_bus import EventBridgeBus
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.errors import UnavailableError

BUS = "wcs-events"
HOOK = {"appKey": "live", "sessionId": "/192.0.2.1:5/192.0.2.2:8443", "status": "PUBLISHING"}


class Subscriber:
    """Somebody who takes every event of the bus."""

    def __init__(self) -> None:
        events, self._sqs = boto3.client("events"), boto3.client("sqs")
        events.create_event_bus(Name=BUS)
        self._queue = self._sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        events.put_rule(Name="all", EventBusName=BUS, EventPattern='{"source":["wcs.hooks"]}')
        events.put_targets(
            Rule="all",
            EventBusName=BUS,
            Targets=[{"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}],
        )

    def received(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def subscriber(aws: Aws) -> Subscriber:
    del aws
    return Subscriber()


@pytest.fixture
def hooks(make_client: MakeClient) -> HookClient:
    return make_client(snapshots=InMemorySnapshots(), EVENT_BUS_NAME=BUS)


def test_given_a_bus_when_an_event_is_posted_then_it_is_published_by_its_method(
    hooks: HookClient, subscriber: Subscriber
) -> None:
    reply = hooks.post("StreamStatusEvent", {**HOOK, "name": "b4e7", "width": 640})

    [event] = subscriber.received()
    assert (event["source"], event["detail-type"]) == ("wcs.hooks", "StreamStatusEvent")
    assert event["detail"]["app"] == "live"
    assert event["detail"]["decision"] == reply.headers["X-Decision-Id"]
    assert event["detail"]["body"]["name"] == "b4e7"
    assert event["detail"]["body"]["width"] == 640
    assert reply.status == 200


def test_given_secrets_in_an_event_when_it_is_published_then_they_are_masked(
    hooks: HookClient, subscriber: Subscriber
) -> None:
    hooks.post(
        "CallStatusEvent",
        {**HOOK, "sipMessageRaw": "s3cr3t-1", "custom": {"token": "s3cr3t-2"}, "sdp": "s3cr3t-3"},
    )

    [event] = subscriber.received()
    text = json.dumps(event)
    assert "s3cr3t" not in text
    assert HOOK["sessionId"] not in text


@pytest.mark.parametrize("method", ["connect", "publishStream", "OnCallEvent", "newMethod"])
def test_given_a_hook_that_is_no_known_event_when_it_is_posted_then_nothing_is_published(
    hooks: HookClient, subscriber: Subscriber, method: str
) -> None:
    hooks.post(method, HOOK)

    assert subscriber.received() == []


def test_given_a_keep_alive_when_it_is_posted_then_it_is_published_only_if_asked_for(
    hooks: HookClient, make_client: MakeClient, subscriber: Subscriber
) -> None:
    hooks.post("StreamKeepAliveEvent", HOOK)
    assert subscriber.received() == []

    asked = make_client(
        snapshots=InMemorySnapshots(), EVENT_BUS_NAME=BUS, EVENT_BUS_KEEP_ALIVE="true"
    )
    asked.post("StreamKeepAliveEvent", HOOK)
    [event] = subscriber.received()
    assert event["detail-type"] == "StreamKeepAliveEvent"


def test_given_no_bus_when_an_event_is_posted_then_none_is_asked_for(
    make_client: MakeClient, calls: AwsCalls
) -> None:
    hooks = make_client(snapshots=InMemorySnapshots(), AUTH="none")

    hooks.post("StreamStatusEvent", HOOK)

    assert calls.made == []


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException"])
def test_given_a_bus_that_refuses_when_an_event_is_posted_then_it_is_answered_and_kept(
    hooks: HookClient, subscriber: Subscriber, calls: AwsCalls, aws: Aws, code: str
) -> None:
    del subscriber
    calls.fail("PutEvents", code=code)

    reply = hooks.post("StreamStatusEvent", HOOK)

    assert (reply.status, reply.body) == (200, json.dumps(HOOK).encode())
    assert {"Echoed", "DeadLettered"} <= reply.counted
    assert "Failed" not in reply.counted
    [letter] = aws.dead_letters()
    assert json.loads(letter["body"]) == HOOK


def test_given_a_bus_that_takes_the_call_but_not_the_event_then_it_was_not_published() -> None:
    class RefusingEntries:
        def put_events(self, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
            return {"FailedEntryCount": len(Entries), "Entries": [{"ErrorCode": "InternalFailure"}]}

    client: Any = RefusingEntries()

    with pytest.raises(UnavailableError, match="refused the event: InternalFailure"):
        EventBridgeBus(client, BUS, SystemClock()).publish(
            "StreamEvent", {}, Deadline(SystemClock(), 1)
        )


def test_given_an_event_too_large_for_the_bus_when_it_is_posted_then_it_goes_without_its_body(
    hooks: HookClient, subscriber: Subscriber
) -> None:
    hooks.post("StreamStatusEvent", {**HOOK, "info": "x" * 300_000})

    [event] = subscriber.received()
    assert event["detail"]["bodyOmitted"] is True
    assert event["detail"]["body"] is None


def test_given_a_denied_keep_alive_when_it_is_published_then_it_is_for_it_has_happened(
    make_client: MakeClient, subscriber: Subscriber
) -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("live", {"id": "no", "method": "StreamKeepAliveEvent", "action": "deny"})
    hooks = make_client(snapshots=snapshots, EVENT_BUS_NAME=BUS, EVENT_BUS_KEEP_ALIVE="true")

    assert hooks.post("StreamKeepAliveEvent", HOOK).status == 403
    assert len(subscriber.received()) == 1


def test_given_an_app_key_that_utf_8_does_not_hold_when_published_then_it_reads_as_elsewhere(
    hooks: HookClient, subscriber: Subscriber, aws: Aws
) -> None:
    hooks.post("StreamStatusEvent", b'{"appKey":"live\\ud800","status":"PUBLISHING"}')

    [event] = subscriber.received()
    assert event["detail"]["app"] == "live\N{REPLACEMENT CHARACTER}"
    assert aws.dead_letters() == []
