"""The syntax tree of a checked expression.

The runtime does not show it, but serialises it as the Protobuf message `cel.expr.CheckedExpr` in a
`google.protobuf.Any` (https://github.com/google/cel-spec/blob/master/proto/cel/expr/checked.proto
and syntax.proto). The few fields that are needed are read here, without Protobuf, which the package
of the functions does not have; tests compare this with the generated classes, which `xds-protos`
publishes. A node is the bytes of its message, `cel.expr.Expr`.
"""

from collections.abc import Iterator
from typing import Final

_ANY_VALUE: Final = 2
_CHECKED_EXPR: Final = 4
_CHECKED_SOURCE: Final = 5
_SOURCE_POSITIONS: Final = 4
_ENTRY_KEY: Final = 1
_ENTRY_VALUE: Final = 2
_ID: Final = 2
_CONSTANT: Final = 3
_CONSTANT_BOOL: Final = 2
_CONSTANT_INT64: Final = 3
_CONSTANT_STRING: Final = 6
_IDENTIFIER: Final = 4
_IDENTIFIER_NAME: Final = 1
_SELECT: Final = 5
_SELECT_OPERAND: Final = 1
_SELECT_FIELD: Final = 2
_SELECT_TEST_ONLY: Final = 3
_CALL: Final = 6
_CALL_TARGET: Final = 1
_CALL_FUNCTION: Final = 2
_CALL_ARGUMENT: Final = 3
_LIST: Final = 7
_LIST_ELEMENT: Final = 1
_CHILDREN: Final = {
    _SELECT: frozenset({_SELECT_OPERAND}),
    _CALL: frozenset({_CALL_TARGET, _CALL_ARGUMENT}),
    _LIST: frozenset({_LIST_ELEMENT}),
    9: frozenset({2, 4, 5, 6, 7}),  # comprehension: range, accumulator, condition, step, result
}
_STRUCT: Final = 8
_STRUCT_NAME: Final = 1
_STRUCT_ENTRY: Final = 2
_ENTRY_PARTS: Final = frozenset({3, 4})  # a map's key, the value

_MADE_OF_PARTS: Final = frozenset({_SELECT, _CALL, _LIST})

_VARINT: Final = 0
_SIXTY_FOUR_BITS: Final = 1
_LENGTH_DELIMITED: Final = 2


def root(serialized: bytes) -> bytes:
    """The expression itself, of its serialised form."""
    [checked] = _parts(serialized, _ANY_VALUE)
    [expression] = _parts(checked, _CHECKED_EXPR)
    return expression


def with_root(serialized: bytes, node: bytes) -> bytes:
    """One part of an expression, in the serialised form of the whole."""
    [checked] = _parts(serialized, _ANY_VALUE)
    return _replaced(serialized, _ANY_VALUE, _replaced(checked, _CHECKED_EXPR, node))


def list_of(nodes: list[bytes]) -> bytes:
    """A node that is a literal list of others."""
    return _written(_LIST, b"".join(_written(_LIST_ELEMENT, node) for node in nodes))


def position(serialized: bytes, node: bytes) -> int:
    """Where a node is in the source: characters before it."""
    [identity] = [value for number, value in _fields(node) if number == _ID]
    [checked] = _parts(serialized, _ANY_VALUE)
    [source] = _parts(checked, _CHECKED_SOURCE)
    for entry in _parts(source, _SOURCE_POSITIONS):
        found = dict(_fields(entry))
        if found.get(_ENTRY_KEY) == identity:
            at = found.get(_ENTRY_VALUE, 0)
            return at if isinstance(at, int) else 0
    return 0


def children(node: bytes) -> Iterator[bytes]:
    """The nodes below a node."""
    for kind, content in _messages(node):
        if kind == _STRUCT:
            for entry in _parts(content, _STRUCT_ENTRY):
                yield from (part for number, part in _messages(entry) if number in _ENTRY_PARTS)
        elif kind in _CHILDREN:
            yield from (part for number, part in _messages(content) if number in _CHILDREN[kind])


