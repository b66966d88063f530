"""What is wrong with policies about tokens: of whom they are taken, and what is asked of them."""

from collections.abc import Iterator, Sequence
from typing import Final

from wcs_hooks.core.methods import PLAYERS
from wcs_hooks.core.policy.reader import EVERY_APP, Action, Finding, Mode, Policy, Severity
from wcs_hooks.core.tokens.trust import Form, Trust

_CONNECT: Final = "connect"
_TAKES_TOKENS: Final = frozenset({_CONNECT, "publishStream", "playStream", *PLAYERS})
"""Methods whose hooks carry what a client gave for them."""


def lint_tokens(policies: Sequence[Policy]) -> Iterator[Finding]:
    """Check an app's policies about tokens.

    Parameters
    ----------
    policies
        In evaluation order.
    """
    present = [policy for policy in policies if policy.mode is not Mode.OFF]
    trusts = [policy for policy in present if policy.trust is not None]
    yield from _ambiguous(trusts)
    yield from _never_asked(trusts, present)
    yield from _passed_by(trusts, present)
    for policy in present:
        yield from _of_other_methods(policy, trusts)
    # An app's policies may rest on items for every app, which are not seen from here.
    if any(policy.app == EVERY_APP for policy in policies):
        for policy in present:
            yield from _never_filled(policy, trusts)


def _ambiguous(trusts: Sequence[Policy]) -> Iterator[Finding]:
    """Two items of which a token could mean either."""
    taken: dict[tuple[str, str, str], str] = {}
    for policy in trusts:
        told: set[str] = set()
        for method in policy.methods:
            for attribute, issuer, text in _takes(policy.trust):
                first = taken.setdefault((method, attribute, issuer), policy.id)
                if first != policy.id and first not in told:
                    told.add(first)
                    yield _error(
                        policy,
                        attribute,
                        f"takes the same tokens on {method} as {first!r}: {text}. Take the method "
                        "out of one of them",
                    )


def _takes(trust: Trust | None) -> Iterator[tuple[str, str, str]]:
    """What an item takes: the attribute that says it, its value, and that in words."""
    if trust is None:
        return
    if trust.form is Form.KEY:
        yield "form", "", "there is at most one item of form key for a method"
    elif not trust.issuers:
        yield "issuer", "", "neither names an issuer"
    for issuer in trust.issuers:
        yield "issuer", issuer, f"both name the issuer {issuer!r}"


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


def _never_filled(policy: Policy, trusts: Sequence[Policy]) -> Iterator[Finding]:
    """`claims` that no item can fill."""
    filled = {method for trust in trusts for method in trust.methods}
    for attribute, expression in policy.expressions_by_attribute:
        empty = [
            method
            for method in policy.methods
            if method not in filled and (method in PLAYERS or _CONNECT not in filled)
        ]
        if "claims" in expression.uses and empty and policy.app == EVERY_APP:
            yield _warning(
                policy,
                attribute,
                f"uses claims, which no item with action trust for every app can fill on "
                f"{', '.join(empty)}: give one, or in each app",
            )


def _error(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.ERROR, policy.id, attribute, message)


def _warning(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.WARNING, policy.id, attribute, message)
