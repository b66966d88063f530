"""What tests ask of a process that only evaluates: no module here compiles anything."""

import sys
from collections.abc import Mapping
from typing import Any

from wcs_hooks.core.cel.expression import Expression, ExpressionError, bind


def value_of(serialized: str, variables: Mapping[str, Any]) -> bool | None:
    """Whether a checked expression holds; none if it has no value."""
    try:
        return Expression(serialized).is_true(bind(**variables))
    except ExpressionError:
        return None


def loaded_modules() -> frozenset[str]:
    """What the process has imported."""
    return frozenset(sys.modules)
