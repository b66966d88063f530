"""Policies, their versions and their status in DynamoDB, as the compiler writes them."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import POLICIES, SNAPSHOTS, Aws
from tests.support.fake_clock import FakeClock
from tests.support.policy_items import deny, override, policy
from wcs_hooks.adapters import dynamo_policy_store
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import MAX_NAMES, PART_BYTES, DynamoPolicyStore
from wcs_hooks.adapters.dynamo_snapshots import DynamoSnapshots
from wcs_hooks.compiler.policy_compiler import (
    NOTHING,
    InForceVersion,
    PointerMovedError,
    PolicyCompiler,
    Status,
    StatusChangedError,
)
from wcs_hooks.core.decision import Hook, Verdict, decide
from wcs_hooks.core.payload import parse
from wcs_hooks.core.policy.compilation import Changes, Compilation, compile_policies
from wcs_hooks.core.policy.reader import Finding, Severity

_NO_CHANGES = Changes((), (), ())
_DAY = 86_400


@pytest.fixture
def reader(calls: AwsCalls) -> DynamoSnapshots:
    del calls
    return DynamoSnapshots(Clients(10).dynamodb(), SNAPSHOTS)


def compiled(*policies: Any, app: str = "live") -> tuple[Compilation, list[dict[str, Any]]]:
    items = [{"app": app, **item} for item in policies]
    return compile_policies(app, items, (), 0), items


def add(store: DynamoPolicyStore, *policies: Any, app: str = "live") -> int:
    return store.add_version(*compiled(*policies, app=app), _NO_CHANGES, 0)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        pytest.param({"S": "call"}, "call", id="a text"),
        pytest.param({"SS": ["hold", "call"]}, ["call", "hold"], id="a set of texts"),
        pytest.param({"NS": ["10", "9", "1.5"]}, [1.5, 9, 10], id="a set of numbers"),
        pytest.param({"BS": [b"b", b"a"]}, [b"a", b"b"], id="a set of binaries"),
        pytest.param({"N": "7"}, 7, id="an integer"),
        pytest.param({"N": "-0.25"}, -0.25, id="a fraction"),
        pytest.param({"N": "7.00"}, 7, id="an integer with a fraction of nought"),
        pytest.param({"N": "123456789012345678901234567890"}, 123456789012345678901234567890,
                     id="an integer beyond 64 bits"),
        pytest.param({"BOOL": True}, True, id="true"),
        pytest.param({"BOOL": False}, False, id="false"),
        pytest.param({"NULL": True}, None, id="null"),
        pytest.param({"B": b"\x00\xff"}, b"\x00\xff", id="a binary"),
        pytest.param({"L": []}, [], id="an empty list"),
        pytest.param({"M": {}}, {}, id="an empty map"),
        pytest.param(
            {"M": {"list": {"L": [{"N": "1"}, {"M": {"set": {"SS": ["x"]}}}, {"NULL": True}]}}},
            {"list": [1, {"set": ["x"]}, None]},
            id="what is nested",
        ),
    ],
)  # fmt: skip
def test_given_an_attribute_of_any_type_when_items_are_read_then_it_has_a_type_of_json(
    aws: Aws, store: DynamoPolicyStore, attribute: Any, value: Any
) -> None:
    key: dict[str, Any] = {"app": {"S": "live"}, "id": {"S": "a"}}
    aws.dynamodb.put_item(TableName=POLICIES, Item={**key, "attribute": attribute})

    [item] = store.items("live")

    assert item == {"app": "live", "id": "a", "attribute": value}
    assert type(item["attribute"]) is type(value)


def test_given_more_items_than_a_page_holds_when_they_are_read_then_all_come_but_no_other_apps(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    big = [policy(f"p{number}", note="x" * 300_000) for number in range(5)]
    aws.put_policies("live", *big)
    aws.put_policies("live2", policy("other"))

    assert [item["id"] for item in store.items("live")] == ["p0", "p1", "p2", "p3", "p4"]


def test_given_an_app_without_versions_when_it_is_read_then_nothing_is_in_force(
    store: DynamoPolicyStore,
) -> None:
    assert store.in_force("live") == NOTHING
    assert store.source("live", 0) == []


def test_given_versions_when_one_is_added_then_it_has_the_next_number_and_is_not_yet_in_force(
    store: DynamoPolicyStore,
) -> None:
    numbers = [add(store, deny("a")), add(store, deny("b"))]

    assert numbers == [1, 2]
    assert store.in_force("live") == NOTHING


def test_given_a_version_when_it_is_pointed_to_then_its_snapshot_decides(
    store: DynamoPolicyStore, reader: DynamoSnapshots
) -> None:
    version = add(store, deny("no", reason="closed"))

    store.activate("live", version, NOTHING, pinned=False)

    snapshot = reader.snapshot(reader.pointers(["live"])["live"])
    hook = Hook("publishStream", "direct", parse(b'{"appKey":"live"}'))
    denial = decide([snapshot], hook, 0).denial
    assert (snapshot.app, snapshot.version) == ("live", 1)
    assert denial is not None
    assert (denial.policy, denial.reason, denial.version) == ("no", "closed", 1)


def test_given_a_version_when_another_is_added_and_put_into_force_then_its_items_stay_as_they_were(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    first = add(store, deny("a"))
    store.activate("live", first, NOTHING, pinned=False)
    before = {name: item for name, item in aws.snapshot_items("live").items() if name != "current"}

    second = add(store, deny("b"))
    store.activate("live", second, store.in_force("live"), pinned=False)

    after = aws.snapshot_items("live")
    assert before.keys() >= {"v0000000001", "v0000000001#part#000", "v0000000001#source#000"}
    for name, item in before.items():
        assert {**after[name], "expiresAt": None} == {**item, "expiresAt": None}


def test_given_two_compilers_when_they_claim_a_number_at_once_then_each_gets_one_of_its_own(
    store: DynamoPolicyStore, reader: DynamoSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both have looked up the last number before either claims the next one.
    monkeypatch.setattr(dynamo_policy_store, "last_version", lambda *_: 0)

    numbers = [add(store, deny("a")), add(store, deny("b"))]

    assert numbers == [1, 2]
    for version, policy_id in ((1, "a"), (2, "b")):
        assert [item["id"] for item in store.source("live", version)] == [policy_id]
        store.activate("live", version, store.in_force("live"), pinned=False)
        snapshot = reader.snapshot(reader.pointers(["live"])["live"])
        assert [rule.id for rule in snapshot.rules("publishStream", {})] == [policy_id]


def test_given_a_compiler_killed_before_the_manifest_then_its_version_cannot_be_put_into_force(
    aws: Aws, calls: AwsCalls, store: DynamoPolicyStore
) -> None:
    # Claim, part and source are written; the manifest is the fourth.
    calls.fail("PutItem", after=3)
    with pytest.raises(ClientError):
        add(store, deny("a"))
    calls.recover()

    assert aws.snapshot_items("live").keys() == {
        "v0000000001#claim",
        "v0000000001#part#000",
        "v0000000001#source#000",
    }
    with pytest.raises(LookupError):
        store.activate("live", 1, NOTHING, pinned=True)
    assert store.in_force("live") == NOTHING


@pytest.mark.parametrize("written", [1, 2, 3])
def test_given_a_compiler_killed_half_way_when_another_goes_on_then_it_takes_the_next_number(
    calls: AwsCalls, store: DynamoPolicyStore, reader: DynamoSnapshots, written: int
) -> None:
    calls.fail("PutItem", after=written)
    with pytest.raises(ClientError):
        add(store, deny("half"))
    calls.recover()

    version = add(store, deny("whole"))
    store.activate("live", version, NOTHING, pinned=False)

    assert version == 2
    snapshot = reader.snapshot(reader.pointers(["live"])["live"])
    assert [rule.id for rule in snapshot.rules("publishStream", {})] == ["whole"]


def test_given_no_such_version_when_it_is_pointed_to_then_nothing_changes(
    store: DynamoPolicyStore,
) -> None:
    with pytest.raises(LookupError):
        store.activate("live", 7, NOTHING, pinned=False)

    assert store.in_force("live") == NOTHING


def test_given_a_version_that_lost_the_race_then_it_expires(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    lost, won = add(store, deny("late")), add(store, deny("early"))
    store.activate("live", won, NOTHING, pinned=False)
    store.finish_activation("live")

    with pytest.raises(PointerMovedError):
        store.activate("live", lost, NOTHING, pinned=False)

    expiring = {name for name, item in aws.snapshot_items("live").items() if "expiresAt" in item}
    assert expiring == {
        "v0000000001",
        "v0000000001#claim",
        "v0000000001#part#000",
        "v0000000001#source#000",
    }


def test_given_an_old_version_whose_pin_lost_the_race_then_it_still_expires(
    aws: Aws, store: DynamoPolicyStore, clock: FakeClock
) -> None:
    for name in ("a", "b"):
        store.activate("live", add(store, deny(name)), store.in_force("live"), pinned=False)
        store.finish_activation("live")
    clock.advance(29 * _DAY)

    with pytest.raises(PointerMovedError):
        store.activate("live", 1, NOTHING, pinned=True)

    old = [item for name, item in aws.snapshot_items("live").items() if name[:11] == "v0000000001"]
    assert all("expiresAt" in item for item in old)


def test_given_a_compiler_that_was_held_up_when_what_it_lets_expire_was_pinned_then_that_is_kept(
    aws: Aws, calls: AwsCalls, store: DynamoPolicyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    del calls
    store.activate("live", add(store, deny("a")), NOTHING, pinned=False)
    store.finish_activation("live")
    store.activate("live", add(store, deny("b")), store.in_force("live"), pinned=False)
    # It has read the pointer, which says that version 1 was before, when another one pins that.
    expire = DynamoPolicyStore._expire

    def held_up(*arguments: Any) -> None:
        monkeypatch.setattr(DynamoPolicyStore, "_expire", expire)
        store.activate("live", 1, store.in_force("live"), pinned=True)
        store.finish_activation("live")
        expire(*arguments)

    monkeypatch.setattr(DynamoPolicyStore, "_expire", held_up)

    with pytest.raises(PointerMovedError):
        store.finish_activation("live")

    kept = [item for name, item in aws.snapshot_items("live").items() if name[:11] == "v0000000001"]
    assert len(kept) == 4
    assert not any("expiresAt" in item for item in kept)


@pytest.mark.parametrize(
    "outdated",
    [
        pytest.param(NOTHING, id="nothing was active"),
        pytest.param(InForceVersion(1, "source"), id="another version was"),
        pytest.param(InForceVersion(2, "source", pinned=True), id="it was pinned"),
    ],
)
def test_given_the_pointer_was_moved_when_it_is_moved_on_what_was_read_before_then_it_stays(
    store: DynamoPolicyStore, outdated: InForceVersion
) -> None:
    for name in ("a", "b", "c"):
        add(store, deny(name))
    store.activate("live", 2, NOTHING, pinned=False)
    before = store.in_force("live")

    with pytest.raises(PointerMovedError):
        store.activate("live", 3, outdated, pinned=False)

    assert store.in_force("live") == before
    assert before.version == 2


def test_given_a_version_that_never_comes_into_force_then_it_expires_after_the_retention(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    add(store, deny("a"))

    items = aws.snapshot_items("live").values()

    assert {item["expiresAt"] for item in items} == {30 * _DAY}


def test_given_a_version_is_superseded_then_all_its_items_expire_after_the_retention(
    aws: Aws, store: DynamoPolicyStore, clock: FakeClock
) -> None:
    store.activate("live", add(store, deny("a")), NOTHING, pinned=False)
    second = add(store, deny("b"))

    store.activate("live", second, store.in_force("live"), pinned=False)
    store.finish_activation("live")

    expiries = {
        name: item["expiresAt"]
        for name, item in aws.snapshot_items("live").items()
        if "expiresAt" in item
    }
    assert expiries.keys() == {
        "v0000000001",
        "v0000000001#claim",
        "v0000000001#part#000",
        "v0000000001#source#000",
    }
    assert set(expiries.values()) == {int(clock.now() + 30 * _DAY)}


def test_given_a_superseded_version_when_it_is_put_into_force_again_then_it_does_not_expire(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    for name in ("a", "b"):
        store.activate("live", add(store, deny(name)), store.in_force("live"), pinned=False)
        store.finish_activation("live")

    store.activate("live", 1, store.in_force("live"), pinned=True)
    store.finish_activation("live")

    expiring = {n for n, item in aws.snapshot_items("live").items() if "expiresAt" in item}
    assert store.in_force("live").version == 1
    assert expiring == {
        "v0000000002",
        "v0000000002#claim",
        "v0000000002#part#000",
        "v0000000002#source#000",
    }


def test_given_a_version_in_force_when_it_is_pinned_then_it_does_not_expire(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    store.activate("live", add(store, deny("a")), NOTHING, pinned=False)
    store.finish_activation("live")

    store.activate("live", 1, store.in_force("live"), pinned=True)
    store.finish_activation("live")

    assert store.in_force("live").pinned
    assert not any("expiresAt" in item for item in aws.snapshot_items("live").values())


def status(version: int, at: float, *errors: Finding, **rest: Any) -> Status:
    return Status("live", version, datetime.fromtimestamp(at, UTC), not errors, 1, errors, **rest)


def test_given_a_status_when_it_is_told_then_it_stands_beside_the_policies(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    error = Finding(Severity.ERROR, "no", "when", "gives INT; it must give a boolean")
    warning = Finding(Severity.WARNING, "old", "notAfter", "the window is over")

    store.write_status(status(3, 0, error, warnings=[warning], pinned=3), None)

    assert aws.policy_item("live", "#status") == {
        "app": "live",
        "id": "#status",
        "version": 3,
        "compiledAt": "1970-01-01T00:00:00+00:00",
        "ok": False,
        "policies": 1,
        "pinned": 3,
        "errors": [
            {"policy": "no", "attribute": "when", "message": "gives INT; it must give a boolean"}
        ],
        "warnings": [{"policy": "old", "attribute": "notAfter", "message": "the window is over"}],
    }


@pytest.mark.parametrize(
    "second", [11, 10, -3600], ids=["later", "the same moment", "an hour slow"]
)
def test_given_a_status_when_whoever_saw_it_tells_another_then_that_stands_whatever_the_clocks(
    aws: Aws, store: DynamoPolicyStore, second: float
) -> None:
    store.write_status(status(1, 10), None)

    store.write_status(status(2, second), status(1, 10).compiled_at.isoformat())

    item = aws.policy_item("live", "#status")
    assert item is not None
    assert item["version"] == 2


@pytest.mark.parametrize("seen", [None, "1970-01-01T00:00:09+00:00"])
def test_given_a_status_that_was_told_meanwhile_when_another_is_told_then_it_stays(
    aws: Aws, store: DynamoPolicyStore, seen: str | None
) -> None:
    store.write_status(status(1, 10), None)

    with pytest.raises(StatusChangedError):
        store.write_status(status(2, 11), seen)

    item = aws.policy_item("live", "#status")
    assert item is not None
    assert item["version"] == 1


def test_given_a_status_that_somebody_edited_when_another_is_told_then_it_is_replaced(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    aws.put_policies("live", {"id": "#status", "compiledAt": 5}, deny("no"))

    assert compiler.compile("live").ok
    item = aws.policy_item("live", "#status")
    assert item is not None
    assert item["ok"] is True


def test_given_a_hundred_mistakes_when_they_are_told_then_the_first_stand_there_and_their_number(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    errors = [Finding(Severity.ERROR, f"p{n}", "action", "is required") for n in range(100)]

    store.write_status(status(0, 0, *errors), None)

    item = aws.policy_item("live", "#status")
    assert item is not None
    assert [error["policy"] for error in item["errors"]] == [f"p{n}" for n in range(50)]
    assert (item["errorCount"], item["warningCount"]) == (100, 0)


def test_given_many_long_mistakes_when_they_are_told_then_the_status_still_fits_an_item(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    # The CEL compiler's message quotes the expression, and draws a caret below it.
    broken = "'" + "x" * 4_000 + "' + nowhere"
    aws.put_policies("live", *(deny(f"p{number}", when=broken) for number in range(60)))

    status = compiler.compile("live")

    item = aws.policy_item("live", "#status")
    assert not status.ok
    assert item is not None
    assert item["ok"] is False
    assert item["errors"][0]["policy"] == "p0"
    assert item["errors"][0]["attribute"] == "when"


def test_given_findings_of_wide_characters_when_told_then_the_status_fits_and_says_what_is_left_out(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    wide = "\U0001f3a5" * 3_000
    errors = [Finding(Severity.ERROR, wide, wide, wide) for _ in range(62)]
    warnings = [Finding(Severity.WARNING, wide, wide, wide) for _ in range(51)]

    store.write_status(status(0, 0, *errors, warnings=warnings), None)

    item = aws.policy_item("live", "#status")
    assert item is not None
    assert len(json.dumps(item, ensure_ascii=False).encode()) < 400_000
    assert item["errors"][0]["message"] == "\U0001f3a5" * 250
    assert item["notListed"].startswith("12 more errors and 1 more warnings are not listed here")


def test_given_many_changes_with_long_names_when_a_version_is_added_then_its_manifest_fits(
    aws: Aws, store: DynamoPolicyStore
) -> None:
    names = tuple(f"{number:04}{'x' * 1_020}" for number in range(150))

    store.add_version(*compiled(deny("a")), Changes(names, names, names), 0)

    added = aws.snapshot_items("live")["v0000000001"]["changed"]["added"]
    assert added["count"] == 150
    assert 20 < len(added["first"]) < 30


def _incompressible(number: int) -> str:
    noise = b"".join(hashlib.sha256(f"{number}/{n}".encode()).digest() for n in range(25))
    return base64.b85encode(noise).decode()


def test_given_600_policies_that_hardly_compress_when_compiled_then_their_parts_decide(
    aws: Aws, compiler: PolicyCompiler, store: DynamoPolicyStore, reader: DynamoSnapshots
) -> None:
    policies = [
        deny(f"p{n:04}", match={"name": f"stream-{n}"}, reason=_incompressible(n))
        for n in range(600)
    ]
    aws.put_policies("live", *policies)

    status = compiler.compile("live")

    items = aws.snapshot_items("live")
    parts = [items[name]["data"] for name in sorted(items) if "#part#" in name]
    pointer = reader.pointers(["live"])["live"]
    assert status.ok
    assert len(parts) == pointer.parts >= 2
    assert [len(part) for part in parts[:-1]] == [PART_BYTES] * (len(parts) - 1)
    snapshot = reader.snapshot(pointer)
    hook = Hook("publishStream", "direct", parse(b'{"appKey":"live","name":"stream-432"}'))
    denial = decide([snapshot], hook, 0).denial
    assert denial is not None
    assert (denial.policy, denial.reason) == ("p0432", _incompressible(432))
    assert [item["id"] for item in store.source("live", 1)] == [item["id"] for item in policies]
    assert items["v0000000001"]["changed"]["added"]["count"] == 600
    assert len(items["v0000000001"]["changed"]["added"]["first"]) == MAX_NAMES


def test_given_an_edit_when_it_is_compiled_then_the_version_keeps_its_source_and_what_changed(
    aws: Aws,
    store: DynamoPolicyStore,
    enforce: Callable[..., Status],
) -> None:
    unchanged = deny("stays", "call", match={"callee": ["112", 7, 1.5, None, True]})
    enforce("live", unchanged, deny("goes"), override("edited", set={"name": "a"}))
    aws.delete_policy("live", "goes")
    edited = override("edited", set={"name": "b", "nested": {"list": [1, 0.5, None]}})

    status = enforce("live", edited, deny("comes", "playStream"))

    manifest = aws.snapshot_items("live")["v0000000002"]
    assert status.version == 2
    assert manifest["changed"] == {
        "added": {"count": 1, "first": ["comes"]},
        "removed": {"count": 1, "first": ["goes"]},
        "modified": {"count": 1, "first": ["edited"]},
    }
    kept = {item["id"]: item for item in store.source("live", 2)}
    assert kept == {
        "stays": {"app": "live", **unchanged},
        "edited": {"app": "live", **edited},
        "comes": {"app": "live", **deny("comes", "playStream")},
    }
    assert {item["id"] for item in store.source("live", 1)} == {"stays", "goes", "edited"}


def test_given_policies_with_verdicts_when_read_back_then_a_hook_that_no_policy_names_is_echoed(
    store: DynamoPolicyStore, reader: DynamoSnapshots
) -> None:
    store.activate("live", add(store, deny("a", "call")), NOTHING, pinned=False)

    snapshot = reader.snapshot(reader.pointers(["live"])["live"])

    hook = Hook("publishStream", "direct", parse(b'{"appKey":"live"}'))
    assert decide([snapshot], hook, 0).verdict is Verdict.ECHO
