"""What was counted and timed: one interface, two sources.

In the cloud the source is CloudWatch. An emulator makes no metrics of the functions' lines in the
embedded metric format (EMF), so there the source is those lines. The metrics' names and dimensions
are those of `wcs_hooks.telemetry.catalogue`.
"""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import Cause
from wcs_hooks.telemetry.catalogue import (
    BY_CATEGORY,
    BY_METHOD,
    BY_REST_ERROR,
    COUNTS,
    METHOD_COUNTS,
    REST_ERRORS,
    TIMES,
    outcome_rows,
)
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import CATEGORIES, FunctionConfigurations
from wcsctl.function_logs import FunctionLogs

PERCENTILES: Final = (50, 99)

_QUERIES: Final = 500
"""How many metrics GetMetricData takes at once."""

TREND_COUNTS: Final = (
    "Calls",
    "Overridden",
    "Denied",
    "Rejected",
    "Malformed",
    "Failed",
)
TREND_POINTS: Final = 120

_USD_PER_METRIC: Final = 0.01 / 1_000
"""Price of each metric that GetMetricData is asked for."""

_MINUTE: Final = 60
_MOST_FIGURE: Final = 1e15
"""Above any count and any time: such a figure is not one of a function."""

_DAY: Final = 86_400


class RestErrorCell(NamedTuple):
    """One cell of the grid: what WCS did with replies that were not 200, and why."""

    category: str
    rest_on_error: str
    outcome: str
    cause: str

    def dimensions(self) -> dict[str, str]:
        """By the names that the metric's dimensions have."""
        return dict(zip(BY_REST_ERROR, self, strict=True))


class TimeKey(NamedTuple):
    """What a percentile is of."""

    metric: str
    category: str
    percentile: int


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened in a time; what did not has no entry.

    Attributes
    ----------
    counts
        By metric and category.
    methods
        By metric, category and method.
    times
        Percentiles; in milliseconds of ServiceTime, in microseconds of DecisionTime.
    """

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    methods: Mapping[tuple[str, str, str], int] = field(default_factory=dict)
    times: Mapping[TimeKey, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The hooks of one period.

    Attributes
    ----------
    at
        Start of the period, in seconds since the epoch.
    counts
        The metrics of `TREND_COUNTS`, summed over all categories. A metric of 0 has no entry.
    p50, p99
        Percentiles of ServiceTime (ms) in the slowest category; None if there were no calls.
    """

    at: float
    counts: Mapping[str, int]
    p50: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Trend:
    """The hooks of each period of a time range, including periods without hooks.

    Attributes
    ----------
    period
        Length of a period, in seconds.
    """

    period: int
    points: Sequence[TrendPoint]


class MetricsSource(Protocol):
    """Where metrics come from. Moments are seconds since the epoch."""

    def activity(self, since: float, until: float) -> Activity:
        """Calls, what became of them, and how long they took."""
        ...

    def trend(self, since: float, until: float) -> Trend:
        """Return calls and their answers by period, in at most about 120 periods."""
        ...

    def rest_errors(self, since: float, until: float) -> Mapping[RestErrorCell, int]:
        """What WCS did with replies that were not 200."""
        ...

    def counted(self, name: str, since: float, until: float) -> Mapping[str, int]:
        """One of `COUNTS`, by category."""
        ...

    def called(self, methods: Iterable[str], since: float, until: float) -> Mapping[str, int]:
        """How often each of some methods was called; one that was not has no entry."""
        ...


def source_of(deployment: Deployment, configurations: FunctionConfigurations) -> MetricsSource:
    """The source for a deployment."""
    function = configurations.for_function(Category.EVENT)
    if deployment.endpoint is None:
        client = deployment.client("cloudwatch")
        return CloudWatchMetrics(client, function.metric_namespace, function.service)
    return EmfMetrics(FunctionLogs(deployment, configurations), function.metric_namespace)


def rest_error_cells() -> list[RestErrorCell]:
    """Everything that WCS can do with a reply that is not 200, by the vendor's table."""
    return [RestErrorCell(*row, cause) for row in outcome_rows() for cause in Cause]


