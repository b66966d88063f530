"""A random walk of two functions that take places, keep them, give them back, or are killed.

There are few holders and few budgets, so that they meet. A function is killed between two of its
calls of DynamoDB, or the other one does something of its own in between. After each step the table
is compared with a reckoning that the test keeps by itself: a place is held from when it was taken
until somebody begins to give it back, or for as long as its lease lasts. Clients crash by doing
nothing more while time goes by.
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
from wcs_hooks.adapters.dynamo_leases import CONFIRMED_WITHIN, DynamoLeases, LeaseSeconds
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.adapters.lease_items import owner_item, place_name, rate_item
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

CALL_TAKES: Final = 0.001
"""Seconds."""

STEPS: Final = 45
EXAMPLES: Final = 5
"""How many walks of so many steps there are in the profile `ci`."""


class Limit(NamedTuple):
    """A policy's limit."""

    budget: Budget
    most: int
    held: Held


STREAMS: Final = Limit(Budget("live", "streams", "anna"), 1, Held.STREAM)
VIEWERS: Final = Limit(Budget("live", "viewers", "lesson"), 3, Held.STREAM)
CALLS: Final = Limit(Budget("live", "calls", "anna"), 1, Held.CALL)
CONNECTIONS: Final = Limit(Budget("live", "connections", ""), 1, Held.SESSION)
RATE: Final = Limit(Budget("*", "rate", "anna"), 2, Held.RATE)
WIDE_RATE: Final = Limit(Budget("*", "wide-rate", ""), 3, Held.RATE)
LIMITS: Final[Mapping[str, tuple[Limit, ...]]] = {
    "mediaSessionId": (STREAMS, VIEWERS, VIEWERS, RATE, WIDE_RATE),
    "callId": (CALLS, RATE),
    "sessionId": (CONNECTIONS, WIDE_RATE),
}

BUDGETS: Final = {limit.budget: limit for limits in LIMITS.values() for limit in limits}
BUDGETS_BY_KEY: Final = {budget.key: budget for budget in BUDGETS}

SESSIONS: Final = (SessionKey("n", "s0"), SessionKey("n", "s1"))
STRAY: Final = Holder("", "", "mediaSessionId", "lone")
STREAMING: Final = (
    Holder(*SESSIONS[0], "mediaSessionId", "m1"),
    Holder(*SESSIONS[0], "mediaSessionId", "m5"),
    Holder(*SESSIONS[1], "mediaSessionId", "m12"),
    STRAY,
)
"""Each of them looks first into the second shard of a budget of three places, which has one."""

HOLDERS: Final = (
    *STREAMING,
    *(Holder(*key, "callId", f"c{key.session}") for key in SESSIONS),
    *(Holder(*key, "sessionId", key.session) for key in SESSIONS),
)
HOLDERS_BY_KEY: Final = {holder.key: holder for holder in HOLDERS}

type Place = tuple[Budget, Holder]


class KilledError(UnavailableError):
    """A function was killed."""


class _Function:
    """A function with a clock of its own. After some calls of DynamoDB something comes between."""

    def __init__(self, aws: Aws, clock: FakeClock, pass_time: Callable[[float], None]) -> None:
        self.clock = clock
        self.deadline = Deadline(clock, 1e9)
        self._aws = aws
        self._pass_time = pass_time
        self._calls_left = 0
        self._between: Callable[[], None] | None = None
        client: Any = self
        self.leases = DynamoLeases(
            client, LEASES, SECONDS, clock, shard_places=SHARD_PLACES, pause=lambda _: None
        )

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**parameters: Any) -> Any:
            self._pass_time(CALL_TAKES)
            try:
                return getattr(self._aws.dynamodb, name)(**parameters)
            finally:
                self._calls_left -= 1
                if self._calls_left == 0 and self._between is not None:
                    self._between()

        return call

    @contextmanager
    def disturbed(self, calls: int, between: Callable[[], None] | None) -> Iterator[None]:
        """Let something come between, once so many calls were made."""
        self._calls_left, self._between = calls, between
        try:
            yield
        except KilledError:
            pass
        finally:
            self._between = None


