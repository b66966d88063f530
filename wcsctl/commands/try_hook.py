"""What would happen to a hook now, and why."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from wcs_hooks.core.payload import Payload, encode
from wcs_hooks.core.secrets import masked
from wcsctl import hook_recordings
from wcsctl.completion import Completed
from wcsctl.context import CommandContext, command_context
from wcsctl.dead_letters import WaitingDeadLetters
from wcsctl.deployed_lists import DeployedLists
from wcsctl.deployed_policies import DeployedPolicies
from wcsctl.deployment import Deployment
from wcsctl.errors import UsageError
from wcsctl.explanation import AnswerKind, Considered, Explanation, consequence, never_deny
from wcsctl.hook_recordings import DEAD_LETTERS, DECISIONS, Recording
from wcsctl.hook_sender import as_of_client, fields_of
from wcsctl.limits.deployed_budgets import PlaceCounter
from wcsctl.output import Output, counted, one_line
from wcsctl.policies.candidate import Candidate, load
from wcsctl.since import iso_moment
from wcsctl.tokens.deployed_keys import DeployedKeys
from wcsctl.tokens.given_token import STATUSES, GivenToken, GivenTokenError, given_token
from wcsctl.trial import (
    RECORDED,
    UNKNOWN,
    Replayed,
    Trial,
    note_on,
    read_bytes,
    read_payload,
    summary,
    verdict,
    with_app,
)

_SHOWN_POLICIES: Final = 40


def try_hook(  # noqa: PLR0913, PLR0917 - the options of a command
    context: typer.Context,
    method: Annotated[
        str | None,
        typer.Argument(help="As WCS sends it: publishStream, connect …"),
        Completed.METHODS,
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD]...", help="The body: name=text, name:=JSON."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", "-f", help="The hook's body, JSON; - for standard input."),
    ] = None,
    connect: Annotated[
        list[str] | None,
        typer.Option("--connect", "-c", metavar="FIELD", help="A field of the connect before it."),
    ] = None,
    app: Annotated[
        str | None,
        typer.Option(help="Put this appKey into the body, instead of its own."),
        Completed.APPS,
    ] = None,
    session: Annotated[
        str | None,
        typer.Option(
            help="The hook's session: a FILE with the body of its connect; `unknown`, never seen "
            "at connect; or `recorded`, as the deployment has it by the body's nodeId and "
            "sessionId. By default `recorded` if the body names a session, else one that has "
            "connected. --replay always uses `recorded`.",
        ),
    ] = None,
    at: Annotated[
        str | None, typer.Option(help="Decide as at this moment, ISO 8601.", metavar="TIME")
    ] = None,
    candidate: Annotated[
        Path | None,
        typer.Option(
            help="Compile the policies in DIR (one app a folder) and compare them with the "
            "active ones. Apps that DIR does not have stay as they are.",
            metavar="DIR",
        ),
    ] = None,
    claims: Annotated[
        str | None,
        typer.Option(
            help="Take the hook's token for valid, whatever it shows, with these claims.",
            metavar="JSON",
        ),
    ] = None,
    token_status: Annotated[
        str | None,
        typer.Option(
            help="Take this for the status of the hook's token: `none`, `expired` …",
            metavar="STATUS",
        ),
    ] = None,
    replay: Annotated[
        str | None,
        typer.Option(
            help="Decide recorded hooks, by the active policies and by --candidate, and show which "
            "verdicts change: `dead-letters` for those that wait in the queue (they stay there), "
            "or a FILE of JSON lines {method, body, session?, at?}.",
            metavar="SOURCE",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="Replay so many dead letters at most.", min=1)] = 1000,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show secret fields (passwords, tokens, custom) too.")
    ] = False,
) -> None:
    """What would happen to a hook now, and why. Nothing is sent, and nothing is written.

    Reads the active policies and decides by the code that is deployed: each policy that names
    the method, whether it applies and if not which part of it does not hold, the reply, and what
    WCS does with it.

        wcsctl try publishStream name=lesson --connect custom.role=pupil
        wcsctl try publishStream -f body.json --app live --session connect.json
        wcsctl try connect -f connect.json --candidate policies
        wcsctl try --candidate policies --replay dead-letters
        wcsctl try publishStream -f body.json --claims '{"sub": "anna", "role": "teacher"}'

    The body is given as fields, as `wcsctl send` takes them, or as --file. A token in the hook, and
    one in the connect that --connect or --session gives, is verified with the keys
    that the functions use: keys of issuers as the compiler fetched them last, and secrets, if you
    may read them. Shown are the policy that took the token, what became of it, and the claims.
    Rows of lists are read as the functions do, and shown as `rows.ban: a row` or `null`, never what
    is in them. A policy with a limit is shown with those who hold its places, `2 of 2 held by …`;
    none is taken. Hooks of --replay always find room: what was held when they came is not known.

    A denial of a hook whose session was never seen at connect is suppressed: the WCS REST API may
    have started it. Give --connect or --session to see what a client would be answered.
    """
    command = command_context(context)
    moment = moment_of(at)
    given = token_of(claims, token_status)
    if replay is not None:
        if given is not None:
            raise UsageError("--claims and --token-status are about one hook, not about --replay.")
        if method is not None or file is not None or connect or candidate is None:
            raise UsageError("--replay needs --candidate DIR, and neither METHOD nor --file.")
        _check_source(replay)
        trial = deployed_trial(command.deployment, load(candidate, moment), moment)
        recordings = _recordings(command, replay, limit)
        with command.output.progress("replaying") as advance:
            replayed = []
            for one in trial.replay(recordings, app):
                replayed.append(one)
                advance(1)
        _show_replay(command.output, replayed)
        return
    if method is None or (file is None and not fields and not connect):
        raise UsageError(
            "Give a METHOD and its body: fields such as name=lesson, or --file FILE; "
            "or --replay SOURCE."
        )
    if session is not None and connect:
        raise UsageError("--connect and --session exclude each other.")
    given_body = with_app(_body(fields, file), app).text.encode()
    before, body = as_of_client(method, given_body, fields_of(connect) if connect else None)
    payload = read_payload(body, "the body")
    compared = None if candidate is None else load(candidate, moment)
    trial = deployed_trial(command.deployment, compared, moment, given)
    if note := note_on(method):
        command.output.say(note)
    asked = trial.asked(method, payload, session or _session(method, before))
    in_force = trial.in_force(asked)
    then = trial.candidate(asked) if candidate is not None else None
    _show(command.output, in_force, then, trial.uncounted, reveal=reveal)


def _body(fields: Sequence[str] | None, file: Path | None) -> Payload:
    if file is None:
        return read_payload(encode(fields_of(fields or ())).encode(), "the body")
    if fields:
        raise UsageError("Give the body as fields or as --file, not both.")
    raw = sys.stdin.buffer.read() if str(file) == "-" else read_bytes(file)
    return read_payload(raw, str(file))


def _session(method: str, connect: bytes | None) -> str | Payload:
    if connect is not None:
        return read_payload(connect, "--connect")
    return UNKNOWN if method == "connect" else RECORDED


def deployed_trial(
    deployment: Deployment,
    candidate: Candidate | None,
    moment: float,
    token: GivenToken | None = None,
) -> Trial:
    """What decides hooks as a deployment would, its lists, keys and places included.

    Parameters
    ----------
    candidate
        What is compared with it; none if nothing is.
    moment
        The moment of the decisions, in seconds since the epoch.
    token
        What is to be taken for known of every hook's token; none to verify it.
    """
    deployed = DeployedPolicies(deployment)
    return Trial(
        deployed,
        candidate,
        moment,
        deployed.rest_api_calls(),
        keys=DeployedKeys(deployment),
        lists=DeployedLists(deployment),
        places=cache(lambda: PlaceCounter(deployment)),
        token=token,
    )


def token_of(claims: str | None, status: str | None) -> GivenToken | None:
    """What is given of a hook's token; none if nothing is.

    Parameters
    ----------
    claims
        JSON.

    Raises
    ------
    UsageError
        If they are none, or do not fit together.
    """
    if status is not None and status not in STATUSES:
        raise UsageError(f"--token-status {status!r} is none of {', '.join(STATUSES)}.")
    try:
        return given_token(status, None if claims is None else json.loads(claims))
    except GivenTokenError as error:
        raise UsageError(f"--claims: {error}.") from None
    except (ValueError, RecursionError):
        raise UsageError('--claims is not JSON: {"sub": "anna"}.') from None


def moment_of(text: str | None) -> float:
    """The moment that a text names, in seconds since the epoch; now if there is none.

    Raises
    ------
    UsageError
        If it is not an ISO 8601 time.
    """
    if text is None:
        return time.time()
    try:
        return iso_moment(text)
    except ValueError:
        raise UsageError(f"--at {text!r} is not an ISO 8601 time: 2030-01-31T18:00:00Z.") from None


def _check_source(source: str) -> None:
    if source == DECISIONS:
        raise UsageError(
            "The decision log holds no bodies, on purpose: they are full of secrets. So its "
            "decisions cannot be replayed. What can: --replay dead-letters, or a FILE of JSON "
            "lines {method, body, session?, at?}."
        )


def _recordings(command: CommandContext, source: str, limit: int) -> Iterator[Recording]:
    if source != DEAD_LETTERS:
        yield from hook_recordings.of_file(Path(source))
        return
    with WaitingDeadLetters(command.deployment) as waiting:
        yield from map(hook_recordings.of_dead_letter, waiting.letters(limit))


# --- one hook -----------------------------------------------------------------------------------


def _show(
    output: Output,
    in_force: Explanation,
    then: Explanation | None,
    uncounted: str,
    *,
    reveal: bool,
) -> None:
    value = tried(in_force, then, uncounted, reveal=reveal)
    shown = _for_people(output, in_force, "By the active policies", reveal=reveal)
    if then is not None:
        changed = in_force.essence != then.essence
        word = Text("The reply changes.", "yellow") if changed else "The reply stays the same."
        shown += ["", *_for_people(output, then, "By the candidate", reveal=reveal), "", word]
    if uncounted:
        output.say(f"Limits are not counted, as if there were room: {uncounted}")
    output.result(value, *shown)


def tried(
    in_force: Explanation, then: Explanation | None, uncounted: str, *, reveal: bool
) -> dict[str, Any]:
    """Return what came of a hook, as `-o json` prints it.

    Parameters
    ----------
    then
        What would come of it by a candidate; none without one.
    uncounted
        Why places were not counted; empty if they were.
    reveal
        Whether secret fields are shown as they are.
    """
    value: dict[str, Any] = {"inForce": _to_json(in_force, reveal=reveal)}
    if then is not None:
        changed = in_force.essence != then.essence
        value |= {"candidate": _to_json(then, reveal=reveal), "changed": changed}
    if uncounted:
        value["uncounted"] = uncounted
    return value


def _for_people(output: Output, found: Explanation, title: str, *, reveal: bool) -> list[Any]:
    versions = ", ".join(f"{app} version {n}" for app, n in found.versions.items() if n)
    lines: list[Any] = [
        Text.assemble((title, "bold"), f" ({one_line(versions)})" if versions else "")
    ]
    lines += _policy_table(output, found.considered)
    lines += ["", *_token_lines(found, reveal=reveal)] if found.token is not None else []
    lines.append(Text.assemble("\nVerdict   ", (one_line(verdict(found)), "bold")))
    if found.answer is AnswerKind.SUPPRESSED:
        lines.append(f"          {one_line(never_deny(found))}")
    denial = found.decision.denial
    reason = denial.reason if denial is not None and found.answer is AnswerKind.DENY else ""
    said = f", {reason!r}" if reason else ""
    lines.append(f"Reply     {found.reply.status}{one_line(said)}")
    lines += [f"          {one_line(line)}" for line in _changes(found, reveal=reveal)]
    config = encode(dict(found.client_config)) if found.client_config else "none: the defaults hold"
    lines += [f"Config    {one_line(config)}", f"WCS       {one_line(consequence(found))}"]
    return lines


def _token_lines(found: Explanation, *, reveal: bool) -> list[Any]:
    token = found.token
    if token is None:
        return []
    by = f", by {token.trust}" if token.trust else ""
    key = f" ({' '.join(filter(None, (token.algorithm, token.kid)))})" if token.algorithm else ""
    why = f": {token.detail}" if token.detail else ""
    claims = "none" if found.claims is None else encode(dict(_shown(found.claims, reveal=reveal)))
    return [
        Text.assemble("Token     ", (token.status, "bold"), one_line(f"{by}{key}{why}")),
        f"Claims    {one_line(claims)}",
    ]


def _policy_table(output: Output, considered: Sequence[Considered]) -> list[Any]:
    if not considered:
        return ["No policy names the method."]
    # Of thousands that differ in an exact value only, those that got furthest are shown first.
    far = [one for one in considered if one.outcome != "match"]
    near = [one for one in considered if one.outcome == "match"]
    shown = (*far, *near)[:_SHOWN_POLICIES]
    rows = [
        (
            f"{one.app}/{one.policy}",
            one.action if one.mode == "enforce" else f"{one.action} ({one.mode})",
            Text(one.outcome, "green" if one.outcome == "applied" else ""),
            _why(one),
        )
        for one in considered
        if one in shown
    ]
    lines: list[Any] = [output.table(("policy", "action", "outcome", "why"), rows)]
    if len(considered) > len(shown):
        lines.append(f"… and {len(considered) - len(shown):,} more; --json lists all.")
    return lines


def _why(considered: Considered) -> str:
    """What kept a policy from applying, and which rows it looked up; no row is shown."""
    rows = [f"rows.{alias}: {said}" for alias, said in considered.rows.items()]
    return "; ".join(filter(None, (considered.detail, *rows)))


def _changes(found: Explanation, *, reveal: bool) -> list[str]:
    was = _shown({name: one.was for name, one in found.changed.items()}, reveal=reveal)
    becomes = _shown({name: one.becomes for name, one in found.changed.items()}, reveal=reveal)
    return [
        f"{name}: {'(new)' if one.is_new else encode(was[name])} → {encode(becomes[name])}"
        for name, one in found.changed.items()
    ]


def _shown(fields: Mapping[str, Any], *, reveal: bool) -> Mapping[str, Any]:
    return fields if reveal else masked(fields)


def _to_json(found: Explanation, *, reveal: bool) -> Mapping[str, Any]:
    was = _shown({name: one.was for name, one in found.changed.items()}, reveal=reveal)
    becomes = _shown({name: one.becomes for name, one in found.changed.items()}, reveal=reveal)
    denial = found.decision.denial
    return {
        "method": found.method,
        "versions": dict(found.versions),
        "answer": found.answer,
        "status": found.reply.status,
        "reason": denial.reason if denial is not None else "",
        "policies": list(found.policies),
        "shadowDenied": list(found.decision.shadow_denied),
        "shadowOverridden": list(found.decision.shadow_overridden),
        "considered": [
            {
                "policy": one.policy,
                "app": one.app,
                "version": one.version,
                "action": one.action,
                "mode": one.mode,
                "outcome": one.outcome,
                "detail": one.detail,
                "rows": dict(one.rows),
            }
            for one in found.considered
        ],
        "changed": {
            name: {"was": was[name], "becomes": becomes[name], "isNew": one.is_new}
            for name, one in found.changed.items()
        },
        "token": found.token and {**found.token.variable(), "detail": found.token.detail},
        "claims": None if found.claims is None else dict(_shown(found.claims, reveal=reveal)),
        "restClientConfig": dict(found.client_config),
        "restOnError": found.rest_on_error,
        "outcome": found.outcome,
        "wcs": consequence(found),
    }


# --- many hooks ---------------------------------------------------------------------------------


def _show_replay(output: Output, replayed: Sequence[Replayed]) -> None:
    counts = summary(replayed)
    rows = [
        (
            one.recording.origin,
            one.app,
            one.recording.method,
            verdict(one.before) if one.before else "",
            verdict(one.after) if one.after else one.problem,
        )
        for one in replayed
        if one.changed or one.problem
    ]
    columns = ("hook", "app", "method", "active", "candidate")
    shown: list[Any] = [output.table(columns, rows)] if rows else []
    shown.append(
        f"{counted(counts['hooks'], 'hook')}: {counts['changed']} answered otherwise, "
        f"{counts['undecidable']} that cannot be decided."
    )
    output.result(
        {
            **counts,
            "results": [
                {
                    "hook": one.recording.origin,
                    "app": one.app,
                    "method": one.recording.method,
                    "changed": one.changed,
                    "inForce": verdict(one.before) if one.before else None,
                    "candidate": verdict(one.after) if one.after else None,
                    "problem": one.problem,
                }
                for one in replayed
            ],
        },
        *shown,
    )
