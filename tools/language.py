"""Finds words that this project does not use in texts for people: `make style`.

Checked are the documents, without code, and the strings, docstrings and comments of the sources.
"""

import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parent.parent

INSTEAD: Final = {
    r"(?<!cannot )tell(?:s|ing)?|told": "return, report, show, say",
    r"(?<!there )(?:is|are|was|were|be) no (?!longer|more|less|later|earlier)(?=\w)": (
        "is not a, must be a"
    ),
    r"in force": "active",
    r"turn(?:s|ed|ing)? away": "rejected",
    r"gather(?:s|ed|ing)?": "batched",
    r"hang(?:s|ing)? on": "depends on",
    r"st(?:and|ands|ood|anding) (?:in|for)": "is in, is",
    r"anew": "again, re-",
    r"in vain": "failed",
    r"likewise": "the same, said again",
    r"follow-ups?": "side effect",
    r"seen from outside": "metrics and logs",
    r"floor|documented way": "baseline",
    r"time (?:limit|budget)s?": "timeout, deadline",
    r"hopeless": "unrecoverable",
    r"(?<!on[ -])demand(?:s|ed)?": "required configuration, requires",
    r"by hand": "manually, hand-written",
    r"br(?:ing|ings|ought) (?:an edit|edits)": "apply",
    r"settl(?:e|es|ed|ing)": "finish",
}
"""What to write instead of each word."""

EXCEPTIONS: Final = ("tells apart", "told apart", "telling apart")
"""Where such a word is the right one."""

_DIRECTORIES: Final = (
    "bench",
    "docs",
    "functions",
    "infra",
    "local",
    "simulated_wcs",
    "tests",
    "tools",
    "verification",
    "wcsctl",
)
_QUOTING: Final = (Path(__file__), ROOT / "tests/tools/test_language.py")
"""The files that name the words."""

_CODE: Final = re.compile(r"^ *```.*?^ *```|`[^`]*`|<!--.*?-->", re.DOTALL | re.MULTILINE)
_WORDS: Final = {
    re.compile(rf"\b(?:{words})\b", re.IGNORECASE): instead for words, instead in INSTEAD.items()
}
_ANY_WORD: Final = re.compile(rf"\b(?:{'|'.join(INSTEAD)})\b", re.IGNORECASE)


class Place(NamedTuple):
    """Where a word is, and what to write instead of it."""

    file: str
    line: int
    word: str
    instead: str


class Text(NamedTuple):
    """A text for people, and the line of its file in which it begins."""

    file: str
    line: int
    text: str


def places(text: Text) -> Iterator[Place]:
    """Yield where a text has words that are not used here."""
    prose = _CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text.text)
    for exception in EXCEPTIONS:
        prose = re.sub(exception, " " * len(exception), prose)
    flat = prose.replace("\n", " ")
    if not _ANY_WORD.search(flat):
        return
    for words, instead in _WORDS.items():
        for found in words.finditer(flat):
            line = text.line + prose.count("\n", 0, found.start())
            yield Place(text.file, line, found[0].strip(), instead)


def texts(file: str, content: str) -> Iterator[Text]:
    """Yield the texts for people of a file."""
    if file.endswith(".md"):
        yield Text(file, 1, content)
        return
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield Text(file, node.lineno, node.value)
    for token in tokenize.generate_tokens(iter(content.splitlines(keepends=True)).__next__):
        if token.type == tokenize.COMMENT:
            yield Text(file, token.start[0], token.string)


def _on_one_line(content: str) -> str:
    return re.sub(r"\s+(?:# )?", " ", content)


def files() -> Iterator[Path]:
    """Yield the documents and the sources."""
    yield from sorted(ROOT.glob("*.md"))
    for directory in _DIRECTORIES:
        for pattern in ("*.md", "*.py"):
            found = (ROOT / directory).rglob(pattern)
            yield from sorted(
                path for path in found if path not in _QUOTING and "node_modules" not in path.parts
            )


def main() -> int:
    """Report what is to be rewritten; return 1 if something is."""
    wrong: list[Place] = []
    for path in files():
        content = path.read_text(encoding="utf-8")
        if _ANY_WORD.search(_on_one_line(content)):
            for text in texts(path.relative_to(ROOT).as_posix(), content):
                wrong += places(text)
    for file, line, word, instead in wrong:
        sys.stderr.write(f"{file}:{line}: “{word}”; write: {instead}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
