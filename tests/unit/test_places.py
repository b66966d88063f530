"""Places after they were taken: what gives them back, what keeps them, and what it costs others."""

import json
from typing import Any, Final

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.in_memory_leases import InMemoryLeases
from tests.unit.given import NOW, deny, snapshot
from wcs_hooks.clock import Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import Holder
from wcs_hooks.core.payload import Payload, parse
from wcs_hooks.hook.places import ReleasePlaces, SessionPlaces
from wcs_hooks.hook.side_effects import Answered
from wcs_hooks.ports import Leases, SessionKey, SessionRecord

_IDS: Final = {"nodeId": "n", "sessionId": "s"}
_STREAM: Final = Holder("n", "s", "mediaSessionId", "m")
_CALL: Final = Holder("n", "s", "callId", "c")
_SESSION: Final = SessionKey("n", "s")
_LIMITS: Final = {
    "stream": deny(limit={"by": "stream", "most": 2, "holds": "stream"}),
    "call": deny(method="call", limit={"by": "body.caller", "most": 2, "holds": "call"}),
    "session": deny(method="connect", limit={"by": "app", "most": 2, "holds": "session"}),
    "rate": deny(method="call", limit={"by": "body.caller", "most": 2, "holds": "60s"}),
}


def _payload(**fields: Any) -> Payload:
    return parse(json.dumps(_IDS | fields).encode())


def _active(*kinds: str) -> ActivePolicies:
    policies = [_LIMITS[kind] | {"id": kind} for kind in kinds]
    return ActivePolicies([snapshot(*policies)] if policies else [])


def _changes(
    leases: InMemoryLeases,
    method: str,
    kinds: tuple[str, ...],
    *,
    now: float = NOW,
    redriven: bool = False,
    interval: float = 10.0,
    **fields: Any,
) -> list[tuple[str, object]]:
    """What is asked of the leases when a hook comes, in an app with limits of these kinds."""
    release = ReleasePlaces(lambda: leases, interval)
    answered = Answered(method, _payload(**fields), _active(*kinds), now, "d", redriven=redriven)
    release(answered, Deadline(FakeClock(), 1.0))
    return leases.asked


@pytest.mark.parametrize("status", ["UNPUBLISHED", "STOPPED", "FAILED"])
def test_the_end_of_a_stream_gives_back_what_it_holds(status: str) -> None:
    asked = _changes(
        InMemoryLeases(), "StreamStatusEvent", ("stream",), status=status, mediaSessionId="m"
    )

    assert asked == [("release", (_STREAM, None))]


@pytest.mark.parametrize("status", ["FINISH", "FAILED", "BUSY"])
def test_the_end_of_a_call_gives_back_what_it_holds(status: str) -> None:
    asked = _changes(InMemoryLeases(), "CallStatusEvent", ("call",), status=status, callId="c")

    assert asked == [("release", (_CALL, None))]


@pytest.mark.parametrize("kind", ["stream", "call", "session"])
def test_the_end_of_a_session_gives_back_what_it_its_streams_and_its_calls_hold(kind: str) -> None:
    asked = _changes(InMemoryLeases(), "ConnectionStatusEvent", (kind,), status="DISCONNECTED")

    assert asked == [("release_session", (_SESSION, None))]


def test_a_call_and_a_session_that_have_begun_keep_their_places() -> None:
    of_call = _changes(
        InMemoryLeases(), "CallStatusEvent", ("call",), status="ESTABLISHED", callId="c"
    )
    of_session = _changes(
        InMemoryLeases(), "ConnectionStatusEvent", ("session",), status="ESTABLISHED"
    )

    assert of_call == [("renew", _CALL)]
    assert of_session == [("renew", Holder("n", "s", "sessionId", "s"))]


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("StreamStatusEvent", {"status": "PUBLISHING", "mediaSessionId": "m"}),
        ("StreamStatusEvent", {"status": "UNPUBLISHED"}),
        ("CallStatusEvent", {"status": "RING", "callId": "c"}),
        ("CallStatusEvent", {"status": "ESTABLISHED"}),
        ("RegistrationStatusEvent", {"status": "ESTABLISHED"}),
        ("ConnectionStatusEvent", {"status": "FAILED", "callId": "c"}),
        ("ErrorEvent", {"status": "FAILED"}),
    ],
)
def test_what_is_no_end_gives_nothing_back(method: str, fields: dict[str, Any]) -> None:
    assert _changes(InMemoryLeases(), method, ("stream", "call", "session"), **fields) == []


