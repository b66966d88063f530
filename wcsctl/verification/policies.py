"""Policies: from an edit to its enforcement, what they say, and what they see."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from simulated_wcs.transport import HookReply
from wcs_hooks.core.methods import Category
from wcs_hooks.core.reply import OK
from wcsctl.policies.table import PolicyTable
from wcsctl.verification.check import DeploymentCheck, Sighting, failed, not_possible, passed
from wcsctl.verification.run import (
    ENFORCED_SECONDS,
    FIRST_PRIORITY,
    METHOD_OF,
    NOTE,
    VerificationRun,
)

DENIED_METHOD: Final = "publishStream"
OVERRIDDEN_METHOD: Final = "playStream"

_PATIENCE: Final = 15.0
_FORBIDDEN: Final = 403
_DENY: Final = "deny"
_OVERRIDE: Final = "override"
_REASON: Final = "wcsctl verify"
_NAME: Final = "exam-7"
_ROLE: Final = "teacher"
_ZONE: Final = "Asia/Kathmandu"
_CLOCKS_DIFFER: Final = 60.0
_FIELD: Final = "wcsctlVerify"
_EXPRESSIONS: Final[Mapping[str, str]] = {
    "body": "body.name",
    "method": "method",
    "category": "category",
    "app": "app",
    "now": "int(now)",
    "session": "session.custom.role",
    "known": "known",
    _ZONE: f"now.getHours('{_ZONE}') * 60 + now.getMinutes('{_ZONE}')",
}
_BEFORE: Final = "before"
_AFTER: Final = "after"
_TICK_SECONDS: Final = 5.0
_LEAST_TICKS: Final = 3
_AT_ONCE: Final = 3
"""How many hooks of a category are sent at once, so that several environments have to answer."""


def _look_at_deny(run: VerificationRun) -> Sighting:
    _enforce(run)
    return _enforced_in_time(run, _DENY)


def _look_at_override(run: VerificationRun) -> Sighting:
    if run.active is None:
        return not_possible("the policies of this run were not written")
    return _enforced_in_time(run, _OVERRIDE)


def _enforce(run: VerificationRun) -> None:
    """Put all policies of the run, and watch the first two until they are enforced."""
    watched: dict[str, Callable[[], HookReply]] = {
        _DENY: lambda: run.post(DENIED_METHOD, run.body(run.name.name, name="x")),
        _OVERRIDE: lambda: run.post(OVERRIDDEN_METHOD, run.body(run.name.name, name="x")),
    }
    run.keep_other_policies_out()
    # Functions have the app's policies by now, as they do when somebody adds one.
    connect = {"custom": {"role": _ROLE}}
    for reply in (
        run.post("connect", run.body(run.name.name, **connect)),
        *(post() for post in watched.values()),
    ):
        if reply.status != OK:
            return
    run.active = False
    edited = run.put_policies(_policies(run))
    run.waiting("the enforcement of an edit")

    def watch() -> bool:
        for policy in [one for one in watched if one not in run.enforced_after]:
            reply = watched[policy]()
            if _is_enforced(policy, reply):
                run.enforced_after[policy] = time.monotonic() - edited
                if policy == _DENY:
                    run.denied = reply.decision
        return len(run.enforced_after) == len(watched)

    run.active = run.until(watch, bool, _PATIENCE)


def _is_enforced(policy: str, reply: HookReply) -> bool:
    if policy == _DENY:
        return reply.status == _FORBIDDEN and reply.error.get("reason") == _REASON
    return reply.status == OK and reply.json().get(_FIELD) == _OVERRIDE


def _enforced_in_time(run: VerificationRun, policy: str) -> Sighting:
    seconds = run.enforced_after.get(policy)
    if seconds is None:
        return failed(f"not enforced within {_PATIENCE:.0f} s of the edit{_why_not(run)}")
    return (passed if seconds <= ENFORCED_SECONDS else failed)(f"enforced after {seconds:.1f} s")


def _why_not(run: VerificationRun) -> str:
    """What may be the reason that an edit does not become active."""
    status = PolicyTable(run.deployment).status(run.name.name)
    if status.get("errors"):
        return f": {status['errors'][0]['message']}"
    if status:
        return f", though version {status.get('version')} was compiled: the functions do not see it"
    mappings = run.deployment.client("lambda").list_event_source_mappings(
        FunctionName=run.deployment.output("CompilerFunctionName")
    )["EventSourceMappings"]
    states = ", ".join(mapping["State"] for mapping in mappings) or "missing"
    return f", nor compiled: the compiler's event source mapping is {states}"


def _look_at_configuration(run: VerificationRun) -> Sighting:
    if not run.active:
        return not_possible(_NOT_ACTIVE)

    def problems() -> list[str]:
        reply = run.post("connect", run.body(run.name.name, custom={"role": _ROLE}))
        config = reply.json().get("restClientConfig", {}) if reply.status == OK else {}
        denied, overridden = (config.get(name, {}) for name in (DENIED_METHOD, OVERRIDDEN_METHOD))
        members = (
            (f"{DENIED_METHOD} restOnError", denied.get("restOnError"), "FAIL"),
            (f"{OVERRIDDEN_METHOD} restPolicy", overridden.get("restPolicy"), "OVERWRITE"),
        )
        found = [f"{name} is {seen}" for name, seen, wanted in members if seen != wanted]
        fields = overridden.get("restOverwrite", "").split(",")
        if _FIELD not in fields:
            found.append(f"{OVERRIDDEN_METHOD} restOverwrite lacks {_FIELD}")
        return found

    found = run.until(problems, lambda wrong: not wrong, ENFORCED_SECONDS)
    if found:
        return failed("; ".join(found))
    return passed(f"FAIL for {DENIED_METHOD}, OVERWRITE of {_FIELD} for {OVERRIDDEN_METHOD}")


def _look_at_expressions(run: VerificationRun) -> Sighting:
    if not run.active:
        return not_possible(_NOT_ACTIVE)
    values = _evaluated(run)
    moment = values.get("now", 0)
    local = datetime.fromtimestamp(moment, UTC).astimezone(ZoneInfo(_ZONE))
    expected: dict[str, Any] = {
        "body": _NAME,
        "method": "call",
        "category": "direct",
        "app": run.name.name,
        "session": _ROLE,
        "known": True,
        _ZONE: local.hour * 60 + local.minute,
    }
    wrong = [
        f"{name} gave {values.get(name, 'nothing')!r}, not {value!r}"
        for name, value in expected.items()
        if values.get(name) != value
    ]
    if abs(moment - time.time()) > _CLOCKS_DIFFER:
        wrong.append(f"now is {moment - time.time():+.0f} s off this machine's clock")
    if wrong:
        return failed("; ".join(wrong))
    return passed(f"the value of each; in {_ZONE} it is {local:%H:%M}")


def _look_at_session(run: VerificationRun) -> Sighting:
    if not run.active:
        return not_possible(_NOT_ACTIVE)
    connected = _evaluated(run)
    ended = run.post("ConnectionStatusEvent", run.body(run.name.name, status="DISCONNECTED"))
    gone = run.until(
        lambda: _evaluated(run), lambda values: values.get("known") is False, ENFORCED_SECONDS
    )
    seen = (connected.get("session"), connected.get("known"), ended.status, gone.get("known"))
    detail = f"role {seen[0]!r}, known {seen[1]}; its end {seen[2]}; then known {seen[3]}"
    return (passed if seen == (_ROLE, True, OK, False) else failed)(detail)


def _evaluated(run: VerificationRun) -> dict[str, Any]:
    """The values of the expressions for a hook of the run's client."""
    reply = run.post("call", run.body(run.name.name, name=_NAME))
    fields = reply.json() if reply.status == OK else {}
    return {name: fields[_field(name)] for name in _EXPRESSIONS if _field(name) in fields}


