"""What people see of budgets, and the places that they give back."""

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.aws_tables import LEASES, Aws
from tests.support.fake_clock import FakeClock
from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds
from wcs_hooks.clock import Deadline
from wcs_hooks.core.limits import Budget, Held, Holder, WantedPlace
from wcsctl.errors import UnreachableError
from wcsctl.limits.stored_budgets import HeldPlace, StoredBudget, StoredBudgets

STREAMS = Budget("live", "streams", "anna")
VIEWERS = Budget("live", "viewers", "lesson")


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws.set_up("unused")


def take(aws: Aws, clock: FakeClock, budget: Budget, most: int, *names: str) -> list[Holder]:
    """Let streams take places."""
    leases = DynamoLeases(aws.dynamodb, LEASES, LeaseSeconds(90, 90, 90), clock, shard_places=2)
    holders = [Holder("n", "s", "mediaSessionId", name) for name in names]
    for holder in holders:
        wanted = WantedPlace(budget, most, Held.STREAM, 0, holder)
        assert not leases.take([wanted], Deadline(clock, 1e9)).full
        clock.advance(1)
    return holders


def test_given_budgets_when_they_are_read_then_each_is_there_with_the_holders_of_all_its_shards(
    aws: Aws,
) -> None:
    clock = FakeClock()
    now = clock.now()
    a, b, c = take(aws, clock, VIEWERS, 5, "a", "b", "c")
    take(aws, clock, STREAMS, 2, "a")
    budgets = StoredBudgets(aws.dynamodb, LEASES)

    streams, viewers = budgets.all()

    assert streams.by == "anna"
    assert viewers == budgets.budget(VIEWERS.key)
    places = [HeldPlace(c.key, now + 92), HeldPlace(b.key, now + 91), HeldPlace(a.key, now + 90)]
    assert viewers == StoredBudget(VIEWERS.key, *VIEWERS, "stream", 5, places)
    assert viewers.live(now + 91) == places[:2]
    assert budgets.budget("0" * 32) is None


def test_given_a_holder_when_its_place_is_given_back_then_another_has_room_and_no_other_loses_one(
    aws: Aws,
) -> None:
    clock = FakeClock()
    a, b, _ = take(aws, clock, VIEWERS, 3, "a", "b", "c")
    budgets = StoredBudgets(aws.dynamodb, LEASES)

    assert budgets.release(VIEWERS.key, a.key)
    assert not budgets.release(VIEWERS.key, a.key)

    take(aws, clock, VIEWERS, 3, "d")
    viewers = budgets.budget(VIEWERS.key)
    assert viewers is not None
    assert b.key in [place.holder for place in viewers.places]
    assert len(viewers.places) == 3


def test_given_items_that_somebody_edited_when_budgets_are_read_then_what_is_whole_is_shown(
    aws: Aws,
) -> None:
    [a] = take(aws, FakeClock(), STREAMS, 2, "a")
    [item] = [one for one in aws.items(LEASES) if one["key"].startswith("b#")]
    aws.put_item(LEASES, {"key": item["key"], f"x{a.key}": "soon", "most": "two", "by": 5})
    budgets = StoredBudgets(aws.dynamodb, LEASES)

    assert budgets.all() == [StoredBudget(STREAMS.key, "", "", "", "", 0, [HeldPlace(a.key, 0.0)])]
    assert budgets.release(STREAMS.key, a.key)


def test_given_a_table_that_does_not_answer_when_a_budget_is_asked_for_then_the_error_says_so(
    aws: Aws,
) -> None:
    budgets = StoredBudgets(aws.dynamodb, "Elsewhere")

    with pytest.raises(UnreachableError, match="lease store"):
        budgets.budget(STREAMS.key)
    with pytest.raises(UnreachableError, match="lease store"):
        budgets.release(STREAMS.key, "0" * 16)
    with pytest.raises(ClientError):
        budgets.all()
