"""The Markdown files of the repository: their blocks, their commands, and their links."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.support import shell

ROOT: Final = Path(__file__).resolve().parents[2]

PROGRAMS: Final = ("aws", "make", "npx", "wcsctl")
"""Programs whose calls are checked in running text too."""

_PLACES: Final = ("*.md", ".github/**/*.md", "docs/**/*.md", "tests/**/*.md", "policies/**/*.md")
_SUFFIXES: Final = {"yaml": (".yaml", ".yml"), "json": (".json",), "python": (".py",)}
_CALL: Final = re.compile(rf"(?:\w+=\S+ )*(?:\.venv/bin/)?(?:{'|'.join(PROGRAMS)}) ")
_SETTING: Final = re.compile(r"-c '?\w+=")
"""What is added to `cdk deploy`. (The `-c` of wcsctl names a field of connect by its path.)"""

_OWN_NAME: Final = re.compile(r"# ([\w.-]+\.\w+)\b")
_IN_HTML: Final = re.compile(r'\b(?:href|src|srcset)="([^"]*)"')
_MARKDOWN: Final = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes
    ----------
    page, line
        The file, by its path in the repository, and the line of the first mark.
    language
        What the mark says; empty if it says nothing.
    file
        The name that the block's first line or the paragraph before it gives it; empty for none.
    """

    page: str
    line: int
    language: str
    text: str
    file: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Call:
    """A program with its arguments, that a document shows.

    Attributes
    ----------
    is_whole
        Whether it can be typed as it is written: in running text a command may only be named.
    """

    page: str
    line: int
    words: tuple[str, ...]
    is_whole: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {' '.join(self.words)}"


@dataclass(frozen=True)
class Document:
    """A page.

    Attributes
    ----------
    named
        What is in running text as code, with its line.
    anchors
        Of its headings.
    """

    page: str
    blocks: Sequence[Block]
    named: Sequence[tuple[int, str]]
    links: Sequence[tuple[int, str]]
    anchors: frozenset[str]

    def calls(self) -> Iterator[Call]:
        """Yield what is typed: in blocks for a shell, in steps of workflows, in running text."""
        for block in self.blocks:
            for line, command in _commands(block):
                for words in shell.calls(command):
                    yield Call(self.page, block.line + 1 + line, tuple(words), is_whole=True)
        for line, code in self.named:
            command = f"npx cdk deploy {code}" if _SETTING.match(code) else code
            if _CALL.match(command):
                for words in shell.calls(command):
                    yield Call(self.page, line, tuple(words), is_whole=False)


def pages() -> list[str]:
    """Return all pages by their paths in the repository, README first."""
    found = {path.relative_to(ROOT).as_posix() for place in _PLACES for path in ROOT.glob(place)}
    return sorted(found, key=lambda page: (page != "README.md", page))


@cache
def document(page: str) -> Document:
    """Read a page."""
    blocks: list[Block] = []
    named: list[tuple[int, str]] = []
    links: list[tuple[int, str]] = []
    anchors: set[str] = set()
    line, before, last = 1, "", ""
    for token in _MARKDOWN.parse((ROOT / page).read_text(encoding="utf-8")):
        line = token.map[0] + 1 if token.map else line
        if token.type == "fence":
            language = token.info.strip()
            blocks.append(Block(page, line, language, token.content, _name(token, before)))
        elif token.type == "html_block":
            links += [(line, address) for address in _IN_HTML.findall(token.content)]
        elif token.type == "inline":
            before = token.content
            if last == "heading_open":
                anchors.add(_anchor(token.content))
            named += [(at, child.content) for at, child in _lines(line, token) if _is_code(child)]
            links += [(at, link) for at, child in _lines(line, token) if (link := _link(child))]
        last = token.type
    return Document(page, tuple(blocks), tuple(named), tuple(links), frozenset(anchors))


def blocks(language: str) -> list[Block]:
    """Return the blocks of a language in all pages."""
    fence = f"```{language}\n"
    having = [page for page in pages() if fence in (ROOT / page).read_text(encoding="utf-8")]
    return [
        block for page in having for block in document(page).blocks if block.language == language
    ]


def _commands(block: Block) -> Iterator[tuple[int, str]]:
    """Yield each command that a block shows, and its line in the block."""
    match block.language:
        case "sh":
            yield from ((typed.line, typed.command) for typed in shell.script(block.text))
        case "console":
            yield from ((typed.line, typed.command) for typed in shell.session(block.text))
        case "yaml":
            for number, line in enumerate(block.text.splitlines()):
                if step := re.match(r" +(?:- )?run: (.*)$", line):
                    yield number, step[1]


def _name(fence: Token, before: str) -> str:
    if own := _OWN_NAME.match(fence.content):
        return own[1]
    suffixes = _SUFFIXES.get(fence.info.strip(), ())
    files = [code for code in re.findall(r"`([\w./-]+)`", before) if code.endswith(suffixes)]
    return files[-1] if suffixes and files else ""


def _anchor(heading: str) -> str:
    """Return the anchor that a heading has where Markdown is shown."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _lines(line: int, inline: Token) -> Iterator[tuple[int, Token]]:
    for child in inline.children or ():
        yield line, child
        # A line break inside of code is a space there.
        line += child.type in {"softbreak", "hardbreak"}


def _is_code(token: Token) -> bool:
    return token.type == "code_inline"


def _link(token: Token) -> str:
    match token.type:
        case "link_open":
            return str(token.attrs["href"])
        case "image":
            return str(token.attrs["src"])
        case _:
            return ""
