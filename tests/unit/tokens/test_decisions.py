"""What tokens change about how hooks are answered, by the policies that trust them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from tests.unit.tokens.issuer import ISSUER, NOW, claims, jwk, signed
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.answer import Answer, LazyIdentity, answer, identity_of
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import UNKNOWN_SESSION, Hook, Session
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import parse
from wcs_hooks.core.policy.compilation import Compilation, compile_policies
from wcs_hooks.core.snapshot import Snapshot

APP: Final = "live"
REQUIRED: Final = {
    "id": "site",
    "action": "trust",
    "issuer": ISSUER,
    "audience": "wcs",
    "keys": jwk("ES256"),
    "required": True,
}
OFFERED: Final = {**REQUIRED, "required": False}
OWN_ROOM: Final = {
    "id": "own-room",
    "action": "deny",
    "method": "publishStream",
    "when": "!claims.rooms.exists(room, stream.glob(room))",
    "reason": "not your room",
}


def _compiled(*items: Mapping[str, Any], app: str = APP) -> Compilation:
    return compile_policies(app, [{"app": app, **item} for item in items], (), NOW)


def _active(*items: Mapping[str, Any]) -> ActivePolicies:
    compilation = _compiled(*items)
    assert not compilation.errors
    return ActivePolicies([Snapshot.load(compilation.dump(1, NOW))])


def _token(**others: object) -> str:
    return signed({"alg": "ES256"}, claims(**{"aud": "wcs"} | others))


def _asked(
    policies: ActivePolicies,
    method: str,
    token: str = "",
    *,
    session: Session = UNKNOWN_SESSION,
    now: float = NOW,
    **fields: object,
) -> tuple[Answer, LazyIdentity]:
    custom = {"custom": {"token": token}} if token else {}
    body = {"appKey": APP, "sessionId": "s", **custom, **fields}
    hook = Hook(method, METHODS[method].category, parse(json.dumps(body).encode()))
    identity = identity_of(policies, hook, lambda: session, now, lambda trust: trust.keys.static)
    answered = answer(
        policies,
        hook,
        lambda: session,
        now,
        rest_api_calls=RestApiCalls.NEVER_DENY,
        decision_id="1",
        identity=identity,
    )
    return answered, identity


def _status(answered: tuple[Answer, LazyIdentity]) -> int:
    return answered[0].reply.status


def _reason(answered: tuple[Answer, LazyIdentity]) -> str:
    denial = answered[0].decision.denial
    return denial.reason if denial else ""


def _session(app: str = APP, **others: object) -> Session:
    return Session({"appKey": app}, app=app, claims=claims(**others))


def test_given_a_required_token_when_connecting_then_only_who_shows_a_valid_one_gets_in() -> None:
    policies = _active(REQUIRED)

    assert _status(_asked(policies, "connect", _token())) == 200
    assert _status(_asked(policies, "connect")) == 401
    assert _status(_asked(policies, "connect", _token()[:-8] + "AAAAAAAA")) == 401


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", "none"),
        ("a.b", "malformed"),
        (_token(exp=NOW - 31), "expired"),
        (_token(nbf=NOW + 31), "not-yet"),
        (_token(iss="https://other.example"), "unknown-issuer"),
        (_token(aud="mail"), "wrong-audience"),
    ],
)
def test_given_no_valid_token_then_the_refusal_says_why(token: str, status: str) -> None:
    assert _reason(_asked(_active(REQUIRED), "connect", token)) == f"no valid token: {status}"


def test_given_a_reason_of_its_own_then_the_refusal_has_it_beside_the_status() -> None:
    policies = _active({**REQUIRED, "reason": "sign in at our site", "status": 403})

    refused = _asked(policies, "connect")

    assert (_status(refused), _reason(refused)) == (403, "sign in at our site: none")


def test_given_a_required_token_in_shadow_then_it_refuses_nobody_and_is_counted() -> None:
    answered = _asked(_active({**REQUIRED, "mode": "shadow"}), "connect")

    assert _status(answered) == 200
    assert answered[0].decision.shadow_denied == ("live/site",)


def test_given_a_required_token_then_sessions_are_told_to_heed_the_refusal() -> None:
    policies = _active(REQUIRED)

    assert policies.failing(NOW) >= {"publishStream", "playStream"}


def test_given_a_trust_that_requires_nothing_then_nobody_is_refused() -> None:
    answered = _asked(_active(OFFERED), "connect")

    assert _status(answered) == 200
    assert answered[1].shown is None


def test_given_claims_of_connect_then_later_hooks_of_the_session_are_decided_by_them() -> None:
    policies = _active(REQUIRED, OWN_ROOM)
    connected, _ = _asked(policies, "connect", _token(rooms=["anna-*"]))
    session = Session({"appKey": APP}, app=APP, claims=connected.claims)

    assert _status(_asked(policies, "publishStream", session=session, name="anna-1")) == 200
    refused = _asked(policies, "publishStream", session=session, name="ben-1")
    assert (_status(refused), _reason(refused)) == (403, "not your room")


@pytest.mark.parametrize("method", ["publishStream", "StreamKeepAliveEvent"])
def test_given_a_required_token_then_sessions_without_claims_are_refused_and_unknown_ones_are_not(
    method: str,
) -> None:
    policies = _active({**REQUIRED, "method": ["connect", method]})
    before_the_policy = Session({"appKey": APP}, app=APP)

    known = _asked(policies, method, session=before_the_policy)
    started_by_rest_api = _asked(policies, method)

    assert (_status(known), _reason(known)) == (401, "no valid token: none")
    assert _status(started_by_rest_api) == 200
    assert started_by_rest_api[0].suppressed
    assert _status(_asked(policies, method, session=_session())) == 200


def test_given_claims_that_no_policy_asks_for_then_connect_keeps_none() -> None:
    answered, _ = _asked(_active(OFFERED), "connect", _token())

    assert answered.claims is None


def test_given_the_claims_of_another_app_then_they_prove_nothing_here() -> None:
    policies = _active(REQUIRED)

    assert _status(_asked(policies, "publishStream", session=_session())) == 200
    assert _status(_asked(policies, "publishStream", session=_session(app="other"))) == 401


def test_given_the_token_of_another_user_on_publish_then_nothing_is_proven() -> None:
    policies = _active(REQUIRED)

    own = _asked(policies, "publishStream", _token(sub="anna"), session=_session(sub="anna"))
    foreign = _asked(policies, "publishStream", _token(sub="ben"), session=_session(sub="anna"))

    assert _status(own) == 200
    assert _reason(foreign) == "no valid token: other-subject"


def test_given_an_invalid_token_on_publish_then_that_of_connect_does_not_help() -> None:
    expired = _token(exp=NOW - 60)

    refused = _asked(_active(REQUIRED), "publishStream", expired, session=_session())

    assert _reason(refused) == "no valid token: expired"


def test_given_a_token_that_has_ended_since_connect_then_what_it_proved_still_holds() -> None:
    policies = _active(REQUIRED, {**OWN_ROOM, "method": "call", "when": "claims.sub == 'anna'"})

    later = _asked(policies, "call", session=_session(), now=NOW + 7200)

    assert _reason(later) == "not your room"


def test_given_the_end_of_a_stream_by_its_token_then_keep_alives_are_refused_from_then_on() -> None:
    ends = {
        "id": "ends",
        "action": "deny",
        "method": "StreamKeepAliveEvent",
        "when": "claims != null && now > timestamp(claims.exp)",
    }
    policies = _active(OFFERED, ends)
    session = _session(exp=NOW + 60)

    at = [
        _status(_asked(policies, "StreamKeepAliveEvent", session=session, now=NOW + second))
        for second in (59, 60, 61)
    ]

    assert at == [200, 200, 403]


def test_given_players_who_never_connect_then_their_own_token_decides() -> None:
    policies = _active(REQUIRED)

    assert _status(_asked(policies, "playHLS", _token(), session=_session())) == 200
    assert _status(_asked(policies, "playHLS", session=_session())) == 401


def test_given_no_policy_that_asks_then_no_token_is_verified_and_no_session_read() -> None:
    policies = _active(OFFERED, {"id": "n", "action": "deny", "method": "call", "when": "false"})
    session = pytest.fail

    body = {"appKey": APP, "sessionId": "s", "custom": {"token": _token()}}
    hook = Hook("publishStream", "direct", parse(json.dumps(body).encode()))
    identity = identity_of(policies, hook, lambda: session("read"), NOW, lambda _: None)

    answered = answer(
        policies,
        hook,
        lambda: session("read"),
        NOW,
        rest_api_calls=RestApiCalls.NEVER_DENY,
        decision_id="1",
        identity=identity,
    )

    assert answered.reply.status == 200
    assert identity.found is None


def test_given_a_session_that_cannot_be_read_then_a_required_token_leaves_the_hook_unanswered() -> (
    None
):
    policies = _active(REQUIRED)
    hook = Hook("publishStream", "direct", parse(b'{"appKey": "live", "sessionId": "s"}'))

    def unavailable() -> Session:
        raise UnavailableError("the session store does not answer")

    identity = identity_of(policies, hook, unavailable, NOW, lambda trust: trust.keys.static)

    with pytest.raises(UnavailableError):
        answer(
            policies,
            hook,
            unavailable,
            NOW,
            rest_api_calls=RestApiCalls.NEVER_DENY,
            decision_id="1",
            identity=identity,
        )


def test_given_more_claims_than_an_expression_may_see_then_a_denial_by_them_applies() -> None:
    policies = _active(OFFERED, OWN_ROOM)

    crowded = _session(rooms=["r"] * 600)

    assert _status(_asked(policies, "publishStream", session=crowded, name="r")) == 403


@pytest.mark.parametrize(
    ("items", "severity", "attribute", "part"),
    [
        ([OFFERED], "warning", "action", "nobody is refused"),
        ([REQUIRED, {**REQUIRED, "id": "again"}], "error", "issuer", "both name the issuer"),
        (
            [{k: v for k, v in REQUIRED.items() if k != "audience"}],
            "warning",
            "audience",
            "made for others",
        ),
        (
            [REQUIRED, {"id": "a", "action": "echo", "method": "connect", "priority": -1}],
            "warning",
            "priority",
            "lets hooks pass before",
        ),
        (
            [{**REQUIRED, "method": "CallStatusEvent"}],
            "error",
            "method",
            "already happened",
        ),
        (
            [
                REQUIRED,
                {
                    "id": "t",
                    "action": "deny",
                    "method": "call",
                    "when": "token.status != 'valid'",
                },
            ],
            "warning",
            "when",
            "show none",
        ),
    ],
)
def test_given_policies_about_tokens_that_are_hardly_meant_then_that_is_said(
    items: Sequence[Mapping[str, Any]], severity: str, attribute: str, part: str
) -> None:
    compilation = _compiled(*items)

    found = [
        (str(one.severity), one.attribute)
        for one in (*compilation.errors, *compilation.warnings)
        if part in one.message
    ]

    assert (severity, attribute) in found
