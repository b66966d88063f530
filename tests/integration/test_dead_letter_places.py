"""Two places for dead letters: a hook is lost only if the queue and the table both fail."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import DEAD_LETTERS, Aws
from tests.support.fake_clock import FakeClock
from tests.support.faulty_aws import HANGING, REFUSED, FaultyAws
from tests.support.hook_client import HookClient, HookReply
from tests.support.in_memory_dead_letters import InMemoryDeadLetters
from wcs_hooks.adapters import dynamo_dead_letters
from wcs_hooks.adapters.dynamo_dead_letters import PART_BYTES
from wcs_hooks.clock import SystemClock
from wcs_hooks.hook.dead_letter import MAX_MESSAGE_BYTES, body_of
from wcs_hooks.ports import Place
from wcs_hooks.telemetry.catalogue import METRICS

_BODY = b'{"appKey":"live","name":"b4e7"}'
_DAY = 86_400
_MIB = 1_048_576


@pytest.fixture
def wire(aws: Aws) -> Iterator[FaultyAws]:  # noqa: ARG001 - it stands before moto
    with FaultyAws().watching() as wire:
        yield wire


@pytest.fixture
def queue() -> InMemoryDeadLetters:
    return InMemoryDeadLetters()


@pytest.fixture
def table() -> InMemoryDeadLetters:
    return InMemoryDeadLetters(Place.TABLE)


def was_kept_in_the_table(reply: HookReply) -> bool:
    [line] = reply.log
    if "DeadLetterFallback" not in reply.counted:
        assert "deadLetterFallback" not in line
        return False
    assert {"DeadLettered", "DeadLetterFallback"} <= reply.counted
    assert "DeadLetterLost" not in reply.counted
    assert (line["deadLettered"], line["deadLetterFallback"]) == (True, True)
    return True


def room(aws: Aws) -> dict[str, dict[str, Any]]:
    return {item["letter"]: item for item in aws.items(DEAD_LETTERS) if item["part"] == "room"}


# --- The queue refuses ----------------------------------------------------------------------------


def test_given_the_queue_takes_letters_when_a_hook_fails_then_the_table_is_not_touched(
    hooks: HookClient, calls: AwsCalls, aws: Aws
) -> None:
    calls.cut_off("BatchGetItem")

    reply = hooks.post("publishStream", _BODY)

    assert not was_kept_in_the_table(reply)
    assert len(aws.dead_letters()) == 1
    assert aws.items(DEAD_LETTERS) == []


@pytest.mark.parametrize("code", ["ThrottlingException", "AccessDeniedException", "InternalError"])
def test_given_the_queue_refuses_when_a_hook_fails_then_the_table_has_the_same_message(
    hooks: HookClient, calls: AwsCalls, aws: Aws, code: str
) -> None:
    calls.fail("SendMessage", code=code)
    calls.cut_off("BatchGetItem")

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 503
    assert was_kept_in_the_table(reply)
    [letter] = aws.letters_in_table()
    calls.recover()
    calls.cut_off("BatchGetItem")
    hooks.post("publishStream", _BODY)
    [usual] = aws.dead_letters()
    assert letter["decision"] == reply.headers["X-Decision-Id"]
    varying = {"decision", "firstSeen"}
    assert {k: v for k, v in letter.items() if k not in varying} == {
        k: v for k, v in usual.items() if k not in varying
    }


def test_given_the_queue_refuses_when_only_a_side_effect_failed_then_what_is_pending_is_kept(
    make_client: MakeClient, calls: AwsCalls, aws: Aws
) -> None:
    hooks = make_client(SESSIONS_TABLE="Missing")
    calls.cut_off("SendMessage")

    reply = hooks.post("connect", {"appKey": "live", "nodeId": "n", "sessionId": "s"})

    assert reply.status == 200
    assert was_kept_in_the_table(reply)
    [letter] = aws.letters_in_table()
    assert letter["pending"] == ["session"]


def test_given_queue_and_secret_fail_when_a_hook_comes_then_its_letter_is_marked_as_unverified(
    hooks: HookClient, calls: AwsCalls, aws: Aws
) -> None:
    calls.cut_off("SendMessage", "GetSecretValue")

    assert was_kept_in_the_table(hooks.post("publishStream", _BODY))

    [letter] = aws.letters_in_table()
    assert letter["unverified"] is True


def test_given_the_queue_refuses_when_the_largest_hook_fails_then_it_is_kept_whole_in_parts(
    hooks: HookClient, calls: AwsCalls, aws: Aws, clock: FakeClock
) -> None:
    # Base64 of noise: what is compressed least.
    noise = base64.b64encode(hashlib.shake_256().digest(_MIB)).decode()
    body = json.dumps({"sdp": noise[: _MIB - 20]}).encode()
    calls.cut_off("SendMessage", "BatchGetItem")

    assert was_kept_in_the_table(hooks.post("publishStream", body))

    [letter] = aws.letters_in_table()
    assert body_of(letter) == body
    parts = [item for item in aws.items(DEAD_LETTERS) if item["part"] != "room"]
    assert 2 <= len(parts) <= -(-MAX_MESSAGE_BYTES // PART_BYTES)
    assert max(len(item["text"]) for item in parts) <= PART_BYTES
    # All expire at the same moment, as a message of the queue does.
    assert {item["expiresAt"] for item in parts} == {int(clock.now()) + 14 * _DAY}


def test_given_a_large_letter_when_it_is_cut_off_half_way_then_it_is_lost_and_has_no_first_part(
    hooks: HookClient, calls: AwsCalls, aws: Aws
) -> None:
    noise = base64.b64encode(hashlib.shake_256().digest(_MIB)).decode()
    body = json.dumps({"sdp": noise[: _MIB - 20]}).encode()
    calls.cut_off("SendMessage", "BatchGetItem")
    calls.fail("PutItem", after=2)

    reply = hooks.post("publishStream", body)

    assert "DeadLetterLost" in reply.counted
    assert sorted(item["part"] for item in aws.items(DEAD_LETTERS)) == ["001", "002", "room"]


def test_given_the_table_refuses_too_when_a_hook_fails_then_it_is_lost_and_counted_so(
    hooks: HookClient, calls: AwsCalls
) -> None:
    calls.cut_off("SendMessage", "PutItem", "BatchGetItem")

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 503
    assert "DeadLetterLost" in reply.counted
    assert reply.counted.isdisjoint({"DeadLettered", "DeadLetterFallback"})
    [line] = reply.log
    assert line["deadLettered"] is False
    assert "deadLetterFallback" not in line


def test_given_the_catalogue_of_metrics_then_it_has_the_fallback() -> None:
    assert METRICS["DeadLetterFallback"] == METRICS["DeadLettered"]


# --- Its size ------------------------------------------------------------------------------------


def test_given_a_day_is_full_when_more_hooks_fail_then_they_are_lost_until_the_next_day(
    hooks: HookClient, calls: AwsCalls, aws: Aws, clock: FakeClock
) -> None:
    calls.cut_off("SendMessage", "BatchGetItem")
    hooks.post("publishStream", _BODY)
    [taken] = room(aws).values()

    with patch.object(dynamo_dead_letters, "MAX_BYTES_A_DAY", 2 * int(taken["bytes"]) + 1):
        second, third = (hooks.post("publishStream", _BODY) for _ in range(2))
        of_events = hooks.post("StreamStatusEvent", _BODY)
        clock.advance(_DAY)
        tomorrow = hooks.post("publishStream", _BODY)

    assert was_kept_in_the_table(second)
    assert "DeadLetterLost" in third.counted
    # Neither another category nor another day is concerned.
    assert was_kept_in_the_table(of_events)
    assert was_kept_in_the_table(tomorrow)
    counted = sorted((item["letters"], item["bytes"]) for item in room(aws).values())
    assert [letters for letters, _ in counted] == [1, 1, 2]
    assert counted[-1][1] == 2 * taken["bytes"]
    assert len(aws.letters_in_table()) == 4
    assert all(item["expiresAt"] >= clock.now() + 13 * _DAY for item in room(aws).values())


# --- In time -------------------------------------------------------------------------------------


def in_time(
    make_client: MakeClient, queue: InMemoryDeadLetters, table: InMemoryDeadLetters
) -> HookClient:
    hooks = make_client(
        clock=SystemClock(),
        dead_letters=queue,
        second_place=table,
        AUTH="none",
        REPLY_TIMEOUT_SECONDS="0.4",
    )
    hooks.post("publishStream", b"[]")
    queue.messages.clear()
    queue.calls.clear()
    return hooks


def test_given_the_queue_hangs_when_hooks_fail_then_the_table_has_them_and_replies_are_in_time(
    make_client: MakeClient, queue: InMemoryDeadLetters, table: InMemoryDeadLetters
) -> None:
    hooks = in_time(make_client, queue, table)

    with queue.hanging():
        started = time.perf_counter()
        first = hooks.post("publishStream", b"[]")
        one = time.perf_counter() - started
        others = [hooks.post("publishStream", b"[]") for _ in range(5)]
        all_of_them = time.perf_counter() - started

    assert one < 0.4
    assert all(was_kept_in_the_table(reply) for reply in (first, *others))
    assert len(table.messages) == 6
    # Only the first waited for the queue; the others went straight to the table.
    assert queue.calls == ["send"]
    assert all_of_them - one < one


def test_given_the_queue_hung_when_the_pause_is_over_then_it_is_tried_first_again(
    make_client: MakeClient, queue: InMemoryDeadLetters, table: InMemoryDeadLetters
) -> None:
    hooks = in_time(make_client, queue, table)
    with queue.hanging():
        assert was_kept_in_the_table(hooks.post("publishStream", b"[]"))

    time.sleep(0.5)
    reply = hooks.post("publishStream", b"[]")

    assert not was_kept_in_the_table(reply)
    assert "DeadLettered" in reply.counted


def test_given_the_queue_hung_a_moment_ago_when_the_table_refuses_then_the_queue_has_the_hook(
    make_client: MakeClient, queue: InMemoryDeadLetters, table: InMemoryDeadLetters
) -> None:
    hooks = in_time(make_client, queue, table)
    with queue.hanging():
        assert was_kept_in_the_table(hooks.post("publishStream", b"[]"))
    table.refuse()

    reply = hooks.post("publishStream", b"[]")

    # One service fails now, and no hook is lost to it.
    assert not was_kept_in_the_table(reply)
    assert "DeadLettered" in reply.counted
    assert reply.headers["X-Decision-Id"] in {letter["decision"] for letter in queue.messages}


def test_given_both_hang_when_a_hook_fails_then_it_is_lost_and_the_reply_is_in_time(
    make_client: MakeClient, queue: InMemoryDeadLetters, table: InMemoryDeadLetters
) -> None:
    hooks = in_time(make_client, queue, table)

    with queue.hanging(), table.hanging():
        started = time.perf_counter()
        reply = hooks.post("publishStream", b"[]")
        elapsed = time.perf_counter() - started

    assert "DeadLetterLost" in reply.counted
    assert elapsed < 0.5


def test_given_queue_hangs_and_policies_hang_on_the_wire_when_a_hook_comes_then_the_table_has_it(
    make_client: MakeClient, wire: FaultyAws, aws: Aws
) -> None:
    hooks = make_client(clock=SystemClock(), REPLY_TIMEOUT_SECONDS="1")
    hooks.post("newMethod", b"{}")
    wire.fail(HANGING, "BatchGetItem", "SendMessage")

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 503
    assert was_kept_in_the_table(reply)
    assert reply.seconds < 1.2
    assert len(aws.letters_in_table()) == 1


def test_given_the_queue_refuses_on_the_wire_when_the_sdk_has_tried_twice_then_the_table_has_it(
    make_client: MakeClient, wire: FaultyAws, aws: Aws
) -> None:
    hooks = make_client()
    wire.fail(REFUSED, "SendMessage")

    assert was_kept_in_the_table(hooks.post("publishStream", b"[]"))
    assert len(aws.letters_in_table()) == 1
