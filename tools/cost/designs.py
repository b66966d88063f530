"""What a month of hooks takes: of the stack as it is deployed, and of the Powertools baseline."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from tools.cost.bill import Charge, Part, bill
from tools.cost.fleets import Fleet, fleets, refreshes_per_second
from tools.cost.lines import PLATFORM_LINES, OwnLines, access_bytes
from tools.cost.load import MONTH_SECONDS, Load
from tools.cost.measured import Measured
from tools.cost.prices import Item
from tools.cost.stack import DeployedStack
from wcs_hooks.adapters.cached_secrets import SECRET_TTL
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.telemetry.echo_batch import MOST_VALUES

_TRACED_PER_SECOND: Final = 1.0
_TRACED_SHARE: Final = 0.05
"""Lambda traces one request a second and 5 % of the others, which cannot be changed:
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html."""

_EVENTUAL_READ: Final = 0.5
_CONSISTENT_READ: Final = 1.0
"""Read request units of an item up to 4 KB; an item of a batch is read as if alone."""

_TRANSACTION: Final = 4.0
"""Write request units of the two items below 1 KB that take a place: in a transaction each counts
twice, https://aws.amazon.com/dynamodb/pricing/on-demand/."""

_FOR_A_MONTH: Final = (
    (Part.ALARMS, Item.ALARMS, "AWS::CloudWatch::Alarm"),
    (Part.DASHBOARD, Item.DASHBOARDS, "AWS::CloudWatch::Dashboard"),
    (Part.SECRET, Item.SECRETS, "AWS::SecretsManager::Secret"),
    (Part.KEY, Item.KEYS, "AWS::KMS::Key"),
)
"""What is paid for by the month, with the type of resource."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Bills of the stack and of the Powertools baseline.

    Attributes
    ----------
    stack
        As it is deployed.
    lines
        What its functions write.
    measured
        How long calls take.
    """

    stack: DeployedStack
    lines: OwnLines
    measured: Measured

    def with_stack(self, **changed: Any) -> "Costs":
        """The same if the stack were different."""
        return replace(self, stack=replace(self.stack, **changed))

    def deployed(self, load: Load) -> dict[Part, float]:
        """Bill the stack: USD for a million hooks."""
        return bill(self.deployed_charges(load), load.hooks_a_month)

    def powertools(self, load: Load) -> dict[Part, float]:
        """Bill the Powertools baseline: USD for a million hooks."""
        return bill(self.powertools_charges(load), load.hooks_a_month)

    def fleets(self, load: Load) -> dict[Category, Fleet]:
        """The functions that get hooks."""
        return fleets(load, self.stack, self.measured)

    def metrics(self, load: Load) -> int:
        """Number of custom metrics; CloudWatch counts what it finds in the logs in further ones."""
        found_in_logs = self.stack.resources["AWS::Logs::MetricFilter"]
        return len(self.lines.metrics_of(load.methods_in_use)) + found_in_logs

    def deployed_charges(self, load: Load) -> Iterator[Charge]:
        """What a month takes of the stack."""
        stack, hooks = self.stack, load.hooks_a_month
        yield Charge(Part.GATEWAY, Item.HTTP_API_REQUESTS, hooks)
        yield Charge(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS, hooks)
        for fleet in self.fleets(load).values():
            yield from self._of_fleet(fleet)
        yield from _of_sessions(load)
        looked_up = sum(load.shares()[method] for method in load.looked_up)
        yield Charge(Part.LISTS, Item.READ_UNITS, looked_up * _EVENTUAL_READ * hooks)
        yield from _of_limits(load)
        yield from self._of_lines(load)
        yield Charge(Part.METRICS, Item.METRICS, self.metrics(load))
        for part, item, kind in _FOR_A_MONTH:
            yield Charge(part, item, stack.resources[kind])

    def powertools_charges(self, load: Load) -> Iterator[Charge]:
        """What a month takes of the Powertools baseline.

        A REST API, one function, an item of DynamoDB read for each hook, logs as Lambda has them by
        default, tracing, two metrics; no access log, no alarm, no dashboard, no check of callers.
        """
        hooks, measured, memory_mb = load.hooks_a_month, self.measured, self.stack.memory_mb
        traced = traced_share(load.hooks_per_second)
        yield Charge(Part.GATEWAY, Item.REST_API_REQUESTS, hooks)
        yield Charge(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS, hooks)
        yield _time(hooks, math.ceil(measured.powertools_ms(memory_mb)), memory_mb)
        yield Charge(Part.POLICY_READS, Item.READ_UNITS, hooks * _EVENTUAL_READ)
        yield Charge(Part.TRACES, Item.TRACES, hooks * traced)
        yield _logged(Part.METRIC_LINES, measured.powertools_metrics_bytes, hooks)
        yield _logged(Part.DECISION_LINES, measured.powertools_log_bytes, hooks)
        yield _platform_lines("text", traced, hooks)
        yield Charge(Part.METRICS, Item.METRICS, 2)

    def _of_fleet(self, fleet: Fleet) -> Iterator[Charge]:
        memory_mb = self.stack.memory_mb
        calls = fleet.calls_per_second * MONTH_SECONDS
        # Each call is rounded up by itself.
        without, waiting = (
            math.ceil(self.measured.call_ms(memory_mb, aws_calls)) for aws_calls in (0, 1)
        )
        milliseconds = (1 - fleet.waiting) * without + fleet.waiting * waiting
        yield _time(calls, milliseconds, memory_mb)
        # The app's pointer and that of every app.
        looks = fleet.looks_per_second * MONTH_SECONDS
        yield Charge(Part.POLICY_READS, Item.READ_UNITS, 2 * _EVENTUAL_READ * looks)
        each = refreshes_per_second(fleet.calls_per_second / fleet.environments, SECRET_TTL)
        reads = fleet.environments * each * MONTH_SECONDS
        yield Charge(Part.SECRET, Item.SECRET_READS, reads)
        traced = traced_share(fleet.calls_per_second) if self.stack.traced else 0.0
        yield Charge(Part.TRACES, Item.TRACES, traced * calls)
        yield _platform_lines(self.stack.platform_log, traced, calls)

    def _of_lines(self, load: Load) -> Iterator[Charge]:
        functions, lines = self.fleets(load), self.lines
        for method, share in load.shares().items():
            fleet = functions[METHODS[method].category]
            per_environment = share * load.hooks_per_second / fleet.environments
            for answer, fraction in load.answers(method).items():
                hooks = share * fraction * load.hooks_a_month
                size, in_a_line, logged = lines.metrics[method, answer], 1.0, 1.0
                if answer == "echoed":
                    in_a_line = self._in_a_line(per_environment)
                    logged = self.stack.echo_log_sample_rate
                if in_a_line > 1:
                    once, each = lines.batch
                    size = once / in_a_line + each
                yield _logged(Part.METRIC_LINES, size, hooks)
                yield _logged(Part.DECISION_LINES, lines.decisions[method, answer], logged * hooks)
        size = access_bytes(self.stack.access_log, load) * load.hooks_a_month
        yield Charge(Part.ACCESS_LINES, Item.OTHER_LOG_BYTES, size)

    def _in_a_line(self, per_second: float) -> float:
        """How many echoes of a method share a line: the first, and those that come meanwhile."""
        return min(float(MOST_VALUES), 1 + per_second * self.stack.echo_metrics_seconds)


