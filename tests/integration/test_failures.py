"""What WCS gets, and what is kept, when a hook is malformed or we fail."""

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.in_memory_dead_letters import InMemoryDeadLetters
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.policy_compiler import Status
from wcs_hooks.hook.dead_letter import body_of

type Enforce = Callable[..., Status]
_BODY = b'{"appKey":"live","name":"b4e7"}'
_MIB = 1_048_576


def object_of(size: int, content: str = "x") -> bytes:
    frame = len(b'{"sdp":""}')
    repeated = content * (size // len(content) + 1)
    return f'{{"sdp":"{repeated[: size - frame]}"}}'.encode()


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture
def dead_letters() -> InMemoryDeadLetters:
    return InMemoryDeadLetters()


# --- Malformed ----------------------------------------------------------------------------------

_MALFORMED = [
    pytest.param(b"", 400, id="nothing"),
    pytest.param(b"[]", 400, id="an array"),
    pytest.param(b"null", 400, id="null"),
    pytest.param(b'{"a":1', 400, id="half an object"),
    pytest.param(b"{}{}", 400, id="two objects"),
    pytest.param(b'{"a":NaN}', 400, id="no number"),
    pytest.param(b'{"a":"\xff\xfe"}', 400, id="no UTF-8"),
    pytest.param(b'\xef\xbb\xbf{"a":1}', 400, id="a byte order mark"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, id="100,000 levels"),
    pytest.param(b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", 400, id="65 levels"),
    pytest.param(b'{"a":"\x01"}', 400, id="a control character"),
    pytest.param('{"a":"\uffff\ufffe"'.encode(), 400, id="characters that a queue refuses"),
    pytest.param(object_of(_MIB + 1), 413, id="1 MiB and a byte"),
]


@pytest.mark.parametrize(("body", "status"), _MALFORMED)
@pytest.mark.parametrize("method", ["connect", "publishStream", "newMethod"])
def test_given_a_malformed_body_when_it_is_posted_then_the_answer_says_so_and_it_is_kept_whole(
    hooks: HookClient, aws: Aws, method: str, body: bytes, status: int
) -> None:
    reply = hooks.post(method, body)

    [letter] = aws.dead_letters()
    assert (reply.status, reply.error["status"], reply.error["policy"]) == (status, status, None)
    assert reply.error["reason"]
    assert {"Malformed", "DeadLettered"} <= reply.counted
    assert reply.counted.isdisjoint({"Echoed", "Failed"})
    assert body_of(letter) == body
    assert (letter["decision"], letter["method"]) == (reply.headers["X-Decision-Id"], method)
    assert letter["error"]["kind"] == "MalformedBodyError"
    assert (letter["schema"], letter["attempts"]) == (2, 1)


def test_given_a_body_of_1_mib_when_it_is_posted_then_it_is_echoed(hooks: HookClient) -> None:
    body = object_of(_MIB)

    reply = hooks.post("publishStream", body)

    assert (reply.status, reply.body) == (200, body)


def test_given_a_huge_body_that_hardly_compresses_when_it_is_kept_then_what_is_lost_is_told(
    hooks: HookClient, aws: Aws
) -> None:
    body = object_of(2 * _MIB, base64.b64encode(hashlib.shake_256().digest(2 * _MIB)).decode())

    reply = hooks.post("publishStream", body)

    [letter] = aws.dead_letters()
    kept = zlib.decompress(base64.b85decode(letter["bodyZlib"]))
    assert reply.status == 413
    assert body.startswith(kept)
    assert letter["bodyLost"] == {
        "size": len(body),
        "kept": len(kept),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    assert len(kept) >= 100_000


def test_given_a_control_character_in_every_place_when_it_is_kept_then_the_letter_fits_a_message(
    hooks: HookClient, aws: Aws
) -> None:
    body = b"\x01" * 150_000

    hooks.post("publishStream", body)

    [letter] = aws.dead_letters()
    assert body_of(letter) == body


@pytest.mark.parametrize("text", ["\uffff", "\ufffe"])
def test_given_a_character_that_sqs_refuses_when_a_hook_is_kept_then_the_message_has_it_escaped(
    hooks: HookClient, aws: Aws, calls: AwsCalls, text: str
) -> None:
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html:
    # a message may hold #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.
    del calls
    hooks.post("publishStream", f'["{text}"'.encode())

    [message] = aws.sqs.receive_message(QueueUrl=aws.queue_url)["Messages"]
    assert text not in message["Body"]


# --- Our own failure ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "AccessDeniedException", "ResourceNotFoundException"]
)
def test_given_the_policy_store_refuses_when_a_cold_function_is_called_then_the_hook_is_kept(
    hooks: HookClient, aws: Aws, calls: AwsCalls, code: str
) -> None:
    calls.fail("BatchGetItem", code=code)

    reply = hooks.post("publishStream", _BODY)

    [letter] = aws.dead_letters()
    assert (reply.status, reply.error["policy"]) == (503, None)
    assert {"Failed", "DeadLettered"} <= reply.counted
    assert reply.counted.isdisjoint({"Echoed", "Denied", "StaleSnapshot"})
    assert body_of(letter) == _BODY
    assert letter["category"] == "direct"
    assert [line["level"] for line in reply.log] == ["ERROR"]


def test_given_nobody_answers_for_the_policy_store_when_called_cold_then_the_hook_is_kept(
    hooks: HookClient, aws: Aws, calls: AwsCalls
) -> None:
    calls.cut_off("BatchGetItem")

    reply = hooks.post("connect", _BODY)

    assert reply.status == 503
    assert [body_of(letter) for letter in aws.dead_letters()] == [_BODY]


def test_given_the_store_was_down_when_it_is_back_then_the_next_hook_is_answered(
    hooks: HookClient, calls: AwsCalls
) -> None:
    calls.cut_off("BatchGetItem")
    assert hooks.post("publishStream", _BODY).status == 503
    calls.recover()

    assert hooks.post("publishStream", _BODY).status == 200


@pytest.mark.parametrize("damage", ["missing", "altered"])
def test_given_a_damaged_snapshot_when_a_cold_function_is_called_then_the_answer_is_503(
    hooks: HookClient, enforce: Enforce, aws: Aws, damage: str
) -> None:
    enforce("live", deny("no"))
    key: Any = {"app": {"S": "live"}, "item": {"S": "v0000000001#part#000"}}
    if damage == "missing":
        aws.dynamodb.delete_item(TableName="PolicySnapshots", Key=key)
    else:
        item: Any = {**key, "data": {"B": b"damaged"}}
        aws.dynamodb.put_item(TableName="PolicySnapshots", Item=item)

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 503
    assert "Failed" in reply.counted
    assert [body_of(letter) for letter in aws.dead_letters()] == [_BODY]


def test_given_the_bytes_of_another_version_when_a_cold_function_is_called_then_that_is_noticed(
    hooks: HookClient, enforce: Enforce, aws: Aws
) -> None:
    enforce("live", deny("no"))
    enforce("live", deny("no", "call"))
    other = aws.snapshot_items("live")["v0000000001#part#000"]["data"]
    swapped: Any = {
        "app": {"S": "live"},
        "item": {"S": "v0000000002#part#000"},
        "data": {"B": other},
    }
    aws.dynamodb.put_item(TableName="PolicySnapshots", Item=swapped)

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 503


def test_given_a_bug_when_a_hook_is_posted_then_the_answer_is_500_and_tells_nothing_of_it(
    make_client: MakeClient, snapshots: InMemorySnapshots, dead_letters: InMemoryDeadLetters
) -> None:
    hooks = make_client(snapshots=snapshots, dead_letters=dead_letters)
    snapshots.break_with(KeyError("marked-secret"))

    reply = hooks.post("publishStream", _BODY)

    [letter] = dead_letters.messages
    assert reply.status == 500
    assert reply.error == {
        "status": 500,
        "reason": "internal error",
        "policy": None,
        "version": None,
        "decision": reply.headers["X-Decision-Id"],
    }
    assert "marked-secret" not in reply.output
    assert {"Failed", "DeadLettered"} <= reply.counted
    assert (letter["body"], letter["error"]["kind"]) == (_BODY.decode(), "KeyError")
    assert letter["error"]["message"].startswith("KeyError at Faulty._asked:")
    [line] = reply.log
    assert line["error"].startswith("KeyError at Faulty._asked:")


@pytest.mark.parametrize("body", [_BODY, b"[]"], ids=["our failure", "malformed"])
def test_given_queue_and_table_are_down_when_a_hook_should_be_kept_then_it_is_still_answered(
    hooks: HookClient, calls: AwsCalls, body: bytes
) -> None:
    calls.cut_off("BatchGetItem", "SendMessage", "UpdateItem")

    reply = hooks.post("publishStream", body)

    assert reply.status == (503 if body == _BODY else 400)
    assert "DeadLetterLost" in reply.counted
    assert "DeadLettered" not in reply.counted
    assert [line["deadLettered"] for line in reply.log] == [False]


def test_given_a_bug_in_keeping_when_a_hook_should_be_kept_then_it_is_still_answered(
    make_client: MakeClient, snapshots: InMemorySnapshots, dead_letters: InMemoryDeadLetters
) -> None:
    hooks = make_client(snapshots=snapshots, dead_letters=dead_letters, second_place=dead_letters)
    dead_letters.break_with(RuntimeError("a bug"))

    reply = hooks.post("publishStream", b"[]")

    assert reply.status == 400
    assert "DeadLetterLost" in reply.counted


# --- Stale ---------------------------------------------------------------------------------------


def test_given_the_store_is_down_when_policies_are_cached_then_they_are_used_and_counted_as_stale(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls, clock: FakeClock
) -> None:
    enforce("live", deny("no"))
    assert hooks.post("publishStream", _BODY).status == 403
    calls.fail("BatchGetItem", code="ThrottlingException")
    clock.advance(2)

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 403
    assert {"StaleSnapshot", "Denied"} <= reply.counted
    assert reply.counted.isdisjoint({"Failed", "DeadLettered"})
    [line] = reply.log
    assert line["stale"] is True


def test_given_a_stale_snapshot_when_an_echo_is_given_then_it_is_logged_however_rare_echoes_are(
    hooks: HookClient, calls: AwsCalls, clock: FakeClock
) -> None:
    hooks.post("publishStream", _BODY)
    calls.cut_off("BatchGetItem")
    clock.advance(2)

    reply = hooks.post("publishStream", _BODY)

    assert [(line["answer"], line["stale"]) for line in reply.log] == [("echoed", True)]


def test_given_the_store_stays_down_when_hooks_go_on_then_it_is_asked_ever_more_rarely(
    hooks: HookClient, calls: AwsCalls, clock: FakeClock
) -> None:
    hooks.post("publishStream", _BODY)
    calls.cut_off("BatchGetItem")
    calls.made.clear()
    asked_at = []

    for second in range(1, 200):
        clock.advance(1)
        before = len(calls.made)
        reply = hooks.post("publishStream", _BODY)
        assert reply.status == 200
        assert ("StaleSnapshot" in reply.counted) == (second >= 2)
        if len(calls.made) > before and calls.made[-1] == "BatchGetItem":
            asked_at.append(second)

    assert asked_at == [2, 4, 8, 16, 32, 62, 92, 122, 152, 182]


def test_given_a_stale_snapshot_when_the_store_is_back_then_an_edit_is_in_force_again(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls, clock: FakeClock
) -> None:
    hooks.post("publishStream", _BODY)
    calls.cut_off("BatchGetItem")
    clock.advance(2)
    assert "StaleSnapshot" in hooks.post("publishStream", _BODY).counted
    calls.recover()
    enforce("live", deny("no"))
    clock.advance(2)

    reply = hooks.post("publishStream", _BODY)

    assert reply.status == 403
    assert "StaleSnapshot" not in reply.counted


def test_given_a_damaged_new_version_when_an_old_one_is_cached_then_the_old_one_is_used(
    make_client: MakeClient, snapshots: InMemorySnapshots, clock: FakeClock
) -> None:
    hooks = make_client(snapshots=snapshots)
    snapshots.publish("live", deny("no", reason="old"))
    hooks.post("publishStream", _BODY)
    snapshots.publish("live", deny("no", reason="new"))
    snapshots.corrupt("live")
    clock.advance(2)

    reply = hooks.post("publishStream", _BODY)

    assert reply.error["reason"] == "old"
    assert "StaleSnapshot" in reply.counted


# --- In time --------------------------------------------------------------------------------------


def test_given_a_store_that_hangs_when_a_cold_function_is_called_then_the_reply_comes_in_time(
    make_client: MakeClient, snapshots: InMemorySnapshots, dead_letters: InMemoryDeadLetters
) -> None:
    hooks = make_client(
        snapshots=snapshots,
        dead_letters=dead_letters,
        clock=SystemClock(),
        AUTH="none",
        REPLY_TIMEOUT_SECONDS="0.3",
    )
    hooks.post("newMethod", b"{}")

    with snapshots.hanging():
        started = time.perf_counter()
        reply = hooks.post("StreamStatusEvent", _BODY)
        elapsed = time.perf_counter() - started

    assert reply.status == 503
    assert elapsed < 0.5
    assert [letter["body"] for letter in dead_letters.messages] == [_BODY.decode()]


def test_given_everything_hangs_when_a_hook_is_posted_then_the_reply_comes_in_time(
    make_client: MakeClient, snapshots: InMemorySnapshots, dead_letters: InMemoryDeadLetters
) -> None:
    hooks = make_client(
        snapshots=snapshots,
        dead_letters=dead_letters,
        second_place=dead_letters,
        clock=SystemClock(),
        AUTH="none",
        REPLY_TIMEOUT_SECONDS="0.3",
    )
    hooks.post("newMethod", b"{}")

    with snapshots.hanging(), dead_letters.hanging():
        started = time.perf_counter()
        reply = hooks.post("StreamStatusEvent", _BODY)
        elapsed = time.perf_counter() - started

    assert reply.status == 503
    assert "DeadLetterLost" in reply.counted
    assert elapsed < 0.5


def test_given_nothing_of_the_time_is_left_when_a_refusal_is_labelled_then_the_session_is_not_read(
    make_client: MakeClient,
    snapshots: InMemorySnapshots,
    dead_letters: InMemoryDeadLetters,
    calls: AwsCalls,
) -> None:
    # Policies and queue take all of the reply's time, and leave less than a tenth of it.
    hooks = make_client(
        snapshots=snapshots,
        dead_letters=dead_letters,
        second_place=dead_letters,
        clock=SystemClock(),
        AUTH="none",
        REPLY_TIMEOUT_SECONDS="0.3",
    )
    hooks.post("newMethod", b"{}")
    calls.made.clear()

    with snapshots.hanging(), dead_letters.hanging():
        reply = hooks.post("publishStream", {**json.loads(_BODY), "sessionId": "/s"})

    assert reply.status == 503
    assert "GetItem" not in calls.made


def test_given_a_store_that_hangs_when_policies_are_cached_then_the_stale_answer_comes_in_time(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("live", deny("no"))
    hooks = make_client(
        snapshots=snapshots,
        clock=SystemClock(),
        AUTH="none",
        REPLY_TIMEOUT_SECONDS="0.3",
        SNAPSHOT_TTL_SECONDS="0",
    )
    hooks.post("publishStream", _BODY)

    with snapshots.hanging():
        started = time.perf_counter()
        reply = hooks.post("publishStream", _BODY)
        elapsed = time.perf_counter() - started

    assert reply.status == 403
    assert "StaleSnapshot" in reply.counted
    assert elapsed < 0.5


def test_given_a_store_on_which_many_calls_hang_when_hooks_fail_then_they_are_still_kept(
    make_client: MakeClient, snapshots: InMemorySnapshots, dead_letters: InMemoryDeadLetters
) -> None:
    hooks = make_client(
        snapshots=snapshots,
        dead_letters=dead_letters,
        clock=SystemClock(),
        AUTH="none",
        REPLY_TIMEOUT_SECONDS="0.1",
    )

    with snapshots.hanging():
        for _ in range(6):
            assert hooks.post("publishStream", _BODY).status == 503

    assert len(dead_letters.messages) == 6
