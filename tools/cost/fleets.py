"""How many environments a function has, and how often they look for newer policies."""

import math
from typing import Final, NamedTuple

from tools.cost.load import Load
from tools.cost.measured import Measured
from tools.cost.stack import DeployedStack
from wcs_hooks.core.methods import METHODS, Category

IDLE_SECONDS: Final = 300.0
"""How long Lambda keeps an environment that is not used. It promises nothing."""


class Fleet(NamedTuple):
    """A function under a steady load that is spread evenly over its environments.

    Attributes
    ----------
    calls_per_second
        What it answers.
    environments
        Number that stay warm.
    looks_per_second
        How often they look for newer policies, together.
    waiting
        AWS calls that a hook waits for, on average.
    executions
        At a time, on average.
    """

    calls_per_second: float
    environments: int
    looks_per_second: float
    waiting: float
    executions: float


def fleets(load: Load, stack: DeployedStack, measured: Measured) -> dict[Category, Fleet]:
    """Work out the functions that get hooks."""
    found = {}
    for category, share in load.category_shares().items():
        own_calls = sum(
            each * load.aws_calls(method)
            for method, each in load.shares().items()
            if METHODS[method].category is category
        )
        rate = share * load.hooks_per_second
        found[category] = _settle(rate, own_calls / share, load.apps, stack, measured)
    return found


def _settle(
    rate: float, own_calls: float, apps: int, stack: DeployedStack, measured: Measured
) -> Fleet:
    environments, looks, seconds, waiting = 1, 0.0, 0.0, own_calls
    # How long calls last depends on how many look for policies, which depends on the number of
    # environments, which depends on how long calls last.
    for _ in range(10):
        seconds = measured.call_ms(stack.memory_mb, waiting) / 1000
        environments = warm_environments(rate, seconds)
        # Each environment looks for policies app by app.
        users = environments * apps
        looks = users * refreshes_per_second(rate / users, stack.snapshot_ttl)
        waiting = own_calls + looks / rate
    return Fleet(rate, environments, looks, waiting, rate * seconds)


def warm_environments(calls_per_second: float, seconds: float) -> int:
    """Count the environments that stay warm.

    Calls that come at random and never wait are in progress in a Poisson distribution. A further
    environment stays if it is needed more often than Lambda takes idle ones away.

    Parameters
    ----------
    seconds
        How long a call lasts.
    """
    mean = calls_per_second * seconds
    # Count downwards, from where nothing of the distribution is left, to the first environment that
    # is needed.
    count = math.ceil(mean + 12 * math.sqrt(mean) + 30)
    tail = 0.0
    while count > 0:
        tail += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        if calls_per_second * tail * IDLE_SECONDS >= 1:
            return count + 1
        count -= 1
    return 1


def refreshes_per_second(uses_per_second: float, ttl: float) -> float:
    """How often something is read again that is used at random moments and kept for a time.

    The first use after the TTL reads it: a TTL and the wait for a use pass between two reads.

    Examples
    --------
    >>> refreshes_per_second(1.0, 1.0), refreshes_per_second(5.0, 0.0)
    (0.5, 5.0)
    """
    return 1.0 / (ttl + 1.0 / uses_per_second)
