"""AWS's quotas that hooks can meet, by default and per region."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple


class Limit(StrEnum):
    """What is limited."""

    GATEWAY = "API Gateway: requests"
    FUNCTION_REQUESTS = "Lambda: requests, ten for each of the concurrency quota"
    CONCURRENCY = "Lambda: concurrent executions"
    SCALING = "Lambda: new environments of a function"
    SHARED_POINTER = "DynamoDB: the partition with the pointer of every app"
    APP_PARTITION = "DynamoDB: the partition with an app's pointer and snapshots"
    TABLE = "DynamoDB: reads of PolicySnapshots"


class Quota(NamedTuple):
    """A quota, for people.

    Attributes
    ----------
    default
        As AWS states it.
    adjustable
        Whether AWS raises it on request.
    source
        The page that states it.
    """

    default: str
    adjustable: bool
    source: str


_LAMBDA: Final = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html"
_DYNAMODB: Final = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html"

QUOTAS: Final[dict[Limit, Quota]] = {
    Limit.GATEWAY: Quota(
        "10,000 a second, in bursts of 5,000 (the figures are from memory)",
        adjustable=True,
        source="https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html",
    ),
    Limit.FUNCTION_REQUESTS: Quota("10,000 a second", adjustable=True, source=_LAMBDA),
    Limit.CONCURRENCY: Quota("1,000; new accounts have less", adjustable=True, source=_LAMBDA),
    Limit.SCALING: Quota(
        "1,000 in 10 s",
        adjustable=False,
        source="https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html",
    ),
    Limit.SHARED_POINTER: Quota("3,000 read units a second", adjustable=False, source=_DYNAMODB),
    Limit.APP_PARTITION: Quota("3,000 read units a second", adjustable=False, source=_DYNAMODB),
    Limit.TABLE: Quota(
        "12,000 read units a second at first, then more by itself, up to 40,000",
        adjustable=True,
        source=_DYNAMODB,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """An account's quotas.

    Attributes
    ----------
    gateway_rate, gateway_burst
        Requests a second, and how many may come at once.
    concurrency
        Executions at a time, of all functions.
    requests_per_concurrency
        Requests a second for each of these: it binds functions that take less than 100 ms.
    scaling_rate, scaling_burst
        New environments a second, and at once, of a function.
    partition_reads, table_reads
        Read units a second.
    """

    gateway_rate: float = 10_000.0
    gateway_burst: float = 5_000.0
    concurrency: float = 1_000.0
    requests_per_concurrency: float = 10.0
    scaling_rate: float = 100.0
    scaling_burst: float = 1_000.0
    partition_reads: float = 3_000.0
    table_reads: float = 12_000.0


DEFAULT: Final = Quotas()

RAISED: Final = replace(
    DEFAULT,
    gateway_rate=1_500_000.0,
    gateway_burst=750_000.0,
    concurrency=150_000.0,
    table_reads=40_000.0,
)
"""What would have to be asked for at 100,000 hooks/s, to see what comes next: the rest cannot be
raised."""


class TokenBucket:
    """Lets pass what comes at a rate, and a burst of what was not used.

    Parameters
    ----------
    rate
        Tokens a second.
    burst
        Tokens at the most; it begins full.
    owing
        Whether anything passes while there is a token left, and what it takes too much is made up
        for before the next. So DynamoDB does: what a query reads it knows afterwards.

    Examples
    --------
    >>> bucket = TokenBucket(rate=1.0, burst=2.0)
    >>> [bucket.take(at) for at in (0.0, 0.0, 0.0, 1.0)]
    [True, True, False, True]
    """

    __slots__ = ("_at", "_burst", "_owing", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, *, owing: bool = False) -> None:
        self._rate = rate
        self._burst = burst
        self._owing = owing
        self._tokens = burst
        self._at = 0.0

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take tokens, if there are enough.

        Parameters
        ----------
        now
            Seconds, not less than the last time.
        """
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < (min(tokens, 1.0) if self._owing else tokens):
            return False
        self._tokens -= tokens
        return True
