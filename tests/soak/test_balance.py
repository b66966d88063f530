"""The balance: it adds up when it should, and turns red for each way in which it could not."""

from dataclasses import replace

import pytest

from verification.soak.balance import (
    MALFORMED_ERROR,
    Letter,
    Logged,
    balance,
    letters_of,
    log_checks,
    without_reply,
)
from verification.soak.wire import Answer, LostAttempt, SentHook

UNAVAILABLE = "UnavailableError"


def hook(number: int, answer: Answer, method: str = "publishStream") -> SentHook:
    status = {Answer.PASSED: 200, Answer.FAILED: 503, Answer.MALFORMED: 400, Answer.NONE: None}
    return SentHook(
        number=number,
        phase="main",
        method=method,
        at=1000.0 + number,
        seconds=0.01,
        digest=f"body {number}",
        status=status.get(answer, 403),
        decision="" if answer is Answer.NONE else f"d{number}",
        answer=answer,
    )


def letter(about: SentHook, error: str = UNAVAILABLE, *pending: str) -> Letter:
    return Letter(about.decision, about.method, about.digest, error, pending)


PASSED = hook(1, Answer.PASSED)
DENIED = hook(2, Answer.DENIED)
FAILED = hook(3, Answer.FAILED)
ALSO_FAILED = hook(4, Answer.FAILED, "StreamStatusEvent")
MALFORMED = hook(5, Answer.MALFORMED)
STRANGER = replace(hook(6, Answer.REJECTED, "connect"), genuine=False)
HOOKS = (PASSED, DENIED, FAILED, ALSO_FAILED, MALFORMED, STRANGER)
LETTERS = (letter(FAILED), letter(ALSO_FAILED), letter(MALFORMED, MALFORMED_ERROR))


def test_given_each_failure_is_a_letter_when_struck_then_it_adds_up() -> None:
    struck = balance("main", HOOKS, LETTERS)

    assert struck.adds_up
    assert struck.equation == "6 sent = 4 answered + 2 dead-lettered"
    assert struck.letters["malformed"] == 1


def test_given_a_lost_letter_when_struck_then_it_is_named() -> None:
    struck = balance("main", HOOKS, LETTERS[1:])

    assert not struck.adds_up
    assert struck.problems == (
        "hook 3 (publishStream, decision d3) is not a dead letter, and not counted as lost",
        "hook 3 (publishStream, decision d3) was lost, though queue and table did not both fail",
    )
    assert struck.equation.endswith("1 dead-lettered + 1 counted as lost")


def test_given_a_loss_that_was_counted_when_struck_then_it_adds_up_as_lost() -> None:
    struck = balance("main", HOOKS, LETTERS[1:], frozenset({"d3"}), both_failed=True)

    assert struck.adds_up
    assert struck.dead_lettered == 1
    assert struck.lost == ("hook 3 (publishStream, decision d3)",)
    assert struck.equation == "6 sent = 4 answered + 1 dead-lettered + 1 counted as lost"


def test_given_a_counted_loss_though_one_place_took_letters_when_struck_then_it_is_named() -> None:
    struck = balance("queue refuses", HOOKS, LETTERS[1:], frozenset({"d3"}))

    assert not struck.adds_up
    assert struck.problems == (
        "hook 3 (publishStream, decision d3) was lost, though queue and table did not both fail",
    )


def test_given_a_letter_in_the_table_when_struck_then_it_is_a_term_of_its_own() -> None:
    in_table = replace(LETTERS[0], in_table=True)

    struck = balance("queue refuses", HOOKS, (in_table, *LETTERS[1:]))

    assert struck.adds_up
    assert struck.equation == "6 sent = 4 answered + 1 dead-lettered + 1 kept in the table"
    assert struck.to_json()["inTable"] == 1


def test_given_a_letter_in_both_places_when_struck_then_it_is_counted_once_and_told() -> None:
    in_table = replace(LETTERS[0], in_table=True)

    struck = balance("main", HOOKS, (*LETTERS, in_table), sends={"d3": 2})

    assert struck.adds_up
    assert (struck.dead_lettered, struck.in_table) == (2, 0)
    assert len(struck.sent_twice) == 1
    assert not balance("main", HOOKS, (*LETTERS, in_table), sends={"d3": 1}).adds_up


def test_given_a_malformed_hook_without_a_letter_when_struck_then_it_is_named() -> None:
    struck = balance("main", HOOKS, LETTERS[:2])

    assert not struck.adds_up
    assert "hook 5" in struck.problems[0]


def test_given_a_doubled_letter_when_struck_then_it_is_named() -> None:
    struck = balance("main", HOOKS, (*LETTERS, LETTERS[0]), sends={"d3": 1})

    assert not struck.adds_up
    assert struck.problems == ("hook 3 (publishStream, decision d3) is a dead letter 2 times",)


def test_given_a_letter_that_the_sdk_sent_twice_when_struck_then_it_adds_up_and_is_told() -> None:
    struck = balance("main", HOOKS, (*LETTERS, LETTERS[0]), sends={"d3": 2})

    assert struck.adds_up
    assert struck.dead_lettered == 2
    assert struck.sent_twice == ("hook 3 (publishStream, decision d3)",)


def test_given_a_letter_of_another_body_when_struck_then_it_is_named() -> None:
    altered = replace(LETTERS[0], digest="another body")

    struck = balance("main", HOOKS, (altered, *LETTERS[1:]))

    assert struck.problems == (
        "the letter of hook 3 (publishStream, decision d3) holds another hook",
    )


