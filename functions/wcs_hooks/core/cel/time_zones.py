"""The time zones of expressions: the database that is installed with this code.

A machine's own may be missing (as in some images of Lambda) or old. With that of the package
`tzdata`, which is pinned, the functions, `wcsctl` and the tests decide alike.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Final

import tzdata

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_PACKAGE: Final = tzdata.__path__[0]


@cache
def provide() -> None:
    """Make the CEL runtime read its time zones from the package.

    It knows but one setting, the environment variable `TZDIR`. It looks there when it meets a zone
    for the first time, and remembers zones that it did not find: so this must come before any.
    """
    os.environ["TZDIR"] = os.path.join(_PACKAGE, "zoneinfo")  # noqa: PTH118 - pathlib loads slower


@cache
def zone(name: str) -> "ZoneInfo":
    """Return a time zone of the package by its name."""
    # Imported here because hardly any policy has hours.
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    path = os.path.join(_PACKAGE, "zoneinfo", *name.split("/"))  # noqa: PTH118
    with open(path, "rb") as file:  # noqa: PTH123
        return ZoneInfo.from_file(file, key=name)


def names() -> list[str]:
    """Return the names of all time zones, `Europe/Riga` and its like."""
    with open(os.path.join(_PACKAGE, "zones"), encoding="utf-8") as zones:  # noqa: PTH118, PTH123
        return zones.read().split()
