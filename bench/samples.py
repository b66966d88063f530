"""Samples of a figure, and what is said of them: a median, and how far they spread."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Summary:
    """What is said of a sample.

    Attributes
    ----------
    count
        How many measurements there are.
    low, high
        The quartiles: half of the measurements lie between them.
    p99
        The 99th percentile: the smallest measurement that at least 99 of 100 do not exceed.
    """

    count: int
    median: float
    low: float
    high: float
    least: float
    p99: float
    most: float

    def to_json(self) -> dict[str, Any]:
        """The same for a result file, with six significant digits."""
        return {
            name: value if isinstance(value, int) else float(f"{value:.6g}")
            for name, value in asdict(self).items()
        }


def summarize(measurements: Sequence[float]) -> Summary:
    """Summarise a sample.

    Raises
    ------
    ValueError
        If there are no measurements.

    Examples
    --------
    >>> summarize([3.0, 1.0, 2.0]).median
    2.0
    """
    if not measurements:
        raise ValueError("there are no measurements")
    ordered = sorted(measurements)
    low, _, high = (
        statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else ordered * 3
    )
    return Summary(
        len(ordered),
        statistics.median(ordered),
        low,
        high,
        ordered[0],
        percentile(ordered, 99),
        ordered[-1],
    )


def percentile(measurements: Sequence[float], percent: float) -> float:
    """The smallest measurement that at least so many per cent do not exceed (nearest rank).

    Examples
    --------
    >>> percentile([5.0, 1.0, 3.0], 50), percentile([5.0, 1.0, 3.0], 99)
    (3.0, 5.0)
    """
    ordered = sorted(measurements)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def paired_ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """The ratio of each pair that was measured in the same round.

    What slows the machine down in a round slows both down: their ratio spreads less than they do.

    Raises
    ------
    ValueError
        If there are not as many of the one as of the other.
    """
    return [above / below for above, below in zip(numerators, denominators, strict=True)]
