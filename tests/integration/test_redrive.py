"""A dead letter handed back to its function: done now, not kept again, and counted no more."""

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.unit.tokens.issuer import ISSUER, claims, jwk, signed
from wcs_hooks.core.methods import Category

CONNECT = {"nodeId": "node", "appKey": "live", "sessionId": "/s", "custom": {"role": "teacher"}}


EVENT = {**CONNECT, "status": "PUBLISHING"}
BUS = "wcs-events"


def letter(method: str, body: bytes, **fields: Any) -> dict[str, Any]:
    """A message as schema 1 had it, unless it says otherwise."""
    return {"schema": 1, "method": method, "body": body.decode(), "attempts": 1, **fields}


def event(**fields: Any) -> dict[str, Any]:
    body = json.dumps(EVENT).encode()
    fields = {"schema": 2, "decision": "first", "pending": ["event-bus"], **fields}
    return letter("StreamStatusEvent", body, **fields)


def redrive(hooks: HookClient, category: Category, message: dict[str, Any]) -> dict[str, Any]:
    handler = hooks._handler(category)
    answer = handler({"redrive": message}, SimpleNamespace(aws_request_id="again"))
    response: dict[str, Any] = json.loads(json.dumps(answer))
    return response


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


def test_given_a_connect_that_was_not_recorded_when_it_is_redriven_then_it_is(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    make_client(snapshots=snapshots, SESSIONS_TABLE="Missing").post("connect", CONNECT)
    [message] = aws.dead_letters()

    answer = redrive(make_client(snapshots=snapshots), Category.CONNECT, message)

    assert (answer["status"], answer["answer"], answer["error"]) == (200, "echoed", "")
    assert [one["body"]["custom"] for one in aws.sessions()] == [{"role": "teacher"}]


def test_given_a_hook_that_failed_when_it_is_redriven_then_the_new_verdict_is_told(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("live", {"id": "no", "method": "playHLS", "action": "deny"})
    body = json.dumps({**CONNECT, "name": "test"}).encode()

    answer = redrive(make_client(snapshots=snapshots), Category.DIRECT, letter("playHLS", body))

    assert answer == {
        "decision": "again",
        "status": 403,
        "answer": "denied",
        "policies": ["live/no"],
        "denySuppressed": False,
        "error": "",
        "pending": [],
    }


def test_given_a_hook_that_fails_again_when_it_is_redriven_then_it_is_told_and_not_kept_twice(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    hooks = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing")

    answer = redrive(hooks, Category.CONNECT, letter("connect", json.dumps(CONNECT).encode()))

    assert (answer["status"], answer["answer"]) == (503, "failed")
    assert answer["error"]
    assert aws.dead_letters() == []


def test_given_a_malformed_body_when_it_is_redriven_then_it_stays_malformed(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    answer = redrive(make_client(snapshots=snapshots), Category.DIRECT, letter("call", b"[]"))

    assert (answer["status"], answer["answer"]) == (400, "malformed")


def test_given_a_redriven_hook_then_it_is_logged_as_such_and_not_counted(
    make_client: MakeClient, snapshots: InMemorySnapshots, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = make_client(snapshots=snapshots)
    hooks._handler(Category.DIRECT)
    capsys.readouterr()

    redrive(hooks, Category.DIRECT, letter("call", b'{"appKey":"live"}'))

    [line] = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (line["redriven"], line["method"], line["answer"]) == (True, "call", "echoed")
    assert "_aws" not in line


def test_given_a_caller_of_the_api_when_it_says_redrive_in_its_body_then_it_is_checked_all_the_same(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    hooks = make_client(snapshots=snapshots)

    reply = hooks.post("call", {"redrive": letter("call", b"{}")}, authorization=None)

    assert reply.status == 403


def test_given_a_hook_whose_sender_nobody_could_check_when_it_is_redriven_then_it_is_rejected(
    make_client: MakeClient, snapshots: InMemorySnapshots, calls: AwsCalls, aws: Aws
) -> None:
    calls.cut_off("GetSecretValue")
    forged = make_client(snapshots=snapshots).post("connect", CONNECT, authorization="WCS 00")
    calls.recover()
    assert forged.status == 503
    [message] = aws.dead_letters()
    assert message["unverified"] is True

    answer = redrive(make_client(snapshots=snapshots), Category.CONNECT, message)

    assert (answer["status"], answer["answer"]) == (403, "rejected")
    assert aws.sessions() == []


def test_given_a_hook_of_wcs_that_failed_when_it_is_kept_then_it_may_be_redriven(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.refuse()

    make_client(snapshots=snapshots).post("call", CONNECT)

    [message] = aws.dead_letters()
    assert "unverified" not in message


# --- As of when it came ---------------------------------------------------------------------------

DAY = 86_400


@pytest.mark.parametrize(
    "limited",
    [
        {"notAfter": "2030-03-17T18:00:00Z"},
        {"hours": "Sun 17:00-18:00 UTC"},
        {"when": "now < timestamp('2030-03-17T18:00:00Z')"},
    ],
    ids=lambda limited: next(iter(limited)),
)
def test_given_a_policy_that_applied_when_the_hook_came_when_redriven_days_later_then_it_decides(
    limited: dict[str, str],
    make_client: MakeClient,
    snapshots: InMemorySnapshots,
    clock: FakeClock,
    aws: Aws,
) -> None:
    hooks = make_client(snapshots=snapshots)
    snapshots.refuse()
    hooks.post("playHLS", CONNECT)
    [message] = aws.dead_letters()
    snapshots.recover()
    snapshots.publish("live", {"id": "no", "method": "playHLS", "action": "deny", **limited})
    clock.advance(2 * DAY)

    answer = redrive(hooks, Category.DIRECT, message)
    del message["firstSeen"]
    without_a_moment = redrive(hooks, Category.DIRECT, message)

    assert (answer["status"], without_a_moment["status"]) == (403, 200)


def test_given_a_token_that_expired_meanwhile_when_its_connect_is_redriven_then_it_is_recorded(
    make_client: MakeClient, snapshots: InMemorySnapshots, clock: FakeClock, aws: Aws
) -> None:
    came_at = clock.now()
    snapshots.publish(
        "live",
        {"id": "site", "action": "trust", "required": True, "issuer": ISSUER, "keys": jwk("ES256")},
    )
    token = signed({"alg": "ES256"}, claims(exp=came_at + 600))
    connect = {**CONNECT, "custom": {"token": token}}
    make_client(snapshots=snapshots, SESSIONS_TABLE="Missing").post("connect", connect)
    [message] = aws.dead_letters()
    clock.advance(2 * DAY)

    answer = redrive(make_client(snapshots=snapshots), Category.CONNECT, message)

    assert (answer["status"], answer["pending"]) == (200, [])
    [session] = aws.sessions()
    assert "claims" in session
    assert session["connectedAt"] == came_at
    assert session["expiresAt"] == came_at + (2 + 7) * DAY


def test_given_an_id_that_another_connection_has_by_now_when_its_letters_are_redriven_then_it_stays(
    make_client: MakeClient, snapshots: InMemorySnapshots, clock: FakeClock, aws: Aws
) -> None:
    without_sessions = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing")
    without_sessions.post("connect", CONNECT)
    without_sessions.post("ConnectionStatusEvent", {**CONNECT, "status": "DISCONNECTED"})
    connected, ended = aws.dead_letters()
    clock.advance(60)
    hooks = make_client(snapshots=snapshots)
    hooks.post("connect", {**CONNECT, "custom": {"role": "pupil"}})
    newer = aws.sessions()
    clock.advance(60)

    for category, message in ((Category.CONNECT, connected), (Category.EVENT, ended)):
        assert redrive(hooks, category, message)["pending"] == []
        assert aws.sessions() == newer


def test_given_a_session_that_ended_when_its_letter_is_redriven_then_it_is_forgotten(
    make_client: MakeClient, snapshots: InMemorySnapshots, clock: FakeClock, aws: Aws
) -> None:
    hooks = make_client(snapshots=snapshots)
    hooks.post("connect", CONNECT)
    clock.advance(60)
    make_client(snapshots=snapshots, SESSIONS_TABLE="Missing").post(
        "ConnectionStatusEvent", {**CONNECT, "status": "DISCONNECTED"}
    )
    [message] = aws.dead_letters()
    clock.advance(60)

    assert redrive(hooks, Category.EVENT, message)["pending"] == []
    assert not aws.sessions()


# --- What is left to do ---------------------------------------------------------------------------


@pytest.fixture
def publisher(make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws) -> HookClient:
    del aws
    boto3.client("events").create_event_bus(Name=BUS)
    return make_client(snapshots=snapshots, EVENT_BUS_NAME=BUS)


def published(calls: AwsCalls) -> list[dict[str, Any]]:
    return [
        json.loads(entry["Detail"])
        for operation, body in zip(calls.made, calls.requests, strict=True)
        if operation == "PutEvents"
        for entry in json.loads(body)["Entries"]
    ]


def test_given_a_hook_that_was_answered_when_what_followed_failed_then_one_letter_names_it_all(
    publisher: HookClient, snapshots: InMemorySnapshots, calls: AwsCalls, aws: Aws
) -> None:
    snapshots.publish("live", {"id": "no", "method": "call", "action": "deny"})
    calls.fail("DeleteItem", "PutEvents")

    reply = publisher.post("ConnectionStatusEvent", {**CONNECT, "status": "DISCONNECTED"})

    [message] = aws.dead_letters()
    assert reply.status == 200
    assert (message["pending"], message["versions"]) == (["session", "event-bus"], {"live": 1})
    [line] = reply.log
    assert "session store" in line["error"]
    assert "event bus" in line["error"]


def test_given_an_event_that_failed_then_all_that_follows_it_is_left_and_of_a_connect_nothing(
    publisher: HookClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.refuse()

    publisher.post("StreamStatusEvent", EVENT)
    publisher.post("connect", CONNECT)

    left = {message["method"]: message["pending"] for message in aws.dead_letters()}
    assert left == {"StreamStatusEvent": ["session", "leases", "event-bus"], "connect": []}


def test_given_a_connect_that_wcs_declined_when_it_is_redriven_then_no_session_is_made_up(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.refuse()
    hooks = make_client(snapshots=snapshots)
    assert hooks.post("connect", CONNECT).status == 503
    [message] = aws.dead_letters()
    snapshots.recover()

    answer = redrive(hooks, Category.CONNECT, message)

    assert (answer["status"], answer["answer"]) == (200, "echoed")
    assert aws.sessions() == []


def test_given_a_session_that_was_not_recorded_when_a_policy_denies_it_now_then_it_still_is(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    make_client(snapshots=snapshots, SESSIONS_TABLE="Missing").post("connect", CONNECT)
    [message] = aws.dead_letters()
    snapshots.publish("live", {"id": "no", "method": "connect", "action": "deny"})

    answer = redrive(make_client(snapshots=snapshots), Category.CONNECT, message)

    assert (answer["status"], answer["policies"]) == (403, ["live/no"])
    assert len(aws.sessions()) == 1


def test_given_an_event_that_was_not_published_when_its_letter_is_redriven_twice_then_it_is_once(
    publisher: HookClient, calls: AwsCalls
) -> None:
    first = redrive(publisher, Category.EVENT, event())
    second = redrive(publisher, Category.EVENT, event())

    [detail] = published(calls)
    assert (first["pending"], second["pending"], second["answer"]) == ([], [], "echoed")
    # By the decision that WCS got, so that subscribers recognise it.
    assert detail["decision"] == "first"


def test_given_two_letters_of_the_same_hook_body_when_redriven_then_each_is_published(
    publisher: HookClient, calls: AwsCalls
) -> None:
    redrive(publisher, Category.EVENT, event())
    redrive(publisher, Category.EVENT, event(decision="second"))

    assert [detail["decision"] for detail in published(calls)] == ["first", "second"]


def test_given_only_the_session_is_left_when_it_is_redriven_then_nothing_is_published(
    publisher: HookClient, calls: AwsCalls
) -> None:
    answer = redrive(publisher, Category.EVENT, event(pending=["session"]))

    assert answer["answer"] == "echoed"
    assert published(calls) == []


def test_given_the_bus_is_still_down_when_redriven_then_that_alone_is_left(
    publisher: HookClient, calls: AwsCalls
) -> None:
    calls.fail("PutEvents")

    answer = redrive(publisher, Category.EVENT, event(pending=["session", "event-bus"]))

    assert (answer["answer"], answer["pending"]) == ("failed", ["event-bus"])
    calls.recover()
    assert redrive(publisher, Category.EVENT, event())["answer"] == "echoed"


def test_given_it_cannot_be_noted_that_an_event_was_published_then_it_is_done_all_the_same(
    publisher: HookClient, calls: AwsCalls
) -> None:
    calls.fail("UpdateItem")

    answer = redrive(publisher, Category.EVENT, event())

    assert (answer["answer"], answer["pending"]) == ("echoed", [])
    assert len(published(calls)) == 1


def test_given_nobody_can_tell_whether_an_event_was_published_then_it_is_left(
    publisher: HookClient, calls: AwsCalls
) -> None:
    calls.fail("GetItem")

    answer = redrive(publisher, Category.EVENT, event())

    assert (answer["answer"], answer["pending"]) == ("failed", ["event-bus"])
    assert published(calls) == []


def test_given_a_letter_of_a_newer_version_when_it_is_redriven_then_it_is_left_alone(
    publisher: HookClient, calls: AwsCalls
) -> None:
    answer = redrive(publisher, Category.EVENT, event(schema=3))

    assert (answer["status"], answer["answer"]) == (503, "failed")
    assert "schema 3" in answer["error"]
    assert published(calls) == []
