"""Reads the shell commands of documents: scripts, and sessions with a prompt and output."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PROMPT: Final = "$ "
_PLACEHOLDER: Final = re.compile(r"<([A-Za-z]\w*)>")
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=")
_SUBSTITUTED: Final = "SUBSTITUTED"


@dataclass(frozen=True)
class Typed:
    """A command that is typed, on one line or several.

    Attributes
    ----------
    line
        Its first line in the text, from 0.
    output
        What a session shows below it, line by line.
    """

    line: int
    command: str
    output: tuple[str, ...] = ()


def script(text: str) -> Iterator[Typed]:
    """Yield the commands of a script, without its empty lines and comments."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines()):
        begun, first = (f"{begun}\n{line}", first) if begun else (line, number)
        if _is_complete(begun):
            if _tokens(begun):
                yield Typed(first, begun)
            begun = ""
    if begun:
        raise ValueError(f"a quotation is not closed: {begun}")


def session(text: str) -> Iterator[Typed]:
    """Yield the commands of a session, each with its output."""
    command, first = "", 0
    output: list[str] = []
    for number, line in enumerate(text.splitlines()):
        if line.startswith(_PROMPT) and _is_complete(command):
            if command:
                yield Typed(first, command, tuple(output))
            command, first, output = line.removeprefix(_PROMPT), number, []
        elif not command:
            raise ValueError(f"a session begins with {_PROMPT!r}, and not with {line!r}")
        elif not _is_complete(command):
            command += f"\n{line}"
        else:
            output.append(line)
    yield Typed(first, command, tuple(output))


def calls(command: str) -> Iterator[list[str]]:
    """Yield the words of each program that a command calls.

    Variables stay as they are; `<Name>` is read as the word `Name`, and the output of a command in
    a word as the word `SUBSTITUTED`.

    Examples
    --------
    >>> list(calls('A=1 cat "$(ls)" < <File> | sort -u > x && echo "a | b" # all'))
    [['ls'], ['cat', 'SUBSTITUTED'], ['sort', '-u'], ['echo', 'a | b']]
    """
    text, substituted = _without_substitutions(_PLACEHOLDER.sub(r"\1", command))
    for inner in substituted:
        yield from calls(inner)
    words: list[str] = []
    tokens = iter([*_tokens(text), ";"])
    for token in tokens:
        if token and set(token) <= set("<>"):
            next(tokens)
        elif token and set(token) <= set("|&;"):
            while words and _ASSIGNMENT.match(words[0]):
                words.pop(0)
            if words:
                yield words
            words = []
        else:
            words.append(token)


def _is_complete(command: str) -> bool:
    """Whether a shell runs it, instead of asking for another line."""
    if command.endswith("\\"):
        return False
    try:
        _tokens(_without_substitutions(command)[0])
    except ValueError:
        return False
    return True


def _tokens(text: str) -> list[str]:
    lexer = shlex.shlex(text.replace("\\\n", " "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def _without_substitutions(text: str) -> tuple[str, list[str]]:
    """Cut out what is in `$(…)`, which may have quotation marks in those around it."""
    inner: list[str] = []
    while (begin := text.find("$(")) >= 0:
        depth, end = 1, begin + 2
        while depth:
            if end == len(text):
                raise ValueError("$( is not closed")
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        inner.append(text[begin + 2 : end - 1])
        text = f"{text[:begin]}{_SUBSTITUTED}{text[end:]}"
    return text, inner
