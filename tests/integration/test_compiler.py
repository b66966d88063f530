"""The compiler: an edit becomes a new active version, or is rejected with a reason."""

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import POLICIES, SNAPSHOTS, Aws
from tests.support.compiler_function import CompilerFunction, records
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import read_output
from tests.support.in_memory_policy_store import InMemoryPolicyStore
from tests.support.policy_items import configure, deny, override, policy
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.compiler import policy_compiler
from wcs_hooks.compiler.policy_compiler import (
    ATTEMPTS,
    AppRecord,
    ContendedError,
    Edit,
    PolicyCompiler,
    Status,
)
from wcs_hooks.core.policy.compilation import source_digest

type Enforce = Callable[..., Status]
_BROKEN = deny("broken", when="body.name ==")


class CompilingTwice(DynamoPolicyStore):
    """The store of a compiler during whose work something else happens.

    Attributes
    ----------
    meanwhile
        What happens, in order: one after each time that the items were read.
    """

    meanwhile: list[Callable[[], Any]]

    def items(self, app: str) -> list[dict[str, Any]]:
        items = super().items(app)
        if self.meanwhile:
            self.meanwhile.pop(0)()
        return items


@pytest.fixture
def slow_store(calls: AwsCalls, clock: FakeClock) -> CompilingTwice:
    del calls
    store = CompilingTwice(Clients(10).dynamodb(), POLICIES, SNAPSHOTS, 30, clock)
    store.meanwhile = []
    return store


def status_of(aws: Aws, app: str) -> dict[str, Any]:
    item = aws.policy_item(app, "#status")
    assert item is not None
    return item


def rules_in_force(aws: Aws, store: DynamoPolicyStore, app: str) -> list[str]:
    current = aws.snapshot_items(app)["current"]
    return sorted(item["id"] for item in store.source(app, current["version"]))


def test_given_an_edit_when_it_is_compiled_then_a_new_version_is_in_force_and_status_tells_it(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, clock: FakeClock
) -> None:
    aws.put_policies("live", deny("no"))
    compiler.compile("live")
    clock.advance(1)
    aws.put_policies("live", deny("no", reason="closed"), policy("yes", "call"))

    status = compiler.compile("live")

    item = status_of(aws, "live")
    assert (status.ok, status.version, status.policies) == (True, 2, 2)
    assert store.in_force("live").version == 2
    assert (item["ok"], item["version"], item["policies"]) == (True, 2, 2)
    assert item["compiledAt"] == "2030-03-17T17:46:41+00:00"
    assert item["errors"] == []
    assert "pinned" not in item


@pytest.mark.parametrize(
    ("broken", "attribute", "message"),
    [
        pytest.param(deny("bad", when="body.name =="), "when", "^", id="bad CEL"),
        pytest.param(policy("bad", action="refuse"), "action", "refuse", id="unknown action"),
        pytest.param(
            deny("bad", colour="red"), "colour", "not an attribute", id="unknown attribute"
        ),
        pytest.param(deny("bad", "StreamStatusEvent"), "method", "happened", id="a deny too late"),
        pytest.param(
            policy("bad", action="override"), "set", "nothing to override", id="nothing to set"
        ),
        pytest.param(override("bad", set={}), "set", "is empty: remove it", id="an empty set"),
    ],
)
def test_given_a_broken_edit_when_it_is_compiled_then_the_last_good_version_stays_and_status_says(
    aws: Aws,
    compiler: PolicyCompiler,
    enforce: Enforce,
    broken: Any,
    attribute: str,
    message: str,
) -> None:
    enforce("live", deny("good"))
    before = aws.snapshot_items("live")

    aws.put_policies("live", broken)
    status = compiler.compile("live")

    item = status_of(aws, "live")
    assert not status.ok
    assert aws.snapshot_items("live") == before
    assert (item["ok"], item["version"]) == (False, 1)
    [error] = item["errors"]
    assert (error["policy"], error["attribute"]) == ("bad", attribute)
    assert message in error["message"]


