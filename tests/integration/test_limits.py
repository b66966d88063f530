"""Limits through the functions as they are wired, on AWS in this process."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.integration.conftest import MakeClient
from tests.integration.test_redrive import redrive
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import LEASES, Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.policy_items import deny
from wcs_hooks.core.methods import Category

_STREAMS: Final = deny(
    "streams", "publishStream", limit={"by": "body.user", "most": 2, "holds": "stream"}
)
_CALLS: Final = deny(
    "calls", "call", when="known", limit={"by": "body.caller", "most": 1, "holds": "call"}
)
_OF: Final = {"appKey": "school", "nodeId": "n", "sessionId": "s"}


@pytest.fixture
def hooks(make_client: MakeClient, enforce: Callable[..., Any]) -> HookClient:
    enforce("school", _STREAMS, _CALLS)
    return make_client()


def _publish(hooks: HookClient, stream: str, **fields: Any) -> int:
    body = {**_OF, "user": "anna", "mediaSessionId": stream, **fields}
    return int(hooks.post("publishStream", body).status)


def _stream_event(hooks: HookClient, stream: str, status: str) -> None:
    hooks.post("StreamStatusEvent", {**_OF, "mediaSessionId": stream, "status": status})


def _leases(calls: AwsCalls) -> int:
    return len([request for request in calls.requests if b'"Leases"' in request])


def test_a_limited_publish_makes_one_call_more_and_an_unlimited_hook_none(
    hooks: HookClient, calls: AwsCalls
) -> None:
    hooks.post("playStream", {**_OF, "mediaSessionId": "v"})
    hooks.post("connect", dict(_OF))
    assert _leases(calls) == 0

    assert _publish(hooks, "a") == 200

    assert _leases(calls) == 1


def test_the_end_of_a_stream_lets_the_next_one_in(hooks: HookClient) -> None:
    before = [_publish(hooks, stream) for stream in "aabc"]
    _stream_event(hooks, "a", "UNPUBLISHED")

    assert before == [200, 200, 200, 403]
    assert [_publish(hooks, stream) for stream in "cd"] == [200, 403]


def test_a_stream_that_is_kept_alive_holds_its_place_and_one_that_is_not_loses_it(
    hooks: HookClient, clock: FakeClock
) -> None:
    assert [_publish(hooks, stream) for stream in "ab"] == [200, 200]

    for _ in range(12):
        clock.advance(10)
        hooks.post("StreamKeepAliveEvent", {**_OF, "mediaSessionId": "a"})

    assert [_publish(hooks, stream) for stream in "cd"] == [200, 403]


def test_a_call_that_never_begins_gives_its_place_back_within_minutes(
    hooks: HookClient, clock: FakeClock
) -> None:
    hooks.post("connect", dict(_OF))

    def call(call_id: str) -> int:
        body = {**_OF, "caller": "anna", "callId": call_id}
        return int(hooks.post("call", body).status)

    answers = [call("1"), call("2")]
    clock.advance(310)

    assert [*answers, call("2")] == [200, 403, 200]


def test_a_place_that_ran_out_is_counted_when_it_is_taken_over(
    hooks: HookClient, clock: FakeClock
) -> None:
    for stream in "ab":
        _publish(hooks, stream)
    clock.advance(120)

    reply = hooks.post("publishStream", {**_OF, "user": "anna", "mediaSessionId": "c"})

    [metrics] = reply.metrics
    assert (reply.status, metrics["LeasesExpired"]) == (200, [2])


def test_a_call_of_a_long_session_holds_its_place_for_longer(
    hooks: HookClient, clock: FakeClock
) -> None:
    hooks.post("connect", dict(_OF))

    def call(call_id: str) -> int:
        body = {**_OF, "caller": "anna", "callId": call_id}
        return int(hooks.post("call", body).status)

    first = call("1")
    hooks.post("CallStatusEvent", {**_OF, "callId": "1", "status": "ESTABLISHED"})
    answers = []
    for _ in range(5):
        clock.advance(3_000)
        answers.append(call("2"))

    assert (first, answers) == (200, [403] * 5)


def test_a_store_of_places_that_fails_fails_the_hook_and_keeps_it(
    hooks: HookClient, calls: AwsCalls, aws: Aws
) -> None:
    calls.fail("TransactWriteItems")

    reply = hooks.post("publishStream", {**_OF, "user": "anna", "mediaSessionId": "a"})

    [letter] = aws.dead_letters()
    assert letter["error"]["message"] == "the lease store does not answer: InternalServerError"
    assert (reply.status, "LimitErrors" in reply.counted) == (503, True)


def test_an_end_whose_places_could_not_be_given_back_is_redriven_once(
    hooks: HookClient, calls: AwsCalls, aws: Aws
) -> None:
    for stream in "ab":
        _publish(hooks, stream)
    calls.fail("GetItem")
    _stream_event(hooks, "a", "UNPUBLISHED")
    calls.recover()
    [letter] = aws.dead_letters()

    assert letter["pending"] == ["leases"]
    assert _publish(hooks, "c") == 403
    for _ in range(2):
        redrive(hooks, Category.EVENT, letter)
    assert [_publish(hooks, stream) for stream in "cd"] == [200, 403]


def test_a_redriven_hook_takes_no_place(hooks: HookClient, calls: AwsCalls, aws: Aws) -> None:
    calls.fail("TransactWriteItems")
    _publish(hooks, "a")
    calls.recover()
    [letter] = aws.dead_letters()

    redrive(hooks, Category.DIRECT, letter)

    assert aws.items(LEASES) == []


def test_no_item_of_the_store_of_places_names_a_session_or_a_stream(
    hooks: HookClient, aws: Aws
) -> None:
    _publish(hooks, "MarkedStream", sessionId="MarkedSession")

    assert "Marked" not in str(aws.items(LEASES))
