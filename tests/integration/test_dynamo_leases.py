"""Places of limits, as they are taken, kept and given back in DynamoDB."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Final

import pytest
from moto import mock_aws

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import LEASES, Aws
from tests.support.fake_clock import FakeClock
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds
from wcs_hooks.adapters.keep_alive_marks import has_keep_alive
from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import Budget, Full, Held, Holder, Taken, WantedPlace
from wcs_hooks.ports import SessionKey

SECONDS: Final = LeaseSeconds(stream=90.0, call=4 * 3_600.0, session=24 * 3_600.0)
STREAMS: Final = Budget("live", "two-streams", "anna")
VIEWERS: Final = Budget("live", "viewers", "lesson")
NODE: Final = "node-1"
SESSION: Final = SessionKey(NODE, "/1.2.3.4:5")
TRANSACTION: Final = "TransactWriteItems"
UPDATE: Final = "UpdateItem"
READ: Final = "GetItem"

type MakeLeases = Callable[..., DynamoLeases]


@pytest.fixture(scope="module")
def shared_aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws.set_up("unused")


@pytest.fixture
def aws(shared_aws: Aws) -> Aws:
    """The tables are made once: that takes longer than most of the tests."""
    for item in shared_aws.items(LEASES):
        shared_aws.delete_item(LEASES, {"key": item["key"]})
    return shared_aws


@pytest.fixture
def make_leases(calls: AwsCalls, clock: FakeClock) -> MakeLeases:
    del calls

    def make(**options: Any) -> DynamoLeases:
        return DynamoLeases(
            Clients(2).dynamodb(),
            LEASES,
            SECONDS,
            clock,
            **{"pause": lambda _: None, **options},
        )

    return make


@pytest.fixture
def leases(make_leases: MakeLeases) -> DynamoLeases:
    return make_leases()


@pytest.fixture
def soon(clock: FakeClock) -> Deadline:
    return Deadline(clock, 1e9)


def stream(name: str, session: str = SESSION.session) -> Holder:
    return Holder(NODE, session, "mediaSessionId", name)


def call(name: str) -> Holder:
    return Holder(NODE, SESSION.session, "callId", name)


def connection(session: str = SESSION.session) -> Holder:
    return Holder(NODE, session, "sessionId", session)


def place(
    holder: Holder,
    budget: Budget = STREAMS,
    most: int = 2,
    *,
    held: Held = Held.STREAM,
    seconds: int = 0,
    optional: bool = False,
) -> WantedPlace:
    return WantedPlace(budget, most, held, seconds, holder, optional)


def a_rate(holder: Holder, most: int = 2, budget: Budget = STREAMS) -> WantedPlace:
    return place(holder, budget, most, held=Held.RATE, seconds=60)


def keys(*holders: Holder) -> tuple[str, ...]:
    return tuple(sorted(holder.key for holder in holders))


def shards(aws: Aws, budget: Budget = STREAMS) -> list[dict[str, Any]]:
    """The items of a budget that hold its places."""
    prefix = f"b#{budget.key}#"
    items = [item for item in aws.items(LEASES) if item["key"].startswith(prefix)]
    return sorted(items, key=lambda item: item["key"])


def held_by(aws: Aws, budget: Budget = STREAMS) -> tuple[str, ...]:
    """Who has leases of a budget, whose items must count them rightly."""
    found = []
    for item in shards(aws, budget):
        names = [name[1:] for name in item if name.startswith("x")]
        assert item["n"] == len(names)
        found += names
    return tuple(sorted(found))


def edit(aws: Aws, item: dict[str, Any], **attributes: Any) -> None:
    """Edit an item manually; an attribute that is None is removed."""
    edited = {name: value for name, value in {**item, **attributes}.items() if value is not None}
    aws.put_item(LEASES, edited)


A, B, C, D = (stream(name) for name in "abcd")


# --- Taking ---------------------------------------------------------------------------------------


def test_given_two_places_when_three_streams_start_then_the_third_is_told_who_has_them(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    assert leases.take([place(A)], soon) == Taken({})
    assert leases.take([place(B)], soon) == Taken({})
    assert leases.take([place(C)], soon) == Taken({0: Full(2, keys(A, B))})

    assert held_by(aws) == keys(A, B)
    assert calls.made == [TRANSACTION] * 3


def test_given_a_budget_when_people_look_at_its_item_then_they_see_whose_it_is(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    budget = Budget("live", "two-streams", "é\ud800" * 200)
    leases.take([place(A, budget)], soon)

    [item] = shards(aws, budget)
    seen = {name: item[name] for name in ("app", "policy", "by", "held", "most")}
    assert seen == {
        "app": "live",
        "policy": "two-streams",
        "by": "é?" * 128,
        "held": "stream",
        "most": 2,
    }


@pytest.mark.parametrize(
    ("by", "shown"),
    [
        (SESSION.session, "***"),
        (f"{SESSION.session} of anna", "*** of anna"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2VjcmV0", "***"),
        ("rtsp://anna:marked@camera.example/live", "rtsp://camera.example/live"),
    ],
)
def test_given_a_budget_that_a_secret_names_when_people_look_at_its_item_then_it_is_masked(
    leases: DynamoLeases, aws: Aws, soon: Deadline, by: str, shown: str
) -> None:
    budget = Budget("live", "two-streams", by)
    leases.take([place(A, budget)], soon)

    assert [item["by"] for item in shards(aws, budget)] == [shown]


def test_given_a_place_when_the_hook_comes_again_then_it_is_kept_for_longer_by_one_write_more(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, clock: FakeClock, soon: Deadline
) -> None:
    leases.take([place(A)], soon)
    calls.made.clear()
    clock.advance(60)

    assert leases.take([place(A)], soon) == Taken({})

    assert calls.made == [TRANSACTION, UPDATE]
    assert held_by(aws) == keys(A)
    assert shards(aws)[0][f"x{A.key}"] == clock.now() + 90


def test_given_several_limits_when_one_has_no_room_then_no_place_is_taken(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    leases.take([place(A, VIEWERS, 1)], soon)
    calls.made.clear()

    taken = leases.take(
        [place(B), a_rate(B, budget=Budget("*", "rate", "")), place(B, VIEWERS, 1)], soon
    )

    assert taken == Taken({2: Full(1, keys(A))})
    assert calls.made == [TRANSACTION]
    assert held_by(aws) == ()


def test_given_several_limits_when_all_have_room_then_one_transaction_takes_their_places(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    wanted = [place(A), place(A, VIEWERS), a_rate(A, budget=Budget("*", "rate", ""))]

    assert leases.take(wanted, soon) == Taken({})

    assert calls.made == [TRANSACTION]
    assert held_by(aws) == held_by(aws, VIEWERS) == keys(A)


def test_given_a_limit_in_shadow_when_it_has_no_room_then_the_others_are_taken_all_the_same(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    leases.take([place(A, VIEWERS, 1)], soon)

    taken = leases.take([place(B, VIEWERS, 1, optional=True), place(B)], soon)

    assert taken == Taken({0: Full(1, keys(A))})
    assert held_by(aws) == keys(B)


def test_given_a_budget_that_is_wanted_twice_when_it_is_taken_then_there_is_one_place(
    leases: DynamoLeases, soon: Deadline
) -> None:
    twice = [place(A), place(A, optional=True)]
    assert leases.take(twice, soon) == Taken({})
    assert leases.take([place(B)], soon) == Taken({})
    full = Full(2, keys(A, B))

    assert leases.take([place(C), place(C, optional=True)], soon) == Taken({0: full, 1: full})


def test_given_nothing_wanted_when_it_is_taken_then_nobody_is_asked(
    leases: DynamoLeases, calls: AwsCalls, soon: Deadline
) -> None:
    assert leases.take([], soon) == Taken({})
    assert calls.made == []


def test_given_a_stream_that_was_never_ended_when_its_lease_has_run_out_then_it_is_replaced(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, clock: FakeClock, soon: Deadline
) -> None:
    leases.take([place(A)], soon)
    leases.take([place(B)], soon)
    clock.advance(80)
    leases.renew(B, soon)
    clock.advance(15)
    assert leases.take([place(C)], soon) == Taken({0: Full(2, keys(A, B))}), "clocks may differ"
    clock.advance(1)
    calls.made.clear()

    assert leases.take([place(C)], soon) == Taken({}, expired=1)

    assert held_by(aws) == keys(B, C)
    assert calls.made == [TRANSACTION, TRANSACTION]


def test_given_a_lease_that_was_replaced_when_its_stream_starts_again_then_it_needs_a_new_place(
    leases: DynamoLeases, aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    leases.take([place(A, most=1)], soon)
    clock.advance(100)
    leases.take([place(B, most=1)], soon)

    assert leases.take([place(A, most=1)], soon) == Taken({0: Full(1, keys(B))})
    leases.renew(A, soon)
    assert held_by(aws) == keys(B)
    leases.release(B, soon)
    assert leases.take([place(A, most=1)], soon) == Taken({})
    leases.release(A, soon)
    assert held_by(aws) == ()


# --- Rates ----------------------------------------------------------------------------------------


def test_given_a_rate_when_hooks_come_then_one_write_counts_each_and_time_alone_gives_back(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, clock: FakeClock, soon: Deadline
) -> None:
    for holder in (A, B):
        assert leases.take([a_rate(holder)], soon) == Taken({})
    assert calls.made == [UPDATE] * 2
    until = shards(aws)[0][f"x{A.key}"]
    clock.advance(30)
    leases.release(A, soon)
    leases.renew(A, soon)
    leases.release_session(SESSION, soon)

    assert leases.take([a_rate(A)], soon) == Taken({}), "the same hook counts once"
    assert shards(aws)[0][f"x{A.key}"] == until
    assert leases.take([a_rate(C)], soon) == Taken({0: Full(2, keys(A, B))})
    clock.advance(36)
    assert leases.take([a_rate(C)], soon) == Taken({}), (
        "a place that ends by itself has not expired"
    )
    assert held_by(aws) == keys(C)


def test_given_a_rate_when_the_same_holder_comes_after_its_time_then_it_counts_again(
    leases: DynamoLeases, aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    leases.take([a_rate(A)], soon)
    clock.advance(66)

    assert leases.take([a_rate(A)], soon) == Taken({})

    assert shards(aws)[0][f"x{A.key}"] == clock.now() + 60
    assert held_by(aws) == keys(A)


def test_given_a_rate_of_several_shards_when_the_hook_comes_again_then_it_counts_once(
    make_leases: MakeLeases, aws: Aws, calls: AwsCalls, clock: FakeClock, soon: Deadline
) -> None:
    leases = make_leases(shard_places=2)
    for name in "abcdef":
        for _ in range(3):
            assert leases.take([a_rate(stream(name), 6)], soon) == Taken({})
            clock.advance(1)

    assert len(held_by(aws)) == 6
    calls.made.clear()
    assert len(leases.take([a_rate(stream("g"), 6)], soon).full[0].holders) == 6
    assert calls.made == [TRANSACTION, "BatchGetItem"]
    clock.advance(60)
    assert leases.take([a_rate(A, 6)], soon) == Taken({})


# --- Keeping and giving back ----------------------------------------------------------------------


def test_given_a_stream_that_sends_keep_alives_then_it_holds_its_place_for_days(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, clock: FakeClock, soon: Deadline
) -> None:
    leases.take([place(A)], soon)
    calls.made.clear()
    leases.renew(A, soon)
    assert calls.made == [READ, UPDATE]
    for _ in range(3 * 24 * 60):
        clock.advance(60)
        if clock.now() % 3600 == 0:
            leases.renew(A, soon)
    leases.renew(A, soon)

    items = aws.items(LEASES)
    assert len(items) == 2
    assert all(item["expiresAt"] > clock.now() + 12 * 3_600 for item in items)
    assert shards(aws)[0][f"x{A.key}"] == clock.now() + 90


def test_given_the_end_of_a_stream_then_its_places_are_given_back_and_twice_does_no_harm(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    leases.take([place(A), place(A, VIEWERS)], soon)
    leases.take([place(B)], soon)
    calls.made.clear()

    leases.release(A, soon)
    assert calls.made == [READ, UPDATE, UPDATE, UPDATE]
    assert held_by(aws) == keys(B)
    assert held_by(aws, VIEWERS) == ()
    calls.made.clear()
    leases.release(A, soon)
    leases.renew(A, soon)

    assert calls.made == [READ, READ]
    assert held_by(aws) == keys(B)


def test_given_the_end_of_a_session_then_all_that_it_holds_is_given_back_and_no_more(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    other = stream("other", session="/6.7.8.9:0")
    sessions, calling = Budget("live", "sessions", "anna"), Budget("live", "calls", "anna")
    leases.take([place(connection(), sessions, held=Held.SESSION)], soon)
    leases.take([place(A, most=3)], soon)
    leases.take([place(B, most=3)], soon)
    leases.take([place(call("1"), calling, held=Held.CALL)], soon)
    leases.take([place(other, most=3)], soon)

    leases.release_session(SESSION, soon)

    assert held_by(aws) == keys(other)
    assert held_by(aws, sessions) == held_by(aws, calling) == ()


def test_given_a_release_that_failed_halfway_when_it_is_done_again_then_it_is_complete(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    leases.take([place(A), place(A, VIEWERS)], soon)
    leases.take([place(B)], soon)
    calls.fail(UPDATE, after=1)
    with pytest.raises(UnavailableError):
        leases.release(A, soon)
    calls.recover()

    leases.release(A, soon)

    assert held_by(aws) == keys(B)
    assert held_by(aws, VIEWERS) == ()


def test_given_an_end_that_is_redriven_then_what_was_taken_after_it_is_kept(
    leases: DynamoLeases, aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    leases.take([place(A)], soon)
    ended = clock.now() + 1
    clock.advance(2)
    leases.take([place(B)], soon)
    leases.take([place(A)], soon)

    leases.release_session(SESSION, soon, taken_by=ended)

    assert held_by(aws) == keys(B), "a renewed place was taken when it was first taken"


def test_given_a_session_when_its_hooks_come_then_its_places_are_kept_once_half_their_time_is_over(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, clock: FakeClock, soon: Deadline
) -> None:
    sessions, calling = Budget("live", "sessions", "anna"), Budget("live", "calls", "anna")
    of_call, of_session = call("1"), connection()
    leases.take([place(of_session, sessions, held=Held.SESSION)], soon)
    leases.take([place(of_call, calling, held=Held.CALL), place(of_call)], soon)
    streams_until = shards(aws)[0][f"x{of_call.key}"]
    clock.advance(7_000)
    calls.made.clear()
    leases.renew_session(SESSION, soon)
    assert calls.made == [READ]
    clock.advance(300)

    leases.renew_session(SESSION, soon)
    leases.renew_session(SESSION, soon)

    assert calls.made == [READ, READ, UPDATE, UPDATE, UPDATE, READ]
    assert shards(aws, calling)[0][f"x{of_call.key}"] == clock.now() + SECONDS.call
    assert shards(aws, sessions)[0][f"x{of_session.key}"] == clock.now() + SECONDS.session
    assert shards(aws)[0][f"x{of_call.key}"] == streams_until, "only keep-alives keep a stream"


def test_given_a_stream_without_a_session_when_it_ends_then_its_place_is_given_back(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    holder = Holder("", "", "mediaSessionId", "m")
    leases.take([place(holder)], soon)
    leases.renew(holder, soon)

    leases.release(holder, soon)

    assert held_by(aws) == ()


def test_given_keep_alives_of_one_app_then_it_is_known_of_that_app_alone(
    leases: DynamoLeases, soon: Deadline
) -> None:
    client = Clients(2).dynamodb()
    leases.note_keep_alive("live", soon)
    leases.note_keep_alive("live", soon)

    assert has_keep_alive(client, LEASES, "live")
    assert not has_keep_alive(client, LEASES, "other")


# --- Shards ---------------------------------------------------------------------------------------


def test_given_more_places_than_fit_an_item_then_all_are_found_and_none_is_taken_twice(
    make_leases: MakeLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    leases = make_leases(shard_places=3)
    holders = [stream(str(number)) for number in range(10)]
    for holder in holders:
        for _ in range(2):
            assert leases.take([place(holder, most=10)], soon) == Taken({})
    calls.made.clear()

    assert leases.take([place(A, most=10)], soon) == Taken({0: Full(10, keys(*holders))})

    assert calls.made == [TRANSACTION, "BatchGetItem"]
    assert [item["n"] for item in shards(aws)] == [3, 3, 3, 1]
    assert held_by(aws) == keys(*holders)
    for holder in holders:
        leases.release(holder, soon)
    assert held_by(aws) == ()


@pytest.mark.parametrize(("before", "after"), [(3, 4), (6, 7), (7, 10)])
def test_given_a_full_budget_when_its_places_are_raised_then_only_the_further_ones_are_taken(
    make_leases: MakeLeases, aws: Aws, soon: Deadline, before: int, after: int
) -> None:
    leases = make_leases(shard_places=3)
    for most in (before, after):
        for number in range(20):
            leases.take([place(stream(str(number)), most=most)], soon)

        assert len(held_by(aws)) == most


@pytest.mark.parametrize("want", [place, a_rate])
def test_given_a_place_in_another_shard_than_the_first_when_that_has_room_then_it_is_kept(
    make_leases: MakeLeases,
    aws: Aws,
    clock: FakeClock,
    soon: Deadline,
    want: Callable[..., WantedPlace],
) -> None:
    leases = make_leases(shard_places=1)
    first, second = [one for one in map(stream, "abcdefgh") if int(one.key, 16) % 2 == 0][:2]
    leases.take([want(first, most=2)], soon)
    clock.advance(50)
    leases.take([want(second, most=2)], soon)
    leases.release(first, soon)
    clock.advance(50)

    assert leases.take([want(second, most=2)], soon) == Taken({})

    assert [name for item in shards(aws) for name in item if name == f"x{second.key}"] == [
        f"x{second.key}"
    ]


def test_given_a_confirmed_place_in_another_shard_when_its_hook_comes_again_then_it_lasts_as_long(
    make_leases: MakeLeases, aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    leases = make_leases(shard_places=1)
    first, second = [one for one in map(connection, "abcdefgh") if int(one.key, 16) % 2 == 0][:2]
    for holder in (first, second):
        leases.take([place(holder, held=Held.SESSION)], soon)
    leases.renew(second, soon)
    leases.release(first, soon)

    assert leases.take([place(second, held=Held.SESSION)], soon) == Taken({})

    leases_of_second = [item.get(f"x{second.key}") for item in shards(aws)]
    assert leases_of_second == [None, clock.now() + SECONDS.session]


def test_given_a_place_that_is_confirmed_while_its_hook_comes_again_then_it_lasts_as_long(
    aws: Aws, leases: DynamoLeases, clock: FakeClock, soon: Deadline
) -> None:
    client = Clients(2).dynamodb()
    again = DynamoLeases(client, LEASES, SECONDS, clock, pause=lambda _: None)
    wanted = [place(connection(), held=Held.SESSION)]
    leases.take(wanted, soon)
    client.meta.events.register(
        f"after-call.dynamodb.{TRANSACTION}", lambda **_: leases.renew(connection(), soon)
    )

    assert again.take(wanted, soon) == Taken({})

    assert shards(aws)[0][f"x{connection().key}"] == clock.now() + SECONDS.session


def test_given_as_many_places_as_there_can_be_then_the_last_of_them_takes_three_calls(
    leases: DynamoLeases, aws: Aws, calls: AwsCalls, soon: Deadline
) -> None:
    budget = STREAMS
    for shard in range(32):
        places = 32 if shard < 31 else 1_000 % 32 - 1
        item = {"key": f"b#{budget.key}#{shard}", "n": places}
        aws.put_item(LEASES, item | {f"x{shard:08x}{number:08x}": 4e9 for number in range(places)})

    assert leases.take([place(A, most=1_000)], soon) == Taken({})
    assert len(calls.made) <= 3
    assert len(leases.take([place(B, most=1_000)], soon).full[0].holders) == 1_000


def test_given_a_full_item_then_it_is_written_for_one_unit(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    budget = Budget("conference", "streams-of-an-account", "anna.karenina@customer.example")
    for number in range(32):
        leases.take([place(stream(str(number)), budget, 32)], soon)

    [item] = shards(aws, budget)
    text = sum(
        len(name) + (len(value) if isinstance(value, str) else 7) for name, value in item.items()
    )
    assert text < 1024


# --- Trouble --------------------------------------------------------------------------------------


def test_given_a_store_that_is_busy_then_it_is_asked_again_until_the_deadline(
    make_leases: MakeLeases, calls: AwsCalls, clock: FakeClock
) -> None:
    leases = make_leases(pause=clock.advance)
    calls.fail(UPDATE, code="TransactionConflictException")

    with pytest.raises(UnavailableError, match="busy"):
        leases.take([a_rate(A)], Deadline(clock, 0.5))

    assert len(calls.made) > 3


def test_given_a_hook_that_was_given_up_when_its_function_goes_on_then_it_takes_and_ends_nothing(
    aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    """As when Lambda freezes a function between two calls."""
    client = Clients(2).dynamodb()
    frozen = DynamoLeases(client, LEASES, SECONDS, clock, pause=lambda _: None)
    for holder in (A, B):
        frozen.take([place(holder)], soon)
    clock.advance(96)
    client.meta.events.register("after-call.dynamodb", lambda **_: clock.advance(600))

    for use in (frozen.release, lambda _, by: frozen.take([place(C)], by)):
        with pytest.raises(UnavailableError):
            use(A, Deadline(clock, 1))

    assert held_by(aws) == keys(A, B)


@pytest.mark.parametrize(
    "reasons",
    [
        [{"Code": "TransactionConflict", "Message": "…"}, {"Code": "None"}],
        [{"Code": "None"}, {"Code": "ThrottlingError", "Message": "…"}],
        [{"Code": "ProvisionedThroughputExceeded", "Message": "…"}, {"Code": "None"}],
    ],
)
def test_given_a_transaction_in_the_way_when_it_is_over_then_the_place_is_taken(
    aws: Aws, clock: FakeClock, soon: Deadline, reasons: Sequence[dict[str, str]]
) -> None:
    client = Clients(2).dynamodb()
    left = [3]

    def cancel(**_: Any) -> Any:
        left[0] -= 1
        return None if left[0] < 0 else _cancelled(reasons)

    client.meta.events.register("before-call.dynamodb.TransactWriteItems", cancel)
    leases = DynamoLeases(client, LEASES, SECONDS, clock, pause=lambda _: None)

    assert leases.take([place(A)], soon) == Taken({})
    assert held_by(aws) == keys(A)


def test_given_a_change_that_dynamodb_refuses_then_the_error_says_of_which_item(
    aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    client = Clients(2).dynamodb()
    reasons = [{"Code": "ValidationError", "Message": "too large"}, {"Code": "None"}]
    client.meta.events.register(
        "before-call.dynamodb.TransactWriteItems", lambda **_: _cancelled(reasons)
    )
    leases = DynamoLeases(client, LEASES, SECONDS, clock, pause=lambda _: None)

    with pytest.raises(UnavailableError, match=rf"b#{STREAMS.key}#0, .*: too large"):
        leases.take([place(A)], soon)
    assert aws.items(LEASES) == []


def _cancelled(reasons: Sequence[dict[str, str]]) -> Any:
    """What botocore makes of a transaction that was cancelled."""

    class Answer:
        status_code = 400

    error = {"Error": {"Code": "TransactionCanceledException", "Message": "cancelled"}}
    return Answer(), {**error, "CancellationReasons": list(reasons)}


@pytest.mark.parametrize(
    ("wrong", "held"), [(None, 3), (0, 5), (-3, 8), (7, 3), (1.5, 4), ("many", 3)]
)
def test_given_a_count_that_somebody_edited_then_places_are_counted_and_it_is_repaired(
    leases: DynamoLeases, aws: Aws, soon: Deadline, wrong: Any, held: int
) -> None:
    """A count that is too low is seen only when it says that the budget is full."""
    leases.take([place(A, most=3)], soon)
    leases.take([place(B, most=3)], soon)
    edit(aws, shards(aws)[0], n=wrong)

    for name in "cdefghi":
        leases.take([place(stream(name), most=3)], soon)

    assert len(held_by(aws)) == held


@pytest.mark.parametrize("wrong", [None, "many"])
def test_given_a_count_that_somebody_edited_when_a_stream_ends_then_its_place_is_given_back(
    leases: DynamoLeases, aws: Aws, soon: Deadline, wrong: Any
) -> None:
    leases.take([place(A)], soon)
    leases.take([place(B)], soon)
    edit(aws, shards(aws)[0], n=wrong)

    leases.release(A, soon)

    assert leases.take([place(C)], soon) == Taken({})
    assert held_by(aws) == keys(B, C)


def test_given_leases_that_are_no_times_then_they_are_replaced(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    leases.take([place(A)], soon)
    leases.take([place(B)], soon)
    edit(aws, shards(aws)[0], **{f"x{A.key}": "tomorrow", f"x{B.key}": {"at": [1]}})

    assert leases.take([place(B)], soon) == Taken({}), "its own is renewed"
    assert leases.take([place(C)], soon) == Taken({}, expired=1)
    assert held_by(aws) == keys(B, C)


@pytest.mark.parametrize("wrong", ["here", 5, {"shard": 0}, {"shard": "0", "held": "x", "at": 1}])
def test_given_an_owner_that_somebody_edited_then_no_place_is_taken_twice_and_what_is_known_ends(
    leases: DynamoLeases, aws: Aws, soon: Deadline, wrong: Any
) -> None:
    leases.take([place(A)], soon)
    [owner] = [item for item in aws.items(LEASES) if item["key"].startswith("s#")]
    edit(aws, owner, **{f"p{A.key}#{STREAMS.key}": wrong, "expiresAt": "never", "renewedAt": []})

    leases.renew(A, soon)
    leases.renew_session(SESSION, soon)
    assert leases.take([place(A)], soon) == Taken({})
    assert held_by(aws) == keys(A)
    leases.release(A, soon)
    assert held_by(aws) == ()


def test_given_an_owner_that_is_missing_when_the_hook_comes_again_then_its_place_is_listed_again(
    leases: DynamoLeases, aws: Aws, soon: Deadline
) -> None:
    leases.take([place(A)], soon)
    [owner] = [item for item in aws.items(LEASES) if item["key"].startswith("s#")]
    aws.delete_item(LEASES, {"key": owner["key"]})

    assert leases.take([place(A)], soon) == Taken({})
    assert held_by(aws) == keys(A)
    leases.release_session(SESSION, soon)
    assert held_by(aws) == ()


@pytest.mark.parametrize("operation", [TRANSACTION, UPDATE, READ, "BatchGetItem"])
def test_given_a_store_that_does_not_answer_then_each_use_says_so(
    make_leases: MakeLeases, calls: AwsCalls, clock: FakeClock, soon: Deadline, operation: str
) -> None:
    leases, client = make_leases(shard_places=1), Clients(2).dynamodb()
    uses: Mapping[str, Sequence[Callable[[], object]]] = {
        TRANSACTION: [lambda: leases.take([place(A, most=1)], soon)],
        UPDATE: [
            lambda: leases.take([a_rate(A, 1)], soon),
            lambda: leases.note_keep_alive("live", soon),
            lambda: leases.release(C, soon),
            lambda: leases.renew(C, soon),
        ],
        READ: [
            lambda: leases.release(A, soon),
            lambda: leases.release_session(SESSION, soon),
            lambda: leases.renew(A, soon),
            lambda: leases.renew_session(SESSION, soon),
            lambda: has_keep_alive(client, LEASES, "live"),
        ],
        "BatchGetItem": [lambda: leases.take([place(A)], soon)],
    }
    for holder in (C, D):
        leases.take([place(holder)], soon)
    clock.advance(1)
    calls.fail(operation)
    for use in uses[operation]:
        with pytest.raises(UnavailableError, match="the lease store does not answer"):
            use()
    calls.recover()
    calls.cut_off(operation)
    for use in uses[operation]:
        with pytest.raises(UnavailableError, match="the lease store does not answer"):
            use()


# --- Many at once ---------------------------------------------------------------------------------


class _OneAtATime:
    """A client whose calls come one after the other: moto's transactions are none otherwise."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = Lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            with self._lock:
                return getattr(self._client, name)(**parameters)

        return call


def test_given_many_functions_at_once_when_each_hook_comes_three_times_then_all_places_are_held(
    aws: Aws, clock: FakeClock, soon: Deadline
) -> None:
    client: Any = _OneAtATime(aws.dynamodb)
    leases = DynamoLeases(client, LEASES, SECONDS, clock, shard_places=4, pause=lambda _: None)
    wanted = [place(stream(str(number)), most=10) for number in range(12)] * 3

    with ThreadPoolExecutor(36) as threads:
        taken = list(threads.map(lambda one: leases.take([one], soon), wanted))

    holders = {one.holder for one, found in zip(wanted, taken, strict=True) if not found.full}
    assert len(holders) == 10
    assert held_by(aws) == keys(*holders)
