"""Limits count what an expression can see, and not the rest of a hook: through whole functions."""

import json
import time
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, override

_NO_PRIVATE = deny("no-private", when="body.name.startsWith('private-')", reason="private")
_OFFERS = deny("offers", when="body.sdp.contains('m=video')", whenError="match", reason="video")


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture
def hooks(make_client: MakeClient, snapshots: InMemorySnapshots) -> HookClient:
    return make_client(snapshots=snapshots)


def _publish(hooks: HookClient, name: str, **fields: Any) -> Any:
    sdp = "v=0\r\n" * 26_000
    return hooks.post("publishStream", {"appKey": "school", "name": name, "sdp": sdp, **fields})


def test_given_an_sdp_of_130_kb_when_a_policy_asks_for_the_name_then_the_name_decides(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish(
        "school", _NO_PRIVATE, override(compute={"name": "'x-' + body.name"}, priority=200)
    )

    lesson, private = _publish(hooks, "lesson"), _publish(hooks, "private-1")

    assert (lesson.status, json.loads(lesson.body)["name"]) == (200, "x-lesson")
    assert (private.status, private.error["reason"]) == (403, "private")
    assert "ExpressionErrors" not in lesson.counted | private.counted


def test_given_a_policy_that_sees_the_sdp_when_that_is_too_large_then_only_that_has_no_value(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", _NO_PRIVATE, {**_OFFERS, "mode": "shadow"})

    lesson, private = _publish(hooks, "lesson"), _publish(hooks, "private-1")

    assert (lesson.status, private.status) == (200, 403)
    assert {"ShadowDenied", "ExpressionErrors"} <= lesson.counted


def test_given_a_policy_that_sees_the_sdp_when_that_is_too_large_then_sending_much_helps_nobody(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", _OFFERS)

    assert _publish(hooks, "lesson").error["reason"] == "video"
    assert _publish(hooks, "lesson", sdp="v=0\r\n").status == 200


def test_given_data_of_many_values_when_a_policy_asks_for_another_field_then_that_decides(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", deny(method="OnDataEvent", when="body.operationId == 'no'"))
    body = {"appKey": "school", "payload": list(range(5_000))}

    assert hooks.post("OnDataEvent", {**body, "operationId": "yes"}).status == 200
    assert hooks.post("OnDataEvent", {**body, "operationId": "no"}).status == 403


def test_given_many_policies_when_each_sees_another_large_field_then_it_takes_little_time(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    policies = [
        deny(f"p{n}", when=f"body.f{n} == body.sdp", whenError="skip", priority=n)
        for n in range(300)
    ]
    snapshots.publish("school", *policies)
    fields = {f"f{n}": "\ud800x" * 300 for n in range(300)}
    _publish(hooks, "warm", **fields)

    began = time.process_time()
    reply = _publish(hooks, "lesson", **fields)

    assert time.process_time() - began < 2
    assert reply.status == 200
