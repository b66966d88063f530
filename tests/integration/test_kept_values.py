"""What a session keeps of a connect is what decided there, through whole functions."""

import json
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_tables import Aws
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, override

_OF_SESSION = {"nodeId": "node", "appKey": "school", "sessionId": "/192.0.2.1:4388"}
_KNOWN_ADMINS_ONLY = deny(
    "known-admins", "connect", when="body.custom.role == 'admin' && body.custom.pass != 'k-77'"
)
_ADMINS_PUBLISH = deny("admins-publish", when="session.custom.role != 'admin'")


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture
def hooks(make_client: MakeClient, snapshots: InMemorySnapshots) -> HookClient:
    return make_client(snapshots=snapshots, REST_API_CALLS="never-deny")


def _custom(custom: str) -> bytes:
    return json.dumps(_OF_SESSION).encode()[:-1] + b', "custom": ' + custom.encode() + b"}"


@pytest.mark.parametrize(
    ("custom", "connects", "publishes"),
    [
        ('{"role": "admin", "pass": "k-77"}', 200, 200),
        ('{"role": "admin", "pass": "other"}', 403, None),
        ('{"role": "guest", "pass": "other"}', 200, 403),
        ('{"role": "admin?x", "pass": "other"}', 200, 403),
        ('{"role": "?admin", "pass": "other"}', 200, 403),
        ('{"role": "//x@admin", "pass": "other"}', 200, 403),
        ('{"role": "sip:x:y@admin", "pass": "other"}', 200, 403),
    ],
)
def test_given_a_claim_that_connect_did_not_check_when_publishing_then_it_is_no_other_claim(
    hooks: HookClient,
    snapshots: InMemorySnapshots,
    custom: str,
    connects: int,
    publishes: int | None,
) -> None:
    snapshots.publish("school", _KNOWN_ADMINS_ONLY, _ADMINS_PUBLISH)

    assert hooks.post("connect", _custom(custom)).status == connects

    if publishes is not None:
        assert hooks.post("publishStream", {**_OF_SESSION, "name": "a"}).status == publishes


def test_given_a_claim_that_is_not_kept_when_a_policy_asks_for_it_then_it_has_no_value(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", _ADMINS_PUBLISH)
    hooks.post("connect", _custom('{"role": "admin?x"}'))

    reply = hooks.post("publishStream", {**_OF_SESSION, "name": "a"})

    assert reply.error["policy"] == "admins-publish"
    assert "ExpressionErrors" in reply.counted


def test_given_an_infinite_number_when_it_is_asked_for_later_then_it_is_no_other_number(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.publish("school", deny(when="session.custom.level < 1e308", whenError="match"))

    assert hooks.post("connect", _custom('{"level": 1e400, "user": "anna"}')).status == 200

    assert hooks.post("publishStream", {**_OF_SESSION, "name": "a"}).status == 403
    assert [one["body"]["custom"] for one in aws.sessions()] == [{"user": "anna"}]
    assert aws.dead_letters() == []


def test_given_the_user_of_the_room_api_when_a_stream_is_published_then_policies_know_her(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.publish("school", override(compute={"name": "session.custom.login + '-lesson'"}))
    connect: dict[str, Any] = {**_OF_SESSION, "login": "s3cr3t", "custom": {"login": "anna"}}

    hooks.post("connect", connect)
    reply = hooks.post("publishStream", {**_OF_SESSION, "name": "a"})

    assert json.loads(reply.body)["name"] == "anna-lesson"
    assert "s3cr3t" not in json.dumps(aws.sessions())


_JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"


def test_given_tokens_and_secrets_under_any_name_when_a_client_connects_then_none_is_kept(
    hooks: HookClient, aws: Aws
) -> None:
    custom = {"jwt": "s3cr3t", "access_token": "s3cr3t", "apiKey": "s3cr3t", "pin": 1234}
    tokens = {"proof": _JWT, "stream": "k1.p.1893499200.YW5uYQ.s3cr3t", "many": [_JWT, "a"]}

    hooks.post("connect", {**_OF_SESSION, "custom": {**custom, **tokens, "user": "anna"}})

    [session] = aws.sessions()
    assert session["body"]["custom"] == {"user": "anna"}