def trend_period(seconds: float) -> int:
    """Return the length of a trend's periods, in seconds: a whole number of minutes.

    Parameters
    ----------
    seconds
        Length of the time range.

    Examples
    --------
    >>> trend_period(3600), trend_period(86_400)
    (60, 720)
    """
    return max(math.ceil(seconds / TREND_POINTS / _MINUTE), 1) * _MINUTE


def _begin(at: float, period: int) -> float:
    return math.floor(at / period) * period


def _trend(
    since: float,
    until: float,
    period: int,
    summed: Mapping[float, Mapping[str, int]],
    slowest: Mapping[tuple[float, int], float],
) -> Trend:
    first = round(_begin(since, period))
    points = [
        TrendPoint(at, dict(summed.get(at, {})), slowest.get((at, 50)), slowest.get((at, 99)))
        for at in range(first, math.ceil(until), period)
    ]
    return Trend(period, points)


def usd_per_look() -> float:
    """Return the approximate price (USD) of `activity` and `trend` together on CloudWatch."""
    of_categories = len(COUNTS) + len(TIMES) * len(PERCENTILES)
    of_trend = len(TREND_COUNTS) + len(PERCENTILES)
    metrics = (of_categories + of_trend) * len(CATEGORIES) + len(METHODS)
    return metrics * _USD_PER_METRIC


class _Query(NamedTuple):
    metric: str
    dimensions: Mapping[str, str]
    statistic: str = "Sum"


