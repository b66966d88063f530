"""The decision log."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wcsctl.completion import Completed
from wcsctl.context import command_context
from wcsctl.decision_log import DecisionLog, Filter, field_text, texts_of, to_json
from wcsctl.decision_search import DecisionSearch
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs, LogRecord
from wcsctl.output import Output, one_line
from wcsctl.since import described, moment

_LIMIT: Final = 200
_COLOURS: Final = {
    "echoed": "green",
    "overridden": "cyan",
    "denied": "yellow",
    "rejected": "magenta",
    "malformed": "magenta",
    "failed": "red",
}
_REMARKS: Final = {
    "app": "app {}",
    "policies": "by {}",
    "denySuppressed": "denial suppressed: the session was never seen at connect",
    "shadowDenied": "shadow would deny: {}",
    "shadowOverridden": "shadow would override: {}",
    "expressionErrors": "no value: {}",
    "lookupErrors": "row not available: {}",
    "limitErrors": "not counted: {}",
    "limit": "no room: {}",
    "error": "{}",
    "stale": "policies may be outdated",
    "deadLettered": "dead-lettered",
    "deadLetterFallback": "in the dead-letter table, since the queue did not take it",
    "redriven": "redriven",
}


def decisions(  # noqa: PLR0913, PLR0917 - its filters
    context: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")
    ] = False,
    denied: Annotated[bool, typer.Option("--denied", help="Denials only.")] = False,
    failed: Annotated[
        bool,
        typer.Option(
            "--failed", help="Only what could not be answered, or done besides the reply."
        ),
    ] = False,
    suppressed: Annotated[
        bool,
        typer.Option("--suppressed", help="Only denials of unknown sessions, which were echoed."),
    ] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Only where this field of the hook is this; of several all. Lines show the fields "
            "of the setting `loggedFields`.",
        ),
    ] = None,
    user: Annotated[
        str,
        typer.Option(
            help="Only of this user. Lines say who it was if the setting `subject` is on."
        ),
    ] = "",
    session: Annotated[
        str, typer.Option(help="Only of the session with this sessionId, or this hash of one.")
    ] = "",
    method: Annotated[
        str, typer.Option(help="Of this method only, in any of its spellings."), Completed.METHODS
    ] = "",
    policy: Annotated[
        str,
        typer.Option(help="Only where this policy had a say, shadow mode included: id, or app/id."),
    ] = "",
    app: Annotated[str, typer.Option(help="Of this appKey only."), Completed.APPS] = "",
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
    object. Of `--denied`, `--failed` and `--suppressed` any is enough; everything else must hold.

        wcsctl decisions --denied --since 1d
        wcsctl decisions -f --method publishStream
        wcsctl decisions --user anna --where name=lesson
    """
    given = command_context(context)
    start = moment(since, time.time())
    log = found_log(
        given.deployment,
        Filter(denied, failed, suppressed, method, policy, app, decision),
        where or (),
        user,
        session,
    )
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


def found_log(
    deployment: Deployment, wanted: Filter, where: Sequence[str], user: str, session: str
) -> DecisionLog:
    """Return the log of a deployment, with the decisions that people look for.

    Parameters
    ----------
    wanted
        Which ones, besides.
    where
        Fields of hooks, `name=value` each.
    user, session
        Whose; empty for anybody's.

    Raises
    ------
    UsageError
        If lines do not show what is looked for.
    """
    configurations = FunctionConfigurations(deployment)
    search = DecisionSearch(deployment, configurations)
    found = replace(
        wanted,
        fields=search.fields(where),
        subjects=search.subjects(user) if user else frozenset(),
        sessions=search.sessions(session) if session else frozenset(),
    )
    return DecisionLog(FunctionLogs(deployment, configurations), found)


def _follow(log: DecisionLog, start: float, output: Output) -> None:
    try:
        for record in log.follow(start):
            _show(record, output)
    except KeyboardInterrupt:
        # That is how it ends.
        return


def _show(record: LogRecord, output: Output) -> None:
    if output.as_json:
        output.record(to_json(record))
    else:
        output.people.show(decision_line(record))


def decision_line(record: LogRecord) -> Text:
    """A decision for people, in the local time zone."""
    line = record.fields
    at = datetime.fromtimestamp(record.at / 1000, UTC).astimezone()
    answer, method = (one_line(line.get(name, "")) for name in ("answer", "method"))
    text = Text.assemble(
        (f"{at:%d %b %H:%M:%S}.{record.at % 1000:03}", "dim"),
        f"  {one_line(line.get('category', record.function)):<8} {method:<22} ",
        (f"{answer:<10} {one_line(line.get('status', ''))}", _COLOURS.get(answer, "")),
    )
    for part in _remarks(line):
        text.append(f"  {one_line(part)}")
    text.append(f"  {one_line(line.get('decision', ''))}", "dim")
    return text


def subject_text(subject: Mapping[str, Any]) -> str:
    """Who it was, for people."""
    hashed = f"hash {subject.get('hash')}"
    who = f"user {field_text(subject['id'])}" if "id" in subject else f"user with {hashed}"
    return f"{who} (unverified)" if subject.get("unverified") else who


def _remarks(line: Mapping[str, Any]) -> Iterator[str]:
    subject = line.get("subject")
    if isinstance(subject, dict):
        yield subject_text(subject)
    fields = line.get("fields")
    if isinstance(fields, dict):
        yield " ".join(f"{name}={field_text(value)}" for name, value in fields.items())
    for field, words in _REMARKS.items():
        value = line.get(field)
        if value:
            shown = ", ".join(texts_of(line, field)) if isinstance(value, list) else value
            yield words.format(shown)
    token = line.get("token")
    if isinstance(token, dict):
        by = ", ".join(
            f"{words}{token[name]}"
            for name, words in (("trust", ""), ("kid", "key "))
            if name in token
        )
        yield f"token {token.get('status', '')}{f' ({by})' if by else ''}"
    if line.get("outcome"):
        yield f"WCS under {line.get('restOnError')}: {line['outcome']}"
    if line.get("deadLettered") is False:
        yield "NOT KEPT: no dead letter was possible"
