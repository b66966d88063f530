"""Hints beside CEL's own messages: what an operator most likely meant."""

import pytest

from tests.unit.given import decided, deny, snapshot
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import ExpressionError
from wcs_hooks.core.decision import Session


def _message(source: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        check(source)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "meant"),
    [
        ("body.a == 1 and body.b == 2", "&&"),
        ("known OR body.b == 1", "||"),
        ("not known", "!"),
        ("known && not (body.a == 1)", "!"),
        ("body.name = 'x'", "=="),
        ("body.name === 'x'", "=="),
        ("body.name <> 'x'", "!="),
        ("callee == '5'", "body.callee"),
        ("known &&\n  custom.role == 'x'", "body.custom.role"),
        ("calle == '5'", "body.callee or body.caller"),
        ("Body.name == 'x'", "body.name"),
        ("sesion.custom.role == 'x'", "session.custom.role"),
        ("claim.sub == 'x'", "claims.sub"),
        ("row.ban != null", "rows.ban"),
        ("known == True", "true"),
        ("body.x == None", "null"),
        ("body.name.startswith('x')", "startsWith"),
        (
            r"body.name.matches('https://.*\.x')",
            r"\\. (a backslash begins an escape: double it), or a raw text, r'…'",
        ),
    ],
)
def test_given_a_slip_then_the_compilers_message_is_kept_and_says_what_was_meant(
    source: str, meant: str
) -> None:
    first, *rest = [line for line in _message(source).split("\n") if "<input>" in line]

    said, hint = first.split("; did you mean ")
    assert said.startswith("<input>:")
    assert hint == f"{meant}?"
    assert not [line for line in rest if "did you mean" in line]


@pytest.mark.parametrize(
    "source", ["'a and b' == nobody", "body.name in ('a', 'b')", "(", "user == 'x'", "a.b.c.d"]
)
def test_given_no_slip_that_is_known_then_the_message_is_the_compilers_own(source: str) -> None:
    assert "did you mean" not in _message(source)


def test_given_two_fields_without_body_then_each_has_its_hint() -> None:
    said = _message("callee.startsWith('x') && caller == 'y'")

    assert "; did you mean body.callee?" in said
    assert "; did you mean body.caller?" in said


@pytest.mark.parametrize(
    ("when", "hint"),
    [
        ("session.custom.role == 'x'", "session is null, its connect was never seen"),
        ("claims.sub == 'x'", "claims is null, nothing is proven"),
        # The runtime does not say what was null: here it is body.custom.
        ("body.custom.role == 'x' && claims.sub == 'x'", "claims is null, nothing is proven"),
    ],
)
def test_given_a_field_of_what_is_null_then_the_failure_says_what_to_ask_first(
    when: str, hint: str
) -> None:
    body = {"name": "x", "custom": None}

    [failure] = decided(snapshot(deny(when=when)), body).failures

    nothing = "Applying SELECT to non-message type"
    assert failure.message.startswith(f"{nothing}; perhaps because {hint}: did you mean ")


def test_given_a_session_that_is_known_then_the_runtimes_message_stands_alone() -> None:
    session = Session({"custom": "text"})

    [failure] = decided(
        snapshot(deny(when="session.custom.role == 'x'")), {"name": "x"}, session=lambda: session
    ).failures

    assert failure.message == "Applying SELECT to non-message type"
