"""What limits change about decisions and answers, by places that are counted in memory."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.in_memory_leases import InMemoryLeases
from tests.support.reading_process import Asked, decide_by
from tests.unit.given import NOW, compiled, deny, echo, hook, override, snapshot
from wcs_hooks.clock import Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.answer import Answer, answer
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import (
    UNKNOWN_SESSION,
    Decision,
    Session,
    Step,
    UndecidedError,
    Verdict,
    decide,
)
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import Taken, WantedPlace
from wcs_hooks.core.lists import Row, RowKey

_BY_USER: Final = {"by": "session.custom.login", "most": 2, "holds": "stream"}
_STREAMS: Final = deny(id="streams", limit=_BY_USER, reason="two streams at most")
_ANNA: Final = Session({"custom": {"login": "anna", "streams": 3}}, app="live")
_BEN: Final = Session({"custom": {"login": "ben"}}, app="live")


class _Endpoint:
    """Answers hooks by places in memory."""

    def __init__(
        self, *items: Mapping[str, Any], every_app: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        snapshots = [snapshot(*items)] if items else []
        if every_app:
            snapshots.append(snapshot(*every_app, app="*"))
        self._active = ActivePolicies(snapshots)
        self.leases = InMemoryLeases()
        self.decisions: list[Decision] = []

    def answer(
        self,
        stream: str | None,
        session: Session = _ANNA,
        *,
        method: str = "publishStream",
        rest_api_calls: RestApiCalls = RestApiCalls.NEVER_DENY,
        **fields: Any,
    ) -> Answer:
        body = {"nodeId": "n", "sessionId": "s", **fields}
        if stream is not None:
            body["mediaSessionId"] = stream
        deadline = Deadline(FakeClock(), 2.0)
        return answer(
            self._active,
            hook(body, method),
            lambda: session,
            NOW,
            rest_api_calls=rest_api_calls,
            decision_id="d",
            take=lambda wanted: self.leases.take(wanted, deadline),
            decided=self.decisions.append,
        )


def test_the_third_stream_of_a_user_is_denied_and_another_user_is_not() -> None:
    endpoint = _Endpoint(_STREAMS)

    statuses = [endpoint.answer(stream).reply.status for stream in ("a", "b", "c")]
    other = endpoint.answer("d", _BEN)

    assert statuses == [200, 200, 403]
    assert other.reply.status == 200


def test_a_denial_names_the_policy_and_who_holds_the_places() -> None:
    endpoint = _Endpoint(_STREAMS)
    endpoint.answer("a")
    endpoint.answer("b")

    denied = endpoint.answer("c")

    error = json.loads(denied.reply.body)["error"]
    assert (error["policy"], error["reason"]) == ("streams", "two streams at most")
    assert str(denied.full["live/streams"]).startswith("2 of 2 held by ")
    assert denied.decision.applied == ("live/streams",)
    assert endpoint.decisions[-1].verdict is Verdict.DENY


def test_the_same_hook_again_takes_no_second_place() -> None:
    endpoint = _Endpoint(_STREAMS)

    statuses = [endpoint.answer(stream).reply.status for stream in ("a", "a", "a", "b", "a", "c")]

    assert statuses == [200, 200, 200, 200, 200, 403]


def test_a_hook_that_another_policy_denies_takes_no_place() -> None:
    locked = deny(id="locked", priority=200, match={"name": "locked"})
    endpoint = _Endpoint(_STREAMS, locked)

    assert endpoint.answer("a", name="locked").reply.status == 403
    assert endpoint.leases.held == {}


def test_of_two_limits_the_first_that_is_full_denies_and_nothing_is_taken() -> None:
    per_stream = deny(
        id="viewers", limit={"by": "stream", "most": 1, "holds": "stream"}, reason="one viewer"
    )
    endpoint = _Endpoint(_STREAMS, per_stream)
    endpoint.answer("a", name="x")

    refused = endpoint.answer("b", name="x")
    allowed = endpoint.answer("c", name="y")

    assert json.loads(refused.reply.body)["error"]["policy"] == "viewers"
    assert allowed.reply.status == 200
    assert sorted(len(holders) for holders in endpoint.leases.held.values()) == [1, 1, 2]


def test_the_places_of_an_app_and_of_every_app_are_counted_apart() -> None:
    endpoint = _Endpoint(
        _STREAMS, every_app=[_STREAMS | {"app": "*", "limit": _BY_USER | {"most": 1}}]
    )

    first, second = endpoint.answer("a"), endpoint.answer("b")

    assert (first.reply.status, second.reply.status) == (200, 403)
    assert second.decision.denial is not None
    assert second.decision.denial.app == "*"


def test_an_echo_before_a_limit_is_not_counted() -> None:
    staff = echo(id="staff", priority=1, when="session.custom.login == 'anna'")
    endpoint = _Endpoint(staff, _STREAMS)

    assert [endpoint.answer(name).reply.status for name in "abc"] == [200, 200, 200]
    assert endpoint.leases.held == {}


def test_overrides_beside_a_limit_stand_while_there_is_room_and_fall_with_it() -> None:
    record = override(id="record", priority=1, set={"record": True})
    endpoint = _Endpoint(record, _STREAMS | {"limit": _BY_USER | {"most": 1}})

    allowed, denied = endpoint.answer("a"), endpoint.answer("b")

    assert json.loads(allowed.reply.body)["record"] is True
    assert denied.reply.status == 403
    assert denied.decision.fields is None


def test_in_shadow_places_are_taken_and_nothing_is_refused() -> None:
    endpoint = _Endpoint(_STREAMS | {"mode": "shadow"})

    answers = [endpoint.answer(stream) for stream in ("a", "b", "c")]

    assert [one.reply.status for one in answers] == [200, 200, 200]
    assert [one.decision.shadow_denied for one in answers] == [(), (), ("live/streams",)]


@pytest.mark.parametrize(
    ("most", "statuses"),
    [
        (0, [403]),
        ("session.custom.streams", [200, 200, 200, 403]),
        ("0 - 1", [403]),
        ("1.0", [200, 403]),
    ],
)
def test_the_number_of_places_is_a_number_or_an_expression(
    most: object, statuses: list[int]
) -> None:
    endpoint = _Endpoint(_STREAMS | {"limit": _BY_USER | {"most": most}})

    found = [endpoint.answer(str(number)).reply.status for number in range(len(statuses))]

    assert found == statuses


@pytest.mark.parametrize(
    ("limit", "fields", "message"),
    [
        ({"by": "body.user"}, {}, 'Key not found in map : "user"'),
        ({"by": "body.user"}, {"user": ""}, "its by is empty"),
        ({"most": "body.plan"}, {"plan": 1.5}, "its most gives a float that is not a whole number"),
        ({"most": "body.plan"}, {"plan": "2"}, "its most gives a str that is not a whole number"),
        (
            {},
            {"mediaSessionId": 7},
            "the hook has no mediaSessionId, so that nobody can hold a place",
        ),
    ],
)
def test_a_limit_without_a_value_does_what_when_error_says(
    limit: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    policy = _STREAMS | {"limit": _BY_USER | limit}
    stream = None if "mediaSessionId" in fields else "a"

    denied = _Endpoint(policy).answer(stream, **fields)
    skipped = _Endpoint(policy | {"whenError": "skip"}).answer(stream, **fields)

    assert (denied.reply.status, skipped.reply.status) == (403, 200)
    assert [(one.attribute, one.message) for one in denied.decision.failures] == [
        ("limit", message)
    ]


def test_a_session_that_was_never_seen_is_neither_counted_nor_refused() -> None:
    by_app = _STREAMS | {"limit": {"by": "app", "most": 1, "holds": "stream"}}
    endpoint = _Endpoint(by_app)

    statuses = [
        endpoint.answer(stream, UNKNOWN_SESSION, appKey="live").reply.status for stream in "ab"
    ]
    as_client = _Endpoint(by_app)
    refused = [
        as_client.answer(
            stream, UNKNOWN_SESSION, appKey="live", rest_api_calls=RestApiCalls.AS_CLIENT
        ).reply.status
        for stream in "ab"
    ]

    assert statuses == [200, 200]
    assert endpoint.leases.held == {}
    assert refused == [200, 403]


def test_when_places_cannot_be_counted_then_the_hook_fails_unless_skip_is_written_out() -> None:
    failing, skipping = _Endpoint(_STREAMS), _Endpoint(_STREAMS | {"whenError": "skip"})
    shadow = _Endpoint(_STREAMS | {"mode": "shadow"})
    for endpoint in (failing, skipping, shadow):
        endpoint.leases.fails = True

    with pytest.raises(UndecidedError) as raised:
        failing.answer("a")
    passed, passed_in_shadow = skipping.answer("a"), shadow.answer("a")

    assert [one.policy for one in raised.value.limit_failures] == ["streams"]
    for one in (passed, passed_in_shadow):
        assert one.reply.status == 200
        assert [failure.policy for failure in one.decision.limit_failures] == ["streams"]


def test_a_limit_in_shadow_that_cannot_be_counted_fails_no_hook_that_others_limit() -> None:
    class Damaged(InMemoryLeases):
        def take(self, wanted: Sequence[WantedPlace], deadline: Deadline) -> Taken:
            if any(place.budget.policy == "tried" for place in wanted):
                raise UnavailableError("the lease store refuses a change")
            return super().take(wanted, deadline)

    endpoint = _Endpoint(_STREAMS, _STREAMS | {"id": "tried", "mode": "shadow"})
    endpoint.leases = Damaged()

    answers = [endpoint.answer(stream) for stream in ("a", "b", "c")]

    assert [one.reply.status for one in answers] == [200, 200, 403]
    for one in answers:
        assert [failure.policy for failure in one.decision.limit_failures] == ["tried"]


def test_without_places_a_decision_is_made_as_if_there_was_room() -> None:
    steps: list[Step] = []
    found = decide(
        [snapshot(_STREAMS)],
        hook({"mediaSessionId": "a"}),
        NOW,
        lambda: _ANNA,
        steps.append,
    )

    assert (found.verdict, len(found.wanted)) == (Verdict.ECHO, 1)
    assert [(step.outcome, step.detail) for step in steps] == [("limit", "needs one of 2")]


def test_sessions_and_calls_hold_places_by_their_ids() -> None:
    sessions = deny(
        id="sessions",
        method="connect",
        limit={"by": "body.custom.login", "most": 1, "holds": "session"},
    )
    endpoint = _Endpoint(sessions)

    def connect(session: str) -> int:
        answered = endpoint.answer(
            None, method="connect", sessionId=session, custom={"login": "anna"}
        )
        return answered.reply.status

    assert [connect("1"), connect("1"), connect("2")] == [200, 200, 403]


def test_a_limit_by_a_row_reads_it_with_the_policys_other_rows() -> None:
    policy = _STREAMS | {
        "limit": _BY_USER | {"most": "rows.plan.streams"},
        "lookup": {"plan": {"list": "plans", "key": "session.custom.login"}},
    }
    asked: list[RowKey] = []

    def rows(keys: Any) -> dict[RowKey, Row]:
        asked.extend(keys)
        return {key: {"streams": 7} for key in keys}

    found = decide([snapshot(policy)], hook({"mediaSessionId": "a"}), NOW, lambda: _ANNA, rows=rows)

    assert [one.place.most for one in found.wanted] == [7]
    assert asked == [RowKey("plans", "anna")]


def test_snapshots_say_what_places_are_held_by_even_of_policies_that_are_off() -> None:
    off = _STREAMS | {"mode": "off"}
    rate = deny(id="rate", limit={"by": "app", "most": 1, "holds": "60s"})

    assert snapshot(off, rate).holds == {"stream"}
    assert ActivePolicies([snapshot(rate)]).holds == frozenset()


def test_an_app_without_limits_loads_nothing_that_counts() -> None:
    asked = Asked("publishStream", {"name": "x", "mediaSessionId": "a"})
    plain = deny(when="body.name == 'y'")
    limited = _STREAMS | {"limit": {"by": "stream", "most": 2, "holds": "stream"}}

    without = decide_by([compiled(plain).dump(1, NOW)], [asked])
    with_limit = decide_by([compiled(limited).dump(1, NOW)], [asked])

    assert "wcs_hooks.core.limits" not in without.modules
    assert "wcs_hooks.core.limits" in with_limit.modules
    assert with_limit.decided[0].failures == []
