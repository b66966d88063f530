"""Few sets of settings that have every value a setting can take, or one of its kind.

They follow from what `Settings` declares, so a new setting is among them by itself.
"""

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from itertools import combinations
from typing import Any, Final

from infra.settings import CONTEXT_KEY, Settings, SettingsError

_VALUES: Final = (
    *("test", "hooks.example.com", "https://example.com/runbook", "ops@example.com"),
    *("7", "0.5", "512", "60", "name,callee", "claims.sub"),
    *("203.0.113.0/24", "connect=5,direct=10", '{"Acme": ["acme-live", "acme-test"]}'),
    "arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
    "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012",
)
"""Values as on the command line. A setting that is neither a choice nor a flag takes the first that
it allows."""


class NoValueError(Exception):
    """None of the values fits a setting."""


def variants() -> dict[str, Settings]:
    """Return the defaults, then as many other values at once as go together, by a name for each."""
    left = [
        {field.metadata["name"]: value}
        for field in dataclasses.fields(Settings)
        for value in _other_values(field)
    ]
    found = {"defaults": Settings()}
    while left:
        together, left = _together(left)
        name = ", ".join(f"{name}={value}" for name, value in together.items())
        found[name if len(found) > 1 else "most settings"] = Settings.from_context(
            {CONTEXT_KEY: together}
        )
    return found


def _together(values: list[dict[str, object]]) -> tuple[dict[str, object], list[dict[str, object]]]:
    """Take values that do not contradict each other, alone or in twos; return the others as well.

    Raises
    ------
    NoValueError
        If none can be taken.
    """
    together: dict[str, object] = {}
    left = list(values)
    for some in (*combinations(values, 1), *combinations(values, 2)):
        names = [name for one in some for name in one]
        if not all(one in left for one in some) or len({*names, *together}) < len(
            [*names, *together]
        ):
            continue
        tried = together | {name: value for one in some for name, value in one.items()}
        try:
            Settings.from_context({CONTEXT_KEY: tried})
        except SettingsError:
            continue
        together = tried
        left = [one for one in left if one not in some]
    if not together:
        raise NoValueError(f"the values of {', '.join(*values)} go with nothing else")
    return together, left


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
