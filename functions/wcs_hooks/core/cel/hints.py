"""Hints beside the messages of CEL's compiler: what an operator most likely meant to write."""

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from wcs_hooks.core.cel.expression import VARIABLES
from wcs_hooks.core.cel.functions import STRING_FUNCTIONS
from wcs_hooks.core.hook_fields import FIELDS, meant_by
from wcs_hooks.core.methods import CANONICAL_METHODS

_PROBLEM: Final = re.compile(r"(?:ERROR: )?<input>:(\d+):(\d+): (.*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_BAD_ESCAPE: Final = re.compile(r"token recognition error at: '.*(\\.)'$")
_WORD: Final = re.compile(r"\w+")

_OPERATORS: Final = {"and": "&&", "or": "||", "not": "!"}
_WORDS: Final = {"none": "null", "nil": "null", "true": "true", "false": "false", **_OPERATORS}
_FIELDS: Final = frozenset().union(*FIELDS.values())
_FUNCTIONS: Final = (
    *("contains", "endsWith", "glob", "isIn", "matches", "sha256", "size", "startsWith"),
    *("bool", "double", "duration", "int", "string", "timestamp", "getHours", "getDayOfWeek"),
    *STRING_FUNCTIONS,
)


def with_hints(source: str, message: str) -> str:
    """A message of the compiler, with hints behind what it says of each place.

    Parameters
    ----------
    source
        The expression.
    message
        What is wrong with it: a line for each problem, and the place below it.

    Examples
    --------
    >>> with_hints("callee", "<input>:1:1: undeclared reference to 'callee' (in container '')")
    "<input>:1:1: undeclared reference to 'callee' (in container ''); did you mean body.callee?"
    """
    return "\n".join(_lines(source.split("\n"), message))


def _lines(source: list[str], message: str) -> Iterator[str]:
    # What follows the first syntax error mostly follows from it.
    hinted = False
    for line in message.split("\n"):
        problem = _PROBLEM.fullmatch(line)
        hint = ""
        if problem is not None:
            row, column, text = int(problem[1]) - 1, int(problem[2]) - 1, problem[3]
            undeclared = _UNDECLARED.match(text)
            if undeclared is not None:
                hint = _instead_of_name(undeclared[1])
            elif not hinted and row < len(source):
                hint = _instead_of_syntax(source[row], column, text)
                hinted = True
        yield f"{line}; did you mean {hint}?" if hint else line


def _instead_of_name(name: str) -> str:
    first, *rest = name.split(".")
    if first.lower() in _WORDS:
        return _WORDS[first.lower()]
    if first in _FIELDS:
        return f"body.{name}"
    near = get_close_matches(first, VARIABLES, n=1, cutoff=0.85) or [
        variable for variable in VARIABLES if variable.lower() == first.lower()
    ]
    if near:
        return ".".join([near[0], *rest])
    fields = meant_by(first, CANONICAL_METHODS)
    if fields:
        return " or ".join(f"body.{field}" for field in fields)
    functions = {function.lower(): function for function in _FUNCTIONS}
    alike = get_close_matches(first.lower(), functions, n=1, cutoff=0.8)
    return functions[alike[0]] if alike else ""


def _instead_of_syntax(line: str, column: int, text: str) -> str:
    before, rest = line[:column], line[column:]
    word = _WORD.match(rest)
    if word is not None and word[0].lower() in _OPERATORS:
        return _OPERATORS[word[0].lower()]
    last = _WORD.findall(before)[-1:]
    if last and before.rstrip().endswith(last[0]) and last[0].lower() in _OPERATORS:
        return _OPERATORS[last[0].lower()]
    if rest.startswith("="):
        return "=="
    if rest.startswith(">") and before.endswith("<"):
        return "!="
    escape = _BAD_ESCAPE.search(text)
    if escape is not None:
        return f"\\{escape[1]} (a backslash begins an escape: double it), or a raw text, r'…'"
    return ""
