"""Dead letters: looked at, redriven without a loss, purged."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.operated_stack import OperatedStack, operated
from tests.support.policy_items import deny
from wcsctl.errors import NotFoundError, UsageError

EDITS = {
    "requestContext": {"condition": "RetryAttemptsExhausted", "approximateInvokeCount": 4},
    "responseContext": {"functionError": "Unhandled"},
    "version": "1.0",
    "timestamp": "2026-03-01T12:00:00.000Z",
    "DDBStreamBatchInfo": {"shardId": "s", "startSequenceNumber": "1", "batchSize": 1},
}
ECHOED = {"decision": "d", "status": 200, "answer": "echoed", "policies": [], "error": ""}
FAILED = {"decision": "d", "status": 503, "answer": "failed", "policies": [], "error": "no table"}


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def letter(decision: str, **fields: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "decision": decision,
        "category": "direct",
        "method": "publishStream",
        "error": {"kind": "UnavailableError", "message": "the policy store does not answer"},
        "firstSeen": "2026-03-01T12:00:00+00:00",
        "attempts": 1,
        "body": '{"name": "room", "sipPassword": "hunter2"}',
        **fields,
    }


def test_given_letters_of_each_kind_when_listed_then_all_are_told_and_all_stay(
    stack: OperatedStack,
) -> None:
    stack.send(letter("decision-1"), EDITS, "not JSON")

    letters = stack.json("dead-letter", "list")

    assert {one["kind"] for one in letters} == {"hook", "policy edits", "unknown"}
    [hook] = [one for one in letters if one["kind"] == "hook"]
    assert hook["id"] == "decision-1"
    assert not hook["hopeless"]
    assert "hunter2" not in json.dumps(letters)
    [edits] = [one for one in letters if one["kind"] == "policy edits"]
    assert edits["attempts"] == 4
    assert "RetryAttemptsExhausted" in edits["error"]
    # Released: another look sees them at once.
    assert len(stack.json("dead-letter", "list")) == 3


def test_given_more_letters_than_are_looked_at_then_the_list_says_so(stack: OperatedStack) -> None:
    stack.send(*(letter(f"decision-{number}") for number in range(12)))

    result = stack.run("dead-letter", "list", "--limit", "11")

    assert "There may be more" in result.stderr
    assert stack.waiting() == 12


def test_given_a_letter_when_shown_then_its_secrets_are_masked_until_revealed(
    stack: OperatedStack,
) -> None:
    stack.send(letter("decision-1"))

    without = stack.json("dead-letter", "show", "decision")
    masked = stack.json("dead-letter", "show", "decision", "--body")
    revealed = stack.json("dead-letter", "show", "decision", "--reveal")

    assert "body" not in without
    assert "hunter2" not in json.dumps(without)
    assert masked["body"] == {"name": "room", "sipPassword": "***"}
    assert json.loads(revealed["body"])["sipPassword"] == "hunter2"


def test_given_a_letter_of_any_content_when_shown_to_people_then_it_is_yaml(
    stack: OperatedStack,
) -> None:
    odd = '{"name": "\\ud800\\u001b[2J", "list": [1, {"a": null}]}'
    stack.send(
        letter("decision-1", body=odd),
        letter("decision-2", firstSeen="9999-12-31T23:59:59-14:00", method="\ud800", body=None),
        letter("decision-3", firstSeen=1e300, error=5, attempts="many"),
        "[" * 100_000,
    )

    shown = stack.run("dead-letter", "show", "decision-1", "--body").stdout
    others = [
        (ran := stack.run("dead-letter", *words)).exit_code
        for words in (
            ["show", "decision-2", "--body"],
            ["show", "decision-3"],
            ["list"],
            ["redrive", "--dry-run"],
        )
    ]

    read = yaml.safe_load(shown)
    assert read["method"] == "publishStream"
    assert "hopeless" not in read
    assert not {"method", "decision"} & read.get("message", {}).keys()
    assert read["body"] == {"name": "\\ud800\x1b[2J", "list": [1, {"a": None}]}
    assert others == [0, 0, 0, 1], ran.exception
    assert isinstance(ran.exception, SystemExit)


def test_given_json_when_a_question_is_needed_then_it_is_a_usage_error_and_not_in_the_result(
    stack: OperatedStack,
) -> None:
    stack.send(letter("decision-1"))

    for words in (["redrive"], ["purge", "--all"], ["purge", "decision-1"]):
        ran = stack.run("--json", "dead-letter", *words, answer="y\n")

        assert isinstance(ran.exception, UsageError)
        assert not ran.stdout
    assert stack.waiting() == 1
    assert (
        "Throw away all of about 1 dead letter?"
        in stack.run("dead-letter", "purge", "--all", answer="n\n").stderr
    )


def test_given_a_suppressed_denial_when_redriven_then_no_deny_seems_to_have_echoed(
    stack: OperatedStack,
) -> None:
    stack.answers.append({**ECHOED, "policies": ["rooms/teachers"], "denySuppressed": True})
    stack.send(letter("decision-1"))

    ran = stack.run("dead-letter", "redrive", "-y")

    assert "echoed 200, denial by rooms/teachers suppressed" in " ".join(ran.stdout.split())


def test_given_a_body_that_is_no_object_when_shown_then_it_is_not_printed(
    stack: OperatedStack,
) -> None:
    stack.send(letter("decision-1", body="password=hunter2"))

    assert "hunter2" not in stack.run("dead-letter", "show", "decision-1", "--body").output


def test_given_an_id_that_is_not_there_then_that_is_said(stack: OperatedStack) -> None:
    stack.send(letter("decision-1"))

    for words in (["show", "nowhere-1"], ["redrive", "nowhere-1"], ["purge", "nowhere-1", "-y"]):
        result = stack.run("dead-letter", *words)
        assert isinstance(result.exception, NotFoundError), words
    assert stack.waiting() == 1
    assert not stack.invocations


def test_when_a_redrive_succeeds_then_the_function_had_the_letter_and_it_is_gone(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.send(letter("decision-1"), letter("decision-2", category="event", method="StreamEvent"))

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 0
    assert result.stderr.endswith("2 done.\n")
    assert sorted(function for function, _ in stack.invocations) == ["direct", "event"]
    assert {"redrive": letter("decision-1")} in [event for _, event in stack.invocations]
    assert stack.json("dead-letter", "list") == []


@pytest.mark.parametrize("answer", [FAILED, "KeyError", {"unexpected": 1}])
def test_when_a_redrive_fails_then_the_letter_stays_with_the_attempt_counted(
    stack: OperatedStack, answer: Any
) -> None:
    stack.answers.append(answer)
    stack.send(letter("decision-1"))

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 1
    # Once only, though the copy could be received in the same run.
    assert len(stack.invocations) == 1
    assert "secret-1" not in result.output
    [kept] = stack.json("dead-letter", "list")
    assert kept["attempts"] == 2
    assert kept["id"] == "decision-1"
    [message] = stack.aws.dead_letters()
    assert message == letter("decision-1", attempts=2)


def test_when_a_redrive_does_a_part_then_the_letter_that_stays_has_the_rest(
    stack: OperatedStack,
) -> None:
    stack.answers.append({**FAILED, "pending": ["event-bus"]})
    stack.send(letter("decision-1", schema=2, pending=["session", "event-bus"]))

    stack.run("dead-letter", "redrive", "-y")

    [message] = stack.aws.dead_letters()
    assert (message["pending"], message["attempts"]) == (["event-bus"], 2)


def test_given_a_copy_cannot_be_sent_when_a_redrive_fails_then_the_old_letter_stays(
    stack: OperatedStack,
) -> None:
    stack.answers.append(FAILED)
    stack.send(letter("decision-1"))
    stack.refused.add("SendMessage")

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exception is not None
    [kept] = stack.json("dead-letter", "list")
    assert kept["attempts"] == 1


@pytest.mark.parametrize(
    "hopeless",
    [
        letter("decision-1", error={"kind": "MalformedBodyError", "message": "no JSON"}),
        letter("decision-1", bodyLost={"size": 1}),
        letter("decision-1", unverified=True),
        letter("decision-1", category="nonsense"),
        letter("decision-1", category=["direct"], error="what", attempts="many", firstSeen=7),
        "not JSON",
    ],
)
def test_given_a_letter_that_can_never_succeed_then_it_is_not_tried_and_stays(
    stack: OperatedStack, hopeless: Any
) -> None:
    stack.send(hopeless)

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 1
    assert "hopeless" in result.output
    assert not stack.invocations
    assert stack.waiting() == 1


def test_given_the_tool_is_cut_off_before_it_deletes_when_it_is_run_again_then_nothing_is_lost(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.send(letter("decision-1"), letter("decision-2"))
    stack.refused.add("DeleteMessage")
    assert stack.run("dead-letter", "redrive", "-y").exception is not None
    stack.refused.clear()

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 0
    assert stack.waiting() == 0
    # The function had one of them twice, as it was: it is there that nothing is done twice.
    had = [event["redrive"] for _, event in stack.invocations]
    assert sorted(one["decision"] for one in had) in (
        ["decision-1", "decision-1", "decision-2"],
        ["decision-1", "decision-2", "decision-2"],
    )
    assert all(one == letter(one["decision"]) for one in had)


def test_given_policy_edits_when_redriven_then_every_app_is_compiled_once_and_they_are_gone(
    stack: OperatedStack,
) -> None:
    stack.answers.append({})
    apps = [f"app-{number:02}" for number in range(12)]
    for app in apps:
        stack.aws.put_policies(app, deny("no"))
    stack.send(EDITS, {"DDBStreamBatchInfo": 1, "requestContext": []})

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 0, result.output
    assert {function for function, _ in stack.invocations} == {"compiler"}
    records = [record for _, event in stack.invocations for record in event["Records"]]
    assert [record["dynamodb"]["Keys"]["app"]["S"] for record in records] == apps
    assert len(stack.invocations) == 2
    assert stack.waiting() == 0


def test_given_policy_edits_when_the_compiler_still_fails_then_they_stay(
    stack: OperatedStack,
) -> None:
    stack.answers.append("AppsNotCompiledError")
    stack.aws.put_policies("live", deny("no"))
    stack.send(EDITS)

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 1
    assert "AppsNotCompiledError" in result.output
    assert stack.waiting() == 1


def test_given_a_dry_run_then_nothing_is_invoked_and_everything_stays(stack: OperatedStack) -> None:
    stack.send(letter("decision-1"))

    [would] = stack.json("dead-letter", "redrive", "--dry-run")

    assert would["result"] == "would be redriven"
    assert not stack.invocations
    assert stack.waiting() == 1


def test_given_a_method_and_a_time_then_only_letters_that_fit_are_redriven(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.send(
        letter("decision-old", method="sendDtmf"),
        letter("decision-new", method="sendDtmf", firstSeen="2026-03-03T12:00:00+00:00"),
        letter("decision-else", firstSeen="2026-03-03T12:00:00+00:00"),
    )

    words = ("redrive", "-y", "--method", "sendDTMF", "--since", "2026-03-02")
    [redriven] = stack.json("dead-letter", *words)

    assert redriven["id"] == "decision-new"
    left = {one["id"] for one in stack.json("dead-letter", "list")}
    assert left == {"decision-old", "decision-else"}


def test_when_a_purge_is_not_confirmed_then_nothing_is_lost(stack: OperatedStack) -> None:
    stack.send(letter("decision-1"), letter("decision-2"))

    assert stack.run("dead-letter", "purge", "--all", answer="n\n").exit_code == 1
    assert stack.run("dead-letter", "purge", "decision-1", answer="n\n").exit_code == 1
    assert stack.waiting() == 2

    assert stack.json("dead-letter", "purge", "decision-1", "-y") == {"purged": ["decision-1"]}
    assert [one["id"] for one in stack.json("dead-letter", "list")] == ["decision-2"]
    assert stack.run("dead-letter", "purge", "--all", answer="y\n").exit_code == 0
    assert stack.waiting() == 0
