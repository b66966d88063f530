"""Rows of lists, as other systems write them and as expressions see them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import LISTS, Aws
from tests.support.fake_clock import FakeClock
from tests.support.policy_items import deny
from tests.support.uneven_clock import MS, UnevenClock
from wcs_hooks.adapters import dynamo_lists
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_lists import DynamoLists
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.lists import DamagedRow, Row, RowKey

ANNA, BOB = RowKey("bans", "anna"), RowKey("bans", "bob")
OF_ANNA, OF_BOB = {"list": "bans", "key": "anna"}, {"list": "bans", "key": "bob"}


@pytest.fixture
def lists(calls: AwsCalls, clock: FakeClock) -> DynamoLists:
    del calls
    return DynamoLists(Clients(2).dynamodb(), LISTS, 0, clock)


@pytest.fixture
def cached(calls: AwsCalls, clock: FakeClock) -> DynamoLists:
    """What a function sees that uses a row for 30 seconds."""
    del calls
    return DynamoLists(Clients(2).dynamodb(), LISTS, 30, clock)


def row_of(lists: DynamoLists, clock: Clock, key: RowKey = ANNA) -> Row:
    return lists.rows([key], Deadline(clock, 1.0))[key]


# --- What a row is --------------------------------------------------------------------------------


def test_given_rows_of_several_lists_when_they_are_looked_up_then_one_request_brings_them(
    lists: DynamoLists, aws: Aws, calls: AwsCalls, clock: FakeClock
) -> None:
    aws.put_row("bans", "anna", reason="spam")
    aws.put_row("keys", "k", stream="lesson")
    keys = [ANNA, RowKey("keys", "k"), RowKey("keys", "none"), RowKey("keys", "k")]

    assert lists.rows(keys, Deadline(clock, 1.0)) == {
        ANNA: {**OF_ANNA, "reason": "spam"},
        RowKey("keys", "k"): {"list": "keys", "key": "k", "stream": "lesson"},
        RowKey("keys", "none"): None,
    }
    assert calls.made == ["BatchGetItem"]


def test_given_attributes_of_every_type_when_a_row_is_read_then_they_are_jsons_types(
    lists: DynamoLists, aws: Aws, clock: FakeClock
) -> None:
    aws.dynamodb.put_item(
        TableName=LISTS,
        Item={
            "list": {"S": "bans"},
            "key": {"S": "anna"},
            "text": {"S": "a\0b"},
            "whole": {"N": "5"},
            "fraction": {"N": "0.5"},
            "last": {"N": "9223372036854775807"},
            "long": {"N": "9223372036854775808"},
            "binary": {"B": b"\x00\xff"},
            "flag": {"BOOL": True},
            "nothing": {"NULL": True},
            "list_": {"L": [{"N": "1"}, {"M": {"a": {"S": "b"}}}]},
            "texts": {"SS": ["b", "a"]},
            "numbers": {"NS": ["10", "2.5"]},
            "binaries": {"BS": [b"b", b"a"]},
        },
    )

    row = row_of(lists, clock)

    assert row == {
        **OF_ANNA,
        "text": "a\N{REPLACEMENT CHARACTER}b",
        "whole": 5,
        "fraction": 0.5,
        "last": 9_223_372_036_854_775_807,
        "long": 9_223_372_036_854_775_808.0,
        "binary": "AP8=",
        "flag": True,
        "nothing": None,
        "list_": [1, {"a": "b"}],
        "texts": ["a", "b"],
        "numbers": [2.5, 10],
        "binaries": ["YQ==", "Yg=="],
    }
    assert isinstance(row, dict)
    assert [type(row[name]) for name in ("whole", "last", "long")] == [int, int, float]


def test_given_a_row_that_dynamodb_has_not_deleted_yet_when_it_has_expired_then_there_is_none(
    lists: DynamoLists, aws: Aws, clock: FakeClock
) -> None:
    aws.put_row("bans", "anna", expiresAt=int(clock.now()) + 1)
    assert row_of(lists, clock) == {**OF_ANNA, "expiresAt": int(clock.now()) + 1}

    clock.advance(1)

    assert row_of(lists, clock) is None


@pytest.mark.parametrize(
    "expires_at", ["2030-01-01", True, None, 1_900_000_000_000, 0, -3, 1_700_000_000]
)
def test_given_an_expiry_that_is_no_time_in_seconds_when_the_row_is_read_then_it_is_damaged(
    lists: DynamoLists, aws: Aws, clock: FakeClock, expires_at: Any
) -> None:
    aws.put_row("bans", "anna", expiresAt=expires_at)

    row = row_of(lists, clock)

    assert isinstance(row, DamagedRow)
    assert row.reason.startswith("`expiresAt`")
    assert str(expires_at) not in row.reason


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"text": "s3cr3t" * 11_000}, "it has more than 65,536 bytes as JSON"),
        ({"text": "ä" * 33_000}, "it has more than 65,536 bytes as JSON"),
        ({"values": [0] * 498}, "it holds more than 500 values"),
    ],
)
def test_given_more_than_an_expression_may_see_when_the_row_is_read_then_it_is_damaged(
    lists: DynamoLists, aws: Aws, clock: FakeClock, attributes: dict[str, Any], reason: str
) -> None:
    aws.put_row("bans", "anna", **attributes)

    assert row_of(lists, clock) == DamagedRow(reason)


def test_given_as_much_as_an_expression_may_see_when_the_row_is_read_then_all_of_it_is_there(
    lists: DynamoLists, aws: Aws, clock: FakeClock
) -> None:
    around = len(json.dumps({"list": "bans", "key": "anna", "text": ""}, separators=(",", ":")))
    aws.put_row("bans", "anna", text="a" * (65_536 - around))
    aws.put_row("bans", "bob", values=[0] * 497)

    assert isinstance(row_of(lists, clock), dict)
    assert isinstance(row_of(lists, clock, BOB), dict)


# --- Consistency, and failures --------------------------------------------------------------------


@pytest.mark.parametrize("consistent", [False, True])
def test_given_lookups_one_of_which_is_consistent_when_they_are_read_then_all_are(
    lists: DynamoLists, calls: AwsCalls, clock: FakeClock, *, consistent: bool
) -> None:
    lists.rows([ANNA, RowKey("bans", "bob", consistent=consistent)], Deadline(clock, 1.0))

    [request] = calls.requests
    assert json.loads(request)["RequestItems"][LISTS]["ConsistentRead"] is consistent


def test_given_a_store_that_fails_when_a_row_is_looked_up_then_it_is_unavailable(
    lists: DynamoLists, calls: AwsCalls, clock: FakeClock
) -> None:
    calls.fail("BatchGetItem", code="AccessDeniedException")

    with pytest.raises(UnavailableError, match="the list store does not answer"):
        row_of(lists, clock)


def test_given_no_time_left_when_a_row_is_looked_up_then_nobody_is_asked(
    lists: DynamoLists, calls: AwsCalls, clock: FakeClock
) -> None:
    with pytest.raises(UnavailableError, match="no time left"):
        lists.rows([ANNA], Deadline(clock, 0))

    assert calls.made == []


# --- The cache ------------------------------------------------------------------------------------


def test_given_no_cache_when_a_row_is_put_then_the_next_lookup_sees_it(
    lists: DynamoLists, aws: Aws, clock: FakeClock
) -> None:
    assert row_of(lists, clock) is None
    aws.put_row("bans", "anna")

    assert row_of(lists, clock) is not None


def test_given_a_cache_when_rows_change_then_they_and_their_absence_are_used_until_it_is_over(
    cached: DynamoLists, aws: Aws, calls: AwsCalls, clock: FakeClock
) -> None:
    aws.put_row("bans", "bob")
    before = [row_of(cached, clock, key) for key in (ANNA, BOB)]
    aws.put_row("bans", "anna")
    aws.delete_item(LISTS, {"list": "bans", "key": "bob"})

    clock.advance(29.9)
    assert before == [row_of(cached, clock, key) for key in (ANNA, BOB)] == [None, OF_BOB]
    assert len(calls.made) == 2

    clock.advance(0.1)
    assert [row_of(cached, clock, key) for key in (ANNA, BOB)] == [OF_ANNA, None]


@pytest.mark.parametrize(
    ("wall", "monotonic"),
    [(3600, MS), (MS, 3600), (-3600, MS), (MS, -3600)],
    ids=lambda by: f"{by}",
)
def test_given_a_cached_row_when_a_clock_is_wrong_then_it_is_read_again(
    aws: Aws, calls: AwsCalls, wall: float, monotonic: float
) -> None:
    del calls
    clock = UnevenClock()
    lists = DynamoLists(Clients(2).dynamodb(), LISTS, 30, clock)
    assert row_of(lists, clock) is None
    aws.put_row("bans", "anna")

    clock.move(wall=wall, monotonic=monotonic)

    assert row_of(lists, clock) == OF_ANNA


def test_given_a_cached_row_when_it_expires_then_there_is_none(
    cached: DynamoLists, aws: Aws, clock: FakeClock
) -> None:
    aws.put_row("bans", "anna", expiresAt=int(clock.now()) + 10)
    assert row_of(cached, clock) is not None

    clock.advance(10)

    assert row_of(cached, clock) is None


def test_given_a_cached_row_when_a_lookup_is_consistent_then_it_is_read_again_for_the_others_too(
    cached: DynamoLists, aws: Aws, calls: AwsCalls, clock: FakeClock
) -> None:
    assert row_of(cached, clock) is None
    aws.put_row("bans", "anna")

    assert row_of(cached, clock, ANNA._replace(consistent=True)) == OF_ANNA
    assert row_of(cached, clock) == OF_ANNA
    assert len(calls.made) == 2


@pytest.mark.parametrize("bound", ["MAX_CACHED_ROWS", "MAX_CACHED_BYTES"])
def test_given_more_rows_than_a_function_remembers_then_those_not_asked_for_longest_are_forgotten(
    cached: DynamoLists,
    aws: Aws,
    calls: AwsCalls,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
) -> None:
    # Two rows of 1,000 bytes and something fit.
    monkeypatch.setattr(dynamo_lists, bound, 2 if bound == "MAX_CACHED_ROWS" else 2_500)
    names = ("anna", "bob", "anna", "cleo", "anna", "bob")
    for name in set(names):
        aws.put_row("bans", name, text="a" * 1_000)

    asked = []
    for name in names:
        calls.made.clear()
        row_of(cached, clock, RowKey("bans", name))
        asked.append(bool(calls.made))

    assert asked == [True, True, False, True, False, True]


def test_given_long_keys_without_rows_when_they_are_remembered_then_their_bytes_count(
    cached: DynamoLists, calls: AwsCalls, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamo_lists, "MAX_CACHED_BYTES", 2_500)
    first, *others = (RowKey("bans", name * 1_000) for name in "abc")

    for key in (first, *others, first):
        assert row_of(cached, clock, key) is None

    assert len(calls.made) == 4


# --- As functions are deployed --------------------------------------------------------------------


def test_given_the_setting_when_hooks_look_a_row_up_then_it_is_read_once_in_that_time(
    make_client: MakeClient, enforce: Callable[..., Any], aws: Aws, calls: AwsCalls
) -> None:
    hooks = make_client(LISTS_CACHE_SECONDS="30")
    ban = {"list": "bans", "key": "body.user"}
    enforce(
        "school",
        deny("banned", "publishStream", lookup={"ban": ban}, when="rows.ban != null"),
        deny("closed", "call"),
    )
    aws.put_row("bans", "anna")

    hooks.post("call", {"appKey": "school"})
    assert not [request for request in calls.requests if b'"Lists"' in request]

    body = {"appKey": "school", "user": "anna"}
    assert [hooks.post("publishStream", body).status for _ in range(3)] == [403, 403, 403]
    assert len([request for request in calls.requests if b'"Lists"' in request]) == 1
