"""Few sets of settings that have every value a setting can take, or one of its kind.

They follow from what `Settings` declares, so a new setting is among them by itself.
"""

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from itertools import zip_longest
from typing import Any, Final

from infra.settings import CONTEXT_KEY, Settings

_VALUES: Final = (
    *("7", "0.5", "512", "60"),
    *("test", "hooks.example.com", "https://example.com/runbook", "ops@example.com"),
    *("203.0.113.0/24", '{"Acme": ["acme-live", "acme-test"]}'),
    "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
    "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012",
)
"""Values as on the command line. A setting that is neither a choice nor a flag takes the first that
it allows."""


class NoValueError(Exception):
    """None of the values fits a setting."""


def variants() -> dict[str, Settings]:
    """Return the defaults, then all second values at once, and so on, by a name for each."""
    found = {"defaults": Settings()}
    names = [field.metadata["name"] for field in dataclasses.fields(Settings)]
    others = [list(_other_values(field)) for field in dataclasses.fields(Settings)]
    for number, values in enumerate(zip_longest(*others), start=1):
        given = {
            name: value for name, value in zip(names, values, strict=True) if value is not None
        }
        name = "every setting" if number == 1 else ", ".join(f"{k}={v}" for k, v in given.items())
        found[name] = Settings.from_context({CONTEXT_KEY: given})
    return found


def _other_values(field: dataclasses.Field[Any]) -> Iterator[object]:
    """Yield values beside the default: all of a choice, else one."""
    match field.default:
        case bool():
            yield not field.default
        case StrEnum():
            yield from (each.value for each in type(field.default) if each is not field.default)
        case _:
            fitting = next((value for value in _VALUES if _is_another(field, value)), None)
            if fitting is None:
                name = field.metadata["name"]
                raise NoValueError(f"the setting {name} allows none of _VALUES: add one for it")
            yield fitting


def _is_another(field: dataclasses.Field[Any], value: str) -> bool:
    try:
        parsed: object = field.metadata["parse"](value)
    except ValueError:
        return False
    return parsed != field.default