def _look_after_idling(run: VerificationRun) -> Sighting:
    """Edit an app whose functions are frozen nearly all the time."""
    status = run.until(
        lambda: PolicyTable(run.deployment).status(run.name.idle_app),
        lambda found: bool(found.get("ok")) and found.get("policies", 0) > 1,
        ENFORCED_SECONDS,
    )
    if not status:
        return not_possible("the policy to be edited was not compiled")
    # The first hook of this app that a function sees, so that it surely has the former policy.
    held = _answers(run, _AT_ONCE)
    others = {category: kinds - {_BEFORE} for category, kinds in held.items()}
    if any(others.values()):
        return failed(f"before the edit {_listed(others)} instead of {_BEFORE!r}")
    edited = run.put_policies([_idle_policy(run, _AFTER)])
    tick = min(_TICK_SECONDS, run.options.idle_seconds / _LEAST_TICKS)
    late: dict[Category, float] = {}
    while (passed_since := time.monotonic() - edited) < run.options.idle_seconds:
        run.waiting(f"idle functions ({run.options.idle_seconds - passed_since:.0f} s)")
        run.pass_time(min(tick, run.options.idle_seconds - passed_since))
        if not run.remaining:
            return failed("the run's time is over")
        is_last = time.monotonic() - edited >= run.options.idle_seconds
        # In the end several at once: some of them meet environments that were idle all the time.
        asked = time.monotonic() - edited
        answers = _answers(run, _AT_ONCE if is_last else 1)
        if asked > ENFORCED_SECONDS:
            late |= {category: asked for category, kinds in answers.items() if kinds != {_AFTER}}
    if late:
        detail = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in late.items())
        return failed(f"former policies after the edit: {detail}")
    return passed(f"the edit, in all environments asked, for {run.options.idle_seconds:.0f} s")


