"""A bill: what a million hooks cost, by what the money goes to."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from tools.cost.prices import MILLION, PRICES, Item


class Part(StrEnum):
    """What money goes to."""

    GATEWAY = "gateway"
    FUNCTION_REQUESTS = "functions: requests"
    FUNCTION_TIME = "functions: time"
    POLICY_READS = "DynamoDB: reads of policies"
    SESSIONS = "DynamoDB: sessions"
    LISTS = "DynamoDB: rows of lists"
    LIMITS = "DynamoDB: places of limits"
    METRIC_LINES = "logs: metrics (EMF)"
    DECISION_LINES = "logs: the functions' own lines"
    PLATFORM_LINES = "logs: START, END, REPORT"
    ACCESS_LINES = "logs: the gateway's access log"
    METRICS = "metrics"
    ALARMS = "alarms"
    DASHBOARD = "dashboard"
    TRACES = "traces"
    SECRET = "secret"  # noqa: S105 - what is paid for
    KEY = "key"


class Charge(NamedTuple):
    """A month's quantity of something that is billed, and what it is for."""

    part: Part
    item: Item
    quantity: float


def bill(charges: Iterable[Charge], hooks_a_month: float) -> dict[Part, float]:
    """Bill a month's charges, which so many hooks caused.

    Tiers depend on the sum of an item, whatever it is for; each part bears its share of that.

    Returns
    -------
    dict
        USD for a million hooks, of each part that costs anything.
    """
    charges = list(charges)
    quantities: defaultdict[Item, float] = defaultdict(float)
    for charge in charges:
        quantities[charge.item] += charge.quantity
    by_part: defaultdict[Part, float] = defaultdict(float)
    for part, item, quantity in charges:
        if quantity:
            usd = PRICES[item].cost(quantities[item]) * quantity / quantities[item]
            by_part[part] += usd * MILLION / hooks_a_month
    return dict(by_part)
