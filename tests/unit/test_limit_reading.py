"""The attribute `limit`: what is accepted, what is refused and with which words."""

from typing import Any, Final

import pytest

from tests.unit.given import compiled, deny, echo, errors, override, warnings
from wcs_hooks.core.limits import Held
from wcs_hooks.core.policy.limit_lint import MAX_LIMITS, without_keep_alives

_STREAMS: Final = {"by": "claims.sub", "most": 2, "holds": "stream"}


def _limit(**members: Any) -> dict[str, Any]:
    return deny(limit=_STREAMS | members)


@pytest.mark.parametrize(
    ("holds", "held", "seconds", "method"),
    [
        ("stream", Held.STREAM, 0, "publishStream"),
        ("call", Held.CALL, 0, "call"),
        ("session", Held.SESSION, 0, "connect"),
        ("60s", Held.RATE, 60, "OnDataEvent"),
        ("5m", Held.RATE, 300, "call"),
        ("24h", Held.RATE, 86_400, "connect"),
    ],
)
def test_a_place_is_held_by_a_stream_a_call_a_session_or_for_a_time(
    holds: str, held: Held, seconds: int, method: str
) -> None:
    compilation = compiled(
        deny(method=method, limit={"by": "body.appKey", "most": 2, "holds": holds})
    )

    assert not compilation.errors
    limit = compilation.policies[0].limit
    assert limit is not None
    assert (limit.held, limit.seconds) == (held, seconds)


@pytest.mark.parametrize(
    ("members", "attribute", "words"),
    [
        ({"by": ""}, "limit.by", "such as claims.sub"),
        ({"by": "1 + 1"}, "limit.by", "convert it, string()"),
        ({"by": "claims.sub +"}, "limit.by", "Syntax error"),
        ({"most": None}, "limit.most", "is required"),
        ({"most": 2.5}, "limit.most", "2.5 is not a whole number"),
        ({"most": True}, "limit.most", "True is not a whole number"),
        ({"most": "'two'"}, "limit.most", "must give a whole number"),
        ({"holds": None}, "limit.holds", "is required: stream, call, session"),
        ({"holds": "streams"}, "limit.holds", "'streams' is not among stream, call, session"),
        ({"holds": ["stream"]}, "limit.holds", "['stream'] is not among stream, call, session"),
        ({"holds": "59s"}, "limit.holds", "59s is not between 60s and 24h"),
        ({"holds": "25h"}, "limit.holds", "25h is not between 60s and 24h"),
        ({"hold": "stream"}, "limit.hold", "did you mean 'holds'?"),
        ({"by": "rows.plan.name"}, "limit.by", "nothing is looked up"),
    ],
)
def test_what_a_limit_cannot_be_is_said_with_what_it_could_be(
    members: dict[str, Any], attribute: str, words: str
) -> None:
    found = [error for error in compiled(_limit(**members)).errors if error.attribute == attribute]

    assert any(words in error.message for error in found)


def test_a_member_whose_name_is_a_number_is_no_member() -> None:
    assert ("a", "limit.5") in errors(deny(limit={**_STREAMS, 5: "x"}))


def test_only_a_deny_has_a_limit() -> None:
    assert errors(echo(limit=_STREAMS)) == [("a", "limit")]
    assert errors(override(limit=_STREAMS, set={"name": "x"})) == [("a", "limit")]


@pytest.mark.parametrize(
    ("method", "holds", "words"),
    [
        ("playHLS", "stream", "reports neither the end nor an identity"),
        ("playRTSP", "60s", "reports neither the end nor an identity"),
        ("call", "stream", "a stream is begun by publishStream, playStream"),
        ("publishStream", "session", "a session is begun by connect"),
        ("sendMessage", "60s", "a rate counts connect, publishStream"),
        ("StreamKeepAliveEvent", "stream", "cannot limit StreamKeepAliveEvent"),
    ],
)
def test_a_method_that_begins_nothing_of_the_kind_cannot_be_limited(
    method: str, holds: str, words: str
) -> None:
    limit = {"by": "body.appKey", "most": 1, "holds": holds}

    [error] = compiled(deny(method=method, limit=limit)).errors

    assert error.attribute == "method"
    assert words in error.message


def test_a_policy_that_lets_hooks_pass_before_a_limit_is_warned_of() -> None:
    staff = echo(id="staff", priority=1, when="claims.role == 'staff'")
    renamed = override(id="renamed", priority=1, match={"name": "x"}, set={"a": 1}, final=True)

    assert ("a", "limit") in warnings(staff, _limit())
    assert ("a", "limit") in warnings(renamed, _limit())
    assert ("a", "limit") not in warnings(_limit(), staff | {"priority": 200})


def test_what_comes_after_a_limit_can_be_reached() -> None:
    after = deny(id="b", priority=200, limit=_STREAMS | {"by": "body.appKey"})

    assert ("b", "priority") not in warnings(_limit(), after)


def test_more_limits_than_one_transaction_can_take_are_refused() -> None:
    policies = [_limit() | {"id": f"p{number:02}"} for number in range(MAX_LIMITS + 1)]

    assert errors(*policies[:-1]) == []
    assert errors(*policies) == [(f"p{MAX_LIMITS:02}", "limit")]


def test_a_limit_of_streams_needs_keep_alives_and_the_warning_names_the_switch() -> None:
    policies = compiled(
        _limit(),
        _limit() | {"id": "off", "mode": "off"},
        deny(id="rate", limit={"by": "claims.sub", "most": 2, "holds": "60s"}),
    ).policies

    [warning] = without_keep_alives(policies)

    assert (warning.policy, warning.attribute) == ("a", "limit.holds")
    assert "keep_alive_streaming_sessions_enabled=true" in warning.message


def test_a_limit_may_ask_a_row_for_its_number() -> None:
    policy = _limit(most="rows.plan.streams") | {
        "lookup": {"plan": {"list": "plans", "key": "body.appKey"}}
    }

    assert errors(policy) == []
    assert ("a", "lookup.plan") not in warnings(policy)
