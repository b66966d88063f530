"""What is kept for a while ends in time, whichever of the two clocks is wrong."""

from typing import Final

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.hook_client import SECRET, HookClient, signature
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny
from tests.support.uneven_clock import MS, UnevenClock

_BODY = b'{"appKey":"live","name":"b4e7"}'
_HOUR: Final = 3600.0

_PASSED_LONG_SINCE = [
    pytest.param(_HOUR, MS, id="the monotonic clock stood still"),
    pytest.param(MS, _HOUR, id="the wall clock stood still"),
    pytest.param(-_HOUR, MS, id="the wall clock was set back"),
    pytest.param(MS, -_HOUR, id="the monotonic clock ran backwards"),
]
"""Each time it may be an hour later, or nobody knows how late it is."""


@pytest.fixture
def clock() -> UnevenClock:
    return UnevenClock()


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture
def hooks(make_client: MakeClient, snapshots: InMemorySnapshots, clock: UnevenClock) -> HookClient:
    return make_client(snapshots=snapshots, clock=clock)


# --- Policies -------------------------------------------------------------------------------------


def test_given_a_hook_a_second_when_the_monotonic_clock_stands_still_between_them_then_an_edit_holds_after_the_ttl(  # noqa: E501 - what, when and then
    hooks: HookClient, snapshots: InMemorySnapshots, clock: UnevenClock
) -> None:
    hooks.post("publishStream", _BODY)
    snapshots.publish("live", deny("no"))

    statuses = []
    for _ in range(4):
        clock.freeze(1)
        statuses.append(hooks.post("publishStream", _BODY).status)

    # A TTL of two seconds.
    assert statuses == [200, 403, 403, 403]


@pytest.mark.parametrize(("wall", "monotonic"), _PASSED_LONG_SINCE)
def test_given_cached_policies_when_a_clock_is_wrong_then_the_next_hook_obeys_an_edit(
    hooks: HookClient,
    snapshots: InMemorySnapshots,
    clock: UnevenClock,
    wall: float,
    monotonic: float,
) -> None:
    hooks.post("publishStream", _BODY)
    snapshots.publish("live", deny("no"))
    clock.move(wall=wall, monotonic=monotonic)

    assert hooks.post("publishStream", _BODY).status == 403


def test_given_a_wall_clock_that_is_set_back_when_hooks_go_on_then_policies_are_cached_again(
    hooks: HookClient, snapshots: InMemorySnapshots, clock: UnevenClock
) -> None:
    hooks.post("publishStream", _BODY)
    clock.move(wall=-_HOUR, monotonic=MS)
    snapshots.calls.clear()

    for _ in range(10):
        clock.advance(0.1)
        hooks.post("publishStream", _BODY)

    assert snapshots.calls == ["pointers"]


@pytest.mark.parametrize(
    ("wall", "monotonic"), [(1, MS), (MS, 1), (-1, 1), (1, -1)], ids=lambda by: f"{by} s"
)
def test_given_a_store_that_is_down_when_a_clock_is_wrong_then_it_is_asked_rarely_and_not_given_up(
    hooks: HookClient,
    snapshots: InMemorySnapshots,
    clock: UnevenClock,
    wall: float,
    monotonic: float,
) -> None:
    hooks.post("publishStream", _BODY)
    snapshots.refuse()
    snapshots.calls.clear()

    for _ in range(300):
        clock.move(wall=wall, monotonic=monotonic)
        assert hooks.post("publishStream", _BODY).status == 200

    # After 2, 4, 8, 16, 32 and then every 30 seconds.
    assert 10 <= len(snapshots.calls) <= 15


# --- Secrets --------------------------------------------------------------------------------------


def test_given_a_finished_rotation_when_the_monotonic_clock_stands_still_between_hooks_then_the_old_key_ends(  # noqa: E501 - what, when and then
    hooks: HookClient, aws: Aws, clock: UnevenClock
) -> None:
    aws.set_secret("new", previous=SECRET)
    assert hooks.post("call", _BODY).status == 200
    aws.set_secret("new")

    admitted = 0
    for _ in range(120):
        clock.freeze(1)
        admitted += hooks.post("call", _BODY).status == 200

    assert admitted < 60
    assert hooks.post("call", _BODY, authorization=signature(_BODY, "new")).status == 200


@pytest.mark.parametrize(("wall", "monotonic"), _PASSED_LONG_SINCE)
def test_given_a_finished_rotation_when_a_clock_is_wrong_then_the_next_hook_needs_the_new_key(
    hooks: HookClient, aws: Aws, clock: UnevenClock, wall: float, monotonic: float
) -> None:
    aws.set_secret("new", previous=SECRET)
    assert hooks.post("call", _BODY).status == 200
    aws.set_secret("new")
    clock.move(wall=wall, monotonic=monotonic)

    assert hooks.post("call", _BODY).status == 403
    assert hooks.post("call", _BODY, authorization=signature(_BODY, "new")).status == 200


@pytest.mark.parametrize(
    ("wall", "monotonic"), [(1, MS), (MS, 1), (-1, 1), (1, -1)], ids=lambda by: f"{by} s"
)
def test_given_a_secret_store_that_is_down_when_a_clock_is_wrong_then_it_is_not_asked_by_each_hook(
    hooks: HookClient, calls: AwsCalls, clock: UnevenClock, wall: float, monotonic: float
) -> None:
    hooks.post("call", _BODY)
    calls.cut_off("GetSecretValue")
    calls.made.clear()

    for _ in range(120):
        clock.move(wall=wall, monotonic=monotonic)
        assert hooks.post("call", _BODY).status == 200

    assert 1 <= calls.made.count("GetSecretValue") <= 60


# --- Batched echoes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wall", "monotonic"), [(1, MS), (MS, 1), (-1, MS), (MS, -1)], ids=lambda by: f"{by} s"
)
def test_given_batched_echoes_when_a_clock_is_wrong_then_none_waits_for_a_hundred_others(
    make_client: MakeClient,
    snapshots: InMemorySnapshots,
    clock: UnevenClock,
    wall: float,
    monotonic: float,
) -> None:
    hooks = make_client(snapshots=snapshots, clock=clock, ECHO_METRICS_SECONDS="5")
    hooks.post("publishStream", _BODY)

    waiting = longest = counted = 0
    for _ in range(30):
        clock.move(wall=wall, monotonic=monotonic)
        emitted = sum(sum(line["Calls"]) for line in hooks.post("publishStream", _BODY).metrics)
        waiting = 0 if emitted else waiting + 1
        longest = max(longest, waiting)
        counted += emitted

    assert longest < 5
    assert counted == 30 - waiting
