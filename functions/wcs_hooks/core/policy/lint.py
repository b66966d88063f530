"""What is wrong with policies that are each well-formed.

Errors keep an edit from becoming active; warnings report what is probably not intended. The rules
about methods rest on the vendor's page on method types and `docs/reference/wcs-protocol.md`,
sections 2 to 4.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from wcs_hooks.core.methods import METHODS, PLAYERS, SWITCHES, switch_of
from wcs_hooks.core.payload import encode
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.field_lint import lint_fields
from wcs_hooks.core.policy.limit_lint import lint_limits
from wcs_hooks.core.policy.reader import Action, Finding, Mode, Policy, Severity, WhenError
from wcs_hooks.core.policy.token_lint import lint_tokens
from wcs_hooks.core.policy.token_use import TokenUse

_KEYS: Final = frozenset({"appKey", "nodeId", "sessionId"})
_NOT_AT_CONNECT: Final = {"session": "body", "connectedAt": "now"}
"""Variables that no policy for connect may use, each with what it may use instead."""

_MANY_LOOKUPS: Final = 5

_FORGETTING: Final = "ConnectionStatusEvent"
"""The event by which WCS reports that a session is over."""


def lint(
    policies: Sequence[Policy],
    requirements: Sequence[Requirement],
    others: Sequence[Requirement],
    now: float,
    tokens: Sequence[TokenUse] = (),
) -> list[Finding]:
    """Check the policies of one app together.

    Parameters
    ----------
    policies
        In evaluation order.
    requirements
        What they require of restClientConfig.
    others
        What policies that hold together with them do.
    now
        Seconds since the epoch; determines which windows are over.
    tokens
        What policies that hold together with them are about tokens.
    """
    findings: list[Finding] = []
    for policy in policies:
        findings += _of_one(policy, now)
    findings += _unreachable(policies)
    findings += _many_lookups(policies)
    findings += lint_limits(policies)
    findings += _idle_overwrites(requirements, others)
    findings += lint_fields(policies, requirements, others)
    findings += lint_tokens(policies, tokens, now)
    return findings


def _of_one(policy: Policy, now: float) -> Iterator[Finding]:
    if policy.may_deny:
        yield from _of_denial(policy)
    if "connect" in policy.methods:
        yield from _of_connect(policy)
    if policy.mode is not Mode.OFF:
        yield from _never_asked(policy)
        yield from _of_players(policy)
    for name in sorted(_KEYS.intersection(policy.client_config.rest_exclude)):
        yield _warning(
            policy,
            "restExclude",
            f"without {name} hooks cannot be assigned to their app or session: the app's own "
            "policies do not apply to them, or their denials are suppressed",
        )
    if policy.client_config.rest_policy == "DISABLE" and _FORGETTING in policy.methods:
        yield _warning(
            policy,
            "restPolicy",
            f"without {_FORGETTING} no session is ever forgotten when its client goes: leave it "
            "out of the methods",
        )
    if policy.action is Action.CONFIGURE and "connect" in policy.named:
        yield _warning(policy, "method", "restClientConfig has no effect on connect itself")
    opens, closes = policy.not_before, policy.not_after
    if opens is not None and closes is not None and closes < opens:
        yield _error(policy, "notAfter", "is before notBefore: the window never opens")
    if closes is not None and closes < now and policy.mode is not Mode.OFF:
        yield _warning(policy, "notAfter", "the window is over: the policy does nothing any more")


def _of_connect(policy: Policy) -> Iterator[Finding]:
    """What cannot be asked about a session that is about to begin."""
    for name, instead in _NOT_AT_CONNECT.items():
        if name in policy.uses:
            yield _error(
                policy,
                _where(policy, name),
                f"uses {name}, which connect is about to begin: leave connect out, or use "
                f"{instead}",
            )
    if "known" in policy.uses:
        yield _warning(policy, "when", "uses known, which is always false at connect")


def _where(policy: Policy, variable: str) -> str:
    """The first attribute that uses a variable, without the field that is computed."""
    used = (name for name, one in policy.expressions_by_attribute if variable in one.uses)
    attribute = next(used, "when")
    return "compute" if attribute.startswith("compute.") else attribute


def _never_asked(policy: Policy) -> Iterator[Finding]:
    """Methods that the policy spells out and that WCS calls only if it is set up to."""
    for method in policy.named:
        if method in SWITCHES:
            yield _warning(
                policy,
                "method",
                f"WCS calls {method} only with {switch_of(method)} in its flashphoner.properties "
                "(`wcsctl wcs-setup` prints all the lines); without it this policy does nothing",
            )


def _of_players(policy: Policy) -> Iterator[Finding]:
    """What cannot work for players, which never connect, in policies that spell them out."""
    players = ", ".join(name for name in policy.named if name in PLAYERS)
    if not players:
        return
    for attribute, expression in policy.expressions_by_attribute:
        if "session" in expression.uses:
            message = f"uses session, which is null for {players}: players never connect; use body"
            yield _warning(policy, attribute, message)
        elif "connectedAt" in expression.uses:
            message = (
                f"uses connectedAt, which has no value for {players}: players never connect; "
                "leave them out"
            )
            yield _warning(policy, attribute, message)
        elif "known" in expression.uses:
            message = f"uses known, which is always false for {players}: players never connect"
            yield _warning(policy, attribute, message)
    if policy.action is Action.OVERRIDE:
        yield _warning(
            policy,
            "method",
            f"an override of {players} does nothing: players never connect, and only connect's "
            "reply makes WCS take what is returned. Leave them out",
        )


def _of_denial(policy: Policy) -> Iterator[Finding]:
    past = [name for name in policy.methods if not METHODS[name].refusable]
    if past:
        yield _error(
            policy,
            "method",
            f"cannot deny {', '.join(past)}: it has already happened. Of events only "
            "StreamKeepAliveEvent can be refused, which ends the stream",
        )
    inadvisable = [name for name in policy.methods if not METHODS[name].advisable]
    if inadvisable:
        yield _warning(
            policy, "method", f"to deny {', '.join(inadvisable)} is possible, but inadvisable"
        )


def _unreachable(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Policies behind one that always ends the evaluation first, in each of their methods."""
    ended_by: dict[tuple[str, str], str] = {}
    for policy in policies:
        if policy.mode is Mode.OFF or not policy.methods or not _is_evaluated(policy):
            continue
        condition = _condition(policy)
        blockers = [
            ended_by.get((method, "")) or ended_by.get((method, condition))
            for method in policy.methods
        ]
        if all(blockers):
            yield _warning(
                policy, "priority", f"can never be reached: policy {blockers[0]!r} decides first"
            )
        elif _always_ends(policy):
            for method in policy.methods:
                ended_by.setdefault((method, condition), policy.id)


