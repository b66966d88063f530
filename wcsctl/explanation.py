"""What is answered to a hook, and why: each policy that names its method, and what WCS then does.

The answer itself comes from a process that reads nothing but snapshots, as the functions do
(`wcsctl.deployed_process`). Policies that the decision did not consider are explained here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, NamedTuple

from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.decision import UNKNOWN_SESSION, Decision, Session, Step
from wcs_hooks.core.limits import ALL_TAKEN, Taken, WantedPlace
from wcs_hooks.core.lists import Rows, no_rows
from wcs_hooks.core.methods import METHODS, Category, spellings_of
from wcs_hooks.core.outcome import Outcome, RestOnError, outcome_of
from wcs_hooks.core.payload import MalformedBodyError, Payload, parse
from wcs_hooks.core.policy.reader import (
    CATEGORIES,
    EVERY_APP,
    Action,
    Mode,
    Policy,
    read_policy,
)
from wcs_hooks.core.reply import OK, REST_CLIENT_CONFIG, Reply
from wcs_hooks.core.snapshot import ABSENT, field_at, value_key
from wcs_hooks.core.tokens.trust import Trust
from wcs_hooks.core.tokens.verification import Shown
from wcs_hooks.hook.sessions import session_of
from wcsctl import deployed_process
from wcsctl.deployed_process import Question, SnapshotBytes, TracedAnswer
from wcsctl.limits.counting import Count, Counted, taken
from wcsctl.tokens.given_token import GivenToken
from wcsctl.tokens.known_keys import NO_KEYS, KnownKeys


class AnswerKind(StrEnum):
    """What becomes of a hook; `suppressed` is a denial that is not carried out."""

    ECHO = "echo"
    OVERRIDE = "override"
    DENY = "deny"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Considered:
    """A policy that names the method.

    Attributes
    ----------
    outcome
        `applied`; else what kept it from applying: `window`, `match`, `when`, `compute`, `lookup`,
        `limit`; or `off`, `not reached` (an earlier one ended the evaluation).
    detail
        More about that, for people.
    rows
        Of each alias that it looked up `null`, `a row`, or `no value` and why.
    """

    policy: str
    app: str
    version: int
    action: str
    mode: str
    outcome: str
    detail: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)


class FieldChange(NamedTuple):
    """What an override makes of a field; `was` is none of one that is new."""

    was: Any
    becomes: Any
    is_new: bool


@dataclass(frozen=True)
class PolicySet:
    """The policies that decide an app's hooks.

    Attributes
    ----------
    snapshots
        By app, as the functions read them: the app's own, the one for every app; those of them
        that exist.
    items
        As people wrote them, by app.
    """

    snapshots: Mapping[str, bytes]
    items: Mapping[str, Sequence[Mapping[str, Any]]]

    @cached_property
    def snapshot_bytes(self) -> SnapshotBytes:
        """The snapshots in the order in which the functions have them."""
        own_first = sorted(self.snapshots, key=lambda app: app == EVERY_APP)
        return SnapshotBytes(*(self.snapshots[app] for app in own_first))

    @cached_property
    def trusts(self) -> tuple[Trust, ...]:
        """Whose tokens are believed."""
        found = (
            read_policy(item)[0]
            for items in self.items.values()
            for item in items
            if item.get("action") == Action.TRUST
        )
        return tuple(one.trust for one in found if one is not None and one.trust is not None)

    def naming(self, method: str) -> list[Policy]:
        """Those that name a method, in evaluation order."""
        known = METHODS.get(method)
        if known is None:
            return []
        # A policy is read, its expressions checked, only if it can be about this method.
        spellings = spellings_of(known.canonical)
        categories = (name for name, members in CATEGORIES.items() if known.canonical in members)
        names = {"*", *(f"@{name}" for name in categories), *spellings}
        read = (
            read_policy(item)[0]
            for items in self.items.values()
            for item in items
            # A `trust` has methods by default.
            if not names.isdisjoint(_names(item.get("method", known.canonical)))
        )
        found = [one for one in read if one is not None and known.canonical in one.methods]
        return sorted(found, key=lambda one: (one.priority, one.app == EVERY_APP, one.id))


class Asked(NamedTuple):
    """A hook, and what goes with it.

    Attributes
    ----------
    now
        Seconds since the epoch.
    session
        What is known of the hook's session.
    known_rest_on_error
        What the session received for the method; if none, what one that connects now receives.
    token
        What is to be taken for known of the hook's token; none to verify it.
    keys
        What tokens are verified with, beside the keys in policies.
    connect
        The connect of the session, whose token is verified as if it came now; none if the session
        has the claims that it has.
    rows
        Reads rows of lists.
    places
        Counts the places that the hook needs; none to decide as if there was room.
    """

    method: str
    payload: Payload
    now: float
    session: Session = UNKNOWN_SESSION
    known_rest_on_error: RestOnError | None = None
    token: GivenToken | None = None
    keys: KnownKeys = NO_KEYS
    connect: Payload | None = None
    rows: Rows = no_rows
    places: Count | None = None


def session_from(connect: Mapping[str, Any]) -> Session:
    """The session that a connect with this body leaves behind, as the functions record it.

    Raises
    ------
    MalformedBodyError
        If such a connect is refused, so that there is no session.
    """
    try:
        text = json.dumps(connect)
    except RecursionError:
        raise MalformedBodyError("the body is nested too deeply") from None
    return session_of(parse(text.encode()))


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is answered, and why.

    Attributes
    ----------
    answer
        What becomes of the hook.
    steps
        What the decision met.
    considered
        The policies that name the method, in evaluation order, those included that it passed over.
    reply
        What WCS gets.
    changed
        What an override changes, by field.
    client_config
        The method's entry of restClientConfig; for connect all of it, as its reply has it.
    rest_on_error
        What the session received for the method.
    outcome
        What WCS does with a reply that is not 200; none of one that is.
    token
        What became of the hook's token; none if no policy trusts any.
    claims
        What is proven.
    kept_claims
        What is kept of that with the session; of a connect only.
    full
        Those of the policies, `app/id`, whose limits left no room.
    uncounted
        Those whose limits were not looked at, as nobody knows the session.
    """

    method: str
    category: Category
    answer: AnswerKind
    decision: Decision
    steps: tuple[Step, ...]
    considered: tuple[Considered, ...]
    reply: Reply
    changed: Mapping[str, FieldChange]
    client_config: Mapping[str, Any]
    rest_on_error: RestOnError
    outcome: Outcome | None
    versions: Mapping[str, int]
    token: Shown | None = None
    claims: Mapping[str, Any] | None = None
    kept_claims: Mapping[str, Any] | None = None
    full: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies behind the answer, `app/id`."""
        return self.decision.applied

    @property
    def essence(self) -> tuple[Any, ...]:
        """What two answers share exactly if both say the same to WCS."""
        denial = self.decision.denial if self.answer is AnswerKind.DENY else None
        return (
            self.reply.status,
            denial.reason if denial else "",
            self.reply.body if self.reply.status == OK else b"",
        )


def explain(
    policies: PolicySet,
    asked: Asked,
    rest_api_calls: RestApiCalls = RestApiCalls.NEVER_DENY,
    *,
    with_considered: bool = True,
) -> Explanation:
    """Answer a hook as the functions would, and say why.

    Parameters
    ----------
    rest_api_calls
        Whether what the WCS REST API started may be denied.
    with_considered
        Whether the policies that did not apply are wanted too; that costs a look at each.
    """
    method, payload, now, session, known_rest_on_error, token, keys, connect, rows, count_places = (
        asked
    )
    if connect is not None and policies.trusts:
        of_connect = Asked("connect", connect, now, keys=keys, rows=rows)
        claims = explain(policies, of_connect, with_considered=False).kept_claims
        session = session._replace(claims=claims)
    known = METHODS.get(method)
    category = known.category if known else Category.EVENT
    question = Question(method, payload.raw, session, now, rest_api_calls, token, keys)
    counted: list[Counted] | None = None

    def take(wanted: Sequence[WantedPlace]) -> Taken:
        nonlocal counted
        counted = list(count_places(wanted)) if count_places is not None else []
        return taken(counted) if counted else ALL_TAKEN

    found = deployed_process.shared().answer(policies.snapshot_bytes, question, rows, take)
    reply, decision, suppressed = (
        found.answer.reply,
        found.answer.decision,
        found.answer.suppressed,
    )
    answer = AnswerKind.SUPPRESSED if suppressed else AnswerKind(decision.verdict.value)
    steps = {(step.app, step.policy): step for step in found.steps}
    wanted = [f"{one.denial.app}/{one.denial.policy}" for one in decision.wanted]
    places = dict(zip(wanted, counted or (), strict=False))
    uncounted = tuple(wanted) if counted is None else ()
    considered: Iterator[Considered] = iter(())
    if with_considered:
        considered = _considered(policies, asked, steps, found, places, uncounted)
    rest_on_error = known_rest_on_error or found.rest_on_error
    return Explanation(
        method=method,
        category=category,
        answer=answer,
        decision=decision,
        steps=tuple(steps.values()),
        considered=tuple(considered),
        reply=reply,
        changed=_changed(payload, decision) if answer is AnswerKind.OVERRIDE else {},
        client_config=_entry(found.client_config, method, category),
        rest_on_error=rest_on_error,
        outcome=outcome_of(method, category, rest_on_error) if reply.status != OK else None,
        versions=found.versions,
        token=found.token,
        claims=found.claims,
        kept_claims=found.answer.claims,
        full=tuple(found.answer.full),
        uncounted=uncounted,
    )


def consequence(explanation: Explanation) -> str:
    """What WCS does with the answer, in a sentence.

    `docs/reference/wcs-protocol.md`, sections 4 and 5.
    """
    if explanation.outcome is not None:
        return outcome_sentence(explanation.outcome, explanation.rest_on_error)
    if explanation.answer is not AnswerKind.OVERRIDE:
        return "WCS carries on as if it had not asked."
    if explanation.category is Category.CONNECT:
        return "WCS takes what connect returns, always."
    taken = str(explanation.client_config.get("restOverwrite", "")).split(",")
    if explanation.client_config.get("restPolicy") != "OVERWRITE":
        taken = []
    goes_on = [name for name in explanation.changed if name in taken]
    ignored = [name for name in explanation.changed if name not in taken]
    said = f"WCS goes on with the new {', '.join(goes_on)}" if goes_on else ""
    if ignored:
        said += f"{', but ' if said else 'WCS '}ignores {', '.join(ignored)}"
    return f"{said}. It does so for sessions whose connect was answered by these policies."


def outcome_sentence(outcome: Outcome, rest_on_error: RestOnError) -> str:
    """What WCS does with a refusal, in a sentence.

    Examples
    --------
    >>> outcome_sentence(Outcome.STREAM_ENDED, RestOnError.FAIL)
    'WCS ends the stream. (restOnError FAIL)'
    """
    return f"{_OUTCOMES[outcome]} (restOnError {rest_on_error})"


def never_deny(explanation: Explanation) -> str:
    """Why a denial was not carried out, in a sentence."""
    denial = explanation.decision.denial
    name = f"{denial.app}/{denial.policy}" if denial else "a policy"
    return (
        f"{name} denies it, but its session was never seen at connect: the WCS REST API may have "
        "started it, which must not be rejected. So it is echoed, and DenySuppressed is counted."
    )


_OUTCOMES: Final = {
    Outcome.DECLINED: "WCS declines the connection.",
    Outcome.ABORTED: "WCS aborts the action, and notifies the client.",
    Outcome.ERROR_EVENT: "WCS carries on, and sends the client an ErrorEvent.",
    Outcome.STREAM_ENDED: "WCS ends the stream.",
    Outcome.CONTINUED: "WCS logs it and carries on: nothing is refused.",
}


def _changed(payload: Payload, decision: Decision) -> dict[str, FieldChange]:
    before = payload.fields
    return {
        name: FieldChange(before.get(name), json.loads(text), name not in before)
        for name, text in (decision.fields or {}).items()
    }


def _entry(config: str, method: str, category: Category) -> Mapping[str, Any]:
    entries: dict[str, Any] = json.loads(config) if config else {}
    if category is Category.CONNECT:
        return {REST_CLIENT_CONFIG: entries} if entries else {}
    entry: dict[str, Any] = entries.get(method, {})
    return entry


def _considered(
    policies: PolicySet,
    asked: Asked,
    steps: Mapping[tuple[str, str], Step],
    found: TracedAnswer,
    places: Mapping[str, Counted],
    uncounted: Sequence[str],
) -> Iterator[Considered]:
    payload, decision = asked.payload, found.answer.decision
    failures = {failure.policy: failure for failure in decision.failures}
    for policy in policies.naming(asked.method):
        if policy.action is Action.CONFIGURE:
            continue
        step, name = steps.get((policy.app, policy.id)), f"{policy.app}/{policy.id}"
        if policy.trust is not None and not (policy.trust.required and step is None):
            outcome, detail = _of_trust(policy.trust, step, asked, found)
        elif step is None:
            outcome, detail = _passed_over(policy, payload)
        else:
            outcome, detail = step.outcome, step.detail
            if outcome == "when" and not detail and policy.when is not None:
                detail = f"is false: {policy.when.source}"
            elif outcome == "match":
                detail = _mismatch(payload, detail)
            elif outcome == "applied" and policy.id in failures:
                failure = failures[policy.id]
                detail = f"{failure.attribute} has no value ({failure.message}); whenError: match"
            elif name in places:
                outcome = "limit" if places[name].has_room else "applied"
                detail = str(places[name])
            elif name in uncounted:
                detail += "; not counted, as its session was never seen at connect"
        yield Considered(
            policy.id,
            policy.app,
            found.versions.get(policy.app, 0),
            policy.action,
            policy.mode,
            outcome,
            detail,
            {} if step is None else step.rows,
        )


def _of_trust(
    trust: Trust, step: Step | None, asked: Asked, found: TracedAnswer
) -> tuple[str, str]:
    """What an item made of the hook's token, and of a hook without claims if it requires them."""
    token = found.token
    took = token is not None and token.trust == trust.id
    said = f"the hook's token is {token.status}" if token is not None and took else ""
    if step is not None:
        claims = "claims are there" if step.outcome == "token" else "nothing is proven"
        return step.outcome, said or claims
    if trust.mode is Mode.OFF:
        return "off", "mode: off"
    if not trust.covers(METHODS[asked.method].canonical, asked.now):
        return "window", "not open yet or over"
    return "token", said or "no token of the hook is for it"


def _passed_over(policy: Policy, payload: Payload) -> tuple[str, str]:
    """Why a decision did not even look at a policy: it goes by an index of exact values."""
    if policy.mode is Mode.OFF:
        return "off", "mode: off"
    for path, alternatives in policy.match.items():
        value = field_at(payload.fields, path)
        if value is ABSENT or value_key(value) not in {value_key(one) for one in alternatives}:
            return "match", _mismatch(payload, path)
    return "not reached", "an earlier policy ended the evaluation"


def _mismatch(payload: Payload, path: str) -> str:
    there = field_at(payload.fields, path) is not ABSENT
    return f"{path} is another" if there else f"{path} is absent"


def _names(method: object) -> list[str]:
    names = method if isinstance(method, list) else [method]
    return [name for name in names if isinstance(name, str)]
