"""Dead letters that the queue did not take: seen, redriven once and purged like those in it."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.aws_tables import DEAD_LETTERS
from tests.support.operated_stack import OperatedStack, operated
from tests.wcsctl.test_dead_letter import ECHOED, FAILED, letter
from wcs_hooks.adapters.dynamo_dead_letters import FIRST_PART, PART_BYTES
from wcs_hooks.adapters.dynamo_policy_store import to_attributes
from wcsctl import dead_letter_table

_DAY = 86_400


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def large(decision: str) -> dict[str, Any]:
    """A letter of several parts."""
    noise = base64.b64encode(hashlib.shake_256().digest(750_000)).decode()
    return letter(decision, body=json.dumps({"sdp": noise}))


def parts(stack: OperatedStack) -> list[tuple[str, str]]:
    """The keys of the letters' items."""
    keys = [(item["letter"], item["part"]) for item in stack.aws.items(DEAD_LETTERS)]
    return sorted(key for key in keys if key[1] != "room")


def change(stack: OperatedStack, decision: str, **attributes: Any) -> None:
    """Change a letter's first item."""
    key = to_attributes({"letter": decision, "part": FIRST_PART})
    item = stack.aws.dynamodb.get_item(TableName=DEAD_LETTERS, Key=key)["Item"]
    stack.aws.dynamodb.put_item(TableName=DEAD_LETTERS, Item={**item, **to_attributes(attributes)})


def test_given_letters_in_both_places_when_listed_then_each_is_there_with_its_place(
    stack: OperatedStack,
) -> None:
    stack.send(letter("decision-1"))
    stack.keep(letter("decision-2"))

    listed = stack.json("dead-letter", "list")

    assert {one["id"]: one["place"] for one in listed} == {
        "decision-1": "queue",
        "decision-2": "table",
    }
    alike = [
        {k: v for k, v in one.items() if k not in {"id", "messageId", "place"}} for one in listed
    ]
    assert alike[0] == alike[1]
    assert "place" in stack.run("dead-letter", "list").output
    assert [one["place"] for one in stack.json("dead-letter", "list", "--limit", "1")] == ["table"]
    assert "There may be more" in stack.run("dead-letter", "list", "--limit", "1").stderr


