"""Each variable and function that docs/reference/expressions.md lists, in deployed functions."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from simulated_wcs.transport import HookReply
from tests.e2e.conftest import Deployed
from tests.support import documented_expressions
from tests.support.documented_expressions import (
    CLAIMS,
    LOOKUP,
    METHOD,
    SESSION,
    Example,
    examples,
)
from tests.support.reading_process import Outcome, evaluate
from wcs_hooks.core.cel.check import check
from wcsctl.scenario_back_end import DeployedBackEnd

_APP = "school"
"""The page's own, in whose place each run has another."""

_EXAMPLES = {f"example{number}": example for number, example in enumerate(examples())}


@dataclass(frozen=True)
class Answered:
    """What the functions said to one client's hooks, and between which moments."""

    replies: dict[str, HookReply]
    moments: tuple[float, float]


@pytest.fixture(scope="module")
def answered(deployed: Deployed) -> Iterator[Answered]:
    """One edit and a hook of each kind: waiting for more would take the longest."""
    app = f"examples-{time.time_ns()}"
    # One policy for each example: an override of which one field has no value sets none.
    policies: list[dict[str, Any]] = [
        {
            "id": name,
            "method": METHOD,
            "action": "override",
            "compute": {name: example.expression.replace(_APP, app)},
            **({"lookup": LOOKUP} if "rows" in example.names else {}),
        }
        for name, example in _EXAMPLES.items()
    ]
    # What an expression without a value would mean is the opposite of what is expected.
    policies += [
        {
            "id": "never",
            "method": "call",
            "action": "deny",
            "when": "now < timestamp('2000-01-01T00:00:00Z')",
            "whenError": "match",
        },
        {
            "id": "always",
            "method": "playStream",
            "action": "deny",
            "when": "now.getHours('Europe/Riga') < 24",
            "whenError": "skip",
        },
        {
            "id": "elsewhere",
            "method": "playHLS",
            "action": "deny",
            "when": "!clientAddress.isIn(['198.51.100.0/24', '2001:db8::/32'])",
            "whenError": "skip",
        },
        {
            "id": "always-open",
            "method": "answer",
            "action": "deny",
            "hours": "Mon-Sun 00:00-24:00 Europe/Riga",
        },
        {
            "id": "final",
            "method": "transfer",
            "action": "override",
            "set": {"target": "desk"},
            "final": True,
        },
        {"id": "not-reached", "method": "transfer", "action": "deny", "when": "now > timestamp(0)"},
        {
            "id": "stream",
            "method": "playRTSP",
            "action": "deny",
            "when": "['exam-*', 'live'].exists(each, stream.glob(each))",
            "whenError": "skip",
        },
    ]
    key = ECKey.generate_key("P-256")
    policies.append(
        {"id": "site", "action": "trust", "method": ["connect"], "keys": key.as_dict(private=False)}
    )
    items = [policy | {"app": app} for policy in policies]
    DeployedBackEnd(deployed.deployment).activate_policies(items)
    body = documented_expressions.body() | {"appKey": app}
    token = jwt.encode({"alg": "ES256"}, CLAIMS | {"exp": int(time.time()) + 60}, key)
    connect = {name: body[name] for name in ("appKey", "sessionId")} | {"token": token} | SESSION
    before = time.time()
    replies = {
        method: deployed.post(method, content)
        for method, content in (
            *(("connect", connect), (METHOD, body), ("call", body), ("playStream", body)),
            ("playHLS", body),
            *(("answer", body), ("transfer", body)),
            ("playRTSP", body | {"name": "rtsp://wcs.example:5554/exam-7?aclAuth=1254789"}),
        )
    }
    yield Answered(replies, (before, time.time()))
    deployed.policies.delete(items)


@pytest.mark.parametrize("name", _EXAMPLES, ids=lambda name: "/".join(_EXAMPLES[name].names))
def test_given_a_listed_name_when_a_function_evaluates_its_example_then_it_gives_its_value(
    answered: Answered, name: str
) -> None:
    reply = answered.replies[METHOD]
    example = _EXAMPLES[name]

    assert reply.status == 200
    assert reply.json().get(name, "has no value") in _expected(example, answered.moments)


def test_given_a_denial_with_now_when_it_does_not_hold_then_the_hook_is_echoed(
    answered: Answered,
) -> None:
    assert answered.replies["call"].status == 200


def test_given_a_denial_with_a_time_zone_when_it_holds_then_the_hook_is_refused(
    answered: Answered,
) -> None:
    assert answered.replies["playStream"].status == 403
    assert answered.replies["playStream"].error["policy"] == "always"


def test_given_a_denial_by_the_streams_own_name_when_a_player_asks_by_url_then_it_is_refused(
    answered: Answered,
) -> None:
    assert answered.replies["playRTSP"].status == 403
    assert answered.replies["playRTSP"].error["policy"] == "stream"


def test_given_a_denial_of_other_networks_when_a_client_is_in_none_then_it_is_refused(
    answered: Answered,
) -> None:
    assert answered.replies["playHLS"].status == 403
    assert answered.replies["playHLS"].error["policy"] == "elsewhere"


def test_given_a_denial_within_its_hours_then_the_hook_is_refused(answered: Answered) -> None:
    assert answered.replies["answer"].status == 403
    assert answered.replies["answer"].error["policy"] == "always-open"


def test_given_a_final_override_then_the_denial_behind_it_does_not_apply(
    answered: Answered,
) -> None:
    assert answered.replies["transfer"].status == 200
    assert answered.replies["transfer"].json()["target"] == "desk"


def _expected(example: Example, moments: tuple[float, float]) -> list[Any]:
    """Return the page's value; where it depends on the moment, what it was about the hook's."""
    checked = check(example.expression)
    if checked.uses.isdisjoint({"now", "connectedAt"}):
        return [example.gives]
    evaluations = [
        (checked.serialized, {"now": moment, "connectedAt": moments[0]}) for moment in moments
    ]
    return [outcome.value for outcome in evaluate(evaluations) if outcome == Outcome(outcome.value)]
