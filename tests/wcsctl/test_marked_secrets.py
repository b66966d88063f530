"""A marked secret in every place of a hook: no command shows one that was not asked to."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.marked_secrets import MarkedBody, marked_bodies
from tests.support.operated_stack import OperatedStack, operated
from tests.support.policy_items import deny
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler

BODIES = marked_bodies(appKey="school", nodeId="node")
ANSWERS: dict[str, Any] = {
    "succeeds": {"decision": "d", "status": 200, "answer": "echoed", "policies": [], "error": ""},
    "fails": {"decision": "d", "status": 503, "answer": "failed", "policies": [], "error": "down"},
    "crashes": "KeyError",
}


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def letter(body: str, **fields: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "decision": "decision-1",
        "category": "direct",
        "method": "publishStream",
        "error": {"kind": "UnavailableError", "message": "the policy store does not answer"},
        "firstSeen": "2026-03-01T12:00:00+00:00",
        "attempts": 1,
        "body": body,
        **fields,
    }


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["for people", "as JSON"])
@pytest.mark.parametrize("body", BODIES, ids=lambda body: len(body.marks))
def test_given_secrets_in_a_dead_letter_when_it_is_looked_at_then_none_is_shown(
    stack: OperatedStack, body: MarkedBody, as_json: tuple[str, ...]
) -> None:
    whole = body.raw.decode()
    stack.send(
        letter(whole),
        letter(whole[:-1], decision="decision-2", error={"kind": "MalformedBodyError"}),
        letter(f"[{whole}]", decision="decision-3"),
        {"about": whole},
        whole,
        f"no JSON: {whole}",
    )
    looks = [
        ("dead-letter", "list"),
        *(("dead-letter", "show", f"decision-{number}", "--body") for number in (1, 2, 3)),
        ("dead-letter", "redrive", "--dry-run"),
    ]

    shown = [stack.run(*as_json, *words).output for words in looks]

    assert all(shown)
    assert body.leaks("\n".join(shown)) == []
    revealed = stack.run(*as_json, "dead-letter", "show", "decision-1", "--reveal").output
    assert len(body.leaks("".join(revealed.split()))) >= len(body.marks) // 2


@pytest.mark.parametrize("answer", ANSWERS)
def test_given_secrets_in_dead_letters_when_they_are_redriven_then_none_is_shown(
    stack: OperatedStack, answer: str
) -> None:
    stack.answers.append(ANSWERS[answer])
    stack.send(*(letter(body.raw.decode()) for body in BODIES))

    result = stack.run("dead-letter", "redrive", "-y")

    assert len(stack.invocations) == len(BODIES)
    assert [leak for body in BODIES for leak in body.leaks(result.output)] == []


def test_given_secrets_in_dead_letters_when_a_candidate_is_replayed_then_none_is_shown(
    stack: OperatedStack, tmp_path: Any
) -> None:
    stack.outputs["SessionsTableName"] = "Sessions"
    stack.aws.put_policies("school", deny("no", when="{'a': 1}[body.token] == 1"))
    clock = SystemClock()
    store = DynamoPolicyStore(stack.aws.dynamodb, "Policies", "PolicySnapshots", 30, clock)
    assert PolicyCompiler(store, clock).compile("school").ok
    candidate = tmp_path / "school"
    candidate.mkdir()
    (candidate / "policies.yaml").write_text("[]")
    stack.send(*(letter(body.raw.decode()) for body in BODIES), letter(BODIES[0].raw.decode()[:-1]))

    words = ("try", "--candidate", str(tmp_path), "--replay", "dead-letters")
    shown = stack.run(*words).output + stack.run("--json", *words).output

    assert "publishStream" in shown
    assert [leak for body in BODIES for leak in body.leaks(shown)] == []
