"""What the functions ask of AWS for a hook: as little as possible."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from unittest.mock import patch

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, policy
from wcs_hooks.adapters.cached_policies import APP_BYTES, CachedPolicies
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.compiler.policy_compiler import Status
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.ports import Pointer

type Enforce = Callable[..., Status]
_HOOK = {"appKey": "live", "name": "b4e7"}
_ENOUGH = 2**30


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


class CountedReads(InMemorySnapshots):
    """Counts how often each pointer is read, and each snapshot."""

    def __init__(self) -> None:
        super().__init__()
        self.pointers_read: Counter[str] = Counter()
        self.snapshots_read: Counter[str] = Counter()

    def pointers(self, apps: Sequence[str]) -> Mapping[str, Pointer]:
        self.pointers_read.update(apps)
        return super().pointers(apps)

    def snapshot(self, pointer: Pointer) -> Snapshot:
        self.snapshots_read[pointer.app] += 1
        return super().snapshot(pointer)


@pytest.mark.parametrize(
    ("many", "with_policies"),
    [(300, 0), (300, 3), (2_000, 1)],
    ids=["none of 300", "every third of 300", "all of 2,000"],
)
def test_given_many_apps_when_their_hooks_come_within_the_ttl_then_each_pointer_is_read_once(
    make_client: MakeClient, clock: FakeClock, many: int, with_policies: int
) -> None:
    snapshots = CountedReads()
    snapshots.publish("*", deny("for-all", "call"))
    apps = [f"app-{number}" for number in range(many)]
    own = apps[::with_policies] if with_policies else []
    for app in own:
        snapshots.publish(app, deny("no"))
    hooks = make_client(snapshots=snapshots, AUTH="none", SNAPSHOT_TTL_SECONDS="60")

    for _ in range(3):
        denied = [app for app in apps if hooks.post("publishStream", {"appKey": app}).status == 403]
        assert denied == own
        clock.advance(15)

    assert snapshots.pointers_read == Counter([*apps, "*"])
    assert snapshots.snapshots_read == Counter([*own, "*"])


def test_given_many_apps_when_the_ttl_is_over_then_an_edit_for_every_app_is_read_once_and_obeyed(
    make_client: MakeClient, clock: FakeClock
) -> None:
    snapshots = CountedReads()
    apps = [f"app-{number}" for number in range(50)]
    hooks = make_client(snapshots=snapshots, AUTH="none")
    for app in apps:
        assert hooks.post("publishStream", {"appKey": app}).status == 200
    snapshots.publish("*", deny("no"))
    clock.advance(2)
    snapshots.pointers_read.clear()

    for app in apps:
        assert hooks.post("publishStream", {"appKey": app}).status == 403

    assert snapshots.pointers_read == Counter([*apps, "*"])
    assert snapshots.snapshots_read == Counter(["*"])


def test_given_policies_for_every_app_that_did_not_change_when_a_new_app_calls_then_only_their_pointer_is_read(  # noqa: E501 - who, when and what
    make_client: MakeClient, clock: FakeClock
) -> None:
    snapshots = CountedReads()
    snapshots.publish("*", deny("no"))
    hooks = make_client(snapshots=snapshots, AUTH="none")

    for number in range(5):
        assert hooks.post("publishStream", {"appKey": f"app-{number}"}).status == 403
        clock.advance(2)

    assert snapshots.pointers_read["*"] == 5
    assert snapshots.snapshots_read["*"] == 1


def test_given_an_app_that_was_read_later_than_another_when_every_app_is_edited_then_both_obey_in_time(  # noqa: E501 - who, when and what
    make_client: MakeClient, clock: FakeClock
) -> None:
    snapshots = InMemorySnapshots()
    hooks = make_client(snapshots=snapshots, AUTH="none")
    hooks.post("publishStream", {"appKey": "early"})
    snapshots.publish("*", deny("no"))
    clock.advance(1.5)
    # The policies for every app are known, and as old as the first hook.
    assert hooks.post("publishStream", {"appKey": "late"}).status == 200
    clock.advance(0.5)

    assert hooks.post("publishStream", {"appKey": "late"}).status == 403
    assert hooks.post("publishStream", {"appKey": "early"}).status == 403


def test_given_policies_for_all_that_came_late_when_newer_ones_are_known_then_these_decide() -> (
    None
):
    snapshots = InMemorySnapshots()
    clock = SystemClock()
    cache = CachedPolicies(snapshots, 0, clock, _ENOUGH)
    snapshots.publish("*", deny("no", reason="old"))
    is_loaded = threading.Event()
    load = snapshots.snapshot

    def load_slowly(pointer: Pointer) -> Snapshot:
        is_loaded.wait(5)
        return load(pointer)

    with patch.object(snapshots, "snapshot", load_slowly), pytest.raises(UnavailableError):
        cache.in_force("first", Deadline(clock, 0.05))
    [(late, _)] = cache._reads._reading.values()
    snapshots.publish("*", deny("no", reason="new"))
    cache.in_force("second", Deadline(clock, 5))
    is_loaded.set()
    late.result(5)
    snapshots.refuse()

    in_force, stale = cache.in_force("second", Deadline(clock, 5))

    assert (in_force.versions(), stale) == ({"*": 2}, True)


@pytest.mark.parametrize("policies", [0, 1, 20])
def test_given_more_apps_than_fit_when_hooks_come_then_so_many_are_remembered_as_do(
    clock: FakeClock, policies: int
) -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("*", deny("all"))
    room = 100 * APP_BYTES
    cache = CachedPolicies(snapshots, 2, clock, room)

    for number in range(300):
        if policies:
            snapshots.publish(f"app-{number}", *(deny(f"no-{n}") for n in range(policies)))
        in_force, stale = cache.in_force(f"app-{number}", Deadline(clock, 1))
        assert (len(in_force.snapshots), stale) == (2 if policies else 1, False)

    sizes = [entry.size for entry in cache._entries.values()]
    assert cache._bytes == sum(sizes) <= room
    assert sum(sizes) + sizes[-1] > room


def test_given_an_app_that_does_not_fit_at_all_when_its_hooks_come_then_it_is_remembered(
    clock: FakeClock,
) -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("live", deny("no"))
    cache = CachedPolicies(snapshots, 2, clock, 0)
    cache.in_force("live", Deadline(clock, 1))
    snapshots.calls.clear()

    in_force, _ = cache.in_force("live", Deadline(clock, 1))

    assert in_force.versions() == {"live": 1}
    assert snapshots.calls == []


def test_given_many_appkeys_when_one_is_used_all_the_time_then_others_are_forgotten_first(
    clock: FakeClock,
) -> None:
    snapshots = InMemorySnapshots()
    cache = CachedPolicies(snapshots, 1_000, clock, 20 * APP_BYTES)
    cache.in_force("busy", Deadline(clock, 1))

    for number in range(50):
        cache.in_force(f"app-{number}", Deadline(clock, 1))
        snapshots.calls.clear()
        cache.in_force("busy", Deadline(clock, 1))
        assert snapshots.calls == []


def test_given_appkeys_that_dynamodb_refuses_when_policies_for_all_are_known_then_it_is_not_asked(
    hooks: HookClient, enforce: Enforce, calls: AwsCalls
) -> None:
    enforce("*", deny("no"))
    hooks.post("publishStream", _HOOK)
    calls.made.clear()

    for app in ("", "x" * 2_049, "#apps", "*"):
        assert hooks.post("publishStream", {"appKey": app}).status == 403

    # To ask for no key at all is an error in DynamoDB.
    assert calls.made == []


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
    cache = CachedPolicies(snapshots, 0, clock, _ENOUGH)

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
    cache = CachedPolicies(snapshots, 0, clock, _ENOUGH)
    with snapshots.hanging(), pytest.raises(UnavailableError):
        cache.in_force("live", Deadline(clock, 0.05))
    [(late, _)] = cache._reads._reading.values()
    assert late.result(5)["live"].number == 1
    snapshots.publish("live", deny("no", reason="newer"))

    in_force, stale = cache.in_force("live", Deadline(clock, 5))

    assert (in_force.versions(), stale) == ({"live": 2}, False)


def test_given_a_version_that_came_too_late_when_nothing_can_be_read_then_it_is_stale() -> None:
    snapshots = InMemorySnapshots()
    snapshots.publish("live", deny("no"))
    clock = SystemClock()
    cache = CachedPolicies(snapshots, 0, clock, _ENOUGH)
    with snapshots.hanging(), pytest.raises(UnavailableError):
        cache.in_force("live", Deadline(clock, 0.05))
    [(late, _)] = cache._reads._reading.values()
    assert late.result(5)
    snapshots.refuse()

    in_force, stale = cache.in_force("live", Deadline(clock, 5))

    assert (in_force.versions(), stale) == ({"live": 1}, True)
