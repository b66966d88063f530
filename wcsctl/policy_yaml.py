"""Policies as YAML: what is written is what is read, and what the table holds.

YAML 1.1 reads `off` as false, `2030-01-31` as a date and `0900` or `1:30` as numbers. Here a plain
scalar is what JSON would call it (null, true, false, a number), else a text; numbers are exact.
"""

import re
from collections.abc import Hashable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any, Final

import yaml

from wcs_hooks.core.payload import json_number
from wcsctl.errors import WcsctlError

try:
    from yaml import CSafeDumper as _SafeDumper
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # without libyaml: slower, otherwise the same
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

SIGNIFICANT_DIGITS: Final = 38
"""How many DynamoDB keeps of a number."""

_EXACT: Final = Context(prec=SIGNIFICANT_DIGITS)
_NULL: Final = "tag:yaml.org,2002:null"
_BOOL: Final = "tag:yaml.org,2002:bool"
_INT: Final = "tag:yaml.org,2002:int"
_FLOAT: Final = "tag:yaml.org,2002:float"
_RESOLVED: Final = (
    (_NULL, re.compile(r"^(?:~|null|)$"), ["~", "n", ""]),
    (_BOOL, re.compile(r"^(?:true|false)$"), ["t", "f"]),
    (_INT, re.compile(r"^-?(?:0|[1-9][0-9]*)$"), list("-0123456789")),
    (
        _FLOAT,
        re.compile(r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$"),
        list("-0123456789"),
    ),
)
_NO_BLOCK: Final = re.compile(r"[ \t]\n|^\s|\n{2,}$|[^\n\x20-\x7e\xa0-\ud7ff]")
_MERGE: Final = "tag:yaml.org,2002:merge"
_FIRST: Final = ("app", "id", "method", "action", "priority", "mode", "match", "when", "whenError")
_LAST: Final = ("notBefore", "notAfter", "note")


class PolicyYamlError(WcsctlError):
    """A text is no YAML, or holds what no policy can."""


class _Loader(_SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001 - PyYAML's signature
        del deep
        if any(key.tag == _MERGE for key, _ in node.value):
            self.flatten_mapping(node)
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            # A field's name is a text, whatever it looks like.
            name = key_node.value
            if not isinstance(name, str):
                raise yaml.constructor.ConstructorError(
                    None, None, "the name of a field must be a text", key_node.start_mark
                )
            if name in mapping:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{name!r} is there twice", key_node.start_mark
                )
            mapping[name] = self.construct_object(value_node, deep=True)
        return mapping

    def number(self, node: yaml.ScalarNode) -> int | Decimal:
        text = self.construct_scalar(node)
        value = Decimal(text)
        kept = "".join(map(str, value.as_tuple().digits)).strip("0")
        magnitude = value.adjusted() if value else 0
        if len(kept) > SIGNIFICANT_DIGITS or not -130 <= magnitude <= 125:  # noqa: PLR2004 - DynamoDB's
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{text} is no number that DynamoDB can hold: at most 38 digits, up to 1e125",
                node.start_mark,
            )
        return exact(value)


def exact(number: Decimal) -> int | Decimal:
    """The same number, as an int where it is whole."""
    return int(number) if number == number.to_integral_value() else number.normalize(_EXACT)


class _Dumper(_SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text and not _NO_BLOCK.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _number(dumper: _Dumper, number: Decimal) -> yaml.ScalarNode:
    return dumper.represent_scalar(_FLOAT, str(number).lower())


def _configure() -> None:
    _Loader.yaml_implicit_resolvers = {}
    for tag, pattern, first in (*_RESOLVED, (_MERGE, re.compile(r"^<<$"), ["<"])):
        _Loader.add_implicit_resolver(tag, pattern, first)
        # What is written is quoted where either version of YAML would take a text for another.
        _Dumper.add_implicit_resolver(tag, pattern, first)
    _Dumper.add_implicit_resolver(_INT, re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
    _Loader.add_constructor(_INT, _Loader.number)
    _Loader.add_constructor(_FLOAT, _Loader.number)
    _Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_mapping)
    _Dumper.add_representer(str, _text)
    _Dumper.add_representer(Decimal, _number)


_configure()


def read(text: str, name: str) -> Any:
    """What a YAML text holds, in JSON's types, fractions as `Decimal`.

    Parameters
    ----------
    name
        What an error calls the text: its file.

    Raises
    ------
    PolicyYamlError
        If it is no YAML, names a field twice, or holds a number that the table cannot.
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - made of the safe loader
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error) or "is nested too deeply"
        raise PolicyYamlError(f"{place}: {problem}") from None


def write(value: Any) -> str:
    """A value as YAML, which `read` reads back the same."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )
    return text


def in_order(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The same with its attributes as one reads them: what it is, when, what it does, notes."""
    middle = sorted(policy.keys() - {*_FIRST, *_LAST})
    return {name: policy[name] for name in (*_FIRST, *middle, *_LAST) if name in policy}


def write_policies(policies: Sequence[Mapping[str, Any]]) -> str:
    """Policies as a YAML list, or one as a map of its own."""
    ordered = [in_order(policy) for policy in policies]
    return write(ordered[0] if len(ordered) == 1 else ordered)


def plain(value: Any) -> Any:
    """The same in JSON's types, as policies are compiled from it and as `--json` prints it.

    A fraction that is no double stays a `Decimal`.
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
