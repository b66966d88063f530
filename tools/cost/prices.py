"""AWS's list prices in us-east-1, with where each was read; no free tier, no savings plan."""

from enum import StrEnum
from typing import Final, NamedTuple

MILLION: Final = 1e6
# CloudWatch does not say which of the two gigabytes it bills by: this is the dearer one.
UNITS: Final = {"one": 1.0, "million": MILLION, "million GB-seconds": MILLION, "GB": 1e9}
"""How many things, or bytes, a unit of a price is."""

BEYOND: Final = float("inf")


class Item(StrEnum):
    """What AWS bills."""

    HTTP_API_REQUESTS = "HTTP API requests"
    REST_API_REQUESTS = "REST API requests"
    LAMBDA_REQUESTS = "Lambda requests"
    LAMBDA_GB_SECONDS = "Lambda time, arm64"
    READ_UNITS = "DynamoDB read request units"
    WRITE_UNITS = "DynamoDB write request units"
    LAMBDA_LOG_BYTES = "CloudWatch Logs, from Lambda"
    OTHER_LOG_BYTES = "CloudWatch Logs, from others"
    METRICS = "CloudWatch custom metrics"
    ALARMS = "CloudWatch alarms"
    DASHBOARDS = "CloudWatch dashboards"
    TRACES = "X-Ray traces recorded"
    SECRETS = "Secrets Manager secrets"
    SECRET_READS = "Secrets Manager calls"  # noqa: S105 - what is billed
    KEYS = "KMS keys"


class Price(NamedTuple):
    """The price of something.

    Attributes
    ----------
    unit
        What the tiers count: one of `UNITS`.
    tiers
        Units a month up to which a tier reaches, and USD for a unit in it.
    source, read
        The page, and when it was read; its own date where it has an older one.
    """

    unit: str
    tiers: tuple[tuple[float, float], ...]
    source: str
    read: str

    def cost(self, quantity: float) -> float:
        """What a month's quantity costs, in USD; of logs it is bytes.

        Examples
        --------
        >>> Price("one", ((10, 2), (BEYOND, 1)), "", "").cost(15)
        25.0
        """
        quantity /= UNITS[self.unit]
        total, below = 0.0, 0.0
        for up_to, usd in self.tiers:
            total += max(0.0, min(quantity, up_to) - below) * usd
            below = up_to
        return total


_READ: Final = "2026-11-24"
_QUOTED: Final = "quoted in public repositories"
_AWS: Final = (
    "https://docs.aws.amazon.com/whitepapers/latest/"
    "best-practices-api-gateway-private-apis-integration/cost-optimization.html"
)
_LAMBDA: Final = ("https://cloudchipr.com/blog/aws-lambda-pricing", f"{_READ}; of 2024")
_DYNAMODB: Final = (
    "https://airbyte.com/data-engineering-resources/dynamodb-pricing",
    f"{_READ}; of 2025-07-21",
)
_LAMBDA_LOGS: Final = ("https://www.duckbillgroup.com/?p=9080", f"{_READ}; of 2025-05")
_LOGS: Final = (
    "https://hykell.com/kb/platform-specific-guides/aws-cloudwatch-logs-pricing",
    _READ,
)
_METRICS: Final = ("https://signoz.io/guides/cloudwatch-pricing", f"{_READ}; of 2026-02-15")
_DASHBOARDS: Final = (
    "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/",
    f"{_READ}; of 2026-06-13",
)
_TRACES: Final = ("https://aws.amazon.com/xray/pricing/, as quoted in public repositories", _READ)
_SECRETS: Final = (
    "https://hivebook.wiki/wiki/aws-secrets-manager-rotated-secrets-dynamic-db-credentials-kms",
    _READ,
)
_KEYS: Final = ("https://cloudburn.io/blog/aws-kms-pricing", f"{_READ}; of 2026-03-14")


def _flat(usd: float) -> tuple[tuple[float, float], ...]:
    return ((BEYOND, usd),)


PRICES: Final[dict[Item, Price]] = {
    # Metered in steps of 512 KB; no hook has more than one.
    Item.HTTP_API_REQUESTS: Price("million", ((300, 1.00), (BEYOND, 0.90)), _AWS, _READ),
    Item.REST_API_REQUESTS: Price(
        "million", ((333, 3.50), (1000, 2.80), (20_000, 2.38), (BEYOND, 1.51)), _AWS, _READ
    ),
    Item.LAMBDA_REQUESTS: Price("million", _flat(0.20), *_LAMBDA),
    # The third tier, which no rate here reaches, is from memory.
    Item.LAMBDA_GB_SECONDS: Price(
        "million GB-seconds",
        ((7500, 13.3334), (18_750, 12.0001), (BEYOND, 10.6667)),
        *_LAMBDA,
    ),
    Item.READ_UNITS: Price("million", _flat(0.125), *_DYNAMODB),
    Item.WRITE_UNITS: Price("million", _flat(0.625), *_DYNAMODB),
    # The page has the sum for 60 TB, 12,500 USD, which these tiers give.
    Item.LAMBDA_LOG_BYTES: Price(
        "GB", ((10_000, 0.50), (30_000, 0.25), (50_000, 0.10), (BEYOND, 0.05)), *_LAMBDA_LOGS
    ),
    # Whether the gateway's access logs have the tiers of vended logs was not found out.
    Item.OTHER_LOG_BYTES: Price("GB", _flat(0.50), *_LOGS),
    # The tiers after the first, which few accounts reach, are from memory.
    Item.METRICS: Price(
        "one", ((10_000, 0.30), (250_000, 0.10), (1_000_000, 0.05), (BEYOND, 0.02)), *_METRICS
    ),
    Item.ALARMS: Price("one", _flat(0.10), _QUOTED, _READ),
    Item.DASHBOARDS: Price("one", _flat(3.00), *_DASHBOARDS),
    Item.TRACES: Price("million", _flat(5.00), *_TRACES),
    Item.SECRETS: Price("one", _flat(0.40), *_SECRETS),
    Item.SECRET_READS: Price("million", _flat(5.00), *_SECRETS),
    # Each of the first two yearly rotations adds a dollar; that is from memory, and left out.
    Item.KEYS: Price("one", _flat(1.00), *_KEYS),
}
"""The price of each item."""
