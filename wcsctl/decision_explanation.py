"""Why a real decision was made: from its line of the log, and the policies of its versions.

No hook is kept, so none is decided again. The line names the versions, the policies that applied
and, with the setting `explainDecisions`, what kept others from applying; the versions have the
policies as they were. What neither says is left open, and said to be.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wcs_hooks.core.hours import is_open
from wcs_hooks.core.outcome import Outcome, RestOnError
from wcs_hooks.core.policy.reader import Action, Mode, Policy
from wcsctl.decision_log import FAILURES, DecisionLog, texts_of, to_json
from wcsctl.errors import NotFoundError, UsageError
from wcsctl.explanation import Considered, PolicySet, outcome_sentence
from wcsctl.function_logs import LogRecord
from wcsctl.policies.history import History

NOT_SAID: Final = "not said"
"""The outcome of a policy that did not apply, where the line does not say why."""

_SHOWN_IDS: Final = 5


@dataclass(frozen=True, slots=True)
class DecisionExplanation:
    """What is known of a decision.

    Attributes
    ----------
    record
        Its line of the log.
    considered
        The policies that named the method then, in evaluation order.
    reason
        Of a denial, as the reply gave it.
    changes
        The fields that the reply had changed; no value is shown, since it may be a secret.
    consequence
        What WCS did, in a sentence.
    notes
        What cannot be said, and why.
    """

    record: LogRecord
    considered: tuple[Considered, ...]
    reason: str
    changes: tuple[str, ...]
    consequence: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            **to_json(self.record),
            "reason": self.reason,
            "considered": [
                {
                    "policy": one.policy,
                    "app": one.app,
                    "version": one.version,
                    "action": one.action,
                    "mode": one.mode,
                    "outcome": one.outcome,
                    "detail": one.detail,
                }
                for one in self.considered
            ],
            "changed": list(self.changes),
            "wcs": self.consequence,
            "notes": list(self.notes),
        }


def find_decision(log: DecisionLog, decision: str, since: float) -> LogRecord:
    """The line of a decision.

    Parameters
    ----------
    log
        Of decisions whose id begins with `decision`.
    since
        Seconds since the epoch.

    Raises
    ------
    NotFoundError
        If there is none.
    UsageError
        If there are several.
    """
    found = {str(record.fields["decision"]): record for record in log.decisions(since)}
    if decision in found:
        return found[decision]
    if not found:
        raise NotFoundError(
            f"The log has no decision {decision} in this time. Plain echoes mostly are not logged "
            "(the setting echoLogSampleRate); what is older is found with --since 7d."
        )
    if len(found) > 1:
        first = ", ".join(list(found)[:_SHOWN_IDS])
        raise UsageError(f"{len(found)} decisions begin with {decision}: {first}. Give more of it.")
    [only] = found.values()
    return only


def explain_decision(record: LogRecord, history: History) -> DecisionExplanation:
    """Explain a decision by the versions of that time, as far as these are kept."""
    line = record.fields
    versions = {
        app: version
        for app, version in _mapping(line.get("versions")).items()
        if isinstance(version, int)
    }
    items: dict[str, list[Mapping[str, Any]]] = {}
    notes: list[str] = []
    for app, version in versions.items():
        try:
            items[app] = list(history.policies(app, version).values())
        except NotFoundError:
            notes.append(
                f"Version {version} of the policies of app {app} is not kept any more: only those "
                "policies are named that the line has."
            )
    named = PolicySet({}, items).naming(str(line.get("method", "")))
    policies = [policy for policy in named if policy.action is not Action.CONFIGURE]
    considered = tuple(_Line(record).considered(policies, versions))
    if record.fields.get("answer") == "failed":
        kept = f"wcsctl dead-letter show {record.fields.get('decision', '')!s:.8}"
        letter = f" It was kept as a dead letter: `{kept}`, until it is redriven."
        notes.append(
            "The hook failed before a policy decided."
            + (letter if record.fields.get("deadLettered") else "")
        )
    elif any(one.outcome == NOT_SAID for one in considered):
        notes.append(
            "Which part of a policy did not hold is only in lines written with the setting "
            "explainDecisions. `wcsctl try` says it of a hook."
        )
    return DecisionExplanation(
        record,
        considered,
        _reason(line, policies),
        tuple(_changes(line, policies)),
        _consequence(line),
        tuple(notes),
    )


class _Line:
    """What a line says of the policies that there were."""

    def __init__(self, record: LogRecord) -> None:
        line = record.fields
        self._at = record.at / 1000
        self._applied = texts_of(line, "policies")
        self._denier = line.get("policy", "")
        self._shadow = {*texts_of(line, "shadowDenied"), *texts_of(line, "shadowOverridden")}
        self._is_traced = "passedOver" in line
        self._passed_over = _mapping(line.get("passedOver"))
        self._token = _mapping(line.get("token"))
        # Places are counted last: a denial for want of room ends no evaluation.
        self._full = dict(
            part.partition(": ")[::2] for part in str(line.get("limit", "")).split("; ")
        )
        self._without_value = [
            failure.rpartition(": ")[::2] for kind in FAILURES for failure in texts_of(line, kind)
        ]

    def considered(
        self, policies: Sequence[Policy], versions: Mapping[str, Any]
    ) -> Iterator[Considered]:
        ended = False
        for policy in policies:
            name = f"{policy.app}/{policy.id}"
            outcome, detail = self._outcome(policy, name, ended=ended)
            yield Considered(
                policy.id,
                policy.app,
                int(versions.get(policy.app, 0)),
                policy.action,
                policy.mode,
                outcome,
                detail,
            )
            applied = name in self._applied and name not in self._full
            ended = ended or (applied and _ends(policy, name == self._denier))

    def _outcome(self, policy: Policy, name: str, *, ended: bool) -> tuple[str, str]:
        without_value = [
            attribute for policy_id, attribute in self._without_value if policy_id == policy.id
        ]
        missing = f"{', '.join(without_value)} had no value" if without_value else ""
        if name in self._applied or name in self._shadow:
            return "applied", missing or self._full.get(name, "")
        if policy.mode is Mode.OFF:
            return "off", "mode: off"
        if ended:
            return "not reached", "an earlier policy ended the evaluation"
        return self._left_out(policy, name, missing)

    def _left_out(self, policy: Policy, name: str, missing: str) -> tuple[str, str]:
        """Why a policy did not apply that was reached."""
        if name in self._passed_over:
            outcome, _, detail = str(self._passed_over[name]).partition(": ")
            return outcome, missing or _detail(policy, outcome, detail)
        if not self._was_open(policy):
            return "window", "not open then"
        if policy.trust is not None:
            took = self._token.get("trust") == policy.id
            return "token", f"the hook's token was {self._token.get('status', '')}" if took else ""
        if missing:
            return "compute" if missing.startswith("compute") else "when", missing
        if self._is_traced and policy.match:
            # An index of exact values finds candidates; the others are not even looked at.
            return "match", f"{' or '.join(policy.match)} was another"
        return NOT_SAID, ""

    def _was_open(self, policy: Policy) -> bool:
        return (
            (policy.not_before is None or policy.not_before <= self._at)
            and (policy.not_after is None or self._at <= policy.not_after)
            and (policy.hours is None or is_open(policy.hours, self._at))
        )


def _ends(policy: Policy, denies: bool) -> bool:  # noqa: FBT001 - the one thing that it depends on
    """Whether a policy that applied ended the evaluation."""
    if policy.mode is not Mode.ENFORCE:
        return False
    return denies or policy.action in {Action.ECHO, Action.DENY} or policy.final


def _detail(policy: Policy, outcome: str, detail: str) -> str:
    if outcome == "match":
        return f"{detail} was another or absent"
    if outcome == "limit":
        return "there was room"
    if outcome == "when" and policy.when is not None:
        return f"was false: {policy.when.source}"
    return detail


def _reason(line: Mapping[str, Any], policies: Sequence[Policy]) -> str:
    denier = next((one for one in policies if f"{one.app}/{one.id}" == line.get("policy")), None)
    if denier is None:
        return str(line.get("error", ""))
    if not denier.requires_token:
        return denier.reason
    status = _mapping(line.get("token")).get("status", "none")
    return f"{denier.reason or 'no valid token'}: {status}"


def _changes(line: Mapping[str, Any], policies: Sequence[Policy]) -> Iterator[str]:
    if line.get("answer") != "overridden":
        return
    applied = texts_of(line, "policies")
    fields = (
        name
        for one in policies
        if f"{one.app}/{one.id}" in applied
        for name in (*one.set_json, *one.compute)
    )
    yield from dict.fromkeys(fields)


def _consequence(line: Mapping[str, Any]) -> str:
    if line.get("denySuppressed"):
        return (
            f"WCS carried on. {line.get('policy')} denied it, but its session was never seen at "
            "connect: the WCS REST API may have started it, which must not be rejected."
        )
    outcome, rest_on_error = line.get("outcome"), line.get("restOnError")
    if outcome in list(Outcome) and rest_on_error in list(RestOnError):
        return outcome_sentence(Outcome(outcome), RestOnError(rest_on_error))
    match line.get("answer"):
        case "echoed":
            return "WCS carried on as if it had not asked."
        case "overridden" if line.get("method") == "connect":
            return "WCS takes what connect returns, always."
        case "overridden":
            return "WCS takes changed fields in sessions whose connect asked for that."
        case _:
            return "What WCS did depends on the session's connect reply, which is unknown."


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