@pytest.mark.parametrize("kinds", [(), ("rate",)])
def test_an_app_that_holds_nothing_asks_nothing(kinds: tuple[str, ...]) -> None:
    def never() -> Leases:
        raise AssertionError("nothing is held")

    answered = Answered(
        "StreamStatusEvent",
        _payload(status="STOPPED", mediaSessionId="m"),
        _active(*kinds),
        NOW,
        "d",
    )
    ReleasePlaces(never, 10.0)(answered, Deadline(FakeClock(), 1.0))


def test_a_release_that_fails_is_raised_so_that_a_dead_letter_has_it() -> None:
    leases = InMemoryLeases()
    leases.fails = True

    with pytest.raises(UnavailableError):
        _changes(leases, "StreamStatusEvent", ("stream",), status="STOPPED", mediaSessionId="m")


def test_an_end_that_is_redriven_leaves_alone_what_was_taken_since() -> None:
    asked = _changes(
        InMemoryLeases(),
        "StreamStatusEvent",
        ("stream",),
        redriven=True,
        status="STOPPED",
        mediaSessionId="m",
    )

    assert asked == [("release", (_STREAM, NOW))]


def _renewals(interval: float, keep_alives: int, **options: Any) -> int:
    leases = InMemoryLeases()
    for number in range(keep_alives):
        now = NOW + number * interval
        _changes(
            leases,
            "StreamKeepAliveEvent",
            ("stream",),
            now=now,
            interval=interval,
            mediaSessionId="m",
            **options,
        )
    return [name for name, _ in leases.asked].count("renew")


def test_a_third_of_the_keep_alives_renew_and_of_rare_ones_each() -> None:
    assert _renewals(10.0, 30) == 10
    assert _renewals(20.0, 30) == 10
    assert _renewals(21.0, 30) == 30


def test_a_keep_alive_that_is_redriven_renews_nothing() -> None:
    assert _renewals(30.0, 3, redriven=True) == 0


def test_a_renewal_that_fails_is_left_to_the_next_keep_alive() -> None:
    leases = InMemoryLeases()
    leases.fails = True

    asked = _changes(leases, "StreamKeepAliveEvent", ("stream",), interval=30.0, mediaSessionId="m")

    assert asked == [("renew", _STREAM)]


def test_that_keep_alives_come_is_noted_once_for_each_app_with_such_limits() -> None:
    leases = InMemoryLeases()
    release = ReleasePlaces(lambda: leases, 30.0)
    active = ActivePolicies([snapshot(_LIMITS["stream"]), snapshot(_LIMITS["call"], app="*")])
    for _ in range(3):
        answered = Answered("StreamKeepAliveEvent", _payload(mediaSessionId="m"), active, NOW, "d")
        release(answered, Deadline(FakeClock(), 1.0))

    assert leases.asked.count(("note_keep_alive", "live")) == 1
    assert ("note_keep_alive", "*") not in leases.asked


def _checks(
    connected_at: float | None, kinds: frozenset[str], seconds: int, every: int
) -> list[int]:
    """When a session's places are looked at, in seconds from now."""
    clock, leases = FakeClock(now=NOW), InMemoryLeases()
    places = SessionPlaces(leases, 4 * 3600.0, 24 * 3600.0, clock)
    record = SessionRecord({}, {}, frozenset(), connected_at)
    looked: list[int] = []
    for second in range(0, seconds, every):
        places.renew(_payload(), record, kinds, Deadline(clock, 1.0))
        if len(leases.asked) > len(looked):
            looked.append(second)
        clock.advance(every)
    return looked


@pytest.mark.parametrize(
    ("kinds", "first"), [({"call"}, 7_200), ({"session"}, 43_200), ({"call", "session"}, 7_200)]
)
def test_what_a_session_holds_is_looked_at_once_it_may_be_half_spent(
    kinds: set[str], first: int
) -> None:
    looked = _checks(NOW, frozenset(kinds), first + 1_201, 60)

    assert looked == [first, first + 600, first + 1_200]


def test_a_session_of_unknown_age_is_looked_at_and_one_with_streams_only_never() -> None:
    assert _checks(None, frozenset({"call"}), 60, 60) == [0]
    assert _checks(NOW - 1e6, frozenset({"stream"}), 60, 60) == []


def test_a_renewal_of_a_session_that_fails_fails_no_hook() -> None:
    leases = InMemoryLeases()
    leases.fails = True
    places = SessionPlaces(leases, 3600.0, 3600.0, FakeClock(now=NOW))
    record = SessionRecord({}, {}, frozenset())

    places.renew(_payload(), record, frozenset({"call"}), Deadline(FakeClock(), 1.0))

    assert leases.asked == [("renew_session", _SESSION)]