class CloudWatchMetrics:
    """Asks CloudWatch, for each metric by its name.

    A search would be shorter to write, but finds a new metric only after some minutes, which is
    when somebody looks.

    Parameters
    ----------
    client
        CloudWatch's.
    namespace
        The namespace of the deployment's metrics.
    service
        The functions' dimension of that name.
    """

    def __init__(self, client: Any, namespace: str, service: str) -> None:
        self._client = client
        self._namespace = namespace
        self._service = service

    def activity(self, since: float, until: float) -> Activity:
        """Calls, what became of them, and how long they took."""
        counts: list[tuple[str, str]] = [
            (name, category) for name in COUNTS for category in CATEGORIES
        ]
        calls = [("Calls", str(method.category), name) for name, method in METHODS.items()]
        times = [
            TimeKey(metric, category, percentile)
            for metric in TIMES
            for category in CATEGORIES
            for percentile in PERCENTILES
        ]
        queries = [
            *(self._of_category(name, category) for name, category in counts),
            *(self._of_method(*key) for key in calls),
            *(self._of_category(key.metric, key.category, f"p{key.percentile}") for key in times),
        ]
        values = iter(self._ask(queries, since, until))
        counted = _sums(counts, values)
        called = _sums(calls, values)
        # A time that spans several periods has the percentile of its slowest one.
        timed = {key: max(value) for key, value in zip(times, values, strict=True) if value}
        return Activity(counted, called | self._rest_of_methods(called, since, until), timed)

    def trend(self, since: float, until: float) -> Trend:
        """Return calls and their answers by period, in at most about 120 periods."""
        counts = [(name, category) for name in TREND_COUNTS for category in CATEGORIES]
        times = [(one, category) for one in PERCENTILES for category in CATEGORIES]
        queries = [
            *(self._of_category(*key) for key in counts),
            *(self._of_category("ServiceTime", category, f"p{one}") for one, category in times),
        ]
        period = trend_period(until - since)
        start, end = _begin(since, period), _begin(until, period) + period
        found = self._ask_by_period(queries, start, end, period)
        summed: dict[float, Counter[str]] = defaultdict(Counter)
        slowest: dict[tuple[float, int], float] = {}
        for (name, _), series in zip(counts, found, strict=False):
            for at, value in series.items():
                summed[at][name] += round(value)
        for (one, _), series in zip(times, found[len(counts) :], strict=True):
            for at, value in series.items():
                slowest[at, one] = max(value, slowest.get((at, one), 0.0))
        return _trend(since, until, period, summed, slowest)

    def rest_errors(self, since: float, until: float) -> Mapping[RestErrorCell, int]:
        """What WCS did with replies that were not 200."""
        cells = rest_error_cells()
        queries = [_Query(REST_ERRORS, cell.dimensions()) for cell in cells]
        return _sums(cells, iter(self._ask(queries, since, until)))

    def counted(self, name: str, since: float, until: float) -> Mapping[str, int]:
        """One of `COUNTS`, by category."""
        queries = [self._of_category(name, category) for category in CATEGORIES]
        return _sums(CATEGORIES, iter(self._ask(queries, since, until)))

    def called(self, methods: Iterable[str], since: float, until: float) -> Mapping[str, int]:
        """How often each of some methods was called; one that was not has no entry."""
        names = list(methods)
        queries = [self._of_method("Calls", METHODS[name].category, name) for name in names]
        return _sums(names, iter(self._ask(queries, since, until)))

    def _rest_of_methods(
        self, called: Mapping[tuple[str, str, str], int], since: float, until: float
    ) -> dict[tuple[str, str, str], int]:
        """What else is counted by method, of those that were called: each query costs money."""
        keys = [
            (name, category, method)
            for _, category, method in called
            for name in METHOD_COUNTS
            if name != "Calls"
        ]
        queries = [self._of_method(*key) for key in keys]
        return _sums(keys, iter(self._ask(queries, since, until)))

    def _of_category(self, metric: str, category: str, statistic: str = "Sum") -> _Query:
        dimensions = dict(zip(BY_CATEGORY, (self._service, category), strict=True))
        return _Query(metric, dimensions, statistic)

    def _of_method(self, metric: str, category: str, method: str) -> _Query:
        values = (self._service, category, method)
        return _Query(metric, dict(zip(BY_METHOD, values, strict=True)))

    def _ask(self, queries: Sequence[_Query], since: float, until: float) -> list[list[float]]:
        """The values of each query, one for each period in which there was any."""
        start = math.floor(since / _MINUTE) * _MINUTE
        length = max(math.ceil((until - start) / _MINUTE), 1) * _MINUTE
        found = self._ask_by_period(queries, start, start + length, min(length, _DAY))
        return [list(series.values()) for series in found]

    def _ask_by_period(
        self, queries: Sequence[_Query], since: float, until: float, period: int
    ) -> list[dict[float, float]]:
        """Return the values of each query by the start of their period, in epoch seconds."""
        values: dict[str, dict[float, float]] = defaultdict(dict)
        numbered = [
            {
                "Id": f"q{number}",
                "ReturnData": True,
                "MetricStat": {
                    "Metric": {
                        "Namespace": self._namespace,
                        "MetricName": query.metric,
                        "Dimensions": [
                            {"Name": name, "Value": value}
                            for name, value in query.dimensions.items()
                        ],
                    },
                    "Period": period,
                    "Stat": query.statistic,
                },
            }
            for number, query in enumerate(queries)
        ]
        paginator = self._client.get_paginator("get_metric_data")
        for batch in itertools.batched(numbered, _QUERIES):
            for page in paginator.paginate(
                MetricDataQueries=list(batch),
                StartTime=datetime.fromtimestamp(since, UTC),
                EndTime=datetime.fromtimestamp(until, UTC),
            ):
                for result in page["MetricDataResults"]:
                    moments = (moment.timestamp() for moment in result["Timestamps"])
                    values[result["Id"]] |= zip(moments, result["Values"], strict=True)
        return [values[f"q{number}"] for number in range(len(queries))]


