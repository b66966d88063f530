"""Policies as DynamoDB's own JSON, and back.

boto3's `TypeSerializer` does not fit: it refuses floats and numbers of more than 38 digits, while
a policy's numbers come from YAML and are written exactly.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any, Final

from strict_yaml import SIGNIFICANT_DIGITS, exact
from wcsctl.errors import WcsctlError
from wcsctl.policies.diff import same

_WIDE: Final = Context(prec=200)

type Raw = dict[str, Any]
"""An item in DynamoDB's own JSON: attribute to type to value."""


def key_of(app: str, item_id: str) -> Raw:
    """An item's key."""
    return {"app": {"S": app}, "id": {"S": item_id}}


def value_of(attribute: Mapping[str, Any]) -> Any:  # noqa: PLR0911 - one for each type
    """An attribute's value in JSON's types: numbers exactly, sets as sorted lists.

    Examples
    --------
    >>> value_of({"N": "0.10"}), value_of({"SS": ["b", "a"]})
    (Decimal('0.1'), ['a', 'b'])
    """
    [(kind, value)] = attribute.items()
    match kind:
        case "N":
            return exact(Decimal(value))
        case "NULL":
            return None
        case "L":
            return [value_of(inner) for inner in value]
        case "M":
            return {name: value_of(inner) for name, inner in value.items()}
        case "NS":
            return sorted(exact(Decimal(number)) for number in value)
        case "SS" | "BS":
            return sorted(value)
        case _:
            return value


def attribute_of(value: Any) -> Raw:  # noqa: PLR0911 - one for each type
    """A value as DynamoDB's own JSON: the other way round, a list stays a list."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case int() | Decimal():
            return {"N": _number(Decimal(value).normalize(_WIDE))}
        case float():
            return {"N": repr(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [attribute_of(inner) for inner in value]}
        case dict():
            return {"M": {str(name): attribute_of(inner) for name, inner in value.items()}}
        case bytes():
            return {"B": value}
        case _:
            raise WcsctlError(f"{value!r:.60} cannot be part of a policy.")


def _number(number: Decimal) -> str:
    """A number as DynamoDB gives it back; a very large or small one by its exponent.

    DynamoDB takes 38 digits, and counts an integer's last zeros as some.
    """
    return f"{number:f}" if abs(number.adjusted()) < SIGNIFICANT_DIGITS else str(number)


def raw_of(policy: Mapping[str, Any], before: Raw | None = None) -> Raw:
    """A policy as DynamoDB's own JSON; what is the same as before keeps its type, sets do."""
    raw: Raw = {}
    for name, value in policy.items():
        old = before.get(name) if before else None
        raw[name] = old if old and same(value_of(old), value) else attribute_of(value)
    return raw


def item_size(raw: Raw) -> int:
    """The bytes of an item as DynamoDB counts them: names, and values by their types.

    Examples
    --------
    >>> item_size({"id": {"S": "a"}, "priority": {"N": "12"}, "match": {"M": {}}})
    22
    """
    return sum(_size(name) + _value_size(value) for name, value in raw.items())


def _value_size(attribute: Mapping[str, Any]) -> int:
    [(kind, value)] = attribute.items()
    match kind:
        case "S":
            return _size(value)
        case "N":
            return len(value) // 2 + 2
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value_size(inner) for inner in value)
        case "M":
            return 3 + len(value) + item_size(value)
        case _:
            # Nothing or a truth value; a set, which no file makes, is not larger than its text.
            return len(str(value))


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))
