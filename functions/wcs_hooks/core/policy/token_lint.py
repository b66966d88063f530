"""What is wrong with policies about tokens: of whom they are taken, and what is asked of them."""

from collections.abc import Iterator, Sequence
from typing import Final

from wcs_hooks.core.methods import PLAYERS
from wcs_hooks.core.policy.reader import EVERY_APP, Action, Finding, Mode, Policy, Severity
from wcs_hooks.core.policy.token_use import TokenUse, token_use, unfilled

_CONNECT: Final = "connect"
_TAKES_TOKENS: Final = frozenset({_CONNECT, "publishStream", "playStream", *PLAYERS})
"""Methods whose hooks carry what a client gave for them."""


def lint_tokens(
    policies: Sequence[Policy], others: Sequence[TokenUse], now: float
) -> Iterator[Finding]:
    """Check an app's policies about tokens.

    Parameters
    ----------
    policies
        In evaluation order.
    others
        What policies that hold together with them are about tokens: those for every app, or those
        of the single apps.
    now
        Seconds since the epoch; determines which windows of others are over.
    """
    present = [policy for policy in policies if policy.mode is not Mode.OFF]
    trusts = [policy for policy in present if policy.trust is not None]
    own = token_use(present)
    besides = [use.at(now) for use in others]
    for_every_app = any(policy.app == EVERY_APP for policy in policies)
    yield from _ambiguous(own)
    yield from ambiguous_across(own.at(now), besides, for_every_app=for_every_app)
    if not any(use.asked for use in besides):
        yield from _never_asked(trusts, present)
    yield from _passed_by(trusts, present)
    for policy in present:
        yield from _of_other_methods(policy, trusts)
        yield from _never_filled(policy, [own, *besides])


def ambiguous_across(
    own: TokenUse, others: Sequence[TokenUse], *, for_every_app: bool
) -> list[Finding]:
    """Find each item that takes the same tokens as one of `others`.

    It is an error of the single app's item, whichever of the two was written first, so that no app
    holds up an edit for every app; the item for every app has a warning.

    Parameters
    ----------
    others
        As `lint_tokens` has them, without windows that are over.
    for_every_app
        Whether `own` is that of the policies for every app.
    """
    taken = {
        (method, attribute, issuer): trust.policy
        for use in reversed(others)
        for trust in reversed(use.trusts)
        for attribute, issuer, _ in trust.takes()
        for method in trust.methods
    }
    findings: list[Finding] = []
    for trust in own.trusts:
        reported: set[str] = set()
        for method in trust.methods:
            for attribute, issuer, text in trust.takes():
                other = taken.get((method, attribute, issuer))
                if other is None or other in reported:
                    continue
                reported.add(other)
                if for_every_app:
                    message = (
                        f"takes the same tokens on {method} as {other!r} of a single app: {text}. "
                        "The app's edits are rejected until one of the two policies changes; until "
                        "then the one with the lower priority is asked first"
                    )
                else:
                    message = (
                        f"takes the same tokens on {method} as {other!r} for every app: {text}. "
                        "Take the method out of one of them"
                    )
                severity = Severity.WARNING if for_every_app else Severity.ERROR
                findings.append(Finding(severity, trust.policy, attribute, message))
    return findings


def _ambiguous(own: TokenUse) -> Iterator[Finding]:
    """Two items of which a token could mean either."""
    taken: dict[tuple[str, str, str], str] = {}
    for trust in own.trusts:
        reported: set[str] = set()
        for method in trust.methods:
            for attribute, issuer, text in trust.takes():
                first = taken.setdefault((method, attribute, issuer), trust.policy)
                if first != trust.policy and first not in reported:
                    reported.add(first)
                    message = (
                        f"takes the same tokens on {method} as {first!r}: {text}. Take the method "
                        "out of one of them"
                    )
                    yield Finding(Severity.ERROR, trust.policy, attribute, message)


def _never_asked(trusts: Sequence[Policy], present: Sequence[Policy]) -> Iterator[Finding]:
    """Items whose tokens are verified for nobody."""
    if any(policy.uses.intersection({"token", "claims"}) for policy in present):
        return
    if any(policy.requires_token for policy in trusts):
        return
    for policy in trusts:
        if policy.app != EVERY_APP:
            yield _warning(
                policy,
                "action",
                "tokens are taken, and nobody is refused: no policy here asks for claims or token, "
                "and this one has no `required: true`",
            )


def _passed_by(trusts: Sequence[Policy], present: Sequence[Policy]) -> Iterator[Finding]:
    """Policies that end the evaluation before a token is required."""
    for policy in trusts:
        if not policy.requires_token or policy.mode is not Mode.ENFORCE:
            continue
        before = [
            other.id
            for other in present
            if other.action is Action.ECHO
            and other.mode is Mode.ENFORCE
            and (other.priority, other.id) < (policy.priority, policy.id)
            and not set(other.methods).isdisjoint(policy.methods)
        ]
        if before:
            yield _warning(
                policy,
                "priority",
                f"comes after policy {before[0]!r}, which lets hooks pass before a token is "
                "required: give this one the lower priority",
            )


def _of_other_methods(policy: Policy, trusts: Sequence[Policy]) -> Iterator[Finding]:
    """`token` where hooks show none."""
    showing = _TAKES_TOKENS.union(*(trust.methods for trust in trusts))
    others = [name for name in policy.methods if name not in showing]
    for attribute, expression in policy.expressions_by_attribute:
        if "token" in expression.uses and others:
            yield _warning(
                policy,
                attribute,
                f"uses token, which is about the token that the hook itself shows: "
                f"{', '.join(others)} show none. For what connect's token proved use claims",
            )


def _never_filled(policy: Policy, uses: Sequence[TokenUse]) -> Iterator[Finding]:
    """`claims`, and a required token, that no item can fill."""
    empty = ", ".join(unfilled(policy.methods, uses))
    if not empty:
        return
    if policy.app == EVERY_APP:
        where = f"for every app can fill on {empty}: give one, or in each app"
    else:
        where = f"can fill on {empty}, of this app or for every app: give one"
    for attribute, expression in policy.expressions_by_attribute:
        if "claims" in expression.uses:
            yield _warning(
                policy, attribute, f"uses claims, which no item with action trust {where}"
            )
    if policy.requires_token:
        yield _warning(
            policy, "required", f"requires claims, which no item with action trust {where}"
        )


def _warning(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.WARNING, policy.id, attribute, message)