def traced_share(per_second: float) -> float:
    """The fraction of a function's calls that Lambda traces.

    Examples
    --------
    >>> traced_share(0.5), round(traced_share(100), 4)
    (1.0, 0.0595)
    """
    if per_second <= _TRACED_PER_SECOND:
        return 1.0
    return (_TRACED_PER_SECOND + _TRACED_SHARE * (per_second - _TRACED_PER_SECOND)) / per_second


def _of_sessions(load: Load) -> Iterator[Charge]:
    shares, hooks = load.shares(), load.hooks_a_month
    # Each connection is recorded once and forgotten once, in an item below 1 KB.
    yield Charge(Part.SESSIONS, Item.WRITE_UNITS, 2 * shares["connect"] * hooks)
    read = sum(each * load.session_reads(method) for method, each in shares.items())
    yield Charge(Part.SESSIONS, Item.READ_UNITS, read * _CONSISTENT_READ * hooks)


def _of_limits(load: Load) -> Iterator[Charge]:
    taken, renewed = load.places_taken(), load.places_renewed()
    writes = taken * (_TRANSACTION + 2) + renewed
    yield Charge(Part.LIMITS, Item.WRITE_UNITS, writes * load.hooks_a_month)
    reads = (taken + renewed) * _CONSISTENT_READ
    yield Charge(Part.LIMITS, Item.READ_UNITS, reads * load.hooks_a_month)


def _logged(part: Part, size: float, calls: float) -> Charge:
    return Charge(part, Item.LAMBDA_LOG_BYTES, size * calls)


def _platform_lines(kind: str, traced: float, calls: float) -> Charge:
    lines = PLATFORM_LINES[kind]
    return _logged(Part.PLATFORM_LINES, lines.size + traced * lines.more_if_traced, calls)


def _time(calls: float, milliseconds: float, memory_mb: int) -> Charge:
    gb_seconds = calls * milliseconds / 1000 * memory_mb / 1024
    return Charge(Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS, gb_seconds)
