"""Trials with a clock that is an hour off."""

import json
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.support.policy_items import deny
from tests.support.shifted_clock import ShiftedClock
from verification.fault_matrix.compiling import EDIT, compilation, edited
from verification.fault_matrix.in_process import APP, SESSION, LocalScene, compile_app, observation
from verification.fault_matrix.row import LocalTrial
from verification.fault_matrix.scene import CONNECT, DENIED, Hook, Observed
from wcs_hooks.core.policy.vocabulary import STATUS_ID

HOUR: Final = 3600.0
AHEAD: Final = +HOUR
BEHIND: Final = -HOUR

OPENS: Final = Hook("call", "to be denied in half an hour", {"callee": "100"})
IS_OVER: Final = Hook("call", "was denied until half an hour ago", {"callee": "100"})


def of_function(hook: Hook, wrong_by: float, **window: float) -> LocalTrial:
    """A function's clock is wrong.

    Parameters
    ----------
    window
        `notBefore` or `notAfter` of a policy that denies `call`, in minutes from now.
    """

    def trial(scene: LocalScene) -> Observed:
        if window:
            times = {name: _from_now(minutes) for name, minutes in window.items()}
            scene.aws.put_policies(APP, deny("window", "call", **times))
            compile_app(APP, ShiftedClock())
        if hook is not CONNECT:
            scene.connect()
        body = hook.body(APP, SESSION)
        reply = scene.functions(ShiftedClock(wrong_by)).post(hook.method, body)
        return observation(reply, hook.method, body, scene.aws.dead_letters())

    return trial


def config_at_connect(wrong_by: float, *, expected: str) -> LocalTrial:
    """What a session learns at connect about a policy that ends in half an hour.

    Parameters
    ----------
    expected
        The `restOnError` of `call`.
    """
    connecting = of_function(CONNECT, wrong_by, notAfter=30)

    def trial(scene: LocalScene) -> Observed:
        observed = connecting(scene)
        config = json.loads(observed.answer)["restClientConfig"]
        assert config.get("call", {"restOnError": "LOG"})["restOnError"] == expected
        return observed

    return trial


def recorded(wrong_by: float) -> LocalTrial:
    """The function that recorded the session had a wrong clock, and that which reads it has not."""

    def trial(scene: LocalScene) -> Observed:
        body = CONNECT.body(APP, SESSION)
        clock = ShiftedClock(wrong_by)
        assert scene.functions(clock).post(CONNECT.method, body).status == 200
        return scene.post(DENIED)

    return trial


def compiled(wrong_by: float) -> LocalTrial:
    """A compiler with a wrong clock takes a turn after one with the right one, or before it."""

    def trial(scene: LocalScene) -> Observed:
        first, second = ShiftedClock(), ShiftedClock(wrong_by)
        if wrong_by > 0:
            first, second = second, first
        edited(scene)
        compilation(scene, APP, clock=first)
        scene.aws.put_policies(APP, {**EDIT, "reason": "edited again"})
        observed = compilation(scene, APP, clock=second)
        status = scene.aws.policy_item(APP, STATUS_ID)
        assert status is not None
        assert scene.pointer()["version"] == 3
        assert status["version"] == 3, "`#status` has another version"
        return observed

    return trial


def _from_now(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
