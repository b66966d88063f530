"""A bill: what a million hooks cost, by what the money goes to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bench.model.prices import MILLION, PRICES, Item


class Part(StrEnum):
    """What money goes to."""

    GATEWAY = "gateway"
    FUNCTION_REQUESTS = "functions: requests"
    FUNCTION_TIME = "functions: time"
    FUNCTION_STARTS = "functions: cold starts"
    POLICY_READS = "DynamoDB: reads of policies"
    SESSIONS = "DynamoDB: sessions"
    METRIC_LINES = "logs: metrics (EMF)"
    DECISION_LINES = "logs: the functions' own lines"
    PLATFORM_LINES = "logs: START, END, REPORT"
    ACCESS_LINES = "logs: the gateway's access log"
    KEPT_LOGS = "logs: kept"
    METRICS = "metrics"
    ALARMS = "alarms"
    DASHBOARD = "dashboard"
    TRACES = "traces"
    SECRET = "secret"  # noqa: S105 - what is paid for
    KEY = "key"
    QUEUE = "queue"
    BUS = "event bus"


class Charge(NamedTuple):
    """A month's quantity of something that is billed, and what it is for."""

    part: Part
    item: Item
    quantity: float


@dataclass(frozen=True, slots=True)
class Bill:
    """What hooks cost.

    Attributes
    ----------
    by_part
        USD for a million hooks.
    month
        USD for a month of them.
    """

    by_part: Mapping[Part, float]
    month: float

    @property
    def total(self) -> float:
        """USD for a million hooks."""
        return sum(self.by_part.values())


def bill(charges: Iterable[Charge], hooks_a_month: float) -> Bill:
    """Bill a month's charges.

    Tiers go by the sum of an item, whatever it is for; each part bears its share of that.

    Parameters
    ----------
    hooks_a_month
        How many hooks caused the charges.
    """
    charges = list(charges)
    quantities: defaultdict[Item, float] = defaultdict(float)
    for charge in charges:
        quantities[charge.item] += charge.quantity
    by_part: defaultdict[Part, float] = defaultdict(float)
    month = 0.0
    for part, item, quantity in charges:
        if quantity:
            usd = PRICES[item].of(quantities[item]) * quantity / quantities[item]
            by_part[part] += usd * MILLION / hooks_a_month
            month += usd
    return Bill(by_part, month)
