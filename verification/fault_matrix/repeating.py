"""Trials of hooks that come twice: WCS sends one again whose answer it did not see."""

import json
from collections.abc import Mapping
from typing import Any

from verification.fault_matrix.in_process import LocalScene
from verification.fault_matrix.row import LocalTrial, Trial
from verification.fault_matrix.scene import Hook, Observed, Scene
from wcs_hooks.core.methods import METHODS, Category


def twice(hook: Hook) -> Trial:
    """The same hook once more: the same answer, but for the decision's id."""

    def trial(scene: Scene) -> Observed:
        if METHODS[hook.method].category is not Category.CONNECT:
            scene.connect()
        first, second = scene.post(hook), scene.post(hook)
        assert _without_decision(first) == _without_decision(second)
        assert first.status == second.status
        assert first.decision != second.decision
        return second

    return trial


def connecting_twice(hook: Hook) -> LocalTrial:
    """One session, all the same."""

    def trial(scene: LocalScene) -> Observed:
        first = scene.post(hook)
        before = scene.session()
        second = scene.post(hook)
        after = scene.session()
        assert first.answer == second.answer
        assert before.pop("expiresAt") <= after.pop("expiresAt")
        assert before == after
        return second

    return trial


def disconnecting_twice(hook: Hook) -> LocalTrial:
    """The session is gone, all the same."""
    again = twice(hook)

    def trial(scene: LocalScene) -> Observed:
        observed = again(scene)
        assert scene.aws.sessions() == []
        return observed

    return trial


def publishing_twice(hook: Hook) -> LocalTrial:
    """The bus has the event twice."""
    again = twice(hook)

    def trial(scene: LocalScene) -> Observed:
        observed = again(scene)
        assert scene.wire.calls.count("PutEvents") == 2
        return observed

    return trial


def _without_decision(observed: Observed) -> Mapping[str, Any] | bytes:
    if observed.status == 200:
        return observed.answer
    answer: dict[str, Any] = json.loads(observed.answer)["error"]
    return {name: value for name, value in answer.items() if name != "decision"}
