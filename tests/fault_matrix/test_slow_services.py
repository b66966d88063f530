"""Services that answer late: a timeout of one hook must not fail another."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest

from tests.support.faulty_aws import HANGING
from tests.support.hook_client import HookClient
from tests.support.shifted_clock import ShiftedClock
from tests.support.uneven_clock import MS, UnevenClock
from verification.fault_matrix.in_process import APP, SESSION, LocalScene, compile_app, observation
from verification.fault_matrix.scene import (
    BY_SESSION,
    CONNECT,
    CUT,
    DISCONNECTED,
    KEPT_ALIVE,
    POLICIES,
    Hook,
    Observed,
)

REPLY_TIMEOUT: Final = 2.0
TICKET: Final = {
    "id": "without-ticket",
    "method": "StreamKeepAliveEvent",
    "action": "deny",
    "when": "has(session.custom.banned)",
}


@contextmanager
def streams(reply_timeout: float = REPLY_TIMEOUT) -> Iterator[LocalScene]:
    """A session whose streams one policy refuses by name, and another one by their session."""
    # As clients: what is refused by name is refused without a look at the session.
    with LocalScene.set_up(reply_timeout, REST_API_CALLS="as-client") as scene:
        scene.aws.put_policies(APP, *POLICIES, TICKET)
        compile_app(APP, ShiftedClock())
        scene.connect()
        yield scene


def slow_down(scene: LocalScene, **seconds: float) -> None:
    """Let operations take some seconds from now on."""
    scene.wire.meanwhile = lambda operation, _: time.sleep(seconds.get(operation, 0))


def post(scene: LocalScene, hooks: HookClient, hook: Hook, **fields: Any) -> Observed:
    body = hook._replace(fields={**hook.fields, **fields}).body(APP, SESSION)
    reply = hooks.post(hook.method, body)
    return observation(reply, hook.method, body, scene.aws.dead_letters())


# --- A metric's label -----------------------------------------------------------------------------


def test_given_sessions_that_take_300_ms_when_one_stream_is_refused_then_another_one_goes_on() -> (
    None
):
    with streams() as scene:
        hooks = scene.functions()
        assert post(scene, hooks, KEPT_ALIVE).status == 200
        slow_down(scene, GetItem=0.3)

        statuses = [post(scene, hooks, hook).status for hook in (CUT, KEPT_ALIVE) * 3]

        assert statuses == [403, 200] * 3


def test_given_sessions_that_answer_when_a_stream_is_refused_then_the_label_is_its_sessions() -> (
    None
):
    with streams() as scene:
        assert post(scene, scene.functions(), CUT).error_outcome == ("FAIL", "stream-ended")


def test_given_a_policy_that_read_the_session_when_it_refuses_then_the_label_costs_no_read() -> (
    None
):
    with streams() as scene:
        scene.aws.put_policies(APP, {**TICKET, "when": "session.custom.role == 'teacher'"})
        compile_app(APP, ShiftedClock())
        hooks = scene.functions()
        slow_down(scene, GetItem=0.3)
        scene.wire.calls.clear()

        refused = post(scene, hooks, KEPT_ALIVE)

        assert (refused.status, refused.error_outcome) == (403, ("FAIL", "stream-ended"))
        assert scene.wire.calls.count("GetItem") == 1


def test_given_sessions_that_hang_when_a_decision_fails_then_the_label_does_not_ask_again() -> None:
    with streams() as scene:
        hooks = scene.functions()
        scene.fail(HANGING, "GetItem")
        scene.wire.calls.clear()

        failed = post(scene, hooks, KEPT_ALIVE)

        assert failed.status == 503
        assert scene.wire.calls.count("GetItem") == 1


def test_given_sessions_that_hang_when_streams_are_refused_then_few_wait_for_the_label() -> None:
    with streams() as scene:
        hooks = scene.functions()
        scene.fail(HANGING, "GetItem")

        began = time.perf_counter()
        statuses = {post(scene, hooks, CUT).status for _ in range(20)}

        assert statuses == {403}
        assert time.perf_counter() - began < 20 * 0.1 * REPLY_TIMEOUT / 2


# --- Less patience than usual ---------------------------------------------------------------------


def test_given_slow_policies_when_a_session_comes_too_late_then_the_next_hook_asks_again() -> None:
    with streams() as scene:
        hooks = scene.functions()
        slow_down(scene, BatchGetItem=1.1, GetItem=0.5)

        assert post(scene, hooks, BY_SESSION).status == 503
        # The policies are known now, and the session has all the time there is.
        assert post(scene, hooks, BY_SESSION).status == 200


def test_given_slow_policies_when_a_session_write_hangs_then_the_letter_is_sent() -> None:
    # Twice the usual time, so that what this machine takes besides is none of the matter.
    timeout = 2 * REPLY_TIMEOUT
    with streams(timeout) as scene:
        hooks = scene.functions()
        assert hooks.post("newMethod", b"{}").status == 200
        scene.fail(HANGING, "PutItem")
        slow_down(scene, BatchGetItem=0.65 * timeout, SendMessage=0.075 * timeout)

        connected = post(scene, hooks, CONNECT)

        assert connected.status == 200
        assert connected.seconds < timeout
        assert "DeadLettered" in connected.counted
        [letter] = connected.letters
        assert letter["pending"] == ["session"]


def test_given_a_session_that_is_not_forgotten_in_time_when_one_is_needed_then_it_is_read() -> None:
    with streams() as scene:
        hooks = scene.functions()
        scene.fail(HANGING, "DeleteItem")

        statuses = [post(scene, hooks, hook).status for hook in (DISCONNECTED, KEPT_ALIVE) * 2]

        assert statuses == [200] * 4
        assert scene.wire.calls.count("DeleteItem") == 1


# --- Left alone for a while -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "monotonic"), [(1, MS), (MS, 1), (-1, 1), (1, -1)], ids=lambda by: f"{by} s"
)
def test_given_sessions_that_hung_when_a_clock_is_wrong_then_few_hooks_wait_and_some_ask_again(
    wall: float, monotonic: float
) -> None:
    with LocalScene.set_up(0.4) as scene:
        scene.connect()
        clock = UnevenClock(time.time())
        hooks = scene.functions(clock)
        scene.fail(HANGING, "GetItem")
        waited = 0
        for _ in range(40):
            clock.move(wall=wall, monotonic=monotonic)
            asked = scene.wire.calls.count("GetItem")
            assert post(scene, hooks, BY_SESSION).status == 503
            waited += scene.wire.calls.count("GetItem") > asked
        scene.recover()
        answered = []
        for _ in range(31):
            clock.move(wall=wall, monotonic=monotonic)
            answered.append(post(scene, hooks, BY_SESSION).status)

    assert 3 <= waited <= 10
    assert answered[-1] == 200


@pytest.mark.parametrize(
    ("wall", "monotonic"),
    [(3600, MS), (MS, 3600), (-3600, MS), (MS, -3600)],
    ids=lambda by: f"{by} s",
)
def test_given_sessions_that_hung_when_a_clock_jumps_then_they_are_asked_soon_after(
    wall: float, monotonic: float
) -> None:
    with LocalScene.set_up(0.4) as scene:
        scene.connect()
        clock = UnevenClock(time.time())
        hooks = scene.functions(clock)
        scene.fail(HANGING, "GetItem")
        assert post(scene, hooks, BY_SESSION).status == 503
        scene.recover()
        clock.move(wall=wall, monotonic=monotonic)
        statuses = []
        for _ in range(2):
            statuses.append(post(scene, hooks, BY_SESSION).status)
            clock.freeze(1)

    assert statuses[-1] == 200
