"""A random walk of two functions that take places, keep them, give them back, or are killed.

After each step the table is compared with a reckoning that the test keeps by itself: a place is
held from when it was taken until somebody begins to give it back, or for as long as its lease
lasts. Clients crash by doing nothing more while time goes by.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from tests.support.aws_tables import LEASES, Aws
from tests.support.fake_clock import FakeClock
from tests.support.profiles import example_count
from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import Budget, Held, Holder, WantedPlace
from wcs_hooks.ports import SessionKey

SECONDS: Final = LeaseSeconds(stream=90, call=400, session=1_000)
LASTS: Final[Mapping[Held, int]] = {
    Held.STREAM: 90,
    Held.CALL: 400,
    Held.SESSION: 1_000,
    Held.RATE: 60,
}
SHARD_PLACES: Final = 2
AHEAD: Final = 3.0
"""Seconds by which the second function's clock is ahead of the first one's, which is right."""

DIFFERENCE: Final = 5.0
"""Seconds for which a lease that has run out is not replaced: the contract."""

STEPS: Final = 40
EXAMPLES: Final = 4
"""How many walks of so many steps there are in the profile `ci`."""


class Limit(NamedTuple):
    """A policy's limit."""

    budget: Budget
    most: int
    held: Held


STREAMS: Final = Limit(Budget("live", "streams", "anna"), 2, Held.STREAM)
VIEWERS: Final = Limit(Budget("live", "viewers", "lesson"), 4, Held.STREAM)
CALLS: Final = Limit(Budget("live", "calls", "anna"), 2, Held.CALL)
CONNECTIONS: Final = Limit(Budget("live", "connections", ""), 2, Held.SESSION)
RATE: Final = Limit(Budget("*", "rate", "anna"), 3, Held.RATE)
WIDE_RATE: Final = Limit(Budget("*", "wide-rate", ""), 5, Held.RATE)
LIMITS: Final[Mapping[str, tuple[Limit, ...]]] = {
    "mediaSessionId": (STREAMS, VIEWERS, RATE, WIDE_RATE),
    "callId": (CALLS, RATE),
    "sessionId": (CONNECTIONS, WIDE_RATE),
}

BUDGETS: Final = {limit.budget: limit for limits in LIMITS.values() for limit in limits}
BUDGETS_BY_KEY: Final = {budget.key: budget for budget in BUDGETS}

SESSIONS: Final = tuple(SessionKey("n", f"s{number}") for number in range(3))
STRAY: Final = Holder("", "", "mediaSessionId", "stray")
HOLDERS: Final = (
    *(Holder(*key, "mediaSessionId", f"m{n}{key.session}") for key in SESSIONS for n in range(3)),
    *(Holder(*key, "callId", f"c{key.session}") for key in SESSIONS),
    *(Holder(*key, "sessionId", key.session) for key in SESSIONS),
    STRAY,
)

STREAMING: Final = tuple(holder for holder in HOLDERS if holder.field == "mediaSessionId")

type Place = tuple[Budget, Holder]


