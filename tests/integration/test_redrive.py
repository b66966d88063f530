"""A dead letter handed back to its function: done now, not kept again, and counted no more."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from wcs_hooks.core.methods import Category

CONNECT = {"nodeId": "node", "appKey": "live", "sessionId": "/s", "custom": {"role": "teacher"}}


def letter(method: str, body: bytes) -> dict[str, Any]:
    return {"schema": 1, "method": method, "body": body.decode(), "attempts": 1}


def redrive(hooks: HookClient, category: Category, message: dict[str, Any]) -> dict[str, Any]:
    handler = hooks._handler(category)
    answer = handler({"redrive": message}, SimpleNamespace(aws_request_id="again"))
    told: dict[str, Any] = json.loads(json.dumps(answer))
    return told


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


def test_given_a_connect_that_was_not_recorded_when_it_is_redriven_then_it_is(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    make_client(snapshots=snapshots, SESSIONS_TABLE="Missing").post("connect", CONNECT)
    [message] = aws.dead_letters()

    told = redrive(make_client(snapshots=snapshots), Category.CONNECT, message)

    assert (told["status"], told["answer"], told["error"]) == (200, "echoed", "")
    assert [one["body"]["custom"] for one in aws.sessions()] == [{"role": "teacher"}]


def test_given_a_hook_that_failed_when_it_is_redriven_then_the_new_verdict_is_told(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("live", {"id": "no", "method": "playHLS", "action": "deny"})
    body = json.dumps({**CONNECT, "name": "test"}).encode()

    told = redrive(make_client(snapshots=snapshots), Category.DIRECT, letter("playHLS", body))

    assert told == {
        "decision": "again",
        "status": 403,
        "answer": "denied",
        "policies": ["live/no"],
        "error": "",
    }


def test_given_a_hook_that_fails_again_when_it_is_redriven_then_it_is_told_and_not_kept_twice(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    hooks = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing")

    told = redrive(hooks, Category.CONNECT, letter("connect", json.dumps(CONNECT).encode()))

    assert (told["status"], told["answer"]) == (503, "failed")
    assert told["error"]
    assert aws.dead_letters() == []


def test_given_a_malformed_body_when_it_is_redriven_then_it_stays_malformed(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    told = redrive(make_client(snapshots=snapshots), Category.DIRECT, letter("call", b"[]"))

    assert (told["status"], told["answer"]) == (400, "malformed")


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

    told = redrive(make_client(snapshots=snapshots), Category.CONNECT, message)

    assert (told["status"], told["answer"]) == (403, "rejected")
    assert aws.sessions() == []


def test_given_a_hook_of_wcs_that_failed_when_it_is_kept_then_it_may_be_redriven(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.refuse()

    make_client(snapshots=snapshots).post("call", CONNECT)

    [message] = aws.dead_letters()
    assert "unverified" not in message
