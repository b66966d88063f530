r"""The regular expressions of an expression, and what they may cost.

CEL's `matches` is RE2's: linear in the text, but times the size of the compiled pattern, and
compiled anew in each evaluation. Trials with texts of 64 KiB: a pattern of 120,000 instructions
takes a minute, one of 8,000 more than a second, and `\pL{50}` 40 ms to compile alone. So a pattern
stands in the policy, where it is checked when the policy is compiled, and never comes from a hook.

The runtime does not show an expression's syntax tree, but serialises it as the Protobuf message
`cel.expr.CheckedExpr` in a `google.protobuf.Any`
(https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto and syntax.proto), of
which nobody publishes Python classes: the few fields that lead to calls are read here.
"""

from collections.abc import Iterator
from typing import Final

MAX_PATTERN_INSTRUCTIONS: Final = 2_500
r"""The largest program that a pattern may make, as RE2 counts: a class such as `\pL` alone has
1,200 instructions, a UUID's pattern 70."""

_MATCHES: Final = "matches"

_ANY_VALUE: Final = 2
_CHECKED_EXPR: Final = 4
_CALL: Final = 6
_CALL_FUNCTION: Final = 2
_CALL_ARGUMENT: Final = 3
_CONSTANT: Final = 3
_CONSTANT_STRING: Final = 6
_CHILDREN: Final = {
    5: frozenset({1}),  # select: its operand
    _CALL: frozenset({1, _CALL_ARGUMENT}),  # its target, its arguments
    7: frozenset({1}),  # list: its elements
    9: frozenset({2, 4, 5, 6, 7}),  # comprehension: range, accumulator, condition, step, result
}
_STRUCT: Final = 8
_STRUCT_ENTRY: Final = 2
_ENTRY_PARTS: Final = frozenset({3, 4})  # a map's key, the value

_VARINT: Final = 0
_SIXTY_FOUR_BITS: Final = 1
_LENGTH_DELIMITED: Final = 2


class PatternError(Exception):
    """A regular expression that is no literal, not valid, or too large."""


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
    """The pattern of each `matches`; none for one that is no literal."""
    [checked] = _parts(serialized, _ANY_VALUE)
    pending = list(_parts(checked, _CHECKED_EXPR))
    while pending:
        for kind, content in _fields(pending.pop()):
            if kind == _STRUCT:
                entries = _parts(content, _STRUCT_ENTRY)
                pending += [part for e in entries for n, part in _fields(e) if n in _ENTRY_PARTS]
            elif kind in _CHILDREN:
                pending += [part for n, part in _fields(content) if n in _CHILDREN[kind]]
            if kind == _CALL and _parts(content, _CALL_FUNCTION) == [_MATCHES.encode()]:
                yield _literal(_parts(content, _CALL_ARGUMENT)[-1])


def _literal(expression: bytes) -> str | None:
    for constant in _parts(expression, _CONSTANT):
        for text in _parts(constant, _CONSTANT_STRING):
            return text.decode()
    return None


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


def _parts(message: bytes, number: int) -> list[bytes]:
    return [content for found, content in _fields(message) if found == number]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """The length-delimited fields of a Protobuf message, in order.

    https://protobuf.dev/programming-guides/encoding/
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == _LENGTH_DELIMITED:
            size, at = _varint(message, at)
            yield key >> 3, message[at : at + size]
            at += size
        elif kind == _VARINT:
            _, at = _varint(message, at)
        else:
            at += 8 if kind == _SIXTY_FOUR_BITS else 4


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:  # noqa: PLR2004 - the top bit says whether another byte follows
            return value, at