class Act(NamedTuple):
    """What a function does.

    Attributes
    ----------
    kind
        `take`, `renew` or `release`.
    who
        For whom.
    limits
        Whose places are wanted, each with whether it is optional.
    ago
        Of a release, how many seconds before it the end came that is redriven; none if it is not.
    """

    kind: str
    who: Holder | SessionKey
    limits: tuple[tuple[Limit, bool], ...] = ()
    ago: int | None = None


@st.composite
def takes(draw: st.DrawFn) -> Act:
    """A hook for which places are wanted: mostly of streams, and mostly one."""
    holder = draw(st.sampled_from([*STREAMING, *STREAMING, *HOLDERS]))
    limits = draw(
        st.lists(st.sampled_from(LIMITS[holder.field]), min_size=1, max_size=2, unique=True)
    )
    optional = len(limits) > 1 and draw(st.booleans())
    return Act("take", holder, tuple((limit, optional and not n) for n, limit in enumerate(limits)))


ONE: Final = st.sampled_from([*STREAMING, *HOLDERS, *SESSIONS])
ACTS: Final = st.one_of(
    takes(),
    takes(),
    st.builds(Act, st.just("renew"), ONE, st.just(()), st.none()),
    st.builds(Act, st.just("release"), ONE, st.just(()), st.sampled_from([None, None, 0, 10, 100])),
)


class Rival(NamedTuple):
    """What somebody does who has a place where one is wanted, or the same one who is acted for."""

    kind: str
    number: int


RIVALS: Final = st.builds(Rival, st.sampled_from(["take", "renew", "release"]), st.integers(0, 2))
BETWEEN: Final = st.one_of(st.none(), st.just("killed"), ACTS, RIVALS, RIVALS)
"""What comes between two calls of a function: nothing, its end, or what the other one does."""

PASS: Final = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 2, 30, 58, 64, 90, 97, 200, 405, 1_010])
"""Seconds between two hooks."""


def _stored_items() -> Iterator[Mapping[str, Any]]:
    """The items that moto has. To ask for them as a client does takes most of a walk's time."""
    for item in dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables[LEASES].all_items():
        yield from_attributes(item.to_json()["Attributes"])


