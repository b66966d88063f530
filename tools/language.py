"""Finds words that this project does not use in texts for people: `make style`.

Checked are the documents, without code, and what the programs say: the strings of the packages that
people run or deploy, and the docstrings of commands, which are their help. Other docstrings and
comments are checked too where they have become clean: `MOST_IN_SOURCES` only ever goes down.
"""

import ast
import re
import sys
import tokenize
from collections import Counter
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
    r"demand(?:s|ed)?": "required configuration, requires",
    r"by hand": "manually, hand-written",
    r"br(?:ing|ings|ought) (?:an edit|edits)": "apply",
    r"settl(?:e|es|ed|ing)": "finish",
}
"""What to write instead of each word."""

EXCEPTIONS: Final = ("tells apart", "told apart", "telling apart")
"""Where such a word is the right one."""

MOST_IN_SOURCES: Final = 30
"""Places in comments and docstrings that are still to be rewritten."""

_SAYS: Final = ("functions", "infra", "local", "simulated_wcs", "tools", "wcsctl")
"""The packages whose strings people read."""

_COMMANDS: Final = "wcsctl/commands/"
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
    """A text for people.

    Attributes
    ----------
    line
        Where in its file it begins.
    is_checked
        Whether every word of it must be right.
    """

    file: str
    line: int
    text: str
    is_checked: bool


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
        yield Text(file, 1, content, is_checked=True)
        return
    alone: set[int] = set()
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Expr):
            # A docstring, perhaps of an attribute.
            alone.add(id(node.value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            is_help = id(node) not in alone or file.startswith(_COMMANDS)
            is_checked = is_help and file.startswith(_SAYS)
            yield Text(file, node.lineno, node.value, is_checked)
    for token in tokenize.generate_tokens(iter(content.splitlines(keepends=True)).__next__):
        if token.type == tokenize.COMMENT:
            yield Text(file, token.start[0], token.string, is_checked=False)


def _on_one_line(content: str) -> str:
    return re.sub(r"\s+(?:# )?", " ", content)


def files() -> Iterator[Path]:
    """Yield the documents and the sources."""
    yield from sorted(ROOT.glob("*.md"))
    for directory in ("docs", *_SAYS, "bench", "verification"):
        for pattern in ("*.md", "*.py"):
            found = (ROOT / directory).rglob(pattern)
            yield from sorted(path for path in found if "node_modules" not in path.parts)


def main() -> int:
    """Report what is to be rewritten; return 1 if something is."""
    wrong: list[Place] = []
    left: Counter[str] = Counter()
    for path in files():
        content = path.read_text(encoding="utf-8")
        if path == Path(__file__) or not _ANY_WORD.search(_on_one_line(content)):
            continue
        for text in texts(path.relative_to(ROOT).as_posix(), content):
            found = list(places(text))
            if text.is_checked:
                wrong += found
            else:
                left.update(place.word.lower() for place in found)
    for file, line, word, instead in wrong:
        sys.stderr.write(f"{file}:{line}: “{word}”; write: {instead}\n")
    if left.total() > MOST_IN_SOURCES:
        sys.stderr.write(
            f"Comments and docstrings have {left.total()} places, {MOST_IN_SOURCES} before: "
            f"{dict(left.most_common())}. Rewrite those that came.\n"
        )
    return 1 if wrong or left.total() > MOST_IN_SOURCES else 0


if __name__ == "__main__":
    sys.exit(main())
