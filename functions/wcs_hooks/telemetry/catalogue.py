"""The catalogue of metrics: what the functions count and time, in which units and dimensions.

The functions emit these, the alarms and the dashboard name them, and `wcsctl` reads them. Nothing
here is tied to any of the three: this module is pure.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from wcs_hooks.core.methods import Category, methods_of
from wcs_hooks.core.outcome import UNKNOWN, Outcome, RestOnError, outcome_of

_NAMESPACE: Final = "WcsHooks"

COMPILER: Final = "compiler"
"""The compiler's `category`; that of a function that answers hooks is a `Category`."""

Count = Literal[
    "Calls",
    "Echoed",
    "Overridden",
    "Denied",
    "DenySuppressed",
    "ShadowDenied",
    "ShadowOverridden",
    "Rejected",
    "Malformed",
    "Failed",
    "UnknownMethod",
    "ReportedFailures",
    "ExpressionErrors",
    "TokensRejected",
    "LookupErrors",
    "LimitErrors",
    "LeasesExpired",
    "StaleSnapshot",
    "DeadLettered",
    "DeadLetterFallback",
    "DeadLetterLost",
    "ColdStart",
]
MethodCount = Literal["Calls", "Denied", "Overridden", "ReportedFailures"]
Time = Literal["ServiceTime", "DecisionTime"]
CompilerCount = Literal["Compiled", "CompileErrors", "KeysStale"]

COUNTS: Final[tuple[Count, ...]] = get_args(Count)
"""What is counted of hooks, by category."""

METHOD_COUNTS: Final[tuple[MethodCount, ...]] = get_args(MethodCount)
"""What is counted by method as well. A method that is not known is left out: anybody could make up
any number of them."""

TIMES: Final[Mapping[str, str]] = {"ServiceTime": "Milliseconds", "DecisionTime": "Microseconds"}
"""What is timed of hooks, by category, with the unit."""

COMPILER_COUNTS: Final[tuple[CompilerCount, ...]] = get_args(CompilerCount)
"""What is counted of compilations, and of fetches of keys that failed. The compiler counts its
`ColdStart` too."""

REST_ERRORS: Final = "RestErrors"
"""Counts each reply that is not 200, by what WCS does with it."""

BY_CATEGORY: Final = ("service", "category")
BY_METHOD: Final = ("service", "category", "method")
BY_REST_ERROR: Final = ("category", "restOnError", "outcome", "cause")
"""The dimensions of `RestErrors`, which has no `service`."""

METRICS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    **dict.fromkeys((*COUNTS, *TIMES, *COMPILER_COUNTS), (BY_CATEGORY,)),
    **dict.fromkeys(METHOD_COUNTS, (BY_CATEGORY, BY_METHOD)),
    REST_ERRORS: (BY_REST_ERROR,),
}
"""Every metric that is emitted, with the sets of dimensions that it has."""

type Name = Count | Time | CompilerCount | Literal["RestErrors"]
"""A metric's name: a wrong one does not pass the type checker."""

type OutcomeRow = tuple[Category, str, str]
"""What WCS did, and why it could: category, restOnError, outcome."""


def namespace_of(stage: str) -> str:
    """Return the namespace of a stage's metrics, which no other stage of an account uses.

    Parameters
    ----------
    stage
        The setting of that name, empty for the default stage.

    Examples
    --------
    >>> namespace_of(""), namespace_of("test")
    ('WcsHooks', 'WcsHooks/test')
    """
    return f"{_NAMESPACE}/{stage}" if stage else _NAMESPACE


def unit_of(name: Name) -> str:
    """A metric's unit, as CloudWatch calls it."""
    return TIMES.get(name, "Count")


def rest_error_dimensions(
    category: str, rest_on_error: str | None, outcome: str | None, cause: str
) -> dict[str, str]:
    """The dimensions of `RestErrors` for one reply; what could not be found out is `UNKNOWN`."""
    values = (category, rest_on_error or UNKNOWN, outcome or UNKNOWN, cause)
    return dict(zip(BY_REST_ERROR, values, strict=True))


def outcome_rows() -> list[OutcomeRow]:
    """Everything that WCS can do with a reply that is not 200, by the vendor's table."""
    rows: list[OutcomeRow] = []
    for category in Category:
        for rest_on_error in RestOnError:
            outcomes = (
                outcome_of(method, category, rest_on_error) for method in methods_of(category)
            )
            rows += [(category, rest_on_error, outcome) for outcome in dict.fromkeys(outcomes)]
        declined = category is Category.CONNECT
        rows.append((category, UNKNOWN, Outcome.DECLINED if declined else UNKNOWN))
    return rows