def test_given_a_broken_first_edit_when_it_is_compiled_then_nothing_is_in_force(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    aws.put_policies("live", _BROKEN)

    compiler.compile("live")

    assert aws.snapshot_items("live") == {}
    assert (status_of(aws, "live")["ok"], status_of(aws, "live")["version"]) == (False, 0)


def test_given_a_broken_edit_when_it_is_repaired_then_the_next_version_is_in_force(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("good"))
    aws.put_policies("live", _BROKEN)
    compiler.compile("live")

    status = enforce("live", deny("broken", when="body.name == 'x'"))

    assert status.version == 2
    assert status_of(aws, "live")["errors"] == []


def test_given_a_warning_when_it_is_compiled_then_the_edit_is_in_force_and_status_warns(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    aws.put_policies("live", deny("hang-on", "hangup"))

    status = compiler.compile("live")

    item = status_of(aws, "live")
    assert (status.ok, status.version) == (True, 1)
    assert [(w["policy"], w["attribute"]) for w in item["warnings"]] == [("hang-on", "method")]


def test_given_a_record_that_was_handled_when_it_comes_again_then_there_is_no_new_version(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce, clock: FakeClock
) -> None:
    enforce("live", deny("no"))
    before = aws.snapshot_items("live")
    clock.advance(60)

    status = compiler.compile("live")

    assert (status.ok, status.version) == (True, 1)
    assert aws.snapshot_items("live") == before
    assert status_of(aws, "live")["compiledAt"] == status.compiled_at.isoformat()


def test_given_a_policy_when_it_is_written_again_in_another_order_then_there_is_no_new_version(
    compiler: PolicyCompiler, enforce: Enforce, aws: Aws
) -> None:
    enforce("live", deny("no", match={"name": "a", "status": "NEW"}, reason="closed"))

    aws.put_policies("live", deny("no", reason="closed", match={"status": "NEW", "name": "a"}))

    assert compiler.compile("live").version == 1


def test_given_an_edit_that_is_taken_back_then_it_is_a_version_of_its_own(
    enforce: Enforce,
) -> None:
    versions = [enforce("live", deny("no", reason=reason)).version for reason in ("a", "b", "a")]

    assert versions == [1, 2, 3]


@pytest.mark.parametrize(
    ("mark", "kept"),
    [
        ({"by": "anna", "message": "closed"}, Edit("anna", "closed")),
        ({"by": 5, "message": "x" * 2_000}, Edit("", "x" * 1_000)),
        ({"by": "anna", "source": "another"}, Edit()),
        ({"by": "anna", "source": None}, Edit()),
    ],
)
def test_given_the_mark_of_an_edit_when_compiled_then_its_author_is_kept_if_the_policies_are_its(
    clock: FakeClock, mark: dict[str, Any], kept: Edit
) -> None:
    store = InMemoryPolicyStore()
    store.put("school", "no", method="call", action="deny")
    digest = source_digest(store.items("school"))
    store.put("school", "#edit", **{"source": digest, **mark})

    PolicyCompiler(store, clock).compile("school")

    assert store.versions["school"][1].edit == kept


def test_given_policies_when_one_is_removed_then_the_new_version_is_without_it(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, enforce: Enforce
) -> None:
    enforce("live", deny("stays"), deny("goes", "call"))

    aws.delete_policy("live", "goes")
    status = compiler.compile("live")

    assert (status.ok, status.version) == (True, 2)
    assert rules_in_force(aws, store, "live") == ["stays"]


def test_given_policies_when_all_are_removed_then_an_empty_version_is_in_force(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, enforce: Enforce
) -> None:
    enforce("live", deny("no"))

    aws.delete_policy("live", "no")
    status = compiler.compile("live")

    assert (status.ok, status.version, status.policies) == (True, 2, 0)
    assert rules_in_force(aws, store, "live") == []


def test_given_policies_when_all_are_removed_then_first_the_pointer_expires_and_then_the_version(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("no"))

    aws.delete_policy("live", "no")
    compiler.compile("live")

    items = aws.snapshot_items("live")
    record = aws.snapshot_items("#apps")["live"]
    assert all("expiresAt" in item for item in (*items.values(), record))
    pointer = items.pop("current")
    month = 30 * 86_400
    assert all(
        item["expiresAt"] > pointer["expiresAt"] + month
        for name, item in items.items()
        if name.startswith("v0000000002")
    )


def test_given_an_app_without_policies_when_it_has_some_again_then_they_are_active_and_kept(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, enforce: Enforce
) -> None:
    enforce("live", deny("no"))
    aws.delete_policy("live", "no")
    compiler.compile("live")

    status = enforce("live", deny("again"))

    items = aws.snapshot_items("live")
    assert status.version == 3
    assert rules_in_force(aws, store, "live") == ["again"]
    kept = {name for name, item in items.items() if "expiresAt" not in item}
    assert kept == {
        "current",
        "v0000000003",
        "v0000000003#claim",
        "v0000000003#part#000",
        "v0000000003#source#000",
    }
    assert "expiresAt" not in aws.snapshot_items("#apps")["live"]


def test_given_an_app_whose_pointer_expired_when_an_old_version_is_pinned_then_it_is_kept(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce, clock: FakeClock
) -> None:
    enforce("live", deny("no"))
    aws.delete_policy("live", "no")
    compiler.compile("live")
    aws.delete_item(SNAPSHOTS, {"app": "live", "item": "current"})
    # Even by a compiler whose clock is behind.
    clock.advance(-3_600)
    aws.put_policies("live", {"id": "#pin", "version": 1})

    assert compiler.compile("live").pinned == 1

    items = aws.snapshot_items("live")
    kept = {name for name, item in items.items() if "expiresAt" not in item}
    assert {"current", "v0000000001", "v0000000001#part#000"} <= kept


def test_given_an_empty_version_of_an_earlier_compiler_when_compiled_then_it_expires(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("no"))
    aws.delete_policy("live", "no")
    compiler.compile("live")
    # As it was left before: a pointer and a version without an end, and nothing marked.
    for item in aws.snapshot_items("live").values():
        aws.put_item(SNAPSHOTS, {name: item[name] for name in item.keys() - {"moves", "expiresAt"}})

    compiler.compile("live")

    assert all("expiresAt" in item for item in aws.snapshot_items("live").values())


def test_given_no_policies_and_nothing_in_force_when_compiled_then_no_version_is_made(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    status = compiler.compile("live")

    assert (status.ok, status.version) == (True, 0)
    assert aws.snapshot_items("live") == {}


# --- Two compilers at once ----------------------------------------------------------------------


def test_given_an_edit_while_another_is_compiled_then_the_newest_items_are_in_force(
    aws: Aws, store: DynamoPolicyStore, slow_store: CompilingTwice, clock: FakeClock
) -> None:
    aws.put_policies("live", deny("a"))

    def edited_and_compiled_elsewhere() -> None:
        aws.put_policies("live", deny("b"))
        assert PolicyCompiler(store, clock).compile("live").version == 1

    slow_store.meanwhile = [edited_and_compiled_elsewhere]
    status = PolicyCompiler(slow_store, clock).compile("live")

    assert status.ok
    assert rules_in_force(aws, store, "live") == ["a", "b"]
    assert status_of(aws, "live")["version"] == store.in_force("live").version == status.version


def test_given_a_removal_while_an_older_state_is_compiled_then_what_was_removed_stays_removed(
    aws: Aws,
    store: DynamoPolicyStore,
    slow_store: CompilingTwice,
    enforce: Enforce,
    clock: FakeClock,
) -> None:
    enforce("live", deny("a"))
    aws.put_policies("live", deny("b"))

    def removed_and_compiled_elsewhere() -> None:
        aws.delete_policy("live", "a")
        PolicyCompiler(store, clock).compile("live")

    slow_store.meanwhile = [removed_and_compiled_elsewhere]
    PolicyCompiler(slow_store, clock).compile("live")

    assert rules_in_force(aws, store, "live") == ["b"]


def test_given_a_pin_while_an_edit_is_compiled_then_the_pin_holds(
    aws: Aws,
    store: DynamoPolicyStore,
    slow_store: CompilingTwice,
    enforce: Enforce,
    clock: FakeClock,
) -> None:
    enforce("live", deny("a"))
    enforce("live", deny("b"))
    aws.put_policies("live", deny("c"))

    def pinned_elsewhere() -> None:
        aws.put_policies("live", {"id": "#pin", "version": 1})
        PolicyCompiler(store, clock).compile("live")

    slow_store.meanwhile = [pinned_elsewhere]
    status = PolicyCompiler(slow_store, clock).compile("live")

    assert (store.in_force("live").version, store.in_force("live").pinned) == (1, True)
    assert status.pinned == 1


def test_given_a_breaking_edit_while_the_good_state_before_is_compiled_then_status_tells_the_error(
    aws: Aws,
    store: DynamoPolicyStore,
    slow_store: CompilingTwice,
    enforce: Enforce,
    clock: FakeClock,
) -> None:
    enforce("live", deny("good"))

    def broken_and_compiled_elsewhere() -> None:
        aws.put_policies("live", _BROKEN)
        clock.advance(0.1)
        assert not PolicyCompiler(store, clock).compile("live").ok
        clock.advance(0.1)

    slow_store.meanwhile = [broken_and_compiled_elsewhere]
    PolicyCompiler(slow_store, clock).compile("live")

    item = status_of(aws, "live")
    assert item["ok"] is False
    assert [error["policy"] for error in item["errors"]] == ["broken"]


def test_given_compilers_that_keep_moving_the_pointer_then_the_edit_is_left_to_be_tried_again(
    clock: FakeClock,
) -> None:
    store = InMemoryPolicyStore()
    store.put("live", "no", method="call", action="deny")
    store.meanwhile.extend([lambda: store.move_pointer("live")] * ATTEMPTS)

    with pytest.raises(ContendedError, match="'live'"):
        PolicyCompiler(store, clock).compile("live")

    assert store.statuses == {}


def test_given_compilers_that_move_the_pointer_all_but_once_then_the_edit_is_in_force(
    clock: FakeClock,
) -> None:
    store = InMemoryPolicyStore()
    store.put("live", "no", method="call", action="deny")
    store.meanwhile.extend([lambda: store.move_pointer("live")] * (ATTEMPTS - 1))

    status = PolicyCompiler(store, clock).compile("live")

    in_force = store.versions["live"][store.in_force("live").version]
    assert status.ok
    assert [item["id"] for item in in_force.items] == ["no"]
    assert store.statuses["live"] == status


@pytest.mark.parametrize("writes", range(13))
def test_given_a_compiler_killed_after_any_of_its_writes_when_it_is_tried_again_then_all_is_done(
    aws: Aws, calls: AwsCalls, compiler: PolicyCompiler, enforce: Enforce, writes: int
) -> None:
    # An active version, and then an edit that a configure policy for every app contradicts.
    enforce("live", policy("harmless", "call"))
    aws.put_policies("live", deny("no"))
    calls.fail("PutItem", "UpdateItem", "TransactWriteItems", after=writes)
    with suppress(ClientError):
        compiler.compile("live")
    calls.recover()

    status = compiler.compile("live")

    assert status.ok
    items = aws.snapshot_items("live")
    assert items["current"]["version"] == status.version > 1
    # What it requires is known to whoever compiles the policies for every app.
    aws.put_policies("*", configure("log", restOnError="LOG"))
    assert [e.attribute for e in compiler.compile("*").errors] == ["restOnError"]
    # And the version before goes in time.
    assert all("expiresAt" in items[name] for name in items if name.startswith("v0000000001"))


# --- Pins ---------------------------------------------------------------------------------------


@pytest.fixture
def three_versions(enforce: Enforce) -> None:
    for reason in ("one", "two", "three"):
        enforce("live", deny("no", reason=reason))


@pytest.mark.usefixtures("three_versions")
def test_given_versions_when_one_is_pinned_then_it_is_in_force_at_once_and_status_says_so(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore
) -> None:
    aws.put_policies("live", {"id": "#pin", "version": 1})

    status = compiler.compile("live")

    item = status_of(aws, "live")
    assert (status.ok, status.version, status.pinned) == (True, 1, 1)
    assert (store.in_force("live").version, store.in_force("live").pinned) == (1, True)
    assert (item["version"], item["pinned"], item["policies"]) == (1, 1, 1)


@pytest.mark.usefixtures("three_versions")
@pytest.mark.parametrize("edit", [deny("more", "call"), _BROKEN], ids=["good", "broken"])
def test_given_a_pin_when_policies_are_edited_then_the_pinned_version_stays_in_force(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, edit: Any
) -> None:
    aws.put_policies("live", {"id": "#pin", "version": 2})
    compiler.compile("live")

    aws.put_policies("live", edit)
    status = compiler.compile("live")

    assert (store.in_force("live").version, store.in_force("live").pinned) == (2, True)
    assert status.pinned == status_of(aws, "live")["pinned"] == 2
    assert status.ok == (edit is not _BROKEN)


@pytest.mark.usefixtures("three_versions")
def test_given_a_pin_when_it_is_released_then_what_stands_in_the_table_is_in_force(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore
) -> None:
    aws.put_policies("live", {"id": "#pin", "version": 1})
    compiler.compile("live")
    aws.put_policies("live", deny("edited-meanwhile", "call"))
    compiler.compile("live")

    aws.delete_policy("live", "#pin")
    status = compiler.compile("live")

    assert status.ok
    assert not store.in_force("live").pinned
    assert rules_in_force(aws, store, "live") == ["edited-meanwhile", "no"]
    assert "pinned" not in status_of(aws, "live")


@pytest.mark.usefixtures("three_versions")
def test_given_a_pin_of_what_the_table_holds_when_it_is_released_then_edits_take_effect_again(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, enforce: Enforce
) -> None:
    aws.put_policies("live", {"id": "#pin", "version": 3})
    compiler.compile("live")
    aws.delete_policy("live", "#pin")
    compiler.compile("live")

    enforce("live", deny("more", "call"))

    assert not store.in_force("live").pinned
    assert rules_in_force(aws, store, "live") == ["more", "no"]


@pytest.mark.usefixtures("three_versions")
def test_given_a_pin_when_it_is_moved_then_the_other_version_is_in_force(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore
) -> None:
    for version in (1, 2):
        aws.put_policies("live", {"id": "#pin", "version": version})
        compiler.compile("live")

    assert (store.in_force("live").version, store.in_force("live").pinned) == (2, True)


@pytest.mark.usefixtures("three_versions")
@pytest.mark.parametrize("wanted", [99, 0, -1, "2", True, 1.5, None])
def test_given_a_pin_of_no_version_when_it_is_compiled_then_nothing_changes_and_status_says_why(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, wanted: object
) -> None:
    aws.put_policies("live", {"id": "#pin", "version": wanted})

    status = compiler.compile("live")

    assert (store.in_force("live").version, store.in_force("live").pinned) == (3, False)
    assert (status.ok, status.version, status.pinned) == (False, 3, None)
    [error] = status_of(aws, "live")["errors"]
    assert (error["policy"], error["attribute"]) == ("#pin", "version")


@pytest.mark.usefixtures("three_versions")
def test_given_a_pin_when_it_is_moved_to_no_version_then_the_pinned_one_stays(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore
) -> None:
    aws.put_policies("live", {"id": "#pin", "version": 1})
    compiler.compile("live")

    aws.put_policies("live", {"id": "#pin", "version": 99})
    status = compiler.compile("live")

    assert (store.in_force("live").version, store.in_force("live").pinned) == (1, True)
    assert (status.ok, status.pinned) == (False, 1)


def test_given_a_version_that_was_never_completed_when_it_is_pinned_then_status_says_it_is_none(
    aws: Aws, calls: AwsCalls, compiler: PolicyCompiler, store: DynamoPolicyStore, enforce: Enforce
) -> None:
    enforce("live", deny("no"))
    aws.put_policies("live", deny("more", "call"))
    calls.fail("PutItem", after=3)
    with pytest.raises(ClientError):
        compiler.compile("live")
    calls.recover()
    assert "v0000000002#source#000" in aws.snapshot_items("live")

    aws.put_policies("live", {"id": "#pin", "version": 2})
    status = compiler.compile("live")

    assert store.in_force("live").version == 1
    [error] = status.errors
    assert (error.policy, error.attribute) == ("#pin", "version")
    assert "no version 2" in error.message


# --- Every app's policies and single apps' ------------------------------------------------------


def test_given_a_deny_for_every_app_when_an_app_configures_against_it_then_the_app_is_told(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("*", deny("no"))
    aws.put_policies("live", configure("log", restOnError="LOG"))

    compiler.compile("live")

    [error] = status_of(aws, "live")["errors"]
    assert (error["policy"], error["attribute"]) == ("log", "restOnError")
    assert "'no'" in error["message"]


def test_given_an_app_that_denies_when_a_configure_for_every_app_undoes_it_then_that_is_told(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("no"))
    aws.put_policies("*", configure("log", restOnError="LOG"))

    compiler.compile("*")

    [error] = status_of(aws, "*")["errors"]
    assert (error["policy"], error["attribute"]) == ("log", "restOnError")


@pytest.mark.parametrize(("denies", "configures"), [("live", "*"), ("*", "live")])
def test_given_a_configure_policy_when_a_deny_overrules_it_then_the_deny_is_active_and_both_say(
    aws: Aws, handler: CompilerFunction, enforce: Enforce, denies: str, configures: str
) -> None:
    enforce(configures, configure("log", restOnError="LOG"))
    aws.put_policies(denies, deny("no"))

    handler(records((denies, "no")))

    denying, configuring = status_of(aws, denies), status_of(aws, configures)
    assert (denying["ok"], denying["version"]) == (True, 1)
    [warning] = denying["warnings"]
    assert (warning["policy"], warning["attribute"]) == ("no", "action")
    assert "overrules policy 'log'" in warning["message"]
    assert not configuring["ok"]
    [error] = configuring["errors"]
    assert (error["policy"], error["attribute"]) == ("log", "restOnError")
    assert "'no'" in error["message"]


def test_given_two_apps_that_contradict_each_other_then_both_are_in_force(
    enforce: Enforce,
) -> None:
    # `enforce` asserts that there are no errors.
    enforce("live", deny("no"))
    enforce("other", configure("log", restOnError="LOG"))


def test_given_a_contradiction_that_is_removed_then_the_other_side_can_be_compiled(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("no"))
    aws.put_policies("*", configure("log", restOnError="LOG"))
    assert not compiler.compile("*").ok

    aws.delete_policy("live", "no")
    compiler.compile("live")

    assert compiler.compile("*").ok


@pytest.mark.parametrize("app", ["#x", "#apps"])
def test_given_an_app_named_as_the_systems_items_are_when_compiled_then_it_is_turned_away(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce, app: str
) -> None:
    enforce("live", deny("no"))
    before = aws.snapshot_items("#apps")
    aws.put_policies(app, deny("no"))

    status = compiler.compile(app)

    [error] = status_of(aws, app)["errors"]
    assert (status.ok, error["attribute"]) == (False, "app")
    assert aws.snapshot_items("#apps") == before


def test_given_an_app_named_current_when_an_app_named_as_the_list_of_apps_is_compiled_then_it_is_turned_away(  # noqa: E501 - the two names meet in one item
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("current", deny("no"))
    aws.put_policies("#apps", deny("no"))

    status = compiler.compile("#apps")

    assert [error.attribute for error in status.errors] == ["app"]


def test_given_a_version_of_which_a_part_has_expired_when_it_is_pinned_then_it_is_turned_away(
    aws: Aws, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("first"))
    enforce("live", deny("second"))
    key = {"app": {"S": "live"}, "item": {"S": "v0000000001#part#000"}}
    aws.dynamodb.delete_item(TableName=SNAPSHOTS, Key=key)
    aws.put_policies("live", {"id": "#pin", "version": 1})

    status = compiler.compile("live")

    assert [error.policy for error in status.errors] == ["#pin"]
    assert aws.snapshot_items("live")["current"]["version"] == 2


def test_given_a_compiler_killed_before_it_settled_when_the_next_edit_comes_then_all_is_settled(
    aws: Aws, calls: AwsCalls, compiler: PolicyCompiler, enforce: Enforce
) -> None:
    enforce("live", deny("first"))
    aws.put_policies("live", deny("second"))
    calls.fail("UpdateItem")
    with suppress(ClientError):
        compiler.compile("live")
    calls.recover()
    pointer = aws.snapshot_items("live")["current"]
    assert (pointer["version"], pointer["settled"]) == (2, False)

    enforce("live", deny("third"))

    items = aws.snapshot_items("live")
    assert items["current"]["version"] == 3
    for old in ("v0000000001", "v0000000002"):
        assert all("expiresAt" in items[name] for name in items if name.startswith(old))


def test_given_a_pinned_version_that_denies_when_a_configure_contradicts_it_then_the_pin_warns(
    aws: Aws, handler: CompilerFunction, enforce: Enforce
) -> None:
    enforce("live", deny("no"))
    aws.delete_policy("live", "no")
    enforce("live", policy("harmless", "call"))
    enforce("*", configure("off", restPolicy="DISABLE"))
    aws.put_policies("live", {"id": "#pin", "version": 1})

    handler(records(("live", "#pin")))

    live = status_of(aws, "live")
    assert (live["ok"], live["pinned"], status_of(aws, "*")["ok"]) == (True, 1, True)
    [warning] = live["warnings"]
    assert (warning["policy"], warning["attribute"]) == ("#pin", "version")
    assert "policy 'no' of version 1 overrules policy 'off'" in warning["message"]


# --- What depends on others, and on time ---------------------------------------------------------


def test_given_two_apps_edited_at_once_that_agree_then_both_are_active_in_whatever_order(
    aws: Aws, handler: CompilerFunction, enforce: Enforce
) -> None:
    enforce("school", configure("conf", "call", restOnError="LOG"))
    enforce("*", policy("harmless", "playStream"))
    aws.delete_policy("school", "conf")
    aws.put_policies("school", policy("other", "call"))
    aws.put_policies("*", deny("no-calls", "call"))

    handler(records(("*", "no-calls"), ("school", "conf"), ("school", "other")))

    for app in ("*", "school"):
        item = status_of(aws, app)
        assert (item["ok"], item["errors"], item["warnings"]) == (True, [], []), app
        assert item["version"] == aws.snapshot_items(app)["current"]["version"] == 2


@pytest.mark.parametrize("mended", ["*", "school"])
def test_given_an_error_that_another_app_causes_when_its_cause_goes_then_the_edit_is_active(
    aws: Aws, handler: CompilerFunction, enforce: Enforce, mended: str
) -> None:
    waiting = "school" if mended == "*" else "*"
    enforce(mended, deny("no"))
    aws.put_policies(waiting, configure("log", restOnError="LOG"))
    handler(records((waiting, "log")))
    assert not status_of(aws, waiting)["ok"]

    aws.delete_policy(mended, "no")
    handler(records((mended, "no")))

    assert status_of(aws, waiting)["ok"]
    assert aws.snapshot_items(waiting)["current"]["version"] == 1


def test_given_an_error_that_another_app_causes_when_its_policy_expires_then_the_edit_is_active(
    aws: Aws, clock: FakeClock, enforce: Enforce
) -> None:
    handler = CompilerFunction(clock)
    end = datetime.fromtimestamp(clock.now() + 60, UTC).isoformat()
    enforce("*", deny("no", notAfter=end))
    aws.put_policies("school", configure("log", restOnError="LOG"))
    handler(records(("school", "log")))
    assert not status_of(aws, "school")["ok"]

    clock.advance(120)
    handler({})

    assert status_of(aws, "school")["ok"]
    assert aws.snapshot_items("school")["current"]["version"] == 1
    [warning] = status_of(aws, "*")["warnings"]
    assert (warning["policy"], warning["attribute"]) == ("no", "notAfter")


def test_given_nothing_has_changed_when_the_schedule_comes_then_it_reads_once_and_writes_nothing(
    handler: CompilerFunction, enforce: Enforce, calls: AwsCalls
) -> None:
    for number in range(5):
        enforce(f"app-{number}", deny("no"))
    enforce("*", configure("fail", restOnError="FAIL"))
    calls.made.clear()

    handler({})

    assert calls.made == ["Query"]


def test_given_many_apps_when_one_is_edited_then_only_those_it_matters_to_are_compiled(
    clock: FakeClock,
) -> None:
    store = InMemoryPolicyStore()
    compiler = PolicyCompiler(store, clock)
    apps = [f"app-{number}" for number in range(100)]
    for app in apps:
        store.put(app, "mine", method="call", action="deny")
    for app in ("app-7", "app-8"):
        store.put(app, "log", method="playStream", action="configure", restOnError="LOG")
    store.put("*", "harmless", method="call", action="echo")
    compiler.compile_all([*apps, "*"], lambda *_: None)
    compiled: list[str] = []

    store.put("app-3", "another", method="playStream", action="deny")
    compiler.compile_all(["app-3"], lambda app, _: compiled.append(app))
    store.put("*", "no", method="playStream", action="deny")
    compiler.compile_all(["*"], lambda app, _: compiled.append(app))

    assert compiled == ["app-3", "*", "app-7", "app-8"]
    assert [store.statuses[app].ok for app in ("*", "app-3", "app-7")] == [True, True, False]


def test_given_5000_policies_that_hardly_compress_when_compiled_then_it_is_soon_done(
    clock: FakeClock,
) -> None:
    store = InMemoryPolicyStore()
    for number in range(5_000):
        reason = hashlib.sha512(str(number).encode()).hexdigest() * 2
        store.put(
            "live",
            f"p{number:04}",
            method="publishStream",
            action="deny",
            match={"name": f"stream-{number}"},
            reason=reason,
        )
    began = time.process_time()

    status = PolicyCompiler(store, clock).compile("live")

    # The compiler function has a minute.
    assert time.process_time() - began < 5
    assert status.ok
    assert status.policies == 5_000
    [version] = store.versions["live"].values()
    assert len(version.items) == len(version.changed.added) == 5_000


def test_given_a_record_from_before_when_any_app_is_edited_then_its_app_is_compiled_too(
    aws: Aws, handler: CompilerFunction, enforce: Enforce
) -> None:
    enforce("old", deny("no"))
    record = aws.snapshot_items("#apps")["old"]
    aws.put_item(SNAPSHOTS, {name: record[name] for name in ("app", "item", "demands")})
    aws.put_policies("old", {"id": "#status", "ok": False, "compiledAt": "long ago"})

    enforce("new", deny("no"))
    handler(records(("new", "no")))

    assert status_of(aws, "old")["ok"]


def test_given_a_record_that_is_written_meanwhile_then_the_compilation_begins_again(
    clock: FakeClock,
) -> None:
    class Interrupted(InMemoryPolicyStore):
        def write_record(self, app: str, record: AppRecord) -> None:
            if self.meanwhile:
                self.meanwhile.popleft()()
            super().write_record(app, record)

    store = Interrupted()
    compiler = PolicyCompiler(store, clock)
    store.put("live", "a", method="call", action="deny")

    def edited_and_compiled_elsewhere() -> None:
        store.put("live", "b", method="playStream", action="deny")
        clock.advance(1)
        compiler.compile("live")

    # The first comes when the items are read.
    store.meanwhile.extend([lambda: None, edited_and_compiled_elsewhere])
    compiler.compile("live")

    assert {requirement.method for requirement in store.record("live").requirements} == {
        "call",
        "playStream",
    }


def test_given_an_app_that_depends_on_an_edit_and_fails_then_the_edit_is_not_held_up_by_it(
    aws: Aws,
    handler: CompilerFunction,
    enforce: Enforce,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    enforce("poison", configure("log", restOnError="LOG"))
    enforce("school", configure("log", restOnError="LOG"))
    compile_app = handler.module._compiler.compile

    def failing(app: str) -> Status:
        if app == "poison":
            raise RuntimeError("a bug")
        status: Status = compile_app(app)
        return status

    monkeypatch.setattr(handler.module._compiler, "compile", failing)
    aws.put_policies("*", deny("no"))

    handler(records(("*", "no")))

    [metrics], log = read_output(capsys.readouterr().out)
    assert (metrics["Compiled"], metrics["CompileErrors"]) == ([1], [1, 1])
    assert [line["app"] for line in log if line["level"] == "ERROR"] == ["poison"]
    assert status_of(aws, "*")["ok"]
    assert not status_of(aws, "school")["ok"]


def test_given_a_name_that_is_too_long_when_compiled_then_its_status_says_so_and_others_go_on(
    aws: Aws, handler: CompilerFunction
) -> None:
    long = "ž" * 600
    aws.put_policies(long, deny("no"))
    aws.put_policies("live", deny("no"))

    handler(records((long, "no"), ("live", "no")))

    [error] = status_of(aws, long)["errors"]
    assert (error["attribute"], status_of(aws, long)["ok"]) == ("app", False)
    assert "1,024 bytes at most; this one has 1,200" in error["message"]
    assert status_of(aws, "live")["ok"]


@pytest.mark.parametrize("app", ["#x", "x" * 1_500])
def test_given_an_app_of_a_wrong_name_when_its_policies_are_gone_then_nothing_is_wrong_any_more(
    aws: Aws, handler: CompilerFunction, app: str
) -> None:
    aws.put_policies(app, deny("no"))
    handler(records((app, "no")))

    aws.delete_policy(app, "no")
    handler(records((app, "no")))

    assert (status_of(aws, app)["ok"], status_of(aws, app)["errors"]) == (True, [])


def test_given_more_requirements_than_a_record_holds_when_compiled_then_status_says_so(
    aws: Aws, compiler: PolicyCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy_compiler, "MAX_REQUIREMENTS_BYTES", 500)
    fields = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(10)]
    aws.put_policies("live", *(override(f"p-{field}", set={field: 1}) for field in fields))

    status = compiler.compile("live")

    assert "current" not in aws.snapshot_items("live")
    [error] = status.errors
    assert "more different entries of restClientConfig" in error.message


# --- The handler --------------------------------------------------------------------------------


@pytest.fixture
def handler(calls: AwsCalls) -> CompilerFunction:
    del calls
    return CompilerFunction()


def test_given_records_of_two_apps_when_handled_then_each_is_compiled_once_the_less_edited_first(
    aws: Aws, handler: CompilerFunction, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put_policies("live", deny("a"), deny("b", "call"))
    aws.put_policies("other", deny("c"))

    handler(records(("live", "a"), ("live", "b"), ("other", "c")))

    [metrics], log = read_output(capsys.readouterr().out)
    assert metrics["Compiled"] == [1, 1]
    assert [(line["app"], line["version"]) for line in log] == [("other", 1), ("live", 1)]
    assert status_of(aws, "live")["policies"] == 2
    assert status_of(aws, "other")["ok"]


def test_given_a_record_of_the_status_when_it_is_handled_then_nothing_is_done(
    handler: CompilerFunction, calls: AwsCalls, capsys: pytest.CaptureFixture[str]
) -> None:
    handler(records(("live", "#status")))

    assert calls.made == []
    assert capsys.readouterr().out == ""


def test_given_a_record_of_a_pin_when_it_is_handled_then_it_takes_effect(
    aws: Aws, handler: CompilerFunction, store: DynamoPolicyStore
) -> None:
    aws.put_policies("live", deny("a"))
    handler(records(("live", "a")))
    aws.put_policies("live", deny("b"))
    handler(records(("live", "b")))

    aws.put_policies("live", {"id": "#pin", "version": 1})
    handler(records(("live", "#pin")))

    assert (store.in_force("live").version, store.in_force("live").pinned) == (1, True)


def test_given_an_app_that_fails_when_its_batch_is_handled_then_the_others_are_compiled_first(
    aws: Aws,
    handler: CompilerFunction,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for app in ("before", "broken", "after"):
        aws.put_policies(app, deny("no"))
    compile_app = handler.module._compiler.compile

    def failing(app: str) -> Status:
        if app == "broken":
            raise RuntimeError("a bug")
        status: Status = compile_app(app)
        return status

    monkeypatch.setattr(handler.module._compiler, "compile", failing)

    with pytest.raises(handler.module.AppsNotCompiledError, match=r"of broken$"):
        handler(records(("before", "no"), ("broken", "no"), ("after", "no")))

    [metrics], log = read_output(capsys.readouterr().out)
    assert status_of(aws, "before")["ok"]
    assert status_of(aws, "after")["ok"]
    assert (metrics["Compiled"], metrics["CompileErrors"]) == ([1, 1], [1])
    assert [line["level"] for line in log] == ["INFO", "ERROR", "INFO"]
    assert log[1]["app"] == "broken"


def test_given_the_store_is_down_when_a_record_is_handled_then_it_is_left_to_be_tried_again(
    aws: Aws, handler: CompilerFunction, calls: AwsCalls
) -> None:
    aws.put_policies("live", deny("no"))
    calls.cut_off("Query", "GetItem", "PutItem")
    with pytest.raises(Exception, match="could not compile the policies of live"):
        handler(records(("live", "no")))

    calls.recover()
    handler(records(("live", "no")))

    assert status_of(aws, "live")["ok"]


def test_given_a_broken_edit_when_it_is_handled_then_it_is_counted_and_the_log_keeps_it_to_itself(
    aws: Aws, handler: CompilerFunction, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put_policies("live", deny("bad", when="body.custom.token == 'marked-secret' +"))

    handler(records(("live", "bad")))

    output = capsys.readouterr().out
    [metrics], [line] = read_output(output)
    assert metrics["CompileErrors"] == [1]
    assert "Compiled" not in metrics
    assert (line["level"], line["errors"]) == ("WARNING", ["bad: when"])
    assert "marked-secret" not in output


def test_given_a_compilation_when_it_is_counted_then_its_metrics_have_the_compilers_dimensions(
    aws: Aws, handler: CompilerFunction, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put_policies("live", deny("no"))

    handler(records(("live", "no")))
    handler(records(("live", "no")))

    lines, _ = read_output(capsys.readouterr().out)
    [first] = lines[0]["_aws"]["CloudWatchMetrics"]
    [second] = lines[1]["_aws"]["CloudWatchMetrics"]
    assert first["Namespace"] == "WcsHooks"
    assert [set(dimensions) for dimensions in first["Dimensions"]] == [{"service", "category"}]
    assert (lines[0]["service"], lines[0]["category"]) == ("wcs-hooks", "compiler")
    assert first["Metrics"] == [
        {"Name": "Compiled", "Unit": "Count"},
        {"Name": "ColdStart", "Unit": "Count"},
    ]
    assert [metric["Name"] for metric in second["Metrics"]] == ["Compiled"]


def test_given_stored_findings_when_read_as_json_then_people_see_plain_text(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    aws.put_policies("live", _BROKEN)

    compiler.compile("live")

    # No attribute is of a type that the console shows as bytes or sets.
    assert json.loads(json.dumps(status_of(aws, "live"))) == status_of(aws, "live")
