"""`wcsctl explain`: a decision of the past, by its line and the policies of its versions."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.operated_stack import OperatedStack, operated
from tests.support.policy_items import deny, override, policy
from wcsctl.errors import NotFoundError, UsageError

_DECISION = "94766fd1-0000-4000-8000-000000000000"
_DENIED = {
    "decision": _DECISION,
    "category": "direct",
    "method": "publishStream",
    "answer": "denied",
    "status": 403,
    "app": "school",
    "versions": {"school": 1},
    "policy": "school/teachers-only",
    "policies": ["school/teachers-only"],
    "restOnError": "FAIL",
    "outcome": "aborted",
    "subject": {"id": "ben", "unverified": True},
    "fields": {"name": "lesson"},
}


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        one.enforce(
            "school",
            policy("hall", match={"name": "hall"}, priority=1),
            policy("guests", when="session.custom.guest == true", priority=2),
            policy("summer", notAfter="2020-09-01T00:00:00Z", priority=3),
            policy("paused", mode="off", priority=4),
            deny("teachers-only", when="session.custom.role != 'teacher'", reason="Only teachers."),
            override("rename", priority=200, set={"name": "secret-name"}),
        )
        # What is in the table now is not what decided.
        one.enforce("school", policy("hall", match={"name": "hall"}))
        yield one


def considered(explained: Any) -> dict[str, tuple[str, str]]:
    return {one["policy"]: (one["outcome"], one["detail"]) for one in explained["considered"]}


def test_given_a_line_with_what_was_passed_over_then_each_policy_of_that_version_is_explained(
    stack: OperatedStack,
) -> None:
    passed_over = {"school/guests": "when", "school/summer": "window: over"}
    stack.log("direct", _DENIED | {"passedOver": passed_over})

    explained = stack.json("explain", "94766fd1")

    assert considered(explained) == {
        "hall": ("match", "name was another"),
        "guests": ("when", "was false: session.custom.guest == true"),
        "summer": ("window", "over"),
        "paused": ("off", "mode: off"),
        "teachers-only": ("applied", ""),
        "rename": ("not reached", "an earlier policy ended the evaluation"),
    }
    assert (explained["reason"], explained["status"], explained["notes"]) == (
        "Only teachers.",
        403,
        [],
    )
    assert explained["wcs"].startswith("WCS aborts the action")


def test_given_a_denial_for_want_of_room_then_it_says_who_held_the_places_and_ends_no_evaluation(
    stack: OperatedStack,
) -> None:
    limit = {"by": "app", "most": 1, "holds": "stream"}
    stack.enforce("hall", deny("one", limit=limit), policy("after", priority=200))
    line = _DENIED | {"app": "hall", "versions": {"hall": 1}, "policies": ["hall/one"]}
    held = {"policy": "hall/one", "limit": "hall/one: 1 of 1 held by 3f0c81d29ab1c044"}
    stack.log("direct", line | held)

    explained = stack.json("explain", _DECISION)

    assert considered(explained) == {
        "one": ("applied", "1 of 1 held by 3f0c81d29ab1c044"),
        "after": ("not said", ""),
    }


def test_given_a_line_without_it_then_what_is_certain_is_said_and_the_rest_is_not_guessed(
    stack: OperatedStack,
) -> None:
    stack.log("direct", _DENIED | {"expressionErrors": ["guests: when"]})

    explained = stack.json("explain", _DECISION)

    assert considered(explained) == {
        "hall": ("not said", ""),
        "guests": ("when", "when had no value"),
        "summer": ("window", "not open then"),
        "paused": ("off", "mode: off"),
        "teachers-only": ("applied", ""),
        "rename": ("not reached", "an earlier policy ended the evaluation"),
    }
    assert "explainDecisions" in explained["notes"][0]


def test_given_a_hook_that_failed_then_no_policy_is_blamed_and_its_dead_letter_is_named(
    stack: OperatedStack,
) -> None:
    undecided = {
        name: value for name, value in _DENIED.items() if name not in {"policy", "policies"}
    }
    failed = {"answer": "failed", "status": 503, "error": "the session store does not answer"}
    stack.log("direct", undecided | failed | {"deadLettered": True})

    [note] = stack.json("explain", _DECISION)["notes"]

    assert note.startswith("The hook failed before a policy decided.")
    assert "`wcsctl dead-letter show 94766fd1`" in note


def test_given_people_who_read_it_then_they_see_who_what_and_what_wcs_did(
    stack: OperatedStack,
) -> None:
    stack.log("direct", _DENIED)

    shown = stack.run("explain", "94766fd1").stdout

    assert "publishStream of app school" in shown
    assert "by school version 1" in shown
    for line in (
        "Who       user ben (unverified)",
        "Fields    name=lesson",
        "Verdict   denied by school/teachers-only",
        "Reply     403, 'Only teachers.'",
        "WCS       WCS aborts the action, and notifies the client. (restOnError FAIL)",
    ):
        assert line in shown.splitlines()


def test_given_a_stranger_who_sends_line_ends_and_escapes_then_neither_reaches_the_terminal(
    stack: OperatedStack,
) -> None:
    forged = "x\nVerdict   echoed\x1b[2J"
    stack.log(
        "direct",
        _DENIED
        | {"app": forged, "method": forged, "fields": {"name": forged}}
        | {"subject": {"id": forged}, "versions": {}},
    )

    shown = stack.run("explain", _DECISION).stdout

    assert "\x1b" not in shown
    assert [line for line in shown.splitlines() if line.startswith("Verdict")] == [
        "Verdict   denied by school/teachers-only"
    ]


def test_given_an_override_then_its_fields_are_named_and_their_values_are_not(
    stack: OperatedStack,
) -> None:
    stack.log(
        "direct", _DENIED | {"answer": "overridden", "policy": "", "policies": ["school/rename"]}
    )

    result = stack.run("explain", _DECISION)

    assert "changed: name" in result.stdout
    assert "secret-name" not in result.stdout


def test_given_a_version_that_is_gone_then_only_the_line_is_shown_and_that_is_said(
    stack: OperatedStack,
) -> None:
    stack.log("direct", _DENIED | {"versions": {"school": 9}})

    explained = stack.json("explain", _DECISION)

    assert explained["considered"] == []
    assert explained["notes"][0].startswith("Version 9 of the policies of app school is not kept")


def test_given_no_such_decision_or_several_then_it_says_so(stack: OperatedStack) -> None:
    stack.log("direct", _DENIED, _DENIED | {"decision": "94766fd2"})

    assert isinstance(stack.run("explain", "1").exception, NotFoundError)
    several = stack.run("explain", "94766").exception
    assert isinstance(several, UsageError)
    assert "2 decisions begin with 94766" in str(several)
