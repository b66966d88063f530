"""The hooks that functions are measured with, and the policies that are active meanwhile."""

import json
import time

import pytest

from bench.hooks import (
    APP_WITH_TOKENS,
    MEASURED,
    METHODS_IN_FORCE,
    PLAYER,
    Path,
    Subject,
    gateway_event,
    policies_in_force,
    token_body,
    token_policies,
)
from tests.support.caller_checks import check_signature
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.answer import identity_of
from wcs_hooks.core.decision import Hook, Session, Step, decide
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.payload import parse
from wcs_hooks.core.policy.compilation import compile_policies
from wcs_hooks.core.snapshot import Snapshot

SUBJECTS = [*MEASURED.values(), PLAYER]
VERDICTS = {Path.ECHO: "echo", Path.OVERRIDE: "override", Path.DENY: "deny"}


@pytest.fixture(scope="module")
def snapshot() -> Snapshot:
    items = [{"app": "*", **policy} for policy in policies_in_force()]
    compilation = compile_policies("*", items, (), time.time())
    assert not compilation.errors
    return Snapshot.load(compilation.dump(1, time.time()))


def test_given_the_policies_in_force_then_100_are_over_ten_methods_each_with_match_and_when() -> (
    None
):
    policies = policies_in_force()

    assert len(policies) == 100
    assert {policy["method"] for policy in policies} == set(METHODS_IN_FORCE)
    assert all(policy["match"] and policy["when"] for policy in policies)
    assert {METHODS[method].category for method in METHODS_IN_FORCE} == set(Category)


@pytest.mark.parametrize("path", Path)
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.method)
def test_given_a_measured_hook_when_decided_then_it_takes_its_path_and_expressions_are_evaluated(
    snapshot: Snapshot, subject: Subject, path: Path
) -> None:
    steps: list[Step] = []
    hook = Hook(subject.method, METHODS[subject.method].category, parse(subject.body(path)))

    decision = decide([snapshot], hook, time.time(), Session, steps.append)

    assert decision.verdict == VERDICTS[path]
    assert not decision.failures
    assert [step.outcome for step in steps][-2:] == {
        Path.ECHO: ["when", "when"],
        Path.OVERRIDE: ["applied", "when"],
        Path.DENY: ["when", "applied"],
    }[path]


@pytest.mark.parametrize(("with_token", "status"), [(True, "valid"), (False, "none")])
def test_given_a_hook_to_the_app_with_tokens_when_decided_then_it_is_echoed_by_what_it_shows(
    *, with_token: bool, status: str
) -> None:
    items = [{"app": APP_WITH_TOKENS, **policy} for policy in token_policies()]
    compilation = compile_policies(APP_WITH_TOKENS, items, (), time.time())
    active = ActivePolicies([Snapshot.load(compilation.dump(1, time.time()))])
    hook = Hook(PLAYER.method, Category.DIRECT, parse(token_body(with_token=with_token)))
    identity = identity_of(active, hook, Session, time.time(), lambda trust: trust.keys.static)
    assert identity is not None

    decision = decide(active.snapshots, hook, time.time(), identity=identity)

    assert compilation.errors == ()
    assert (decision.verdict, decision.failures) == ("echo", ())
    assert identity.token()["status"] == status


def test_given_a_hook_when_the_gateway_hands_it_over_then_it_is_signed_as_wcs_signs() -> None:
    body = MEASURED[Category.DIRECT].body(Path.ECHO)

    event = json.loads(gateway_event("publishStream", body))

    assert event["body"].encode() == body
    check_signature(
        event["headers"]["authorization"], body, ["the secret that WCS and the functions share"]
    )
