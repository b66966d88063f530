"""The callers' secret is rotated without a pause, and shown only on demand."""

from collections.abc import Iterator

import pytest

from tests.support.operated_stack import SECRET, OperatedStack, operated
from wcsctl.errors import ConflictError


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def test_given_a_secret_when_it_is_shown_then_it_is_hidden_until_revealed(
    stack: OperatedStack,
) -> None:
    hidden = stack.run("secret", "show")
    revealed = stack.run("secret", "show", "--reveal")

    assert SECRET not in hidden.output
    assert SECRET in revealed.output
    assert stack.json("secret", "show") == {"length": len(SECRET), "rotating": False}


def test_when_it_is_rotated_then_both_are_valid_and_the_new_one_is_not_printed(
    stack: OperatedStack,
) -> None:
    rotated = stack.run("secret", "rotate")

    assert rotated.exit_code == 0
    now = stack.secret()
    assert now["previous"] == SECRET
    assert len(now["current"]) == 40
    assert now["current"].isalnum()
    assert "rest_hook_secret_key=<current>" in rotated.output
    assert now["current"] not in rotated.output


def test_given_a_rotation_when_another_begins_then_it_is_refused_and_nothing_changes(
    stack: OperatedStack,
) -> None:
    stack.run("secret", "rotate")
    before = stack.secret()

    again = stack.run("secret", "rotate")

    assert isinstance(again.exception, ConflictError)
    assert stack.secret() == before


def test_given_a_rotation_when_it_is_finished_then_the_previous_one_is_gone(
    stack: OperatedStack,
) -> None:
    stack.run("secret", "rotate")
    new = stack.secret()["current"]

    refused = stack.run("secret", "finish", answer="n\n")
    assert refused.exit_code == 1
    assert stack.secret()["previous"] == SECRET

    finished = stack.run("secret", "finish", answer="y\n")
    assert "60 s" in finished.output
    assert stack.secret() == {"current": new}


def test_given_no_rotation_when_one_is_finished_then_that_is_an_error(
    stack: OperatedStack,
) -> None:
    assert isinstance(stack.run("secret", "finish", "-y").exception, ConflictError)
    assert stack.secret() == {"current": SECRET}


def test_given_a_damaged_secret_then_the_error_does_not_quote_it(stack: OperatedStack) -> None:
    stack.aws.secrets_manager.put_secret_value(
        SecretId=stack.aws.secret_arn, SecretString="hunter2"
    )

    shown = stack.run("secret", "show")

    assert shown.exception is not None
    assert "is not of the form" in str(shown.exception)
    assert "hunter2" not in str(shown.exception)
