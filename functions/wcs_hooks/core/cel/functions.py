"""The functions that expressions have beyond CEL's own.

Checked expressions name them by the ids below, so an id never changes its meaning: snapshots hold
them.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cel_expr_python import cel


def declarations() -> "list[cel.FunctionDecl]":
    """Return the functions as the CEL runtime takes them, with their implementations."""
    # Imported here because a decision that needs no expression should not wait for it.
    from cel_expr_python import cel  # noqa: PLC0415

    kind = cel.Type
    text, truth = kind.STRING, kind.BOOL
    return [
        cel.FunctionDecl(
            "glob",
            [cel.Overload("string_glob_string", truth, [text, text], is_member=True, impl=glob)],
        ),
        cel.FunctionDecl(
            "sha256", [cel.Overload("sha256_string", text, [text], is_member=False, impl=sha256)]
        ),
    ]


def glob(text: str, pattern: str) -> bool:
    """Whether a pattern matches a whole text; `*` stands for any characters, or for none.

    Nothing else in a pattern is special, so that it may come from a claim or a row. The time is
    linear in the text: each part of the pattern is found where it first occurs behind the previous
    one, and never looked for again.

    Examples
    --------
    >>> glob("anna-1", "anna-*"), glob("anna-1", "anna"), glob("anna", "a*n*a*")
    (True, False, True)
    """
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    first, star, rest = pattern.partition("*")
    if not star:
        return text == pattern
    middle, _, last = rest.rpartition("*")
    at, end = len(first), len(text) - len(last)
    if at > end or not (text.startswith(first) and text.endswith(last)):
        return False
    # The parts are not split off beforehand: a text that fails early should not pay for them all.
    start = 0
    while start < len(middle):
        stop = middle.find("*", start)
        part = middle[start:] if stop < 0 else middle[start:stop]
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
        start += len(part) + 1
    return True


def sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8, in lower-case hexadecimal digits.

    Examples
    --------
    >>> sha256("")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(text.encode()).hexdigest()
