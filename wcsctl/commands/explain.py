"""Explain a real decision."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wcsctl.commands.decisions import subject_text
from wcsctl.context import command_context
from wcsctl.decision_explanation import (
    NOT_SAID,
    DecisionExplanation,
    explain_decision,
    find_decision,
)
from wcsctl.decision_log import DecisionLog, Filter, field_text, texts_of
from wcsctl.explanation import Considered
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.policies.history import History
from wcsctl.since import moment

_SHOWN_POLICIES: Final = 40


def explain(
    context: typer.Context,
    decision: Annotated[
        str,
        typer.Argument(
            help="The decision's id, or how it begins: the reply's X-Decision-Id, the last word "
            "of a line of `wcsctl decisions`.",
            metavar="DECISION",
        ),
    ],
    since: Annotated[
        str, typer.Option(help="How far back to look: 15m, 2d, or a moment in ISO 8601.")
    ] = "1d",
) -> None:
    """Why a real hook was answered so: each policy considered, the reply, and what WCS did.

    Goes by the decision's line of the log and by the policies of its versions, as far as they are
    kept. Bodies are not logged, so no hook is decided again. Which part of a policy did not hold is
    in the line with the setting `explainDecisions`.

        wcsctl explain 94766fd1
    """
    given = command_context(context)
    start = moment(since, time.time())
    logs = FunctionLogs(given.deployment, FunctionConfigurations(given.deployment))
    with given.output.progress("Reading the decision log"):
        log = DecisionLog(logs, Filter(decision=decision))
        record = find_decision(log, decision, start)
        found = explain_decision(record, History(given.deployment))
    given.output.result(found.to_json(), *_for_people(found))


def _for_people(found: DecisionExplanation) -> Iterator[Text]:
    line = found.record.fields
    at = datetime.fromtimestamp(found.record.at / 1000, UTC).astimezone()
    app = f" of app {field_text(line['app'])}" if line.get("app") else ""
    versions = ", ".join(f"{field_text(name)} version {one}" for name, one in _versions(line))
    yield Text.assemble(
        (f"{field_text(line.get('method', ''))}{app}", "bold"),
        f", {at:%d %b %H:%M:%S}, by {versions or 'none'}",
    )
    yield Text(f"Decision  {line.get('decision', '')}", "dim")
    yield Text()
    yield from _policies(found.considered)
    for title, said in _facts(found):
        yield Text(f"{title:<9} {said}")
    for note in found.notes:
        yield Text(f"\n{note}", "yellow")


def _versions(line: Mapping[str, Any]) -> list[tuple[str, Any]]:
    versions = line.get("versions")
    return list(versions.items()) if isinstance(versions, dict) else []


def _policies(considered: tuple[Considered, ...]) -> Iterator[Text]:
    if not considered:
        yield Text("No policy that is known named the method.\n")
        return
    # Of thousands that differ in an exact value only, those that got furthest come first.
    far = [one for one in considered if one.outcome not in {"match", NOT_SAID}]
    near = [one for one in considered if one.outcome in {"match", NOT_SAID}]
    shown = (*far, *near)[:_SHOWN_POLICIES]
    rows = [
        (
            one.outcome,
            one.action if one.mode == "enforce" else f"{one.action} ({one.mode})",
            field_text(f"{one.app}/{one.policy}"),
            " ".join(one.detail.split()),
        )
        for one in considered
        if one in shown
    ]
    widths = [max(len(row[number]) for row in rows) for number in range(3)]
    for outcome, action, name, detail in rows:
        yield Text.assemble(
            "  ",
            (f"{outcome:<{widths[0]}}", "green" if outcome == "applied" else ""),
            f"  {action:<{widths[1]}}  {name:<{widths[2]}}  {detail}".rstrip(),
        )
    if len(considered) > len(shown):
        yield Text(f"  … and {len(considered) - len(shown):,} more; --json lists all.")
    yield Text()


def _facts(found: DecisionExplanation) -> Iterator[tuple[str, str]]:
    line = found.record.fields
    subject, fields, token = (line.get(name) for name in ("subject", "fields", "token"))
    if isinstance(subject, dict):
        yield "Who", subject_text(subject)
    if isinstance(fields, dict):
        yield "Fields", " ".join(f"{name}={field_text(value)}" for name, value in fields.items())
    if isinstance(token, dict):
        by = f", by {token['trust']}" if token.get("trust") else ""
        yield "Token", f"{token.get('status', '')}{by}"
    if line.get("limit"):
        yield "No room", str(line["limit"])
    yield "Verdict", f"{line.get('answer', '')}{_by(line)}"
    reason = f", {found.reason!r}" if found.reason else ""
    yield "Reply", f"{line.get('status', '')}{reason}"
    if found.changes:
        yield "", f"changed: {', '.join(found.changes)}"
    yield "WCS", found.consequence


def _by(line: Mapping[str, Any]) -> str:
    policies = texts_of(line, "policies")
    return f" by {', '.join(policies)}" if policies else ""