def _answers(run: VerificationRun, count: int) -> dict[Category, set[str]]:
    """What hooks that are sent at once are answered, by category."""

    def ask(category: Category) -> str:
        reply = run.post(METHOD_OF[category], run.body(run.name.idle_app))
        if reply.status != OK:
            return f"status {reply.status}"
        return str(reply.json().get(_FIELD, "no policy"))

    asked = [category for category in Category for _ in range(count)]
    with ThreadPoolExecutor(count) as threads:
        found: dict[Category, set[str]] = {category: set() for category in Category}
        for category, answer in zip(asked, threads.map(ask, asked), strict=True):
            found[category].add(answer)
    return found


def _listed(answers: Mapping[Category, set[str]]) -> str:
    return ", ".join(
        f"{name} {' and '.join(sorted(kinds))}" for name, kinds in answers.items() if kinds
    )


def _policies(run: VerificationRun) -> list[dict[str, Any]]:
    shared: dict[str, Any] = {"app": run.name.name, "priority": FIRST_PRIORITY, "note": NOTE}
    deny: dict[str, Any] = {
        "id": _DENY,
        "method": DENIED_METHOD,
        "action": "deny",
        "reason": _REASON,
    }
    override: dict[str, Any] = {
        "id": _OVERRIDE,
        "method": OVERRIDDEN_METHOD,
        "action": "override",
        "set": {_FIELD: _OVERRIDE},
    }
    # One policy for each: an override of which one field has no value sets none.
    computed: list[dict[str, Any]] = [
        {
            "id": f"expression-{number}",
            "method": "call",
            "action": "override",
            "compute": {_field(name): expression},
        }
        for number, (name, expression) in enumerate(_EXPRESSIONS.items())
    ]
    own = [shared | policy for policy in (deny, override, *computed)]
    return [*own, _idle_policy(run, _BEFORE)]


def _idle_policy(run: VerificationRun, value: str) -> dict[str, Any]:
    return {
        "app": run.name.idle_app,
        "id": "edited",
        "method": [METHOD_OF[category] for category in Category],
        "action": "override",
        "set": {_FIELD: value},
        "priority": FIRST_PRIORITY,
        "note": NOTE,
    }


def _field(name: str) -> str:
    """The field in which an expression's value comes back."""
    return f"{_FIELD}{name.partition('/')[0].capitalize()}"


_NOT_ACTIVE: Final = "needs the policies of this run, which were not enforced"

CHECKS: Final = (
    DeploymentCheck("deny", f"enforced within {ENFORCED_SECONDS:.0f} s of the edit", _look_at_deny),
    DeploymentCheck(
        "override", f"enforced within {ENFORCED_SECONDS:.0f} s of the edit", _look_at_override
    ),
    DeploymentCheck(
        "derived configuration", "restClientConfig has what WCS must obey", _look_at_configuration
    ),
    DeploymentCheck(
        "expressions", "each variable and a named time zone have their value", _look_at_expressions
    ),
    DeploymentCheck("session", "known from connect to its end", _look_at_session),
)
IDLING: Final = (
    DeploymentCheck(
        "edit while idle",
        f"from {ENFORCED_SECONDS:.0f} s after an edit on, no former policies in any category",
        _look_after_idling,
    ),
)
