"""What the functions ask of AWS for a hook: as little as possible."""

import hashlib
import json
from collections.abc import Callable

import pytest

from tests.support.aws_calls import AwsCalls
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, policy
from wcs_hooks.adapters.cached_policies import MAX_APPS, CachedPolicies
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.policy_compiler import Status
from wcs_hooks.ports import UnavailableError

type Enforce = Callable[..., Status]
_HOOK = {"appKey": "live", "name": "b4e7"}


def test_given_a_warm_function_when_hooks_come_within_the_ttl_then_aws_is_not_called_at_all(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls, clock: FakeClock
) -> None:
    enforce("*", policy("all", "call"))
    enforce("live", deny("no", when="body.name == 'x'"))
    hooks.post("publishStream", _HOOK)
    calls.made.clear()

    for _ in range(19):
        clock.advance(0.1)
        assert hooks.post("publishStream", _HOOK).status == 200
        assert hooks.post("publishStream", {**_HOOK, "name": "x"}).status == 403

    assert calls.made == []


def test_given_a_cold_function_when_a_hook_comes_then_one_call_fetches_both_pointers(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls
) -> None:
    enforce("*", policy("all", "call"))
    enforce("live", deny("no"))
    calls.made.clear()

    hooks.post("publishStream", _HOOK)

    assert calls.made == ["GetSecretValue", "BatchGetItem", "Query", "Query"]


@pytest.mark.parametrize("apps", [(), ("live",), ("live", "*")], ids=["none", "own", "both"])
def test_given_nothing_changed_when_the_ttl_is_over_then_one_call_tells_so(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls, clock: FakeClock, apps: tuple[str, ...]
) -> None:
    for app in apps:
        enforce(app, deny("no", "call"))
    hooks.post("publishStream", _HOOK)
    clock.advance(2)
    calls.made.clear()

    for _ in range(3):
        hooks.post("publishStream", _HOOK)

    assert calls.made == ["BatchGetItem"]


def test_given_one_of_two_snapshots_changed_when_the_ttl_is_over_then_only_that_one_is_read(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls, clock: FakeClock
) -> None:
    enforce("*", policy("all", "call"))
    enforce("live", deny("no"))
    assert hooks.post("publishStream", _HOOK).status == 403
    enforce("live", deny("no", "call"))
    clock.advance(2)
    calls.made.clear()

    reply = hooks.post("publishStream", _HOOK)

    assert reply.status == 200
    assert calls.made == ["BatchGetItem", "Query"]


def test_given_an_edit_when_the_ttl_is_not_over_then_what_is_cached_decides(
    hooks: HookClient, enforce: Enforce, clock: FakeClock
) -> None:
    hooks.post("publishStream", _HOOK)
    enforce("live", deny("no"))

    # A second has passed, of two.
    assert hooks.post("publishStream", _HOOK).status == 200
    clock.advance(1)
    assert hooks.post("publishStream", _HOOK).status == 403


def test_given_policies_for_every_app_when_many_apps_call_then_their_snapshot_is_read_once(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls
) -> None:
    enforce("*", deny("no"))
    calls.made.clear()

    for number in range(5):
        assert hooks.post("publishStream", {"appKey": f"app-{number}"}).status == 403

    assert calls.made.count("Query") == 1
    assert calls.made.count("BatchGetItem") == 5


@pytest.mark.parametrize(
    "app", ['""', f'"{"x" * 2_049}"', f'"{"é" * 1_025}"', '"\\ud800"'], ids=lambda app: app[:12]
)
def test_given_an_appkey_that_dynamodb_refuses_as_a_key_when_a_hook_comes_then_it_is_not_asked_for(
    hooks: HookClient, calls: AwsCalls, app: str
) -> None:
    # One such key, and DynamoDB refuses the whole call; the AWS of these tests is less strict.
    reply = hooks.post("publishStream", f'{{"appKey":{app}}}'.encode())

    asked = json.loads(calls.requests[calls.made.index("BatchGetItem")])
    assert reply.status == 200
    assert asked["RequestItems"]["PolicySnapshots"]["Keys"] == [
        {"app": {"S": "*"}, "item": {"S": "current"}}
    ]


def test_given_an_unknown_method_when_it_is_posted_then_no_policies_are_read(
    hooks: HookClient, calls: AwsCalls
) -> None:
    hooks.post("newMethod", _HOOK)

    assert calls.made == ["GetSecretValue"]