def called(node: bytes) -> str:
    """The function that a node calls; empty if it is not a call."""
    return _text(node, _CALL, _CALL_FUNCTION) or ""


def arguments(node: bytes) -> list[bytes]:
    """The arguments of a call, without its target."""
    [call] = _parts(node, _CALL)
    return _parts(call, _CALL_ARGUMENT)


def target(node: bytes) -> bytes | None:
    """What a call is a method of; none of a function, or of what is not a call."""
    for call in _parts(node, _CALL):
        for content in _parts(call, _CALL_TARGET):
            return content
    return None


def elements(node: bytes) -> list[bytes]:
    """The elements of a literal list; none if it has none, or is something else."""
    return [part for content in _parts(node, _LIST) for part in _parts(content, _LIST_ELEMENT)]


def is_literal(node: bytes) -> bool:
    """Whether a node is a literal: a text, a number, a truth value, bytes or null."""
    return bool(_parts(node, _CONSTANT))


def is_constant(node: bytes) -> bool:
    """Whether a node is made of literals alone, and so means the same for every hook."""
    for kind, content in _messages(node):
        if kind == _CONSTANT:
            return True
        if kind in _MADE_OF_PARTS or (kind == _STRUCT and not _parts(content, _STRUCT_NAME)):
            return all(is_constant(child) for child in children(node))
    return False


def literal(node: bytes) -> str | None:
    """The text of a literal node; none if the node is not a literal text."""
    return _text(node, _CONSTANT, _CONSTANT_STRING)


def number_or_truth(node: bytes) -> int | bool | None:
    """The 64-bit whole number or the truth value of a literal node; none if it is neither."""
    for constant in _parts(node, _CONSTANT):
        for number, value in _fields(constant):
            if number == _CONSTANT_BOOL and type(value) is int:
                return bool(value)
            if number == _CONSTANT_INT64 and type(value) is int:
                return value - 2**64 if value >= 2**63 else value
    return None


def is_presence_test(node: bytes) -> bool:
    """Whether a node is `has(v.field)`, which is a selection that gives no value."""
    return any(
        number == _SELECT_TEST_ONLY and bool(value)
        for select in _parts(node, _SELECT)
        for number, value in _fields(select)
    )


def value_of(variable: str, node: bytes) -> str | None:
    """The field of a variable whose value (or presence, of a test) a node is; none if of none."""
    return None if called(node) == "@in" else _field_of(variable, node)


def fields_of(variable: str, serialized: bytes) -> frozenset[str] | None:
    """The fields of a variable that an expression can see; none if it can see all of it.

    A field is seen as `v.field`, `v["field"]`, or `"field" in v`. Anything else that an expression
    does with a variable concerns the whole of it.

    Parameters
    ----------
    variable
        A map.
    serialized
        The expression, as the runtime serialises it.
    """
    found: set[str] = set()
    pending = [root(serialized)]
    while pending:
        node = pending.pop()
        if _name(node) == variable:
            return None
        field = _field_of(variable, node)
        if field is None:
            pending += children(node)
        else:
            found.add(field)
    return frozenset(found)


def _field_of(variable: str, node: bytes) -> str | None:
    """The variable's field that a node selects or looks for; none if it does neither."""
    for select in _parts(node, _SELECT):
        [operand] = _parts(select, _SELECT_OPERAND)
        return _text(node, _SELECT, _SELECT_FIELD) if _name(operand) == variable else None
    match called(node):
        case "_[_]":
            held, field = arguments(node)
        case "@in":
            field, held = arguments(node)
        case _:
            return None
    return literal(field) if _name(held) == variable else None


def _name(node: bytes) -> str:
    """The variable that a node is; empty if it is none. A leading dot means a variable, too."""
    return (_text(node, _IDENTIFIER, _IDENTIFIER_NAME) or "").removeprefix(".")


def _text(node: bytes, kind: int, number: int) -> str | None:
    for content in _parts(node, kind):
        for text in _parts(content, number):
            return text.decode()
    return None


def _parts(message: bytes, number: int) -> list[bytes]:
    return [content for found, content in _messages(message) if found == number]


