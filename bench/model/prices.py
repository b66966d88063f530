"""AWS's list prices, us-east-1, with where each was read.

Free tiers and savings plans are left out. A month has 730 hours, as in AWS's own calculator.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

REGION: Final = "us-east-1"
MONTH_SECONDS: Final = 730 * 3600.0
MILLION: Final = 1_000_000.0
GB: Final = 1_000_000_000.0
"""Bytes. CloudWatch does not say which of the two gigabytes it bills by: this is the dearer one."""


class Basis(StrEnum):
    """How well a price is founded."""

    AWS = "AWS"
    OTHERS = "others"
    MEMORY = "memory"


class Tier(NamedTuple):
    """A price up to a quantity.

    Attributes
    ----------
    up_to
        Units a month; infinite in the last tier.
    usd
        For a unit.
    """

    up_to: float
    usd: float


@dataclass(frozen=True, slots=True)
class Price:
    """The price of something.

    Attributes
    ----------
    unit
        What is paid for.
    tiers
        By rising quantity a month.
    basis
        ``AWS``: a page of AWS's; ``others``: a page of somebody else's that quotes AWS;
        ``memory``: no page was at hand, and the price is to be checked before it is relied on.
    source
        The page.
    read
        When the page was read, and where it bears an older date, which.
    """

    unit: str
    tiers: tuple[Tier, ...]
    basis: Basis
    source: str
    read: str

    def of(self, quantity: float) -> float:
        """What a month's quantity costs, in USD.

        Examples
        --------
        >>> price = Price("thing", (Tier(10, 2), Tier(float("inf"), 1)), Basis.MEMORY, "", "")
        >>> price.of(15)
        25.0
        """
        total, below = 0.0, 0.0
        for tier in self.tiers:
            total += max(0.0, min(quantity, tier.up_to) - below) * tier.usd
            below = tier.up_to
        return total


class Item(StrEnum):
    """What AWS bills."""

    HTTP_API_REQUESTS = "HTTP API requests"
    REST_API_REQUESTS = "REST API requests"
    LAMBDA_REQUESTS = "Lambda requests"
    LAMBDA_GB_SECONDS = "Lambda GB-seconds, arm64"
    READ_UNITS = "DynamoDB read request units"
    WRITE_UNITS = "DynamoDB write request units"
    LAMBDA_LOG_BYTES = "CloudWatch Logs, from Lambda"
    OTHER_LOG_BYTES = "CloudWatch Logs, from others"
    STORED_LOG_BYTES = "CloudWatch Logs, kept for a month"
    METRICS = "CloudWatch custom metrics"
    ALARMS = "CloudWatch alarms"
    DASHBOARDS = "CloudWatch dashboards"
    TRACES = "X-Ray traces recorded"
    SECRETS = "Secrets Manager secrets"
    SECRET_READS = "Secrets Manager calls"  # noqa: S105 - what is billed
    KEYS = "KMS keys"
    QUEUE_REQUESTS = "SQS requests"
    BUS_EVENTS = "EventBridge custom events"
    BYTES_OUT = "Data sent to the internet"


_NO_LIMIT: Final = float("inf")
_READ: Final = "2026-11-24"

_GATEWAY_PAGE: Final = (
    "https://docs.aws.amazon.com/whitepapers/latest/"
    "best-practices-api-gateway-private-apis-integration/cost-optimization.html"
)
_LAMBDA_PAGE: Final = "https://cloudchipr.com/blog/aws-lambda-pricing"
_DYNAMODB_PAGE: Final = "https://airbyte.com/data-engineering-resources/dynamodb-pricing"
_LAMBDA_LOGS_PAGE: Final = "https://www.duckbillgroup.com/?p=9080"
_LOGS_PAGE: Final = "https://hykell.com/kb/platform-specific-guides/aws-cloudwatch-logs-pricing"
_METRICS_PAGE: Final = "https://signoz.io/guides/cloudwatch-pricing"
_DASHBOARDS_PAGE: Final = (
    "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/"
)
_TRACES_PAGE: Final = "https://aws.amazon.com/xray/pricing/, as quoted in public repositories"
_SECRETS_PAGE: Final = (
    "https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms"
)
_KEYS_PAGE: Final = "https://cloudburn.io/blog/aws-kms-pricing"
_DATA_PAGE: Final = "https://www.apigatewaycost.com/aws"


def _flat(usd: float) -> tuple[Tier, ...]:
    return (Tier(_NO_LIMIT, usd),)


def _tiers(*tiers: tuple[float, float]) -> tuple[Tier, ...]:
    return tuple(Tier(up_to, usd) for up_to, usd in tiers)


PRICES: Final[dict[Item, Price]] = {
    # Metered in steps of 512 KB, of which no hook has more than one.
    Item.HTTP_API_REQUESTS: Price(
        "request",
        _tiers((300e6, 1.00 / MILLION), (_NO_LIMIT, 0.90 / MILLION)),
        Basis.AWS,
        _GATEWAY_PAGE,
        _READ,
    ),
    Item.REST_API_REQUESTS: Price(
        "request",
        _tiers(
            (333e6, 3.50 / MILLION),
            (1e9, 2.80 / MILLION),
            (20e9, 2.38 / MILLION),
            (_NO_LIMIT, 1.51 / MILLION),
        ),
        Basis.AWS,
        _GATEWAY_PAGE,
        _READ,
    ),
    Item.LAMBDA_REQUESTS: Price(
        "request", _flat(0.20 / MILLION), Basis.OTHERS, _LAMBDA_PAGE, f"{_READ}; of 2024"
    ),
    # The third tier, which no rate here reaches, is from memory.
    Item.LAMBDA_GB_SECONDS: Price(
        "GB-second",
        _tiers((7.5e9, 0.0000133334), (18.75e9, 0.0000120001), (_NO_LIMIT, 0.0000106667)),
        Basis.OTHERS,
        _LAMBDA_PAGE,
        f"{_READ}; of 2024",
    ),
    Item.READ_UNITS: Price(
        "read request unit",
        _flat(0.125 / MILLION),
        Basis.OTHERS,
        _DYNAMODB_PAGE,
        f"{_READ}; of 2025-07-21",
    ),
    Item.WRITE_UNITS: Price(
        "write request unit",
        _flat(0.625 / MILLION),
        Basis.OTHERS,
        _DYNAMODB_PAGE,
        f"{_READ}; of 2025-07-21",
    ),
    # The page tells the sum for 60 TB, 12,500 USD, which these tiers give.
    Item.LAMBDA_LOG_BYTES: Price(
        "byte",
        _tiers(
            (10_000 * GB, 0.50 / GB),
            (30_000 * GB, 0.25 / GB),
            (50_000 * GB, 0.10 / GB),
            (_NO_LIMIT, 0.05 / GB),
        ),
        Basis.OTHERS,
        _LAMBDA_LOGS_PAGE,
        f"{_READ}; of 2025-05",
    ),
    # Whether the gateway's access logs have the tiers of vended logs was not found out.
    Item.OTHER_LOG_BYTES: Price("byte", _flat(0.50 / GB), Basis.OTHERS, _LOGS_PAGE, _READ),
    Item.STORED_LOG_BYTES: Price("byte", _flat(0.03 / GB), Basis.OTHERS, _LOGS_PAGE, _READ),
    # The tiers after the first, which few accounts reach, are from memory.
    Item.METRICS: Price(
        "metric a month",
        _tiers((10_000, 0.30), (250_000, 0.10), (1_000_000, 0.05), (_NO_LIMIT, 0.02)),
        Basis.OTHERS,
        _METRICS_PAGE,
        f"{_READ}; of 2026-02-15",
    ),
    Item.ALARMS: Price(
        "alarm a month", _flat(0.10), Basis.OTHERS, "quoted in public repositories", _READ
    ),
    Item.DASHBOARDS: Price(
        "dashboard a month", _flat(3.00), Basis.OTHERS, _DASHBOARDS_PAGE, f"{_READ}; of 2026-06-13"
    ),
    Item.TRACES: Price("trace", _flat(5.00 / MILLION), Basis.OTHERS, _TRACES_PAGE, _READ),
    Item.SECRETS: Price("secret a month", _flat(0.40), Basis.OTHERS, _SECRETS_PAGE, _READ),
    Item.SECRET_READS: Price("call", _flat(0.05 / 10_000), Basis.OTHERS, _SECRETS_PAGE, _READ),
    # Each of the first two yearly rotations adds a dollar; from memory, and left out.
    Item.KEYS: Price(
        "key a month", _flat(1.00), Basis.OTHERS, _KEYS_PAGE, f"{_READ}; of 2026-03-14"
    ),
    Item.QUEUE_REQUESTS: Price("request", _flat(0.40 / MILLION), Basis.MEMORY, "none", "never"),
    Item.BUS_EVENTS: Price(
        "event", _flat(1.00 / MILLION), Basis.OTHERS, "quoted in public repositories", _READ
    ),
    # Free to a WCS on EC2 in the same region; 0.09 up to 10 TB, and these tiers, from memory.
    Item.BYTES_OUT: Price(
        "byte",
        _tiers(
            (10_000 * GB, 0.09 / GB),
            (50_000 * GB, 0.085 / GB),
            (150_000 * GB, 0.07 / GB),
            (_NO_LIMIT, 0.05 / GB),
        ),
        Basis.OTHERS,
        _DATA_PAGE,
        _READ,
    ),
}
"""The price of each item."""
