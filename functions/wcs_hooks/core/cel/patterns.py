r"""The regular expressions of an expression, and what they may cost.

CEL's `matches` is RE2's: linear in the text, but times the size of the compiled pattern, and
compiled again in each evaluation. Trials with texts of 64 KiB: a pattern of 120,000 instructions
takes a minute, one of 8,000 more than a second, and `\pL{50}` 40 ms to compile alone. So a pattern
is in the policy, where it is checked when the policy is compiled, and never comes from a hook.

Where calls are in the syntax tree is read here, as `wcs_hooks.core.cel.syntax_tree` describes.
"""

from collections.abc import Iterator
from typing import Final

from wcs_hooks.core.cel.syntax_tree import arguments, called, children, literal, root

MAX_PATTERN_INSTRUCTIONS: Final = 2_500
r"""The largest program that a pattern may make, as RE2 counts: a class such as `\pL` alone has
1,200 instructions, a UUID's pattern 70."""

_MATCHES: Final = "matches"


class PatternError(Exception):
    """A regular expression that is not a literal, not valid, or too large."""


def check_patterns(serialized: bytes) -> None:
    """Check the patterns of an expression's `matches`.

    Parameters
    ----------
    serialized
        The checked expression, as the runtime serialises it.

    Raises
    ------
    PatternError
        Saying which of them is wrong, and what would be right.
    """
    for pattern in _patterns(serialized):
        if pattern is None:
            raise PatternError(
                "the pattern of matches must be one literal text: one that a hook brings along "
                "could take minutes"
            )
        instructions = _instructions(pattern)
        if instructions > MAX_PATTERN_INSTRUCTIONS:
            raise PatternError(
                f"the pattern {pattern[:80]!r} is too large: it makes {instructions:,} "
                f"instructions, and at most {MAX_PATTERN_INSTRUCTIONS:,} are run for each hook; "
                "repeat less, or smaller classes of characters"
            )


def _patterns(serialized: bytes) -> Iterator[str | None]:
    """The pattern of each `matches`; none for one that is not a literal."""
    pending = [root(serialized)]
    while pending:
        expression = pending.pop()
        pending += children(expression)
        if called(expression) == _MATCHES:
            yield literal(arguments(expression)[-1])


def _instructions(pattern: str) -> int:
    # Imported here because only who compiles policies needs it.
    import re2  # noqa: PLC0415

    options = re2.Options()
    options.log_errors = False
    try:
        size: int = re2.compile(pattern, options).programsize
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else str(error)
        raise PatternError(f"the pattern {pattern[:80]!r} is not valid: {reason}") from error
    return size