def test_given_a_hook_that_nobody_answered_when_struck_then_it_does_not_add_up() -> None:
    struck = balance("main", (*HOOKS, hook(7, Answer.NONE)), LETTERS)

    assert not struck.adds_up
    assert struck.equation == "7 sent = 4 answered + 2 dead-lettered + 1 without an answer"


def test_given_a_side_effect_that_is_pending_when_struck_then_its_letter_is_told_apart() -> None:
    event = hook(7, Answer.PASSED, "ConnectionStatusEvent")

    struck = balance("main", (*HOOKS, event), (*LETTERS, letter(event, UNAVAILABLE, "session")))

    assert struck.adds_up
    assert struck.letters["side effects of answered hooks"] == 1
    assert struck.dead_lettered == 2


def test_given_a_letter_of_an_answered_hook_with_nothing_pending_when_struck_then_red() -> None:
    struck = balance("main", HOOKS, (*LETTERS, letter(PASSED)))

    assert not struck.adds_up
    assert "hook 1" in struck.problems[0]


def test_given_a_genuine_hook_that_was_rejected_when_struck_then_it_is_named() -> None:
    rejected = replace(STRANGER, genuine=True)

    assert not balance("main", (rejected,), ()).adds_up


@pytest.mark.parametrize("answer", [Answer.PASSED, Answer.DENIED, Answer.MALFORMED])
def test_given_a_stranger_who_was_answered_when_struck_then_it_is_named(answer: Answer) -> None:
    let_in = replace(hook(9, answer), genuine=False)
    kept = [letter(let_in, MALFORMED_ERROR)] if answer is Answer.MALFORMED else []

    struck = balance("main", (let_in,), kept)

    assert not struck.adds_up
    assert "a stranger" in struck.problems[0]


def test_given_two_hooks_of_one_decision_when_struck_then_it_is_named() -> None:
    twin = replace(PASSED, number=7)

    assert not balance("main", (PASSED, twin), ()).adds_up


def test_given_an_invented_letter_when_split_then_it_is_found() -> None:
    invented = Letter("d99", "call", "a body", UNAVAILABLE)

    explained, rest = without_reply(HOOKS, (*LETTERS, invented))

    assert explained == []
    assert rest == [invented]
    assert letters_of(HOOKS, (*LETTERS, invented)) == list(LETTERS)


def test_given_a_letter_of_policy_edits_when_split_then_it_is_about_no_hook() -> None:
    edits = Letter("", "", "", "", of_edits=True)

    assert without_reply(HOOKS, (*LETTERS, edits)) == ([], [])
    assert all(check.ok for check in log_checks(HOOKS, (*LETTERS, edits), logged(), 0))


def test_given_a_letter_of_an_attempt_without_reply_when_split_then_one_is_explained() -> None:
    again = replace(PASSED, lost=(LostAttempt(1000.0, "connection reset"),))
    kept = Letter("d98", again.method, again.digest, UNAVAILABLE)

    explained, invented = without_reply((again,), (kept, replace(kept, decision="d99")))

    assert explained == [kept]
    assert [one.decision for one in invented] == ["d99"]


def test_given_such_a_letter_that_the_sdk_sent_twice_when_split_then_both_are_explained() -> None:
    again = replace(PASSED, lost=(LostAttempt(1000.0, "timed out"),))
    kept = Letter("d98", again.method, again.digest, UNAVAILABLE)

    assert without_reply((again,), (kept, kept), {"d98": 2}) == ([kept, kept], [])
    assert without_reply((again,), (kept, kept), {"d98": 1}) == ([kept], [kept])
    assert without_reply((again,), (kept, kept, kept), {"d98": 2}) == ([kept, kept], [kept])


def logged(**counts: int) -> Logged:
    counted = {"Calls": 6, "Failed": 2, "Denied": 1, "Rejected": 1, "Malformed": 1}
    return Logged(
        {
            (name, "direct"): count
            for name, count in {**counted, "DeadLettered": 3, **counts}.items()
        }
    )


def test_given_logs_that_agree_when_compared_then_every_check_holds() -> None:
    assert all(check.ok for check in log_checks(HOOKS, LETTERS, logged(), ended_workers=0))


@pytest.mark.parametrize("metric", ["Calls", "Failed", "Rejected", "Malformed", "DeadLettered"])
@pytest.mark.parametrize("by", [-1, 1])
def test_given_a_metric_that_is_off_by_one_when_compared_then_it_is_red(
    metric: str, by: int
) -> None:
    off = logged(**{metric: logged().total(metric) + by})

    [red] = [check for check in log_checks(HOOKS, LETTERS, off, ended_workers=0) if not check.ok]

    assert red.name == f"metric {metric}"


def test_given_letters_in_the_table_when_compared_then_the_fallback_must_have_been_counted() -> (
    None
):
    letters = (replace(LETTERS[0], in_table=True), *LETTERS[1:])

    [red] = [check for check in log_checks(HOOKS, letters, logged(), 0) if not check.ok]

    assert red.name == "metric DeadLetterFallback"
    assert all(one.ok for one in log_checks(HOOKS, letters, logged(DeadLetterFallback=1), 0))


def test_given_a_killed_worker_when_compared_then_one_line_may_be_lacking() -> None:
    lacking = logged(Calls=5)

    assert all(check.ok for check in log_checks(HOOKS, LETTERS, lacking, ended_workers=1))


def test_given_an_attempt_without_reply_when_compared_then_it_may_have_been_counted() -> None:
    again = (replace(PASSED, lost=(LostAttempt(1000.0, "connection reset"),)), *HOOKS[1:])

    assert all(check.ok for check in log_checks(again, LETTERS, logged(Calls=7), ended_workers=0))
