"""Whatever hangs, and whatever hangs with it: the waits add up to `replyTimeout` at the most.

Time is not waited for here but counted, so that this holds to the microsecond on any machine.
"""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from functools import partial
from typing import Any, Final

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.faulty_aws import HANGING
from verification.fault_matrix.in_process import APP, SESSION, LocalScene
from verification.fault_matrix.scene import (
    ALLOWED,
    CALLED,
    CONNECT,
    CUT,
    CUT_OFF,
    DENIED,
    DISCONNECTED,
    KEPT_ALIVE,
    LOOKED_UP,
    Hook,
)
from wcs_hooks.adapters import deadlines
from wcs_hooks.adapters.cached_secrets import SECRET_TTL
from wcs_hooks.core.methods import METHODS, Category

REPLY_TIMEOUT: Final = 2.0
_READS: Final = ("GetSecretValue", "BatchGetItem", "Query", "GetItem")
_WRITES: Final[dict[Category, tuple[str, ...]]] = {
    Category.CONNECT: ("PutItem",),
    Category.DIRECT: (),
    Category.EVENT: ("DeleteItem", "PutEvents"),
    Category.INCOMING: (),
}
_DEAD_LETTER: Final = ("SendMessage", "UpdateItem")
"""The queue's call, and the first of the table's."""

_WARMING: Final = {
    Category.CONNECT: CONNECT,
    Category.DIRECT: ALLOWED,
    Category.EVENT: KEPT_ALIVE,
    Category.INCOMING: CALLED,
}


class Hangs(BaseException):
    """A call that nobody will ever hear of again."""


class CountedWait[T](Future[T]):
    """What a call gives; to wait for one that hangs puts the clock forward."""

    clock: FakeClock

    def set_exception(self, exception: BaseException | None) -> None:
        if not isinstance(exception, Hangs):
            super().set_exception(exception)

    def result(self, timeout: float | None = None) -> T:
        if not self.done():
            assert timeout is not None
            self.clock.advance(timeout)
            raise FutureTimeoutError
        return super().result(0)


class AtOnce:
    """A thread whose work is done when it is started."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], **_: Any) -> None:
        self._work = partial(target, *args)

    def start(self) -> None:
        self._work()


@pytest.fixture(scope="module")
def scene() -> Iterator[LocalScene]:
    with LocalScene.set_up(REPLY_TIMEOUT) as scene:
        scene.connect()
        yield scene


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, scene: LocalScene) -> FakeClock:
    clock = FakeClock(1_900_000_000)

    def hang(_: float) -> None:
        raise Hangs

    monkeypatch.setattr(CountedWait, "clock", clock, raising=False)
    monkeypatch.setattr(deadlines, "Future", CountedWait)
    monkeypatch.setattr(deadlines, "Thread", AtOnce)
    monkeypatch.setattr(scene.wire, "hang", hang)
    return clock


def groups(of: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """None of the calls, each one, all but each two, all but each one, and all."""
    for size in (0, 1, len(of) - 2, len(of) - 1, len(of)):
        yield from itertools.combinations(of, size)


@pytest.mark.parametrize(
    ("hook", "state"),
    [
        *itertools.product(
            [CONNECT, DENIED, CUT, CUT_OFF, DISCONNECTED], ["cold", "warm", "refresh"]
        ),
        # It waits for the most: all that is read again, and then the session and rows.
        (LOOKED_UP, "refresh"),
    ],
    ids=lambda value: f"{value.method} {value.description}" if isinstance(value, Hook) else value,
)
def test_given_any_calls_that_hang_when_a_hook_is_posted_then_the_waits_fit_replytimeout(
    scene: LocalScene, clock: FakeClock, hook: Hook, state: str
) -> None:
    category = METHODS[hook.method].category
    late = {}

    for hanging in groups((*_READS, *_WRITES[category], *_DEAD_LETTER)):
        scene.recover()
        hooks = scene.functions(clock)
        if state != "cold":
            warming = _WARMING[category]
            assert hooks.post(warming.method, warming.body(APP, SESSION)).status == 200
            clock.advance(SECRET_TTL if state == "refresh" else 1)
        scene.fail(HANGING, *hanging)
        began = clock.monotonic()
        hooks.post(hook.method, hook.body(APP, SESSION))
        waited = clock.monotonic() - began
        if waited > REPLY_TIMEOUT + 1e-6:
            late[hanging] = round(waited, 6)

    assert late == {}