def test_given_a_letter_of_several_parts_when_shown_then_its_body_is_whole(
    stack: OperatedStack,
) -> None:
    stack.keep(large("decision-1"))
    assert len(parts(stack)) == -(-len(json.dumps(large("decision-1"))) // PART_BYTES) > 1

    shown = stack.json("dead-letter", "show", "decision-1", "--reveal")

    assert shown["body"] == large("decision-1")["body"]


@pytest.mark.parametrize("make", [letter, large])
def test_when_a_redrive_succeeds_then_the_function_had_the_letter_and_all_of_it_is_gone(
    stack: OperatedStack, make: Any
) -> None:
    stack.answers.append(ECHOED)
    stack.send(letter("decision-1"))
    stack.keep(make("decision-2"))

    result = stack.run("dead-letter", "redrive", "-y")

    assert result.exit_code == 0, result.output
    events = {event["redrive"]["decision"]: event["redrive"] for _, event in stack.invocations}
    assert events == {"decision-1": letter("decision-1"), "decision-2": make("decision-2")}
    assert stack.json("dead-letter", "list") == []
    assert parts(stack) == []


def test_when_a_redrive_fails_then_the_letter_stays_in_the_table_with_the_attempt_and_the_rest(
    stack: OperatedStack,
) -> None:
    stack.answers.extend([{**FAILED, "pending": ["event-bus"]}, ECHOED])
    stack.keep(letter("decision-1", schema=2, pending=["session", "event-bus"]))

    failed = stack.run("dead-letter", "redrive", "-y")
    [kept] = stack.json("dead-letter", "list")
    done = stack.run("dead-letter", "redrive", "-y")

    assert failed.exit_code == 1
    assert (kept["attempts"], kept["place"]) == (2, "table")
    # The next redrive does what is left, and only that.
    assert done.exit_code == 0, done.output
    had = stack.invocations[-1][1]["redrive"]
    assert (had["attempts"], had["pending"]) == (2, ["event-bus"])
    assert parts(stack) == []


def test_given_letters_of_a_session_when_redriven_then_they_come_in_the_order_they_were_kept_in(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(12)]
    stack.keep(*map(letter, reversed(names)))
    for number, name in enumerate(names):
        change(stack, name, keptAt=int(time.time()) - 60 + number)

    stack.json("dead-letter", "redrive", "-y")

    assert [event["redrive"]["decision"] for _, event in stack.invocations] == names


def test_given_two_redrive_at_once_then_a_letter_of_the_table_is_redriven_once(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.keep(letter("decision-1"))
    invoke = stack.invoke
    meanwhile: list[Any] = []

    def invoked(function: str, payload: bytes) -> Any:
        if not meanwhile:
            meanwhile.append(None)
            meanwhile[0] = stack.json("dead-letter", "redrive", "-y")
        return invoke(function, payload)

    with patch.object(OperatedStack, "invoke", staticmethod(invoked)):
        [first] = stack.json("dead-letter", "redrive", "-y")

    [[second]] = meanwhile
    assert (first["result"], second["result"]) == ("done", "claimed")
    assert len(stack.invocations) == 1
    assert parts(stack) == []


def test_given_a_letter_was_redriven_since_it_was_listed_when_claimed_then_it_does_not_come_back(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.keep(letter("decision-1"))
    claim = dead_letter_table.DeadLetterTable.claim

    def late(table: Any, letter_id: str) -> bool:
        stack.aws.delete_item(DEAD_LETTERS, {"letter": letter_id, "part": FIRST_PART})
        return claim(table, letter_id)

    with patch.object(dead_letter_table.DeadLetterTable, "claim", late):
        [redriven] = stack.json("dead-letter", "redrive", "-y")

    assert redriven["result"] == "claimed"
    assert not stack.invocations
    assert parts(stack) == []


def test_given_whoever_redrives_is_cut_off_then_the_letter_is_free_again_at_once_or_in_time(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.keep(letter("decision-1"))
    stack.refused.add("Invoke")
    assert stack.run("dead-letter", "redrive", "-y").exception is not None
    stack.refused.clear()

    # Killed before it could release: the claim runs out.
    change(stack, "decision-1", claimedUntil=int(time.time()) + 60)
    [held] = stack.json("dead-letter", "redrive", "-y")
    change(stack, "decision-1", claimedUntil=int(time.time()) - 1)
    [free] = stack.json("dead-letter", "redrive", "-y")

    assert (held["result"], free["result"]) == ("claimed", "done")


def test_given_an_interrupted_redrive_when_it_released_its_claim_then_the_next_one_has_it(
    stack: OperatedStack,
) -> None:
    stack.answers.append(ECHOED)
    stack.keep(letter("decision-1"))
    stack.refused.add("Invoke")
    stack.run("dead-letter", "redrive", "-y")
    stack.refused.clear()

    [again] = stack.json("dead-letter", "redrive", "-y")

    assert again["result"] == "done"


def test_given_a_letter_without_its_first_part_then_it_is_none(stack: OperatedStack) -> None:
    stack.keep(large("decision-1"), letter("decision-2"))
    stack.aws.delete_item(DEAD_LETTERS, {"letter": "decision-1", "part": FIRST_PART})

    assert [one["id"] for one in stack.json("dead-letter", "list")] == ["decision-2"]


def test_given_a_letter_that_lacks_a_part_then_it_is_listed_as_unknown_and_can_be_purged(
    stack: OperatedStack,
) -> None:
    stack.keep(large("decision-1"))
    stack.aws.delete_item(DEAD_LETTERS, {"letter": "decision-1", "part": "001"})

    [damaged] = stack.json("dead-letter", "list")
    stack.run("dead-letter", "purge", "decision-1", "-y")

    assert (damaged["kind"], damaged["id"]) == ("unknown", "decision-1")
    assert damaged["hopeless"]
    assert parts(stack) == []


def test_given_an_expired_letter_that_dynamodb_has_not_deleted_yet_then_it_is_gone(
    stack: OperatedStack,
) -> None:
    stack.keep(letter("decision-1"))
    change(stack, "decision-1", expiresAt=int(time.time()) - 1)

    assert stack.json("dead-letter", "list") == []


def test_when_letters_are_purged_then_those_of_both_places_are_gone_and_the_count_stays(
    stack: OperatedStack,
) -> None:
    stack.send(letter("decision-1"))
    stack.keep(large("decision-2"), *(letter(f"decision-3{number:02}") for number in range(30)))

    assert stack.json("dead-letter", "purge", "decision-300", "-y") == {"purged": ["decision-300"]}
    assert len(parts(stack)) == 3 + 29
    assert stack.run("dead-letter", "purge", "--all", answer="y\n").exit_code == 0

    assert stack.waiting() == 0
    assert parts(stack) == []
    [room] = stack.aws.items(DEAD_LETTERS)
    assert room["letters"] == 31


def test_given_letters_in_the_table_when_status_is_asked_then_it_fails_and_counts_them(
    stack: OperatedStack,
) -> None:
    stack.keep(letter("decision-1"), large("decision-2"))
    change(stack, "decision-1", keptAt=int(time.time()) - 2 * _DAY)

    result = stack.run("--json", "status")

    assert result.exit_code == 1
    [check] = [one for one in json.loads(result.stdout)["checks"] if one["check"] == "dead letters"]
    assert (check["ok"], check["count"], check["inTable"]) == (False, 2, 2)
    assert check["oldestSeconds"] == pytest.approx(2 * _DAY, abs=60)
    assert "table" in check["detail"]


def test_given_a_candidate_when_dead_letters_are_replayed_then_those_of_the_table_are_too(
    stack: OperatedStack, tmp_path: Path
) -> None:
    stack.outputs["SessionsTableName"] = "Sessions"
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "policies.yaml").write_text("{id: no, method: call, action: deny}")
    stack.send(letter("decision-1"))
    stack.keep(letter("decision-2"))

    said = stack.json("try", "--candidate", str(tmp_path), "--replay", "dead-letters")

    assert {one["hook"] for one in said["results"]} == {"decision-1", "decision-2"}