class EmfMetrics:
    """Adds up the functions' EMF lines.

    Parameters
    ----------
    logs
        Where they stand.
    namespace
        The namespace of the deployment's metrics.
    """

    def __init__(self, logs: FunctionLogs, namespace: str) -> None:
        self._logs = logs
        self._namespace = namespace

    def activity(self, since: float, until: float) -> Activity:
        """Calls, what became of them, and how long they took."""
        counts: Counter[tuple[str, str]] = Counter()
        methods: Counter[tuple[str, str, str]] = Counter()
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for _, name, dimensions, values in self._measured(since, until):
            category = dimensions.get("category", "")
            match sorted(dimensions):
                case ["category", "service"] if name in TIMES:
                    times[name, category] += values
                case ["category", "service"]:
                    counts[name, category] += round(sum(values))
                case ["category", "method", "service"]:
                    methods[name, category, dimensions["method"]] += round(sum(values))
        return Activity(
            counts,
            methods,
            {
                TimeKey(metric, category, percentile): _percentile(values, percentile)
                for (metric, category), values in times.items()
                for percentile in PERCENTILES
                if values
            },
        )

    def trend(self, since: float, until: float) -> Trend:
        """Return calls and their answers by period, in at most about 120 periods."""
        period = trend_period(until - since)
        summed: dict[float, Counter[str]] = defaultdict(Counter)
        times: dict[tuple[float, str], list[float]] = defaultdict(list)
        for at, name, dimensions, values in self._measured(since, until):
            if dimensions.keys() == set(BY_CATEGORY):
                begun = _begin(at, period)
                if name in TREND_COUNTS:
                    summed[begun][name] += round(sum(values))
                elif name == "ServiceTime":
                    times[begun, dimensions["category"]] += values
        slowest: dict[tuple[float, int], float] = {}
        for (at, _), values in times.items():
            for one in PERCENTILES:
                slowest[at, one] = max(_percentile(values, one), slowest.get((at, one), 0.0))
        return _trend(since, until, period, summed, slowest)

    def rest_errors(self, since: float, until: float) -> Mapping[RestErrorCell, int]:
        """What WCS did with replies that were not 200."""
        cells: Counter[RestErrorCell] = Counter()
        for _, _, dimensions, values in self._measured(since, until):
            if dimensions.keys() == set(BY_REST_ERROR):
                cell = RestErrorCell(*(dimensions[name] for name in BY_REST_ERROR))
                cells[cell] += round(sum(values))
        return cells

    def counted(self, name: str, since: float, until: float) -> Mapping[str, int]:
        """One of `COUNTS`, by category."""
        counts = self.activity(since, until).counts
        return {category: count for (metric, category), count in counts.items() if metric == name}

    def called(self, methods: Iterable[str], since: float, until: float) -> Mapping[str, int]:
        """How often each of some methods was called; one that was not has no entry."""
        counts = self.activity(since, until).methods
        calls = {name: counts.get(("Calls", METHODS[name].category, name), 0) for name in methods}
        return {name: count for name, count in calls.items() if count}

    def _measured(
        self, since: float, until: float
    ) -> Iterator[tuple[float, str, Mapping[str, str], Sequence[float]]]:
        records = self._logs.records(CATEGORIES, int(since * 1000), int(until * 1000))
        for record in records:
            for measured in measured_in(record.fields, self._namespace):
                yield record.at / 1000, *measured


def measured_in(
    line: Mapping[str, Any], namespace: str
) -> Iterator[tuple[str, Mapping[str, str], Sequence[float]]]:
    """What CloudWatch would make of a line: a namespace's metrics, their dimensions and values.

    Examples
    --------
    >>> directive = {"Namespace": "WcsHooks", "Dimensions": [["category"]]}
    >>> directive["Metrics"] = [{"Name": "Calls"}]
    >>> line = {"_aws": {"CloudWatchMetrics": [directive]}, "category": "direct", "Calls": [1.0]}
    >>> list(measured_in(line, "WcsHooks"))
    [('Calls', {'category': 'direct'}, [1.0])]
    """
    for directive in _maps(_map(line.get("_aws")).get("CloudWatchMetrics")):
        if directive.get("Namespace") != namespace:
            continue
        metrics = [one.get("Name") for one in _maps(directive.get("Metrics"))]
        sets = [one for one in _list(directive.get("Dimensions")) if isinstance(one, list)]
        for metric, names in itertools.product(filter(_is_text, metrics), sets):
            values = line.get(metric, [])
            given = values if isinstance(values, list) else [values]
            dimensions = {name: str(line.get(name, "")) for name in names if _is_text(name)}
            yield metric, dimensions, [one for one in given if _is_figure(one)]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_figure(value: object) -> bool:
    # A log is text, which may hold more than a function wrote.
    return isinstance(value, int | float) and abs(value) < _MOST_FIGURE


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: object) -> Iterator[Mapping[str, Any]]:
    return (one for one in _list(value) if isinstance(one, dict))


def _sums[Key](keys: Iterable[Key], values: Iterator[Sequence[float]]) -> dict[Key, int]:
    """What was counted under each key, taking as many values as there are keys."""
    summed = {key: round(sum(next(values))) for key in keys}
    return {key: count for key, count in summed.items() if count}


def _percentile(values: Sequence[float], percentile: int) -> float:
    """By the nearest rank."""
    ranked = sorted(values)
    return ranked[max(math.ceil(len(ranked) * percentile / 100), 1) - 1]
