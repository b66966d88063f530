"""The time zones of expressions: the database that is installed with this code.

A machine's own may be missing (as in some images of Lambda) or old. With that of the package
`tzdata`, which is pinned, the functions, `wcsctl` and the tests decide alike.
"""

import os
from functools import cache
from typing import Final

import tzdata

_PACKAGE: Final = tzdata.__path__[0]


@cache
def provide() -> None:
    """Make the CEL runtime read its time zones from the package.

    It knows but one setting, the environment variable `TZDIR`. It looks there when it meets a zone
    for the first time, and remembers zones that it did not find: so this must come before any.
    """
    os.environ["TZDIR"] = os.path.join(_PACKAGE, "zoneinfo")  # noqa: PTH118 - pathlib loads slower


def names() -> list[str]:
    """Return the names of all time zones, `Europe/Riga` and its like."""
    with open(os.path.join(_PACKAGE, "zones"), encoding="utf-8") as zones:  # noqa: PTH118, PTH123
        return zones.read().split()