class _Function:
    """A function with a clock of its own, that can be killed after some calls of DynamoDB."""

    def __init__(self, aws: Aws, clock: FakeClock) -> None:
        self.clock = clock
        self.deadline = Deadline(clock, 1e9)
        self._aws = aws
        self._calls_left: int | None = None
        client: Any = self
        self.leases = DynamoLeases(
            client, LEASES, SECONDS, clock, shard_places=SHARD_PLACES, pause=lambda _: None
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            answer = getattr(self._aws.dynamodb, name)(**parameters)
            if self._calls_left is not None:
                self._calls_left -= 1
                if self._calls_left <= 0:
                    raise UnavailableError("killed")
            return answer

        return call

    @contextmanager
    def killed_after(self, calls: int | None) -> Iterator[None]:
        """Let the reply to one of the next calls be lost, and no more calls be made; or not."""
        self._calls_left = calls
        try:
            yield
        except UnavailableError:
            assert calls is not None
        finally:
            self._calls_left = None


CALLS_LEFT: Final = st.sampled_from([None, None, None, 1, 2, 3])
FUNCTION: Final = st.integers(0, 1)


def _stored_items() -> Iterator[Mapping[str, Any]]:
    """The items that moto has. To ask for them as a client does takes most of a walk's time."""
    for item in dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[LEASES].all_items():
        yield from_attributes(item.to_json()["Attributes"])


class LeaseWalk(RuleBasedStateMachine):
    """The functions, and which places are held for certain until when, by the right clock."""

    aws: Aws

    def __init__(self) -> None:
        super().__init__()
        self.right = FakeClock()
        self.clocks = [self.right, FakeClock(self.right.now() + AHEAD)]
        self.functions = [_Function(self.aws, clock) for clock in self.clocks]
        self.held_until: dict[Place, float] = {}
        self.taken_at: dict[Place, float] = {}

    def leases(self) -> Mapping[Budget, Mapping[str, float]]:
        """Until when who has a lease, by the table."""
        found: dict[Budget, dict[str, float]] = {budget: {} for budget in BUDGETS}
        for item in _stored_items():
            budget = BUDGETS_BY_KEY.get(item["key"][2:-2])
            if budget is not None:
                leases = {name[1:]: at for name, at in item.items() if name.startswith("x")}
                assert item["n"] == len(leases)
                assert not leases.keys() & found[budget].keys(), "nobody has a place in two shards"
                found[budget] |= leases
        return found

    @rule(
        numbers=st.lists(FUNCTION, min_size=1, max_size=3),
        holder=st.sampled_from(HOLDERS),
        data=st.data(),
        calls=CALLS_LEFT,
    )
    def take(
        self, numbers: list[int], holder: Holder, data: st.DataObject, calls: int | None
    ) -> None:
        """A hook comes, perhaps again, for which places are wanted."""
        limits = data.draw(
            st.lists(st.sampled_from(LIMITS[holder.field]), min_size=1, max_size=3, unique=True)
        )
        wanted = [
            WantedPlace(
                limit.budget,
                limit.most,
                limit.held,
                LASTS[Held.RATE] if limit.held is Held.RATE else 0,
                holder,
                data.draw(st.booleans()) and len(limits) > 1,
            )
            for limit in limits
        ]
        for number in numbers:
            function = self.functions[number]
            with function.killed_after(calls):
                self.take_once(function, wanted)

    @rule(
        number=FUNCTION,
        holder=st.sampled_from(STREAMING),
        limit=st.sampled_from(LIMITS["mediaSessionId"]),
    )
    def take_one(self, number: int, holder: Holder, limit: Limit) -> None:
        """The same for one place: that happens more often."""
        one = WantedPlace(limit.budget, limit.most, limit.held, LASTS[Held.RATE], holder)
        self.take_once(self.functions[number], [one])

    def take_once(self, function: _Function, wanted: list[WantedPlace]) -> None:
        before = self.leases()
        taken = function.leases.take(wanted, function.deadline)
        after = self.leases()
        now = function.clock.now()
        for index, full in taken.full.items():
            one = wanted[index]
            live = {
                holder for holder, until in before[one.budget].items() if until + DIFFERENCE >= now
            }
            assert one.holder.key not in live
            assert len(live) == one.most
            assert set(full.holders) == live
        if not all(wanted[index].optional for index in taken.full):
            assert before == after
            return
        for index, one in enumerate(wanted):
            if index not in taken.full:
                self.hold(one, after[one.budget][one.holder.key])

    def hold(self, one: WantedPlace, lease: float) -> None:
        """Reckon with a place that was taken."""
        place, now = (one.budget, one.holder), self.right.now()
        until = now + LASTS[one.held]
        if one.held is Held.RATE:
            # It may have been taken before by a function that was killed then.
            until = min(until, lease - AHEAD)
        self.held_until[place] = until
        self.taken_at.setdefault(place, now)

    @rule(number=FUNCTION, one=st.sampled_from([*HOLDERS, *SESSIONS]), calls=CALLS_LEFT)
    def renew(self, number: int, one: Holder | SessionKey, calls: int | None) -> None:
        function = self.functions[number]
        with function.killed_after(calls):
            if isinstance(one, Holder):
                function.leases.renew(one, function.deadline)
            else:
                function.leases.renew_session(one, function.deadline)
            now = self.right.now()
            for place in self.held_by(one):
                lasts = LASTS[self.way(place[0])]
                if isinstance(one, Holder):
                    self.held_until[place] = now + lasts
                elif self.way(place[0]) is not Held.STREAM:
                    least = now + lasts / 2 - AHEAD - 1
                    self.held_until[place] = max(self.held_until[place], least)

    @rule(
        number=FUNCTION,
        one=st.sampled_from([*HOLDERS, *SESSIONS]),
        ago=st.sampled_from([None, None, 0, 10, 100]),
        calls=CALLS_LEFT,
    )
    def release(
        self, number: int, one: Holder | SessionKey, ago: int | None, calls: int | None
    ) -> None:
        function = self.functions[number]
        by = None if ago is None else self.right.now() - ago
        # Whether or not it comes about: from now on nobody relies on these places.
        for place in self.held_by(one, even_if_run_out=True):
            if by is None or self.taken_at[place] <= by:
                del self.held_until[place], self.taken_at[place]
        with function.killed_after(calls):
            if isinstance(one, Holder):
                function.leases.release(one, function.deadline, taken_by=by)
            else:
                function.leases.release_session(one, function.deadline, taken_by=by)
            leases = self.leases()
            for budget, limit in BUDGETS.items():
                if by is None and limit.held is not Held.RATE:
                    held = {holder for holder in HOLDERS if holder.key in leases[budget]}
                    assert not any(is_of(holder, one) for holder in held)

    @rule(seconds=st.sampled_from([0.5, 2, 10, 30, 58, 64, 90, 97, 200, 405, 600, 1_010]))
    def wait(self, seconds: float) -> None:
        for clock in self.clocks:
            clock.advance(seconds)

    @initialize(seconds=st.floats(0, 1))
    def begin(self, seconds: float) -> None:
        self.wait(seconds)

    @invariant()
    def no_more_places_are_held_than_there_are_and_nobody_loses_one(self) -> None:
        leases = self.leases()
        for budget, limit in BUDGETS.items():
            assert len(leases[budget]) <= limit.most
        for (budget, holder), until in self.held_until.items():
            if until > self.right.now():
                assert leases[budget][holder.key] >= until

    def teardown(self) -> None:
        """Nothing is lost: when all has ended, or has run out, everybody can have a place."""
        function = self.functions[0]
        for key in SESSIONS:
            function.leases.release_session(key, function.deadline)
        function.leases.release(STRAY, function.deadline)
        leases = self.leases()
        assert not any(leases[budget] for budget in BUDGETS if self.way(budget) is not Held.RATE)
        self.wait(LASTS[Held.RATE] + DIFFERENCE + AHEAD + 2)
        for limit in (VIEWERS, RATE, WIDE_RATE):
            for number in range(limit.most):
                holder = Holder("n", "later", "mediaSessionId", f"later-{number}")
                one = WantedPlace(limit.budget, limit.most, limit.held, 60, holder)
                assert not function.leases.take([one], function.deadline).full
            assert len(self.leases()[limit.budget]) == limit.most
        for item in self.aws.items(LEASES):
            self.aws.delete_item(LEASES, {"key": item["key"]})

    def way(self, budget: Budget) -> Held:
        """What ends the holding of its places."""
        return BUDGETS[budget].held

    def held_by(self, one: Holder | SessionKey, *, even_if_run_out: bool = False) -> list[Place]:
        """The places of a holder or of a session that are held for certain, but for rates'."""
        return [
            place
            for place, until in self.held_until.items()
            if is_of(place[1], one)
            and self.way(place[0]) is not Held.RATE
            and (even_if_run_out or until > self.right.now())
        ]


def is_of(holder: Holder, one: Holder | SessionKey) -> bool:
    """Whether it is a certain holder, or one of a certain session."""
    return holder == one if isinstance(one, Holder) else (holder.node, holder.session) == one


def test_given_any_walk_then_no_more_places_are_held_than_there_are_and_none_is_lost(
    aws: Aws,
) -> None:
    class Walk(LeaseWalk):
        pass

    Walk.aws = aws
    run_state_machine_as_test(
        Walk, settings=settings(max_examples=example_count(EXAMPLES), stateful_step_count=STEPS)
    )