class LeaseWalk(RuleBasedStateMachine):
    """The functions, and which places are held for certain until when, by the right clock."""

    aws: Aws

    def __init__(self) -> None:
        super().__init__()
        for item in self.aws.items(LEASES):
            self.aws.delete_item(LEASES, {"key": item["key"]})
        self.right = FakeClock()
        self.clocks = [self.right, FakeClock(self.right.now() + AHEAD)]
        self.functions = [_Function(self.aws, clock, self.wait) for clock in self.clocks]
        self.held_until: dict[Place, float] = {}
        self.asked_at: dict[Place, float] = {}

    def wait(self, seconds: float) -> None:
        for clock in self.clocks:
            clock.advance(seconds)

    def leases(self) -> Mapping[Budget, Mapping[str, float]]:
        """Until when who has a lease, by the table, which is in order at every moment."""
        found: dict[Budget, dict[str, float]] = {budget: {} for budget in BUDGETS}
        items = {item["key"]: item for item in _stored_items()}
        for key, item in items.items():
            budget = BUDGETS_BY_KEY.get(key[2:-2])
            if budget is None:
                continue
            leases = {name[1:]: at for name, at in item.items() if name.startswith("x")}
            assert item["n"] == len(leases)
            assert not leases.keys() & found[budget].keys(), "nobody has a place in two shards"
            found[budget] |= leases
            for holder in leases:
                owner = owner_of(holder, BUDGETS[budget])
                listed = items[owner][place_name(holder, budget.key)]["shard"] if owner else None
                assert listed in {None, int(key[-1])}, "who has a place can give it back"
        return found

    @initialize(seconds=st.floats(0, 1))
    def begin(self, seconds: float) -> None:
        self.wait(seconds)

    @rule(
        seconds=PASS,
        number=st.integers(0, 1),
        act=ACTS,
        calls=st.sampled_from([1, 1, 2, 2, 3]),
        between=BETWEEN,
        before_again=st.one_of(st.none(), RIVALS),
    )
    def hook(
        self,
        seconds: float,
        number: int,
        act: Act,
        calls: int,
        between: Act | Rival | str | None,
        before_again: Rival | None,
    ) -> None:
        """A hook comes, perhaps once more, and something comes between its calls of DynamoDB.

        Parameters
        ----------
        before_again
            What happens before it comes once more; none if it does not.
        """
        self.wait(seconds)
        if isinstance(between, Rival):
            between = self.done_by_rival(between, act)
        others = isinstance(between, Act) and meet(act.who, between.who)

        def come() -> None:
            if not isinstance(between, Act):
                raise KilledError
            self.do(1 - number, between, is_alone=not others, is_undisturbed=False)

        with self.functions[number].disturbed(calls, come if between else None):
            self.do(number, act, is_alone=not others, is_undisturbed=between is None)
        if isinstance(between, Act) and others:
            self.forget(act.who)
            self.forget(between.who)
        if before_again is not None:
            of_rival = self.done_by_rival(before_again, act)
            for one in (of_rival, act) if of_rival else (act,):
                self.do(number, one, is_alone=True, is_undisturbed=True)

    def done_by_rival(self, rival: Rival, act: Act) -> Act | None:
        """What a rival does, if there is one."""
        wanted = [limit for limit, _ in act.limits] or [STREAMS, VIEWERS]
        limit = wanted[rival.number % len(wanted)]
        leases = self.leases()[limit.budget]
        holding = [holder for holder in HOLDERS if holder.key in leases]
        if act.kind != "take":
            holding = [holder for holder in STREAMING if is_of(holder, act.who)]
        if not holding:
            return None
        return Act(rival.kind, holding[rival.number % len(holding)], ((limit, False),))

    def do(self, number: int, act: Act, *, is_alone: bool, is_undisturbed: bool) -> None:
        """Do it, and reckon with it.

        Parameters
        ----------
        is_alone
            Whether the other function does nothing for the same session meanwhile.
        is_undisturbed
            Whether it does nothing at all.
        """
        function, who = self.functions[number], act.who
        match act.kind:
            case "take":
                assert isinstance(who, Holder)
                self.take(function, who, act, is_alone=is_alone, is_undisturbed=is_undisturbed)
            case "renew":
                self.renew(function, who, is_alone=is_alone)
            case _:
                self.release(function, who, act.ago, is_alone=is_alone)

    def take(
        self,
        function: _Function,
        holder: Holder,
        act: Act,
        *,
        is_alone: bool,
        is_undisturbed: bool,
    ) -> None:
        wanted = [
            WantedPlace(
                limit.budget,
                limit.most,
                limit.held,
                LASTS[Held.RATE] if limit.held is Held.RATE else 0,
                holder,
                optional,
            )
            for limit, optional in act.limits
        ]
        before, began = self.leases(), self.right.now()
        for one in wanted:
            self.asked_at.setdefault((one.budget, holder), began)
        live = [self.live(function, before, one.budget) for one in wanted]
        taken = function.leases.take(wanted, function.deadline)
        after = self.leases()
        is_taken = all(wanted[index].optional for index in taken.full)
        if is_undisturbed:
            for index, full in taken.full.items():
                assert holder.key not in live[index]
                assert len(live[index]) == wanted[index].most
                assert set(full.holders) == live[index]
            assert is_taken or before == after
        for index, one in enumerate(wanted):
            if is_taken and is_alone and index not in taken.full:
                until = began + min(LASTS[one.held], CONFIRMED_WITHIN)
                if one.held is Held.RATE:
                    # It may have been taken before by a function that was killed then.
                    until = min(until, after[one.budget][holder.key] - AHEAD)
                place = one.budget, holder
                self.held_until[place] = max(until, self.held_until.get(place, 0.0))

    def renew(self, function: _Function, one: Holder | SessionKey, *, is_alone: bool) -> None:
        began = self.right.now()
        if isinstance(one, SessionKey):
            function.leases.renew_session(one, function.deadline)
            leases = self.leases()
            for place in self.places_of(one):
                until = began + LASTS[way(place)]
                if is_alone and leases[place[0]].get(place[1].key, 0.0) >= until:
                    self.held_until[place] = until
            return
        function.leases.renew(one, function.deadline)
        leases = self.leases()
        for budget, limit in BUDGETS.items():
            if is_alone and limit.held is not Held.RATE and one.key in leases[budget]:
                self.held_until[budget, one] = began + LASTS[limit.held]

    def release(
        self, function: _Function, one: Holder | SessionKey, ago: int | None, *, is_alone: bool
    ) -> None:
        by = None if ago is None else self.right.now() - ago
        # Whether or not it comes about: from now on nobody relies on these places.
        self.forget(one, by)
        if isinstance(one, Holder):
            function.leases.release(one, function.deadline, taken_by=by)
        else:
            function.leases.release_session(one, function.deadline, taken_by=by)
        if is_alone and by is None:
            leases = self.leases()
            for budget, limit in BUDGETS.items():
                for holder in HOLDERS:
                    if limit.held is not Held.RATE and is_of(holder, one):
                        assert holder.key not in leases[budget]
                        self.asked_at.pop((budget, holder), None)

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
        assert not any(leases[budget] for budget in BUDGETS if way((budget, STRAY)) != Held.RATE)
        for item in _stored_items():
            assert item["key"].startswith("r#") or not any(
                name.startswith("p") for name in item if name != "policy"
            )
        self.wait(LASTS[Held.RATE] + DIFFERENCE + AHEAD + 2)
        for limit in (VIEWERS, RATE, WIDE_RATE):
            for number in range(limit.most):
                holder = Holder("n", "later", "mediaSessionId", f"later-{number}")
                one = WantedPlace(limit.budget, limit.most, limit.held, 60, holder)
                assert not function.leases.take([one], function.deadline).full
            assert len(self.leases()[limit.budget]) == limit.most

    def live(
        self, function: _Function, leases: Mapping[Budget, Mapping[str, float]], budget: Budget
    ) -> set[str]:
        """Who has leases that no function may replace, by its clock."""
        now = function.clock.now()
        return {holder for holder, until in leases[budget].items() if until + DIFFERENCE >= now}

    def places_of(self, one: Holder | SessionKey) -> list[Place]:
        """The places of a holder or of a session that are reckoned with, but for rates'."""
        return [
            place
            for place in self.held_until
            if is_of(place[1], one) and way(place) is not Held.RATE
        ]

    def forget(self, one: Holder | SessionKey, by: float | None = None) -> None:
        """Rely no longer on places that were asked for by a time."""
        for place in self.places_of(one):
            if by is None or self.asked_at[place] <= by:
                del self.held_until[place]


def way(place: Place) -> Held:
    """What ends the holding of a place."""
    return BUDGETS[place[0]].held


def owner_of(holder: str, limit: Limit) -> str | None:
    """The key of the item that lists where a holder has a place of a budget, if one must."""
    one = HOLDERS_BY_KEY.get(holder)
    if one is None or limit is RATE:
        return None
    return rate_item(one) if limit is WIDE_RATE else owner_item(one)


def is_of(holder: Holder, one: Holder | SessionKey) -> bool:
    """Whether it is a certain holder, or one of a certain session."""
    return holder == one if isinstance(one, Holder) else (holder.node, holder.session) == one


def meet(one: Holder | SessionKey, other: Holder | SessionKey) -> bool:
    """Whether two are of the same session."""
    return (one.node, one.session) == (other.node, other.session)


def test_given_any_walk_then_no_more_places_are_held_than_there_are_and_none_is_lost(
    aws: Aws,
) -> None:
    class Walk(LeaseWalk):
        pass

    Walk.aws = aws
    run_state_machine_as_test(
        Walk, settings=settings(max_examples=example_count(EXAMPLES), stateful_step_count=STEPS)
    )
