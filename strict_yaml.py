"""YAML that people write, read strictly: policies, policy tests and scenarios.

YAML 1.1 reads `off` as false, `2030-01-31` as a date and `0900` or `1:30` as numbers. Here a plain
scalar is what JSON would call it (null, true, false, a number), else a text; numbers are exact. A
key that occurs twice is an error, and so is everything that JSON does not have.
"""

import re
from collections.abc import Hashable
from decimal import Context, Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import yaml

from wcs_hooks.core.payload import json_number

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # without libyaml: slower, otherwise the same
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

NULL: Final = "tag:yaml.org,2002:null"
BOOL: Final = "tag:yaml.org,2002:bool"
INT: Final = "tag:yaml.org,2002:int"
FLOAT: Final = "tag:yaml.org,2002:float"
MERGE: Final = "tag:yaml.org,2002:merge"

PLAIN_SCALARS: Final = (
    (NULL, re.compile(r"^(?:~|null|)$"), ["~", "n", ""]),
    (BOOL, re.compile(r"^(?:true|false)$"), ["t", "f"]),
    (INT, re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789")),
    (
        FLOAT,
        re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"),
        list("-0123456789"),
    ),
    (MERGE, re.compile(r"^<<$"), ["<"]),
)
"""The tag of a scalar without quotes: its form, and the characters that it may begin with."""

SIGNIFICANT_DIGITS: Final = 38
"""How many DynamoDB keeps of a number."""

_MAGNITUDES: Final = range(-130, 126)
"""The powers of ten that DynamoDB knows."""

_MOST_DIGITS: Final = 1_000
"""Of a number as it is written, zeros included."""

_MOST_ALIASED: Final = 100_000
"""How many values the aliases of a text may repeat: each costs a line, and can double them."""

_SAFE_DEPTH: Final = 1_000
_VERY_MANY: Final = 10**12

_MOST_DEPTH: Final = 100
"""How deep a text may be nested. DynamoDB holds 32 levels, and hooks are refused from 64 on."""

_STANDARD: Final = "tag:yaml.org,2002:"
_EXACT: Final = Context(prec=SIGNIFICANT_DIGITS)
_FORMS: Final = {tag: form for tag, form, _ in PLAIN_SCALARS}


class StrictYamlError(Exception):
    """A text is not YAML, or has what this project does not read; the message says where."""


def read(text: str, name: str) -> Any:
    """The value that a YAML text has, in JSON's types, fractions as `Decimal`.

    Parameters
    ----------
    name
        What an error calls the text: its file.

    Raises
    ------
    StrictYamlError
        If it is not YAML, has a key twice, a number that DynamoDB cannot hold, a value that JSON
        does not have, or aliases that repeat too much.

    Examples
    --------
    >>> read("{mode: off, at: 2030-01-31, ratio: 0.10}", "example.yaml")
    {'mode': 'off', 'at': '2030-01-31', 'ratio': Decimal('0.1')}
    """
    try:
        _check_depth(text, name)
        return yaml.load(text, _Loader)  # noqa: S506 - made of the safe loader
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error)
        raise StrictYamlError(f"{place}: {problem}") from None


def exact(number: Decimal) -> int | Decimal:
    """The same number, as an int where it is whole."""
    return int(number) if number == number.to_integral_value() else number.normalize(_EXACT)


def plain(value: Any) -> Any:
    """Return the same in JSON's types, as policies are compiled from it and as `--json` prints it.

    A fraction that is not a double stays a `Decimal`.
    """
    match value:
        case Decimal():
            return json_number(value)
        case list():
            return [plain(inner) for inner in value]
        case dict():
            return {name: plain(inner) for name, inner in value.items()}
        case _:
            return value


