"""Calls, denials and latency."""

import time
from typing import Annotated, Any, Final

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.table import Table

from wcsctl.commands.bars import Bar, Legend
from wcsctl.context import command_context
from wcsctl.errors import UsageError
from wcsctl.function_configuration import CATEGORIES, FunctionConfigurations
from wcsctl.metrics import PERCENTILES, Activity, TimeKey, source_of
from wcsctl.output import one_line
from wcsctl.since import described, moment

_EVERY_LOCALLY: Final = 2.0
_EVERY_IN_THE_CLOUD: Final = 30.0
"""CloudWatch has a price for each metric that it is asked for, and minutes for its resolution."""

_ANSWERS: Final = {
    "Echoed": "green",
    "Overridden": "cyan",
    "Denied": "yellow",
    "Rejected": "magenta",
    "Malformed": "blue",
    "Failed": "red",
}
_SHARES_OF_METHODS: Final = (("other calls", "green"), ("overridden", "cyan"), ("denied", "yellow"))
_TIMES: Final = {"ServiceTime": "service ms", "DecisionTime": "decision µs"}
_BESIDE: Final = {
    "DenySuppressed": "suppressed",
    "ShadowDenied": "shadow denied",
    "ShadowOverridden": "shadow overridden",
    "UnknownMethod": "unknown method",
    "ReportedFailures": "failures reported by WCS",
    "ExpressionErrors": "expressions without a value",
    "LookupErrors": "rows that could not be read",
    "StaleSnapshot": "with outdated policies",
    "DeadLettered": "dead-lettered",
    "DeadLetterFallback": "dead-lettered in the table",
    "DeadLetterLost": "lost",
    "ColdStart": "cold starts",
}


def stats(
    context: typer.Context,
    since: Annotated[
        str, typer.Option(help="How far back: 90s, 15m, 1h30m, 2d, or a moment in ISO 8601.")
    ] = "1h",
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    every: Annotated[
        float | None,
        typer.Option(
            min=1, help="Seconds between two looks with --watch: 30 by default, 2 with --local."
        ),
    ] = None,
) -> None:
    """Show calls by category and method, what became of them, and how long the answers took.

    Suppressed denials, shadow verdicts and the like are counted beside the answers. Service time
    is from the event to the reply inside the function, decision time the policies' part of it.

    The source is CloudWatch, where figures come a minute or two late and each look costs a fraction
    of a cent, or for `--local` the functions' log.

        wcsctl stats --since 1d
        wcsctl stats --watch
    """
    given = command_context(context)
    if watch and given.output.as_json:
        raise UsageError("--watch is for people: with --json call stats again and again instead.")
    local = given.deployment.endpoint is not None
    pause = every or (_EVERY_LOCALLY if local else _EVERY_IN_THE_CLOUD)
    source = source_of(given.deployment, FunctionConfigurations(given.deployment))

    def look() -> Activity:
        now = time.time()
        return source.activity(moment(since, now), now)

    if not watch:
        with given.output.progress("Reading metrics"):
            activity = look()
        given.output.result(_to_json(activity), drawn(activity, since))
        return
    try:
        with Live(drawn(look(), since), console=given.output.people, auto_refresh=False) as live:
            while True:
                time.sleep(pause)
                live.update(drawn(look(), since), refresh=True)
    except KeyboardInterrupt:
        # That is how it ends.
        return


def _to_json(activity: Activity) -> dict[str, Any]:
    categories: dict[str, dict[str, Any]] = {}
    for (metric, category), count in sorted(activity.counts.items()):
        categories.setdefault(category, {})[metric] = count
    for key, value in sorted(activity.times.items()):
        times = categories.setdefault(key.category, {}).setdefault(key.metric, {})
        times[f"p{key.percentile}"] = value
    methods: dict[str, dict[str, int]] = {}
    for (metric, _, method), count in sorted(activity.methods.items()):
        methods.setdefault(method, {})[metric] = count
    return {"categories": categories, "methods": methods}


def drawn(activity: Activity, since: str) -> Group | str:
    """What happened, for people."""
    if not any(activity.counts.values()):
        return f"No hook {described(since)}."
    times: list[RenderableType] = ["", _times(activity)] if activity.times else []
    answers = Legend([(answer.lower(), colour) for answer, colour in _ANSWERS.items()])
    methods = Legend(_SHARES_OF_METHODS)
    return Group(
        *(_categories(activity), answers, *_beside(activity), *times),
        *("", _methods(activity), methods),
    )


def _categories(activity: Activity) -> Table:
    table = _table("category", "calls", *(answer.lower() for answer in _ANSWERS))
    counts = activity.counts
    most = max(counts.get(("Calls", category), 0) for category in CATEGORIES)
    for category in CATEGORIES:
        numbers = [counts.get((name, category), 0) for name in ("Calls", *_ANSWERS)]
        if any(numbers):
            shares = list(zip(numbers[1:], _ANSWERS.values(), strict=True))
            table.add_row(category, *map(_number, numbers), Bar(shares, most))
    return table


def _times(activity: Activity) -> Table:
    headings = [f"{name} p{one}" for name in _TIMES.values() for one in PERCENTILES]
    table = _table("category", *headings)
    for category in CATEGORIES:
        values = [
            activity.times.get(TimeKey(metric, category, one))
            for metric in _TIMES
            for one in PERCENTILES
        ]
        if any(value is not None for value in values):
            table.add_row(category, *("·" if one is None else f"{one:.1f}" for one in values))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        # Where there is no room its heading is folded, but no number is.
        left = name == "category"
        table.add_column(name, justify="left" if left else "right", no_wrap=left, min_width=5)
    table.add_column("")
    return table


def _number(number: int) -> str:
    return str(number or "·")


def _beside(activity: Activity) -> list[str]:
    lines = []
    for metric, words in _BESIDE.items():
        where = {
            category: activity.counts.get((metric, category), 0)
            for category in CATEGORIES
            if activity.counts.get((metric, category), 0)
        }
        if where:
            shares = ", ".join(f"{category} {count}" for category, count in where.items())
            lines.append(f"{words}: {shares}")
    return ["", *lines] if lines else []


def _methods(activity: Activity) -> Table:
    table = _table("method", "category", "calls", "denied", "overridden", "failures")
    called = {
        (category, method): count
        for (metric, category, method), count in activity.methods.items()
        if metric == "Calls"
    }
    most = max(called.values(), default=0)
    for (category, method), calls in sorted(called.items(), key=lambda item: -item[1]):
        denied, overridden, failures = (
            activity.methods.get((metric, category, method), 0)
            for metric in ("Denied", "Overridden", "ReportedFailures")
        )
        counts = (max(calls - denied - overridden, 0), overridden, denied)
        shares = [
            (count, colour) for count, (_, colour) in zip(counts, _SHARES_OF_METHODS, strict=True)
        ]
        numbers = map(_number, (calls, denied, overridden, failures))
        table.add_row(one_line(method), category, *numbers, Bar(shares, most))
    return table
