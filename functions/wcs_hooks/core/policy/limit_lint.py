"""What is wrong with limits: who cannot hold a place, and what a limit does not see."""

from collections.abc import Iterator, Sequence
from typing import Final

from wcs_hooks.core.limits import LIMITED_BY, Held
from wcs_hooks.core.methods import PLAYERS, switch_of
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.policy.reader import Action, Finding, Mode, Policy, Severity

MAX_LIMITS: Final = 20
"""How many policies with a limit there may be for one method: their places are taken together, and
an app's and those of `*` must fit into one transaction of DynamoDB, of 100 items."""

WITHOUT_KEEP_ALIVES: Final = "limit.holds"
"""The attribute of the warnings that no keep-alive ever came; no other warning has it."""


def lint_limits(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Check the limits of one app.

    Parameters
    ----------
    policies
        In evaluation order.
    """
    present = [policy for policy in policies if policy.mode is not Mode.OFF]
    limited = [policy for policy in present if policy.limit is not None]
    for policy in limited:
        if policy.limit is not None:
            yield from _of_methods(policy, policy.limit.held)
        yield from _passed_by(policy, present)
    yield from _too_many(limited)


def without_keep_alives(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Warn of limits of streams where no keep-alive has ever come."""
    for policy in policies:
        limit = policy.limit
        if limit is not None and limit.held is Held.STREAM and policy.mode is not Mode.OFF:
            yield _warning(
                policy,
                WITHOUT_KEEP_ALIVES,
                f"no {STREAM_KEEP_ALIVE} has come yet: without them a place runs out while its "
                "stream goes on, so that the limit holds for starts within about 90 s only. WCS "
                f"sends them with {switch_of(STREAM_KEEP_ALIVE)} (`wcsctl wcs-setup` prints all "
                "lines)",
            )


def _of_methods(policy: Policy, held: Held) -> Iterator[Finding]:
    known = LIMITED_BY[held]
    others = [method for method in policy.methods if method not in known]
    players = [method for method in others if method in PLAYERS]
    if players:
        yield _error(
            policy,
            "method",
            f"cannot limit {', '.join(players)}: WCS reports neither the end nor an "
            "identity of what they play. Leave them out",
        )
    rest = [method for method in others if method not in PLAYERS]
    if rest:
        what = "a rate counts" if held is Held.RATE else f"a {held} is begun by"
        yield _error(
            policy,
            "method",
            f"cannot limit {', '.join(rest)}: {what} {', '.join(known)}. Leave the others out"
            + ("" if held is Held.RATE else ", or count a rate: holds: 60s"),
        )


def _passed_by(policy: Policy, policies: Sequence[Policy]) -> Iterator[Finding]:
    """Policies before one with a limit that let hooks pass uncounted."""
    for other in policies:
        if other is policy:
            return
        ends = other.action is Action.ECHO or other.final
        shared = [method for method in policy.methods if method in other.methods]
        if ends and shared and other.mode is Mode.ENFORCE:
            yield _warning(
                policy,
                "limit",
                f"hooks that policy {other.id!r} applies to are not limited: it comes first and "
                "ends the evaluation",
            )


def _too_many(limited: Sequence[Policy]) -> Iterator[Finding]:
    met: dict[str, int] = {}
    for policy in limited:
        for method in policy.methods:
            met[method] = met.get(method, 0) + 1
            if met[method] == MAX_LIMITS + 1:
                yield _error(
                    policy,
                    "limit",
                    f"over {MAX_LIMITS} policies limit {method}; at most {MAX_LIMITS} are possible",
                )


def _error(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.ERROR, policy.id, attribute, message)


def _warning(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.WARNING, policy.id, attribute, message)
