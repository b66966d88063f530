"""What a hook is answered: the rule about the WCS REST API, the session, and the reply."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.given import NOW, deny, echo, hook, override, snapshot
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.answer import Answer, answer
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import (
    UNKNOWN_SESSION,
    Decision,
    Session,
    Verdict,
)
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.methods import METHODS, PLAYERS, Category

_KNOWN = Session({"custom": {"role": "pupil"}})
_REFUSABLE = [
    name
    for name, method in METHODS.items()
    if method.refusable and method.category is not Category.CONNECT
]


def _answered(
    *policies: dict[str, Any],
    method: str = "publishStream",
    session: Callable[[], Session] = lambda: UNKNOWN_SESSION,
    rest_api_calls: RestApiCalls = RestApiCalls.NEVER_DENY,
    decided: Callable[[Decision], None] | None = None,
) -> Answer:
    return answer(
        ActivePolicies([snapshot(*policies)]),
        hook({"name": "b4e7"}, method),
        session,
        NOW,
        rest_api_calls=rest_api_calls,
        decision_id="d-1",
        decided=decided,
    )


def _must_not_be_read() -> Session:
    raise AssertionError


def _unavailable() -> Session:
    raise UnavailableError("it is out")


@pytest.mark.parametrize("method", _REFUSABLE)
@pytest.mark.parametrize("rest_api_calls", list(RestApiCalls))
@pytest.mark.parametrize("session", [_KNOWN, UNKNOWN_SESSION], ids=["known", "unknown"])
def test_given_a_denial_then_it_is_suppressed_only_of_what_the_rest_api_may_have_started(
    method: str, rest_api_calls: RestApiCalls, session: Session
) -> None:
    found = _answered(
        deny(method=method), method=method, session=lambda: session, rest_api_calls=rest_api_calls
    )

    may_be_rest_api = method not in PLAYERS and not session.known
    suppressed = may_be_rest_api and rest_api_calls is RestApiCalls.NEVER_DENY
    assert found.suppressed is suppressed
    assert found.reply.status == (200 if suppressed else 403)
    assert found.decision.verdict is Verdict.DENY


def test_given_a_suppressed_denial_then_the_reply_is_what_came() -> None:
    assert _answered(deny()).reply.body == b'{"name": "b4e7"}'


def test_given_a_denial_then_the_reply_says_who_refused_and_which_decision_it_was() -> None:
    found = _answered(deny(reason="No."), session=lambda: _KNOWN)

    error = {"status": 403, "reason": "No.", "policy": "a", "version": 1, "decision": "d-1"}
    assert json.loads(found.reply.body) == {"error": error}


@pytest.mark.parametrize(
    ("policy", "method"),
    [
        (echo(), "publishStream"),
        (override(set={"name": "x"}), "publishStream"),
        (deny(match={"name": "other"}), "publishStream"),
        (deny(method="playHLS"), "playHLS"),
        (deny(method="connect"), "connect"),
    ],
)
def test_given_no_need_of_the_session_then_it_is_not_read(
    policy: dict[str, Any], method: str
) -> None:
    _answered(policy, method=method, session=_must_not_be_read)


def test_given_the_setting_as_client_when_denied_then_the_session_is_not_read() -> None:
    found = _answered(deny(), session=_must_not_be_read, rest_api_calls=RestApiCalls.AS_CLIENT)

    assert found.reply.status == 403


def test_given_connect_then_it_has_no_session_even_where_one_could_be_read() -> None:
    found = _answered(
        override(method="connect", compute={"known": "known"}),
        method="connect",
        session=lambda: _KNOWN,
    )

    assert json.loads(found.reply.body)["known"] is False


def test_given_connect_then_its_reply_asks_for_what_the_policies_need() -> None:
    found = _answered(deny(), method="connect")

    config = json.loads(found.reply.body)["restClientConfig"]
    assert config["publishStream"]["restOnError"] == "FAIL"


def test_given_a_denial_when_the_session_cannot_be_read_then_that_is_raised_once_decided() -> None:
    decisions: list[Decision] = []

    with pytest.raises(UnavailableError, match="it is out"):
        _answered(deny(), session=_unavailable, decided=decisions.append)

    assert [decision.verdict for decision in decisions] == [Verdict.DENY]
