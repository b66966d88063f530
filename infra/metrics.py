"""The metrics that alarms watch and the dashboard shows: those of the functions' catalogue."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from infra.settings import Settings
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import Cause
from wcs_hooks.telemetry.catalogue import (
    BY_CATEGORY,
    BY_METHOD,
    BY_REST_ERROR,
    REST_ERRORS,
    CompilerCount,
    Count,
    MethodCount,
    OutcomeRow,
    Time,
    rest_error_dimensions,
)

MINUTE: Final = Duration.minutes(1)
"""The period of every metric."""


class Metrics:
    """The functions' own metrics, of one stage.

    Parameters
    ----------
    settings
        The stage's.
    """

    def __init__(self, settings: Settings) -> None:
        self._namespace = settings.metric_namespace
        self._service = settings.service_name

    def in_category(
        self, name: Count | Time | CompilerCount, category: str, statistic: str = "Sum"
    ) -> cloudwatch.Metric:
        """A metric of one category, or of the compiler."""
        dimensions = dict(zip(BY_CATEGORY, (self._service, category), strict=True))
        return self._metric(name, dimensions, statistic)

    def by_category(self, name: Count) -> list[cloudwatch.IMetric]:
        """A metric of each category."""
        return [self.in_category(name, category).with_(label=category) for category in Category]

    def by_method(self, name: MethodCount) -> cloudwatch.IMetric:
        """A metric of each method that it was counted for."""
        return self._search(
            name,
            BY_METHOD,
            {"service": self._service},
            label=_value_of("method"),
        )

    def percentiles(self, name: Time) -> list[cloudwatch.IMetric]:
        """The middle and the slowest of each category."""
        return [
            self.in_category(name, category, statistic).with_(label=f"{category} {statistic}")
            for category in Category
            for statistic in ("p50", "p99")
        ]

    def in_all(self, name: Count) -> cloudwatch.MathExpression:
        """A metric of all categories together, counting one that was not published as zero."""
        # CloudWatch wants the names to begin in lower case and to be unique within a graph.
        named = {
            f"{name.lower()}{number}": metric
            for number, metric in enumerate(self.by_category(name))
        }
        terms = ",".join(f"FILL({each},0)" for each in named)
        return cloudwatch.MathExpression(
            expression=f"SUM([{terms}])", using_metrics=named, label=name, period=MINUTE
        )

    def rest_errors(self, row: OutcomeRow, cause: Cause) -> cloudwatch.Metric:
        """How often WCS did this for that cause."""
        return self._metric(REST_ERRORS, rest_error_dimensions(*row, cause))

    def rest_errors_of(self, category: Category) -> cloudwatch.IMetric:
        """What WCS did in a category, by restOnError and cause, so far as it did."""
        return self._search(
            REST_ERRORS,
            BY_REST_ERROR,
            {"category": category},
            label=f"{_value_of('restOnError')} → {_value_of('outcome')} ({_value_of('cause')})",
        )

    def _metric(
        self, name: str, dimensions: Mapping[str, str], statistic: str = "Sum"
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            period=MINUTE,
        )

    def _search(
        self, name: str, dimensions: Sequence[str], wanted: Mapping[str, str], *, label: str
    ) -> cloudwatch.IMetric:
        """Find the metrics with these dimensions that have data.

        A metric is found from some minutes after its first data on, for two weeks after its last.
        """
        schema = ",".join((_quoted(self._namespace), *dimensions))
        terms = " ".join(
            f'{each}="{value}"' for each, value in {"MetricName": name, **wanted}.items()
        )
        return cloudwatch.SearchExpression(
            expression=f"SEARCH('{{{schema}}} {terms}', 'Sum')", label=label, period=MINUTE
        )


def _quoted(namespace: str) -> str:
    """Quote a namespace for a search if it has characters that a bare one may not have.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    return namespace if re.fullmatch(r"[\w/]+", namespace) else f'"{namespace}"'


def _value_of(dimension: str) -> str:
    """What CloudWatch replaces by a dimension's value in the label of each metric found."""
    return f"${{PROP('Dim.{dimension}')}}"
