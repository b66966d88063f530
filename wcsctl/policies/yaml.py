"""Policies as YAML: what is written is what is read, and what the table holds.

`strict_yaml` says how YAML is read.
"""

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import yaml

import strict_yaml
from strict_yaml import FLOAT, INT, PLAIN_SCALARS
from wcsctl.errors import WcsctlError

try:
    from yaml import CSafeDumper as _SafeDumper
except ImportError:  # without libyaml: slower, otherwise the same
    from yaml import SafeDumper as _SafeDumper  # type: ignore[assignment]

_NO_BLOCK: Final = re.compile(r"[ \t]\n|^\s|\n{2,}$|[^\n\x20-\x7e\xa0-\ud7ff]")
_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What changes the direction of the text behind it. PyYAML escapes all other control characters."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")

_FIRST: Final = (
    "app",
    "id",
    "method",
    "action",
    "priority",
    "mode",
    "match",
    "lookup",
    "when",
    "whenError",
)
_LAST: Final = ("notBefore", "notAfter", "hours", "note")


class PolicyYamlError(WcsctlError):
    """A text is not YAML, or holds what no policy can."""


class _Dumper(_SafeDumper):
    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    if _SURROGATES.search(text):
        # No YAML has them, and no policy.
        text = text.encode("utf-8", "backslashreplace").decode()
    style = "|" if "\n" in text and not _NO_BLOCK.search(text) else None
    if _DIRECTION.search(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _number(dumper: _Dumper, number: Decimal) -> yaml.ScalarNode:
    return dumper.represent_scalar(FLOAT, str(number).lower())


def _configure() -> None:
    for tag, pattern, first in PLAIN_SCALARS:
        # What is written is quoted where either version of YAML would take a text for another.
        _Dumper.add_implicit_resolver(tag, pattern, first)
    _Dumper.add_implicit_resolver(INT, re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
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
        If it is not YAML, or has what `strict_yaml` does not read.
    """
    try:
        return strict_yaml.read(text, name)
    except strict_yaml.StrictYamlError as error:
        raise PolicyYamlError(str(error)) from None


def write(value: Any) -> str:
    """A value as YAML, which `read` reads back the same."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )
    return _DIRECTION.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def as_yaml(value: Any) -> str:
    """A value as YAML to look at: one that is nested too deeply for that is left as JSON."""
    try:
        return write(value).rstrip("\n")
    except RecursionError:
        return json.dumps(value, indent=1, default=str)


def in_order(policy: Mapping[str, Any]) -> dict[str, Any]:
    """The same with its attributes as one reads them: what it is, when, what it does, notes."""
    middle = sorted(policy.keys() - {*_FIRST, *_LAST})
    return {name: policy[name] for name in (*_FIRST, *middle, *_LAST) if name in policy}


def write_policies(policies: Sequence[Mapping[str, Any]]) -> str:
    """Policies as a YAML list, or one as a map of its own."""
    ordered = [in_order(policy) for policy in policies]
    return write(ordered[0] if len(ordered) == 1 else ordered)
