"""What WCS did with refusals."""

import time
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from rich.console import RenderableType
from rich.table import Table

from wcs_hooks.core.outcome import UNKNOWN, Cause, Outcome
from wcsctl.commands.bars import Bar, Legend
from wcsctl.context import command_context
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.metrics import RestErrorCell, rest_error_cells, source_of
from wcsctl.since import described, moment

_MEANINGS: Final = {
    Outcome.DECLINED: "the connection was refused",
    Outcome.ABORTED: "the action was, and the client was notified",
    Outcome.ERROR_EVENT: "WCS carried on, and sent the client an ErrorEvent",
    Outcome.STREAM_ENDED: "the stream was ended",
    Outcome.CONTINUED: "WCS carried on as if nothing had been said",
}
_COLOURS: Final = {
    Cause.POLICY: "yellow",
    Cause.FAILURE: "red",
    Cause.CALLER: "magenta",
    Cause.MALFORMED: "blue",
}


def outcomes(
    context: typer.Context,
    since: Annotated[
        str, typer.Option(help="How far back: 90s, 15m, 1h30m, 2d, or a moment in ISO 8601.")
    ] = "1h",
    every: Annotated[
        bool, typer.Option("--all", help="Also the rows in which nothing happened.")
    ] = False,
) -> None:
    """Show what WCS did with refusals and failures: `restOnError`, outcome, category and cause.

    Each reply that is not 200 is counted once. What WCS does with it depends on the `restOnError`
    that connect's reply gave the session for the method: a refusal under `LOG` changes nothing.
    Causes: `policy` (a deny), `failure` (our own), `caller` (did not prove to be WCS), `malformed`
    (the body is not a hook).

    The source is CloudWatch, or for `--local` the functions' log.

        wcsctl outcomes --since 1d
    """
    given = command_context(context)
    deployment = given.deployment
    now = time.time()
    start = moment(since, now)
    source = source_of(deployment, FunctionConfigurations(deployment))
    with given.output.progress("Reading metrics"):
        cells = source.rest_errors(start, now)
    value = [
        {**cell.dimensions(), "count": count} for cell, count in sorted(cells.items()) if count
    ]
    given.output.result(value, *_drawn(cells, since, every=every))


def _drawn(cells: Mapping[RestErrorCell, int], since: str, *, every: bool) -> list[RenderableType]:
    rows: dict[tuple[str, str, str], dict[str, int]] = {}
    for cell in [*rest_error_cells(), *cells]:
        row = rows.setdefault((cell.category, cell.rest_on_error, cell.outcome), {})
        row[cell.cause] = cells.get(cell, 0)
    shown = {key: counts for key, counts in rows.items() if every or any(counts.values())}
    if not shown:
        return [f"No reply {described(since)} was anything but a 200."]
    most = max(sum(counts.values()) for counts in shown.values())
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("category", "restOnError", "outcome"):
        table.add_column(name, no_wrap=True)
    for cause in Cause:
        table.add_column(cause, justify="right", no_wrap=True)
    table.add_column("")
    for (category, rest_on_error, outcome), counts in shown.items():
        shares = [(counts.get(cause, 0), _COLOURS[cause]) for cause in Cause]
        numbers = [str(count or "·") for count, _ in shares]
        table.add_row(category, rest_on_error, outcome, *numbers, Bar(shares, most))
    legend = Legend([(cause, _COLOURS[cause]) for cause in Cause])
    return [table, legend, "", *_legend({outcome for _, _, outcome in shown}), *_advice(shown)]


def _legend(outcomes_shown: set[str]) -> list[str]:
    lines = [f"{name}: {meaning}" for name, meaning in _MEANINGS.items() if name in outcomes_shown]
    if UNKNOWN in outcomes_shown:
        lines.append(f"{UNKNOWN}: what the session's connect reply said could not be found out")
    return lines


def _advice(shown: Mapping[tuple[str, str, str], Mapping[str, int]]) -> list[str]:
    in_vain = sum(
        counts.get(Cause.POLICY, 0)
        for (_, _, outcome), counts in shown.items()
        if outcome == Outcome.CONTINUED
    )
    if not in_vain:
        return []
    advice = (
        f"\n{in_vain} denied by a policy and continued all the same: those sessions had "
        "restOnError LOG, so they connected before the policy was active, or not at all."
    )
    return [advice]
