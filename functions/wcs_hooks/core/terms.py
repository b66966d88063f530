"""The terms in which policies are told: shared by those who write and check them and by decisions.

A hook is decided without the checks of `wcs_hooks.core.policy`, and a cold start does not wait for
them to be loaded.
"""

from enum import StrEnum
from typing import Final, NamedTuple

EVERY_APP: Final = "*"
"""The `app` of policies that hold for every app."""

SYSTEM_ID_PREFIX: Final = "#"
"""Items whose `id` begins so are the system's, not policies."""


class Action(StrEnum):
    """What a policy that applies does."""

    ECHO = "echo"
    OVERRIDE = "override"
    DENY = "deny"
    CONFIGURE = "configure"


class Mode(StrEnum):
    """Whether a policy is in force, only evaluated and counted, or neither."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


class WhenError(StrEnum):
    """What an expression that has no value for a hook means."""

    MATCH = "match"
    SKIP = "skip"


class Severity(StrEnum):
    """An error keeps the last good version in force; a warning does not."""

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
