"""Which custom metrics there are: CloudWatch bills a name in each combination of dimensions.

It bills them by the hour in which they were published, so that what seldom happens costs little.
"""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final, NamedTuple

from bench.model.hook_mix import StreamLife
from infra.metrics import outcome_rows
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.outcome import Cause
from wcs_hooks.observability import COMPILER, METRICS, REST_ERRORS

OF_THE_COMPILER: Final = frozenset({"Compiled", "CompileErrors"})
"""What the compiler counts and the functions that answer hooks do not."""

OF_ANY_FUNCTION: Final = frozenset({"ColdStart"})
"""What both count."""

USUAL: Final = frozenset(
    {"Calls", "Echoed", "Overridden", "Denied", "ColdStart", "DecisionTime", "ServiceTime"}
)
"""What a stack in good health publishes in each hour: no failure, nobody rejected. Compilations are
rarer than hourly."""


class CustomMetric(NamedTuple):
    """A name with the values of its dimensions, in the order of the dimensions' names."""

    name: str
    dimensions: tuple[str, ...]


def methods_in_use(count: int) -> tuple[str, ...]:
    """So many methods: those of streams first, then the others as the vendor lists them."""
    ordered = dict.fromkeys((*StreamLife().hooks(), *METHODS))
    if not 0 < count <= len(ordered):
        raise ValueError(f"there are {len(ordered)} methods, with both spellings of some")
    return tuple(islice(ordered, count))


def every_metric(methods: Collection[str]) -> set[CustomMetric]:
    """All that can be published while these methods are in use: the most that is ever billed."""
    return {metric for name in METRICS for metric in _of(name, methods)}


def usual_metrics(methods: Collection[str]) -> set[CustomMetric]:
    """What is published in each hour while these methods are in use.

    Each method that can be denied or overridden is taken to be so in each hour.
    """
    refusable = [
        method
        for method in methods
        if METHODS[method].refusable and METHODS[method].category is not Category.CONNECT
    ]
    in_use = {METHODS[method].category for method in methods}
    found: set[CustomMetric] = set()
    for name in USUAL:
        by_policy = name in ("Overridden", "Denied")
        metrics = set(_of(name, refusable if by_policy else methods))
        # connect's own metrics go without a method here; the compiler starts as seldom as it runs.
        found |= {metric for metric in metrics if metric.dimensions[0] in in_use}
    # What a denial makes WCS do: one outcome for each category that has one.
    denied = {METHODS[method].category for method in refusable}
    return found | {
        CustomMetric(REST_ERRORS, (*row, Cause.POLICY))
        for row in outcome_rows()
        if row[0] in denied and row[1] == "FAIL"
    }


def _of(name: str, methods: Collection[str]) -> Iterator[CustomMetric]:
    for dimensions in METRICS[name]:
        if name == REST_ERRORS:
            yield from (
                CustomMetric(name, (*row, cause)) for row in outcome_rows() for cause in Cause
            )
        elif "method" in dimensions:
            yield from (
                CustomMetric(name, (METHODS[method].category, method)) for method in methods
            )
        else:
            yield from (CustomMetric(name, (category,)) for category in _functions(name))


def _functions(name: str) -> tuple[str, ...]:
    if name in OF_THE_COMPILER:
        return (COMPILER,)
    if name in OF_ANY_FUNCTION:
        return (*Category, COMPILER)
    return tuple(Category)
