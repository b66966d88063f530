"""What a call takes, as `make bench` measured it."""

import json
from pathlib import Path
from typing import Final, NamedTuple

from tools.locations import BENCH_RESULTS

VCPU_MB: Final = 1769
"""The memory (MB) at which a function has one virtual CPU; below it has its share:
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html."""

AWS_CALL_MS: Final = 5.0
"""Time until DynamoDB or Secrets Manager has answered: assumed, as it cannot be measured here."""


class Measured(NamedTuple):
    """Processor times in milliseconds; a processor of Lambda's is taken to be as fast.

    Attributes
    ----------
    echo_ms
        A warm call that calls no AWS service, the runtime client included.
    aws_call_ms
        What a call to an AWS service adds.
    powertools_call_ms
        A warm call of the Powertools baseline, its read included.
    powertools_metrics_bytes, powertools_log_bytes
        What it writes for a call: the line of metrics, and the log line.
    """

    echo_ms: float
    aws_call_ms: float
    powertools_call_ms: float = 0.0
    powertools_metrics_bytes: float = 0.0
    powertools_log_bytes: float = 0.0

    def call_ms(self, memory_mb: int, aws_calls: float = 0.0) -> float:
        """How long a warm call lasts that waits for so many AWS calls, one after another."""
        processor = self.echo_ms + aws_calls * self.aws_call_ms
        return processor / _cpu_share(memory_mb) + aws_calls * AWS_CALL_MS

    def powertools_ms(self, memory_mb: int) -> float:
        """How long a warm call of the Powertools baseline lasts."""
        return self.powertools_call_ms / _cpu_share(memory_mb) + AWS_CALL_MS


def _cpu_share(memory_mb: int) -> float:
    return min(1.0, memory_mb / VCPU_MB)


def read_measured(results: Path = BENCH_RESULTS) -> Measured:
    """Read the results of the benchmark's section ``functions``.

    Raises
    ------
    ValueError
        If a figure is missing, or is not in the unit that is expected.
    """
    path = results / "functions.json"
    figures = json.loads(path.read_text())["figures"]

    def median(name: str, unit: str) -> float:
        figure = figures.get(name, {})
        if figure.get("unit") != unit:
            raise ValueError(f"{path} has no {name} in {unit}; run: make bench SECTIONS=functions")
        return float(figure["median"])

    metrics_bytes = median("warm.log.powertools-without-read.echo", "bytes")
    return Measured(
        echo_ms=median("warm.cpu.event.echo", "us") / 1000,
        aws_call_ms=median("warm.refresh.event", "us") / 1000,
        powertools_call_ms=median("warm.cpu.powertools.echo", "us") / 1000,
        powertools_metrics_bytes=metrics_bytes,
        # For its read it writes a log line.
        powertools_log_bytes=median("warm.log.powertools.echo", "bytes") - metrics_bytes,
    )
