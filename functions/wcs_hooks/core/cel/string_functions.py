"""The functions of CEL's string extension, with bounds on what they give.

Names, meaning and overload ids are those of the extension
(https://github.com/google/cel-go/blob/master/ext/README.md#strings). The runtime has them too, in a
library of 6.9 MB that has no bounds: it splits a text of 64 KiB into 65,536 parts, and `map` over
9,000 of them takes 25 s and 1.3 GB. Here such calls have no value.
"""

from typing import TYPE_CHECKING, Final

from wcs_hooks.core.cel.functions import STRING_FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cel_expr_python import cel

MAX_CHARACTERS: Final = 65_536
"""The longest text that is made: as much as an expression sees of a body."""

MAX_PARTS: Final = 500
"""The most parts that a text is split into: as many values as an expression sees of a body."""

_LOWER: Final = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_UPPER: Final = {lower: upper for upper, lower in _LOWER.items()}


def declarations() -> "list[cel.FunctionDecl]":
    """Return the functions as the CEL runtime takes them, with their implementations."""
    from cel_expr_python import cel  # noqa: PLC0415

    text, number, texts = cel.Type.STRING, cel.Type.INT, cel.Type.List(cel.Type.STRING)
    functions: list[tuple[str, Callable[..., object], cel.Type, Sequence[cel.Type], int]] = [
        # Name, implementation, type of the result, those of all arguments, how many may be omitted.
        ("charAt", char_at, text, [text, number], 0),
        ("indexOf", index_of, number, [text, text, number], 1),
        ("join", join, text, [texts, text], 1),
        ("lastIndexOf", last_index_of, number, [text, text, number], 1),
        ("lowerAscii", lower_ascii, text, [text], 0),
        ("replace", replace, text, [text, text, text, number], 1),
        ("split", split, texts, [text, text, number], 1),
        ("substring", substring, text, [text, number, number], 1),
        ("trim", trim, text, [text], 0),
        ("upperAscii", upper_ascii, text, [text], 0),
    ]

    def named(one: "cel.Type") -> str:
        return "int" if one == number else "string"

    return [
        cel.FunctionDecl(
            name,
            [
                cel.Overload(
                    "_".join([STRING_FUNCTIONS[name], *map(named, arguments[1:count])]),
                    returns,
                    arguments[:count],
                    is_member=True,
                    impl=implementation,
                )
                for count in range(len(arguments) - omitted, len(arguments) + 1)
            ],
        )
        for name, implementation, returns, arguments, omitted in functions
    ]


def char_at(text: str, index: int) -> str:
    """Return the character at an index; an empty text at the index behind the last one."""
    return text[_within(text, index) :][:1]


def index_of(text: str, part: str, start: int = 0) -> int:
    """Return where a text has another one first, from an index on; -1 if it does not."""
    return text.find(part, _within(text, start))


def last_index_of(text: str, part: str, start: int | None = None) -> int:
    """Return where a text has another one last, up to an index; -1 if it does not."""
    if start is None:
        return text.rfind(part)
    return text.rfind(part, 0, _within(text, start) + len(part))


def lower_ascii(text: str) -> str:
    """Return a text with the letters of ASCII in lower case."""
    return text.translate(_LOWER)


def upper_ascii(text: str) -> str:
    """Return a text with the letters of ASCII in upper case."""
    return text.translate(_UPPER)


def trim(text: str) -> str:
    """Return a text without white space at its ends."""
    return text.strip()


def substring(text: str, start: int, end: int | None = None) -> str:
    """Return the characters from an index up to the one before another."""
    end = len(text) if end is None else _within(text, end)
    if _within(text, start) > end:
        raise ValueError("the substring ends before it starts")
    return text[start:end]


def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    """Return a text with one part replaced by another, at most as often as the limit says.

    Raises
    ------
    ValueError
        If the result is longer than `MAX_CHARACTERS` characters.
    """
    found = text.count(old) if limit < 0 else min(limit, text.count(old))
    _bounded(len(text) + found * (len(new) - len(old)))
    return text.replace(old, new, found)


def split(text: str, separator: str, limit: int = -1) -> list[str]:
    """Return the parts of a text; with a limit the last one is all the rest.

    Raises
    ------
    ValueError
        If there are more than `MAX_PARTS`.
    """
    if limit == 0:
        return []
    parts = text.count(separator) + 1 if separator else len(text)
    if 0 < limit < parts:
        parts = limit
    if parts > MAX_PARTS:
        raise ValueError(f"split gives more than {MAX_PARTS} parts; give it a limit")
    if separator:
        return text.split(separator, parts - 1)
    return [*text[: parts - 1], text[parts - 1 :]] if text else [""]


def join(texts: "list[str]", separator: str = "") -> str:
    """Return texts joined to one.

    Raises
    ------
    ValueError
        If one of them is not a text, or the result is longer than `MAX_CHARACTERS` characters.
    """
    if not all(isinstance(one, str) for one in texts):
        raise ValueError("join takes a list of texts")
    _bounded(sum(map(len, texts)) + max(0, len(texts) - 1) * len(separator))
    return separator.join(texts)


def _within(text: str, index: int) -> int:
    if not 0 <= index <= len(text):
        raise ValueError("the index is outside the text")
    return index


def _bounded(length: int) -> None:
    if length > MAX_CHARACTERS:
        raise ValueError(f"the text would have more than {MAX_CHARACTERS:,} characters")
