"""The embedded metric format (EMF): the lines of the log that CloudWatch makes metrics of.

A line counts a hook, or many plain echoes (`wcs_hooks.telemetry.echo_batch`). The bytes of these
lines are the largest cost after the gateway's, so only what was counted is emitted: no zeros, and
nothing twice.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from wcs_hooks.core.json_template import HOLE, TEMPLATES_KEPT, template
from wcs_hooks.hook.request import RestError
from wcs_hooks.telemetry.catalogue import METRICS, Name, rest_error_dimensions, unit_of


class HookMetrics(AmazonCloudWatchEMFProvider):
    """Powertools' EMF provider, with the dimension sets that each metric is to have.

    Parameters
    ----------
    category
        That dimension.

    Attributes
    ----------
    method
        The `method` dimension, for the metrics that have it; empty for none.
    rest_error
        The dimensions of `RestErrors`, which has these alone; empty if it was not counted.

    Notes
    -----
    Powertools gives all metrics of a line the same sets of dimensions. EMF allows a directive for
    each: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch_Embedded_Metric_Format_Specification.html
    """

    method: str = ""
    rest_error: Mapping[str, str] = MappingProxyType({})

    def __init__(self, category: str) -> None:
        super().__init__(default_dimensions={"category": category})
        self._category = category
        self._disabled = is_metrics_disabled()
        self._template_of = lru_cache(TEMPLATES_KEPT)(self._make_template)

    def serialize_metric_set(self, *args: Any, **kwargs: Any) -> Any:
        """The line's content."""
        line: dict[str, Any] = dict(super().serialize_metric_set(*args, **kwargs))
        [directive] = line["_aws"]["CloudWatchMetrics"]
        directives: dict[tuple[tuple[str, ...], ...], dict[str, Any]] = {}
        for metric in directive["Metrics"]:
            sets = METRICS[metric["Name"]]
            if not self.method:
                sets = tuple(dimensions for dimensions in sets if "method" not in dimensions)
            group = {"Namespace": directive["Namespace"], "Dimensions": sets, "Metrics": []}
            directives.setdefault(sets, group)["Metrics"].append(metric)
        line["_aws"]["CloudWatchMetrics"] = list(directives.values())
        if self.method:
            line["method"] = self.method
        return line | dict(self.rest_error)

    def line(
        self,
        values: Mapping[Name, str],
        method: str,
        rest_error: RestError | None,
        at: float,
    ) -> str:
        """A line, with its end; empty where metrics are turned off.

        What Powertools makes of the same metrics only differs in the numbers, so it is asked once
        for each combination: validating and serialising again took a third of an echo's time.

        Parameters
        ----------
        values
            What was counted, by metric: a JSON array of at most 100 values.
        at
            When, in seconds since the epoch.
        """
        if self._disabled:
            return ""
        text = self._template_of(tuple(values), method, rest_error)
        return text % (int(at * 1000), *values.values())

    def _make_template(
        self, names: tuple[Name, ...], method: str, rest_error: RestError | None
    ) -> str:
        self.method = method
        self.rest_error = rest_error_dimensions(self._category, *rest_error) if rest_error else {}
        for name in names:
            self.add_metric(name, unit_of(name), 0)
        line = self.serialize_metric_set()
        self.clear_metrics()
        line["_aws"]["Timestamp"] = HOLE
        return f"{template(line | dict.fromkeys(names, HOLE))}\n"


def microseconds(*seconds: float) -> str:
    """Times in the form in which a line takes them."""
    return f"[{','.join([f'{each * 1e6:.1f}' for each in seconds])}]"


def milliseconds(*seconds: float) -> str:
    """Times in the form in which a line takes them."""
    return f"[{','.join([f'{each * 1e3:.3f}' for each in seconds])}]"
