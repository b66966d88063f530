"""Policies edited with the AWS command line become active, and do what they say."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from simulated_wcs.transport import HookReply
from tests.e2e.conftest import (
    IN_FORCE_SECONDS,
    PATIENCE_SECONDS,
    Deployed,
    wait_for_snapshots,
)

_BROKEN = {
    "bad-expression": ({"action": "deny", "when": "body.name.startsWith("}, "when"),
    "unknown-action": ({"action": "refuse"}, "action"),
}


@dataclass(frozen=True)
class PolicyInForce:
    """A policy that was put a moment ago, and how long it took to show."""

    app: str
    policy: str
    seconds: float
    connect: HookReply
    sent: bytes

    @property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = self.connect.json()["restClientConfig"]["publishStream"]
        return config


@pytest.fixture(scope="module")
def denial(deployed: Deployed) -> Iterator[PolicyInForce]:
    policy = {
        "id": "no-private-streams",
        "method": "publishStream",
        "action": "deny",
        "when": "body.name.startsWith('private-')",
        "reason": "private streams are off",
    }
    yield from _put_and_watch_connect(deployed, policy)


@pytest.fixture(scope="module")
def override(deployed: Deployed) -> Iterator[PolicyInForce]:
    policy = {
        "id": "hide-names",
        "method": "publishStream",
        "action": "override",
        "compute": {"name": "'hidden-' + body.name"},
    }
    yield from _put_and_watch_connect(deployed, policy)


def test_given_a_deny_policy_when_it_is_put_then_connect_asks_wcs_to_obey_within_5_seconds(
    denial: PolicyInForce,
) -> None:
    assert denial.config["restOnError"] == "FAIL"
    assert denial.seconds <= IN_FORCE_SECONDS


def test_given_a_deny_policy_then_connects_own_bytes_stay_and_the_config_follows_them(
    denial: PolicyInForce,
) -> None:
    assert denial.connect.body.startswith(denial.sent.rstrip()[:-1].rstrip())
    assert set(denial.connect.json()) - set(json.loads(denial.sent)) == {"restClientConfig"}


def test_given_a_deny_policy_when_a_hook_matches_then_it_is_refused_with_the_reason(
    deployed: Deployed, denial: PolicyInForce
) -> None:
    reply = deployed.post_connected(
        "publishStream", {"appKey": denial.app, "name": "private-lesson"}
    )

    assert reply.status == 403
    assert reply.headers["content-type"] == "application/json"
    error = reply.error
    assert error["status"] == 403
    assert error["reason"] == "private streams are off"
    assert str(error["policy"]).endswith(denial.policy)
    assert error["version"] >= 1
    assert error["decision"] == reply.decision


def test_given_a_deny_policy_when_a_hook_does_not_match_then_it_is_echoed(
    deployed: Deployed, denial: PolicyInForce
) -> None:
    body = json.dumps({"appKey": denial.app, "name": "public-lesson"}).encode()

    reply = deployed.post("publishStream", body)

    assert (reply.status, reply.body) == (200, body)


def test_given_a_deny_policy_when_another_app_or_method_is_meant_then_it_is_echoed(
    deployed: Deployed, denial: PolicyInForce, app: str
) -> None:
    elsewhere = deployed.post_connected("publishStream", {"appKey": app, "name": "private-lesson"})
    otherwise = deployed.post("playStream", {"appKey": denial.app, "name": "private-lesson"})

    assert (elsewhere.status, otherwise.status) == (200, 200)


def test_given_an_override_when_it_is_put_then_connect_asks_wcs_to_take_the_field(
    override: PolicyInForce,
) -> None:
    assert override.config["restPolicy"] == "OVERWRITE"
    assert override.config["restOverwrite"] == "name"
    assert override.seconds <= IN_FORCE_SECONDS


def test_given_an_override_when_a_hook_matches_then_that_field_alone_differs_byte_for_byte(
    deployed: Deployed, override: PolicyInForce
) -> None:
    # Odd blanks, escapes and numbers, none of which survives a common JSON round trip.
    before = (
        b'{ "appKey" : "' + override.app.encode() + b'",\t"big":123456789012345678901234567890,\r\n'
        b' "ratio": 1.50e+2 , "zero":-0.0, "sdp":"v=0\\r\\n\\u00e9\\/\\ud83d\\ude00", "name" :\n '
    )
    after = (
        b' ,"custom":{ "b" : [1 ,2], "a":{} , "name":"inner"},\n'
        b'  "text":"caf\xc3\xa9", "empty":[], "quality": 0.10 }  \n'
    )

    reply = deployed.post("publishStream", before + b'"r\\u006fom-1"' + after)

    assert reply.status == 200
    assert reply.body.startswith(before)
    assert reply.body.endswith(after)
    changed = reply.body[len(before) : len(reply.body) - len(after)]
    assert json.loads(changed) == "hidden-room-1"


@pytest.mark.parametrize("mistake", _BROKEN)
def test_given_a_policy_in_force_when_a_broken_one_is_put_then_it_stays_and_status_says_why(
    deployed: Deployed, app: str, mistake: str
) -> None:
    attributes, wrong = _BROKEN[mistake]
    good = {
        "app": app,
        "id": "good",
        "method": "publishStream",
        "action": "deny",
        "reason": "still here",
    }
    before = deployed.compiled(app, deployed.put_policy(good))
    assert before["ok"]

    edited = deployed.put_policy({"app": app, "id": mistake, "method": "playStream", **attributes})

    after = deployed.compiled(app, edited)
    assert not after["ok"]
    assert after["version"] == before["version"]
    assert (mistake, wrong) in [(one["policy"], one["attribute"]) for one in after["errors"]]
    wait_for_snapshots()
    refused = deployed.post_connected("publishStream", {"appKey": app, "name": "x"})
    assert (refused.status, refused.error["reason"]) == (403, "still here")
    assert deployed.post("playStream", {"appKey": app, "name": "x"}).status == 200


def test_given_a_broken_policy_when_it_is_deleted_then_the_others_come_into_force(
    deployed: Deployed, app: str
) -> None:
    broken = {"app": app, "id": "broken", "method": "playStream", "action": "refuse"}
    deployed.compiled(app, deployed.put_policy(broken))
    good = {"app": app, "id": "good", "method": "playStream", "action": "deny"}
    edited = deployed.put_policy(good)
    assert not deployed.compiled(app, edited)["ok"]

    key = {"app": {"S": app}, "id": {"S": "broken"}}
    deployed.aws("dynamodb", "delete-item", "--key", json.dumps(key))

    began = time.monotonic()
    while deployed.post_connected("playStream", {"appKey": app, "name": "x"}).status != 403:
        assert time.monotonic() - began < IN_FORCE_SECONDS
        time.sleep(0.1)


def _put_and_watch_connect(deployed: Deployed, policy: dict[str, Any]) -> Iterator[PolicyInForce]:
    app = f"app-{uuid4().hex[:12]}"
    sent = json.dumps({"appKey": app, "sessionId": "/1.2.3.4:5/6.7.8.9:8443"}, indent=2).encode()
    unaware = deployed.post("connect", sent)
    assert unaware.body == sent
    item = {"app": app, **policy}
    deployed.put_policy(item)
    began = time.monotonic()
    while True:
        connect = deployed.post("connect", sent)
        seconds = time.monotonic() - began
        if "restClientConfig" in connect.json() or seconds > PATIENCE_SECONDS:
            break
        time.sleep(0.1)
    # The other functions may hold what they read just before, for as long as that is allowed.
    wait_for_snapshots()
    yield PolicyInForce(app, policy["id"], seconds, connect, sent)
    deployed.policies.delete([item])
