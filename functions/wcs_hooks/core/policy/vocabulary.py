"""The terms that policies use: shared by those who write and check them and by decisions.

A hook is decided without the checks of `wcs_hooks.core.policy.reader`, and a cold start does not
wait for them to be loaded.
"""

from enum import StrEnum
from typing import Final, NamedTuple

EVERY_APP: Final = "*"
"""The `app` of policies that hold for every app."""

SYSTEM_ID_PREFIX: Final = "#"
"""Items whose `id` begins so are the system's, not policies."""

STATUS_ID: Final = "#status"
"""The item that shows an app's operator what became of the last edit."""

PIN_ID: Final = "#pin"
"""The item that holds its `version` active, whatever is edited, until it is deleted."""

EDIT_ID: Final = "#edit"
"""The item that wcsctl renews with each edit of an app's policies: `by` whom, with which `message`,
and in `source` the digest of what the app's policies are after it."""

MAX_INNER_VALUES: Final = 1_000
"""The most values that a list or a map may hold, at all depths, to be compared with a hook's: else
a hook that sends half a million would be compared at length, though it equals nothing."""


class Action(StrEnum):
    """What a policy that applies does."""

    ECHO = "echo"
    OVERRIDE = "override"
    DENY = "deny"
    CONFIGURE = "configure"
    TRUST = "trust"


class Mode(StrEnum):
    """Whether a policy is active, only evaluated and counted, or neither."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


class WhenError(StrEnum):
    """What an expression that has no value for a hook means."""

    MATCH = "match"
    SKIP = "skip"


class Severity(StrEnum):
    """An error keeps the last good active version; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """What is wrong with a policy.

    Attributes
    ----------
    severity
        Whether it keeps the edit out of force.
    policy
        The policy's `id`.
    attribute
        The attribute that the finding is about, `set.name` for a field of one.
    message
        What is wrong, and what would be right.
    """

    severity: Severity
    policy: str
    attribute: str
    message: str


def has_more_values_than(limit: int, value: object) -> bool:
    """Whether a JSON value holds more others than that, at all depths.

    Examples
    --------
    >>> has_more_values_than(2, [1, [2]]), has_more_values_than(3, [1, [2]])
    (True, False)
    """
    return count_values(value, limit) > limit


def count_values(value: object, most: int) -> int:
    """How many others a JSON value holds, at all depths; of more than `most` not how many more.

    Examples
    --------
    >>> count_values([1, [2]], 10), count_values([[1, 2, 3], 4], 1)
    (3, 2)
    """
    count = 0
    containers = [value] if isinstance(value, dict | list) else []
    while containers:
        count += sum(map(len, containers))
        if count > most:
            break
        containers = [
            inner
            for outer in containers
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return count
