"""The decision log."""

import json
import sys
import time
from typing import Annotated, Final

import typer

from wcsctl.context import of
from wcsctl.decision_log import DecisionLog, Filter, as_json, as_line
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs, LogRecord
from wcsctl.output import Output
from wcsctl.since import described, moment

_LIMIT: Final = 200


def decisions(  # noqa: PLR0913, PLR0917 - its filters
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    denied: Annotated[bool, typer.Option("--denied", help="Denials only.")] = False,
    method: Annotated[str, typer.Option(help="Of this method only, in any of its spellings.")] = "",
    policy: Annotated[
        str,
        typer.Option(help="Only where this policy had a say, shadow mode included: id, or app/id."),
    ] = "",
    app: Annotated[str, typer.Option(help="Of this appKey only.")] = "",
    since: Annotated[
        str, typer.Option(help="How far back: 90s, 15m, 1h30m, 2d, or a moment in ISO 8601.")
    ] = "1h",
    decision: Annotated[
        str,
        typer.Option(
            "--id", help="The decision with this id, as the reply's X-Decision-Id has it."
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="Show no more than the last so many.")] = _LIMIT,
) -> None:
    """Show the decision log: what was answered, by which policies, and what WCS did with it.

    Every denial, override, rejection and failure has a line. Of plain echoes only a sample is
    logged (the setting `echoLogSampleRate`). Times are local. With `--json` each line is a JSON
    object.

    Examples: `wcsctl decisions --denied --since 1d`, `wcsctl decisions -f --method publishStream`.
    """
    given = of(context)
    start = moment(since, time.time())
    logs = FunctionLogs(given.deployment, FunctionConfigurations(given.deployment))
    log = DecisionLog(logs, Filter(denied, method, policy, app, decision))
    if follow:
        _follow(log, start, given.output)
        return
    with given.output.progress("Reading the decision log"):
        found = log.decisions(start)
    for record in found[-limit:]:
        _show(record, given.output)
    if len(found) > limit:
        given.output.say(f"The last {limit} of {len(found)}: more with --limit.")
    elif not found:
        given.output.say(
            f"No such decision is logged {described(since)}. Plain echoes mostly are not; "
            "`wcsctl stats` counts them."
        )


def _follow(log: DecisionLog, start: float, output: Output) -> None:
    try:
        for record in log.follow(start):
            _show(record, output)
    except KeyboardInterrupt:
        # That is how it ends.
        return


def _show(record: LogRecord, output: Output) -> None:
    if output.as_json:
        sys.stdout.write(json.dumps(as_json(record), ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        output.people.print(as_line(record), soft_wrap=True)