def _messages(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Those of its fields that hold bytes: other messages, and texts."""
    for number, content in _fields(message):
        if isinstance(content, bytes):
            yield number, content


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a Protobuf message, in order, but those of fixed length.

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
            value, at = _varint(message, at)
            yield key >> 3, value
        else:
            at += 8 if kind == _SIXTY_FOUR_BITS else 4


def _replaced(message: bytes, number: int, content: bytes) -> bytes:
    """A message whose fields are all messages or texts, with other content in one of them."""
    return b"".join(
        _written(found, content if found == number else part) for found, part in _messages(message)
    )


def _written(number: int, content: bytes) -> bytes:
    return (
        _written_varint(number << 3 | _LENGTH_DELIMITED) + _written_varint(len(content)) + content
    )


def _written_varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:  # noqa: PLR2004 - seven bits a byte
        written.append(value & 127 | 128)
        value >>= 7
    written.append(value)
    return bytes(written)


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:  # noqa: PLR2004 - the top bit says whether another byte follows
            return value, at


type Path = tuple[str, ...]
"""A variable, and the names of fields below it: `session.custom.role`, however it is written."""

_LITERALS: Final = {
    _CONSTANT_BOOL: "boolean",
    _CONSTANT_INT64: "number",
    4: "number",  # uint64
    _CONSTANT_STRING: "string",
}
_NOT_COMPARED: Final = frozenset({1, 7})  # null, bytes
_COMPARISONS: Final = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})


def paths_of(variable: str, serialized: bytes) -> frozenset[Path]:
    """The paths below a variable that an expression reads or looks for, each as far as it goes.

    Examples
    --------
    >>> from base64 import b64decode
    >>> from wcs_hooks.core.cel.check import check
    >>> checked = check("session.custom['role'] == 'a' && 'user' in session.custom")
    >>> sorted(paths_of("session", b64decode(checked.serialized)))
    [('session', 'custom', 'role'), ('session', 'custom', 'user')]
    """
    found: set[Path] = set()
    pending = [root(serialized)]
    while pending:
        node = pending.pop()
        path = _path(node)
        if path and path[0] == variable:
            found.add(path)
        else:
            pending += children(node)
    return frozenset(found)


def comparisons_of(serialized: bytes) -> list[tuple[Path, str]]:
    """The fields that an expression compares with literals, each with the literal's kind.

    Kinds are `string`, `number` and `boolean`. A comparison with null says nothing of a kind.
    """
    found: list[tuple[Path, str]] = []
    pending = [root(serialized)]
    while pending:
        node = pending.pop()
        pending += children(node)
        function = called(node)
        if function in _COMPARISONS:
            left, right = arguments(node)
            pairs = [(left, right), (right, left)]
        elif function == "@in":
            element, held_by = arguments(node)
            pairs = [(element, one) for one in elements(held_by)]
        else:
            continue
        for one, other in pairs:
            path, kind = _path(one), _kind(other)
            if path and kind and not is_presence_test(one) and called(one) != "@in":
                found.append((path, kind))
    return found


def _path(node: bytes) -> Path:
    """The path that a node reads or looks for; empty if it is none."""
    name = _name(node)
    if name:
        return (name,)
    for select in _parts(node, _SELECT):
        [operand] = _parts(select, _SELECT_OPERAND)
        return _joined(operand, _text(node, _SELECT, _SELECT_FIELD))
    match called(node):
        case "_[_]":
            held, field = arguments(node)
        case "@in":
            field, held = arguments(node)
        case _:
            return ()
    return _joined(held, literal(field))


def _joined(held: bytes, field: str | None) -> Path:
    above = _path(held)
    return (*above, field) if above and field is not None else ()


def _kind(node: bytes) -> str:
    """The kind of a literal; empty if a node is none, or one that says nothing of a kind."""
    for constant in _parts(node, _CONSTANT):
        numbers = [number for number, _ in _fields(constant)]
        # A double is of fixed length, and so the one that is not among the fields read here.
        number = numbers[0] if numbers else _CONSTANT_INT64
        return "" if number in _NOT_COMPARED else _LITERALS.get(number, "")
    return ""