def _is_evaluated(policy: Policy) -> bool:
    """Whether hooks meet the policy."""
    return policy.action not in {Action.CONFIGURE, Action.TRUST} or policy.requires_token


def _always_ends(policy: Policy) -> bool:
    """Whether the evaluation ends here whenever the policy's condition is the same as another's."""
    windows = (policy.not_before, policy.not_after, policy.hours)
    windowed = any(window is not None for window in windows)
    certain = policy.when is None or policy.when_error is WhenError.MATCH
    # What an override computes may have no value.
    ends = policy.action in {Action.ECHO, Action.DENY} or (policy.final and not policy.compute)
    if windowed or policy.limit is not None:
        return False
    return ends and certain and policy.mode is Mode.ENFORCE


def _condition(policy: Policy) -> str:
    """The same text for the same `match` and `when`; empty where neither limits the policy."""
    if not policy.match and policy.when is None:
        return ""
    match: dict[str, Any] = {path: list(values) for path, values in policy.match.items()}
    looked_up = [[one.alias, one.list, one.key.source, one.consistent] for one in policy.lookups]
    return encode([match, policy.when and policy.when.source, looked_up], sort_names=True)


def _many_lookups(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Methods whose hooks wait for many reads, one after another."""
    met: dict[str, int] = {}
    for policy in policies:
        if policy.mode is Mode.OFF or not policy.lookups:
            continue
        over = []
        for method in policy.methods:
            met[method] = met.get(method, 0) + 1
            if met[method] == _MANY_LOOKUPS + 1:
                over.append(method)
        if over:
            yield _warning(
                policy,
                "lookup",
                f"over {_MANY_LOOKUPS} policies look up rows for {', '.join(over)}, and a hook may "
                "wait for one read after another: match fields first, or look up in fewer policies",
            )


def _idle_overwrites(
    requirements: Sequence[Requirement], others: Sequence[Requirement]
) -> Iterator[Finding]:
    overwriting = {d.method for d in (*requirements, *others) if d.rest_policy == "OVERWRITE"}
    for policy in dict.fromkeys(
        requirement.policy
        for requirement in requirements
        if requirement.rest_overwrite and requirement.method not in overwriting
    ):
        message = "has no effect without restPolicy OVERWRITE"
        yield Finding(Severity.WARNING, policy, "restOverwrite", message)


def _error(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.ERROR, policy.id, attribute, message)


def _warning(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.WARNING, policy.id, attribute, message)
