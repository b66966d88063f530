"""YAML that people write, read strictly: policies, policy tests and scenarios.

YAML 1.1 reads `off` as false, `2030-01-31` as a date and `0900` or `1:30` as numbers. Here a plain
scalar is what JSON would call it (null, true, false, a number), else a text; numbers are exact. A
key that occurs twice is an error, and so is everything that JSON does not have.
"""

import difflib
import re
from collections.abc import Callable, Collection, Hashable, Sequence
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


class StrictMapping:
    """One mapping of a text: gives its values, and rejects keys that have no meaning there.

    Parameters
    ----------
    where
        What an error begins with: the file, and what of it.
    error
        What is raised if something is wrong.
    path
        The keys that lead to the mapping from there, joined by dots.
    """

    def __init__(
        self, where: str, content: Any, error: Callable[[str], Exception], path: str = ""
    ) -> None:
        self.where = where
        self._error = error
        self._path = path
        self._known: list[str] = []
        if not isinstance(content, dict):
            place = f", key {path!r}" if path else ""
            raise error(f"{where}{place}: a mapping is expected, not {short(content)}")
        self.content: dict[str, Any] = content

    def wrong(self, key: str, said: str) -> NoReturn:
        """Say what is wrong with a key of the mapping."""
        path = f"{self._path}.{key}" if self._path else key
        raise self._error(f"{self.where}, key {path!r}: {said}")

    def only(self, *allowed: str) -> None:
        """Reject keys other than these."""
        for key in self.content:
            if key not in allowed:
                near = difflib.get_close_matches(key, allowed, 1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                self.wrong(key, f"unknown here; allowed are {', '.join(allowed)}{meant}")

    def end(self) -> None:
        """Reject the keys that nobody asked for."""
        self.only(*self._known)

    def has(self, key: str) -> bool:
        """Whether there is such a key."""
        self._known.append(key)
        return key in self.content

    def value(self, key: str, default: Any = ...) -> Any:
        """Whatever a key has; it must be there unless there is a default."""
        if self.has(key):
            return self.content[key]
        if default is ...:
            near = difflib.get_close_matches(key, self.content.keys() - {*self._known}, 1)
            self.wrong(key, "is missing" + (f"; did you mean it by {near[0]!r}?" if near else ""))
        return default

    def text(
        self,
        key: str,
        default: Any = ...,
        allowed: Collection[str] = (),
        pattern: re.Pattern[str] | None = None,
    ) -> str:
        """A text, one of those that are allowed if there are any."""
        value = self.value(key, default)
        if not isinstance(value, str):
            self.wrong(key, f"a text is expected, not {short(value)}")
        if allowed and value not in allowed:
            self.wrong(key, f"{value!r} is not known; allowed are {', '.join(allowed)}")
        if pattern and not pattern.fullmatch(value):
            self.wrong(key, f"{value!r} does not fit {pattern.pattern}")
        return value

    def boolean(self, key: str) -> bool:
        """A boolean."""
        value = self.value(key)
        if not isinstance(value, bool):
            self.wrong(key, f"true or false is expected, not {short(value)}")
        return value

    def number(self, key: str, default: float | None = None, *, at_least: float) -> float:
        """A number of seconds."""
        value = self.value(key, ... if default is None else Decimal(default))
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value < at_least:
            self.wrong(key, f"seconds are expected, {at_least:g} or more, not {short(value)}")
        return float(value)

    def whole(self, key: str, default: int | None, low: int, high: int) -> int:
        """A whole number between two, which it may be."""
        value = self.value(key, ... if default is None else default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.wrong(key, f"a number from {low} to {high} is expected, not {short(value)}")
        return value

    def names(
        self, key: str, default: Sequence[str], allowed: Collection[str] = ()
    ) -> tuple[str, ...]:
        """A list of texts, each one of those that are allowed if there are any."""
        value = self.value(key, default)
        if not isinstance(value, (list, tuple)) or not all(isinstance(n, str) for n in value):
            self.wrong(key, f"a list of names is expected, not {short(value)}")
        for name in value:
            if allowed and name not in allowed:
                self.wrong(key, f"{name!r} is not known; allowed are {', '.join(allowed)}")
        return tuple(value)

    def fields(self, key: str) -> dict[str, Any]:
        """The fields of a hook, in JSON's types; none if the key is not there."""
        value = self.value(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"a mapping of fields is expected, not {short(value)}")
        fields: dict[str, Any] = plain(value)
        return fields

    def items(self, key: str, default: Any = ...) -> list[Any]:
        """A list of anything."""
        value = self.value(key, default)
        if not isinstance(value, list):
            self.wrong(key, f"a list is expected, not {short(value)}")
        return value

    def child(self, key: str, default: Any = ...) -> "StrictMapping":
        """The mapping that a key has."""
        return self.place(key, self.value(key, default))

    def place(self, key: str, content: Any) -> "StrictMapping":
        """A mapping somewhere in what a key has."""
        path = f"{self._path}.{key}" if self._path else key
        return StrictMapping(self.where, content, self._error, path)


def short(value: object) -> str:
    """What an error shows of a value."""
    return f"{plain(value)!r:.60}"


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
        if len(text) > _MOST_DIGITS or not fits_dynamodb(value):
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


def fits_dynamodb(value: Decimal) -> bool:
    """Whether DynamoDB keeps a number exactly."""
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
