"""Which of AWS's default quotas a rising load reaches first: arithmetic, nothing is simulated."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from tools.cost.fleets import fleets
from tools.cost.load import Load
from tools.cost.measured import Measured
from tools.cost.stack import DeployedStack

_MOST_HOOKS: Final = 1e9
_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"
_DYNAMODB: Final = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html"
_MORE: Final = "at first, then more by itself, up to 40,000"


class Quota(NamedTuple):
    """A default quota of an account in a region: its number, and that in words.

    Attributes
    ----------
    adjustable
        Whether AWS raises it on request.
    source
        The page that states it.
    """

    limit: float
    default: str
    adjustable: bool
    source: str


GATEWAY: Final = "API Gateway: requests"
REQUESTS: Final = "Lambda: requests, ten for each of the concurrency quota"
EXECUTIONS: Final = "Lambda: concurrent executions"
NODE: Final = "DynamoDB: the partition with the sessions of one WCS node"
SESSIONS: Final = "DynamoDB: writes of Sessions"
POINTER: Final = "DynamoDB: the partition with the pointer of every app"
SNAPSHOTS: Final = "DynamoDB: reads of PolicySnapshots"
SEGMENTS: Final = (
    "X-Ray: segments, while tracing is active (what exceeds it is lost, hooks are not)"
)

QUOTAS: Final = {
    GATEWAY: Quota(
        10_000,
        "10,000 a second, in bursts of 5,000; in 13 regions 2,500 and 1,250",
        adjustable=True,
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    ),
    REQUESTS: Quota(10_000, "10,000 a second", adjustable=True, source=_LAMBDA),
    EXECUTIONS: Quota(1_000, "1,000; new accounts have less", adjustable=True, source=_LAMBDA),
    NODE: Quota(1_000, "1,000 write units a second", adjustable=False, source=_DYNAMODB),
    SESSIONS: Quota(
        4_000, f"4,000 write units a second {_MORE}", adjustable=True, source=_DYNAMODB
    ),
    POINTER: Quota(3_000, "3,000 read units a second", adjustable=False, source=_DYNAMODB),
    SNAPSHOTS: Quota(
        12_000, f"12,000 read units a second {_MORE}", adjustable=True, source=_DYNAMODB
    ),
    SEGMENTS: Quota(
        2_600,
        "2,600 a second, as quoted in public repositories",
        adjustable=True,
        source="https://docs.aws.amazon.com/general/latest/gr/xray.html",
    ),
}


def used(load: Load, stack: DeployedStack, measured: Measured) -> dict[str, float]:
    """Work out what a steady load takes of each quota."""
    functions = fleets(load, stack, measured).values()
    hooks = load.hooks_per_second
    # Each connection is recorded and forgotten.
    writes = 2 * hooks * load.shares()["connect"]
    # A look reads the app's pointer and that of every app, `*`, half a unit each.
    looks = sum(each.looks_per_second for each in functions)
    return {
        GATEWAY: hooks,
        REQUESTS: hooks,
        EXECUTIONS: sum(each.executions for each in functions),
        NODE: writes,
        SESSIONS: writes,
        POINTER: looks / 2,
        SNAPSHOTS: looks,
        # Lambda sends two for each of the 5 % of calls that it traces.
        SEGMENTS: 2 * 0.05 * hooks,
    }


def used_up_at(name: str, stack: DeployedStack, measured: Measured, apps: int) -> float:
    """The hooks a second at which a quota is used up, to two significant digits."""
    low, high = 1.0, _MOST_HOOKS
    # A thousandth is far less than the second digit.
    while high / low > 1.001:  # noqa: PLR2004
        middle = math.sqrt(low * high)
        if (
            used(Load(hooks_per_second=middle, apps=apps), stack, measured)[name]
            < QUOTAS[name].limit
        ):
            low = middle
        else:
            high = middle
    return float(f"{high:.2g}")


def order(
    stack: DeployedStack, measured: Measured, apps: Sequence[int]
) -> list[tuple[str, list[float]]]:
    """Order the quotas by the hooks a second at which they are used up.

    Returns
    -------
    list
        Each quota's name with a rate for each number of apps.
    """
    rates = {name: [used_up_at(name, stack, measured, each) for each in apps] for name in QUOTAS}
    return sorted(rates.items(), key=lambda each: each[1])