class _Loader(_SafeLoader):
    def construct_document(self, node: yaml.Node) -> Any:
        _check_size(node)
        return super().construct_document(node)

    def construct_mapping(self, node: yaml.Node, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        del deep
        if not isinstance(node, yaml.MappingNode):
            _wrong(node, "a mapping is expected here")
        if any(key.tag == MERGE for key, _ in node.value):
            self.flatten_mapping(node)
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            # A field's name is a text, whatever it looks like.
            name = key_node.value
            if not isinstance(name, str):
                _wrong(key_node, "the name of a field must be a text")
            if name in mapping:
                _wrong(key_node, f"{name!r} is there twice")
            mapping[name] = self.construct_object(value_node, deep=True)
        return mapping

    def null(self, node: yaml.Node) -> None:
        self._text(node)

    def boolean(self, node: yaml.Node) -> bool:
        return self._text(node) == "true"

    def number(self, node: yaml.Node) -> int | Decimal:
        text = self._text(node)
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal("Infinity")
        if not value:
            return 0
        if len(text) > _MOST_DIGITS or not _fits_dynamodb(value):
            _wrong(
                node,
                f"{text:.60} is not a number that DynamoDB can hold: at most 38 digits, up to "
                "1e125",
            )
        return exact(value)

    def unknown(self, node: yaml.Node) -> NoReturn:
        _wrong(node, f"the type {node.tag.replace(_STANDARD, '!!')} is not read here")

    def _text(self, node: yaml.Node) -> str:
        """The text of a scalar, which has the form of its tag even if that is written out."""
        if not isinstance(node, yaml.ScalarNode):
            _wrong(node, f"{node.tag.replace(_STANDARD, '!!')} must be a scalar")
        text: str = node.value
        if not _FORMS[node.tag].fullmatch(text):
            _wrong(node, f"{text!r:.60} is not of the type {node.tag.replace(_STANDARD, '!!')}")
        return text


def _configure() -> None:
    _Loader.yaml_implicit_resolvers = {}
    for tag, form, first in PLAIN_SCALARS:
        _Loader.add_implicit_resolver(tag, form, first)
    _Loader.yaml_constructors = {
        NULL: _Loader.null,
        BOOL: _Loader.boolean,
        INT: _Loader.number,
        FLOAT: _Loader.number,
        f"{_STANDARD}str": _Loader.construct_yaml_str,
        f"{_STANDARD}seq": _Loader.construct_yaml_seq,
        f"{_STANDARD}map": _Loader.construct_mapping,
        None: _Loader.unknown,
    }


_configure()


def _wrong(node: yaml.Node, problem: str) -> NoReturn:
    raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


def _fits_dynamodb(value: Decimal) -> bool:
    if not value.is_finite():
        return False
    kept = "".join(map(str, value.as_tuple().digits)).strip("0")
    return len(kept) <= SIGNIFICANT_DIGITS and value.adjusted() in _MAGNITUDES


def _check_depth(text: str, name: str) -> None:
    """Refuse a text that is nested so deeply that reading it would exhaust the stack."""
    # Each level takes a bracket or another column: most texts have too few of them.
    widest = max(map(len, text.splitlines()), default=0)
    if text.count("[") + text.count("{") + widest < _SAFE_DEPTH:
        return
    depth = 0
    for event in yaml.parse(text, _SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _SAFE_DEPTH:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise StrictYamlError(f"{name}:{line}: it is nested deeper than {_MOST_DEPTH} levels")


def _check_size(root: yaml.Node) -> None:
    """Refuse a text that is nested too deeply, or whose aliases repeat more than fits a memory."""
    # How many values each node has, its aliases followed, and how deep they are nested.
    values: dict[int, int] = {}
    depths: dict[int, int] = {}
    # Without recursion, which deep nesting would exhaust. A node is met twice: before its children
    # and after them.
    todo: list[tuple[yaml.Node, bool]] = [(root, False)]
    while todo:
        node, is_after = todo.pop()
        children = _children(node)
        if is_after:
            total = 1 + sum(values[id(child)] for child in children)
            values[id(node)] = min(total, _VERY_MANY)
            depths[id(node)] = 1 + max((depths[id(child)] for child in children), default=0)
        elif id(node) not in values:
            # What an alias inside of its own anchor counts; PyYAML refuses it later.
            values[id(node)] = depths[id(node)] = 0
            todo.append((node, True))
            todo += [(child, False) for child in children]
    if depths[id(root)] > _MOST_DEPTH:
        _wrong(root, f"it is nested deeper than {_MOST_DEPTH} levels")
    if values[id(root)] - len(values) > _MOST_ALIASED:
        _wrong(root, f"its aliases repeat more than {_MOST_ALIASED:,} values: write out less of it")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [inner for pair in node.value for inner in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
