"""Regular expressions in policies: which are accepted, wherever they stand."""

import pytest

from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import ExpressionError
from wcs_hooks.core.cel.patterns import MAX_PATTERN_INSTRUCTIONS


@pytest.mark.parametrize(
    "source",
    [
        "body.name.matches('^[a-z0-9-]{1,64}$')",
        "matches(body.name, 'a')",
        "body.name.matches(r'\\d+') || body.name.matches(\"x\")",
        "body.id.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",
        r"body.name.matches('\\pL+ \\pL+')",
        "body.matches == 'a'",
        "body.name.startsWith(body.custom.prefix)",
    ],
)
def test_given_a_literal_pattern_of_moderate_size_then_the_expression_is_accepted(
    source: str,
) -> None:
    assert check(source).source == source


@pytest.mark.parametrize(
    "source",
    [
        "body.name.matches(body.pattern)",
        "matches(body.name, body.pattern)",
        "body.name.matches('a' + 'b')",
        "!body.name.matches(session.pattern)",
        "body.list.exists(p, body.name.matches(p))",
        "body.list.map(p, body.name.matches(p))[0]",
        "[body.name.matches(app)][0]",
        "{'a': body.name.matches(app)}.a",
        "{'a': 1, string(body.name.matches(app)): 2}.size() > 0",
        "has(body.x) ? true : body.name.matches(method)",
        "[1].exists(x, x == 1 && body.name.matches(body.p))",
        "type(body.name.matches(body.p)) == bool",
    ],
)
def test_given_a_pattern_that_is_no_literal_then_the_expression_is_refused(source: str) -> None:
    with pytest.raises(ExpressionError, match="must be one literal"):
        check(source)


@pytest.mark.parametrize(
    "pattern",
    ["(a?){1000}", r"\\pL{10}", "(a?){1000}" * 60, "([ab]?a?){900}", r"(\\pL|\\pN){3}"],
)
def test_given_a_pattern_that_takes_long_then_it_is_refused_with_its_size(pattern: str) -> None:
    with pytest.raises(ExpressionError, match=f"at most {MAX_PATTERN_INSTRUCTIONS:,}"):
        check(f"body.name.matches('{pattern}')")


@pytest.mark.parametrize("pattern", ["(", "[a", "a{2,1}", r"(?=a)", r"\\pL{900}", "*"])
def test_given_a_pattern_that_is_not_valid_then_it_is_refused_as_such(
    pattern: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ExpressionError, match="is not valid: "):
        check(f"body.name.matches('{pattern}')")

    assert capfd.readouterr().err == ""