def test_given_a_rejected_caller_when_it_posts_then_no_policies_are_read(
    hooks: HookClient, calls: AwsCalls
) -> None:
    hooks.post("call", _HOOK, authorization="WCS 00")

    assert "BatchGetItem" not in calls.made


def noise(number: int) -> str:
    """1,024 characters that compress by half at best."""
    return hashlib.shake_256(str(number).encode()).hexdigest(512)


def test_given_a_version_of_several_parts_when_a_hook_comes_then_its_policies_decide(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls
) -> None:
    enforce("live", *(deny(f"p{n}", match={"name": f"n{n}"}, reason=noise(n)) for n in range(800)))

    reply = hooks.post("publishStream", {"appKey": "live", "name": "n799"})

    assert (reply.status, reply.error["policy"]) == (403, "p799")
    assert calls.made.count("BatchGetItem") == 1


@pytest.mark.parametrize("many", [MAX_APPS, MAX_APPS * 4])
def test_given_many_appkeys_when_hooks_come_then_a_bounded_number_is_remembered(
    clock: FakeClock, many: int
) -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("*", deny("all"))
    cache = CachedPolicies(snapshots, 2, clock)

    for number in range(many):
        snapshots.publish(f"app-{number}", deny("no"))
        in_force, stale = cache.in_force(f"app-{number}", Deadline(clock, 1))
        assert (len(in_force.snapshots), stale) == (2, False)

    assert len(cache._entries) <= MAX_APPS
    assert len(cache._snapshots) <= MAX_APPS + 1


def test_given_many_appkeys_when_one_is_used_all_the_time_then_others_are_forgotten_first(
    clock: FakeClock,
) -> None:
    snapshots = InMemorySnapshots()
    cache = CachedPolicies(snapshots, 1_000, clock)
    cache.in_force("busy", Deadline(clock, 1))

    for number in range(MAX_APPS * 2):
        cache.in_force(f"app-{number}", Deadline(clock, 1))
        snapshots.calls.clear()
        cache.in_force("busy", Deadline(clock, 1))
        assert snapshots.calls == []


def test_given_an_app_when_its_last_policy_is_removed_then_its_hooks_are_echoed(
    hooks: HookClient, enforce: Enforce, clock: FakeClock
) -> None:
    enforce("live", deny("no"))
    assert hooks.post("publishStream", _HOOK).status == 403
    enforce("live", deny("no", mode="off"))
    clock.advance(2)

    assert hooks.post("publishStream", _HOOK).status == 200


def test_given_a_snapshot_that_loads_slower_than_a_hook_may_wait_then_a_later_hook_has_it() -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("live", deny("no"))
    clock = SystemClock()
    cache = CachedPolicies(snapshots, 0, clock)

    with snapshots.hanging():
        for _ in range(3):
            with pytest.raises(UnavailableError):
                cache.in_force("live", Deadline(clock, 0.05))
    in_force, stale = cache.in_force("live", Deadline(clock, 5))

    assert (in_force.versions(), stale) == ({"live": 1}, False)
    assert snapshots.calls.count("snapshot") == 1


def test_given_a_version_that_came_too_late_when_there_is_a_newer_one_then_that_decides() -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("live", deny("no"))
    clock = SystemClock()
    cache = CachedPolicies(snapshots, 0, clock)
    with snapshots.hanging(), pytest.raises(UnavailableError):
        cache.in_force("live", Deadline(clock, 0.05))
    [(late, _)] = cache._reading.values()
    assert late.result(5).in_force.versions() == {"live": 1}
    snapshots.publish("live", deny("no", reason="newer"))

    in_force, stale = cache.in_force("live", Deadline(clock, 5))

    assert (in_force.versions(), stale) == ({"live": 2}, False)


def test_given_a_version_that_came_too_late_when_nothing_can_be_read_then_it_is_stale() -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("live", deny("no"))
    clock = SystemClock()
    cache = CachedPolicies(snapshots, 0, clock)
    with snapshots.hanging(), pytest.raises(UnavailableError):
        cache.in_force("live", Deadline(clock, 0.05))
    [(late, _)] = cache._reading.values()
    assert late.result(5)
    snapshots.refuse()

    in_force, stale = cache.in_force("live", Deadline(clock, 5))

    assert (in_force.versions(), stale) == ({"live": 1}, True)
