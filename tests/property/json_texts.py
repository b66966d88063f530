"""JSON as nobody would print it: odd blanks, escapes and numbers, and names that occur twice."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from hypothesis import strategies as st

BLANKS = st.text(" \t\n\r", max_size=3)


def _hexadecimal(code: int, *, upper: bool) -> str:
    return f"\\u{code:04X}" if upper else f"\\u{code:04x}"


_ESCAPES = st.sampled_from(["\\n", "\\t", '\\"', "\\\\", "\\/", "\\b", "\\f", "\\r", "\\u0000"])
_ESCAPED_CODES = st.builds(_hexadecimal, st.integers(0, 0xFFFF), upper=st.booleans())
_LITERALS = st.characters(min_codepoint=0x20, exclude_categories=["Cs"], exclude_characters='"\\')
_PIECES = st.one_of(_LITERALS, _ESCAPES, _ESCAPED_CODES, st.sampled_from("{}[],:"))

STRINGS = st.lists(_PIECES, max_size=6).map(lambda pieces: f'"{"".join(pieces)}"')

_INTEGERS = st.one_of(
    st.integers(-10, 10),
    st.integers(),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**30, -(10**40)]),
).map(str)
NUMBERS = st.builds(
    "{}{}{}".format,
    st.one_of(_INTEGERS, st.just("-0")),
    st.one_of(st.just(""), st.sampled_from([".0", ".50", ".1234567890123456789"])),
    st.one_of(st.just(""), st.sampled_from(["e0", "E+1", "e-07", "E400", "e-400"])),
)

_LEAVES = st.one_of(STRINGS, NUMBERS, st.sampled_from(["true", "false", "null"]))


def _array(inner: list[tuple[str, str, str]], blank: str) -> str:
    return f"[{','.join(''.join(element) for element in inner) or blank}]"


class Member(NamedTuple):
    """A field as it is written, piece by piece."""

    before_name: str
    name: str
    before_colon: str
    after_colon: str
    value: str
    after_value: str

    @property
    def decoded(self) -> str:
        """The name that its text means."""
        name: str = json.loads(self.name)
        return name

    def written(self, value: str | None = None) -> str:
        return "".join(
            (
                self.before_name,
                self.name,
                self.before_colon,
                ":",
                self.after_colon,
                self.value if value is None else value,
                self.after_value,
            )
        )


NAMES = ["a", "b", "name", "appKey", "restClientConfig"]
_NAME_TEXTS = st.one_of(
    st.sampled_from([*(f'"{name}"' for name in NAMES), '"\\u0061"', '"n\\u0061me"', '""']),
    STRINGS,
)


def _members(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[Member]]:
    member = st.builds(Member, BLANKS, _NAME_TEXTS, BLANKS, BLANKS, values, BLANKS)
    return st.lists(member, max_size=5)


def _object(members: list[Member], blank: str) -> str:
    return f"{{{','.join(member.written() for member in members) or blank}}}"


VALUES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(_array, st.lists(st.tuples(BLANKS, inner, BLANKS), max_size=3), BLANKS),
        st.builds(_object, _members(inner), BLANKS),
    ),
    max_leaves=6,
)


class Text(NamedTuple):
    """A JSON object as it is written."""

    before: str
    members: list[Member]
    blank: str
    after: str

    def written(self) -> str:
        return self.with_values({})

    def with_values(self, values: Mapping[str, str]) -> str:
        """The same with other values, and nothing else; what is new comes behind the last value."""
        present = {member.decoded for member in self.members}
        appended = ",".join(
            f"{json.dumps(name, ensure_ascii=False)}:{value}"
            for name, value in values.items()
            if name not in present
        )
        written = [member.written(values.get(member.decoded)) for member in self.members]
        if not appended:
            inside = ",".join(written) or self.blank
        elif not written:
            inside = appended + self.blank
        else:
            tail = self.members[-1].after_value
            body = ",".join(written)
            inside = f"{body[: len(body) - len(tail)]},{appended}{tail}"
        return f"{self.before}{{{inside}}}{self.after}"


TEXTS = st.builds(Text, BLANKS, _members(VALUES), BLANKS, BLANKS)


_KEYS = st.sampled_from(["a", "b", "", "\0"])
_POOL = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        2,
        0.0,
        -0.0,
        1.0,
        1.5,
        "",
        "0",
        "1",
        "true",
        "null",
        "\0",
        "\0[1]",
        "[1]",
    ]
)
PLAIN_VALUES: st.SearchStrategy[Any] = st.recursive(
    _POOL,
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(_KEYS, inner, max_size=2)),
    max_leaves=4,
)
"""Values of few kinds, so that two of them are often equal, or nearly so."""

ANY_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(), max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Whatever `json` may read, half characters included."""


def are_equal(one: Any, other: Any) -> bool:
    """Equality of JSON values: numbers by value, no truth value is a number."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        # A float is what it was written as, and not the binary number next to that.
        return Decimal(repr(one)) == Decimal(repr(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(are_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_equal(one[k], other[k]) for k in one)
    return type(one) is type(other) and bool(one == other)
