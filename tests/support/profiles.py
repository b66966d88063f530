"""How thoroughly properties are tried: `HYPOTHESIS_PROFILE` says so.

`dev`, for the loop while editing, tries few examples; `ci` is the default. Both try the same ones
in each run, so that a red test stays red. `thorough` looks for new ones, at length.
"""

import os
from typing import Final

from hypothesis import HealthCheck, settings

_USUAL: Final = 150
_EXAMPLES: Final = {"dev": 15, "ci": _USUAL, "thorough": 5_000}


def load_profile() -> None:
    """Load the profile that the environment names."""
    for name, examples in _EXAMPLES.items():
        is_search = name == "thorough"
        settings.register_profile(
            name,
            derandomize=not is_search,
            database=settings().database if is_search else None,
            deadline=None,
            max_examples=examples,
            suppress_health_check=[HealthCheck.too_slow],
        )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def example_count(usual: int) -> int:
    """How many examples a property is tried with, where the profile `ci` tries a certain number."""
    return max(1, usual * settings().max_examples // _USUAL)
