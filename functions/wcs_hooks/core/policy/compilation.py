"""Compilation: the items of one app's policies become a snapshot, or findings that say why not."""

import hashlib
import json
import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, NamedTuple

from wcs_hooks.core.policy.client_config import Requirement, contradictions, requirements
from wcs_hooks.core.policy.lint import lint
from wcs_hooks.core.policy.reader import (
    SYSTEM_ID_PREFIX,
    Finding,
    Policy,
    Severity,
    is_policy_id,
    read_policy,
)
from wcs_hooks.core.policy.token_lint import ambiguous_across
from wcs_hooks.core.policy.token_use import NO_TOKENS, TokenUse, token_use, unfilled
from wcs_hooks.core.policy.vocabulary import EVERY_APP
from wcs_hooks.core.snapshot import FORMAT, dump

MAX_APP_BYTES: Final = 1024
"""The longest name of an app that can have policies, UTF-8: the compiler's list of apps has it as a
sort key of DynamoDB."""

_FOREVER: Final = float("inf")


class Others(NamedTuple):
    """What is known of policies that hold together with an app's.

    For an app these are the policies for every app, for `*` those of the single apps.

    Attributes
    ----------
    requirements
        What they require of restClientConfig.
    tokens
        What they are about tokens.
    """

    requirements: Sequence[Requirement] = ()
    tokens: Sequence[TokenUse] = ()


@dataclass(frozen=True, slots=True)
class Compilation:
    """What became of an app's items.

    Attributes
    ----------
    policies
        In evaluation order; those that could be read.
    requirements
        What they require of restClientConfig.
    errors, warnings
        In the order of the policies. With any error, nothing may become active.
    tokens
        What the policies are about tokens.
    """

    app: str
    policies: tuple[Policy, ...]
    requirements: tuple[Requirement, ...]
    errors: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    tokens: TokenUse = NO_TOKENS

    def changes_after(self, now: float) -> float:
        """When the first window that is yet to end ends; infinite if none does.

        With it the findings may change: what is over contradicts nothing.
        """
        ends = (policy.not_after for policy in self.policies)
        return min((end for end in ends if end is not None and end >= now), default=_FOREVER)

    def dump(self, version: int, now: float) -> bytes:
        """The bytes of the snapshot that these policies make as a version."""
        return dump(self.app, version, self.policies, self.requirements, now)


def compile_policies(
    app: str,
    items: Iterable[Mapping[str, Any]],
    others: Sequence[Requirement],
    now: float,
    tokens: Sequence[TokenUse] = (),
) -> Compilation:
    """Compile the items of one app.

    Parameters
    ----------
    app
        The `appKey`, or `*`.
    items
        The app's items in the Policies table, in JSON's types. The system's are passed over.
    others
        What the policies that hold together with these require of restClientConfig: for an app
        those of `*`, for `*` those of the single apps.
    now
        Seconds since the epoch.
    tokens
        What the same policies are about tokens.

    Examples
    --------
    >>> item = {"app": "*", "id": "a", "method": "call", "action": "refuse"}
    >>> [error.attribute for error in compile_policies("*", [item], (), now=0).errors]
    ['action']
    """
    policies: list[Policy] = []
    findings: list[Finding] = []
    for item in items:
        if not is_policy_id(str(item.get("id", ""))):
            continue
        policy, found = read_policy(item)
        findings += found
        if policy is not None:
            policies.append(policy)
    policies.sort(key=lambda policy: (policy.priority, policy.id))
    required = tuple(requirements(policies, now))
    present = _present(others, now)
    findings += contradictions(
        required, present, "of a single app" if app == EVERY_APP else f"of app {EVERY_APP}"
    )
    findings += lint(policies, required, present, now, tokens)
    return Compilation(
        app,
        tuple(policies),
        required,
        tuple(finding for finding in findings if finding.severity is Severity.ERROR),
        tuple(finding for finding in findings if finding.severity is Severity.WARNING),
        token_use(policies),
    )


def cross_findings(
    requirements: Sequence[Requirement], others: Sequence[Requirement], now: float
) -> list[Finding]:
    """The part of an app's findings that depends on other apps' policies.

    While it stays the same, so does what becomes of the app, whatever else changes in the others:
    all that `compile_policies` does with `others` is here.
    """
    present = _present(others, now)
    return [*contradictions(requirements, present), *lint((), requirements, present, now)]


def cross_token_outcome(
    app: str, own: TokenUse, others: Sequence[TokenUse], now: float
) -> list[Any]:
    """What `compile_policies` makes of others' `tokens`, as JSON; empty if nothing.

    While it stays the same, so do the app's findings about tokens, whatever else changes in the
    others.
    """
    own, besides = own.at(now), [use.at(now) for use in others]
    if own == NO_TOKENS:
        return []
    return [
        *ambiguous_across(own, besides, for_every_app=app == EVERY_APP),
        unfilled(own.asked, [own, *besides]),
        any(use.asked for use in besides),
    ]


def app_error(app: str) -> str:
    """Say why an app of this name cannot have policies; empty if it can."""
    if app.startswith(SYSTEM_ID_PREFIX):
        return (
            f"an app that begins with {SYSTEM_ID_PREFIX} cannot have policies: "
            "such names are the system's"
        )
    size = len(app.encode(errors="surrogatepass"))
    if size > MAX_APP_BYTES:
        return f"an app's name can have {MAX_APP_BYTES:,} bytes at most; this one has {size:,}"
    return ""


def pack(requirements: Iterable[Requirement]) -> bytes:
    """Compress `Requirement` entries for storage."""
    return zlib.compress(
        json.dumps([requirement.to_json() for requirement in requirements]).encode()
    )


def unpack(stored: bytes) -> list[Requirement]:
    """Read back what `pack` returned."""
    return [Requirement.from_json(one) for one in json.loads(zlib.decompress(stored))]


def _present(requirements: Iterable[Requirement], now: float) -> list[Requirement]:
    """Those that have not expired."""
    return [requirement for requirement in requirements if requirement.until >= now]


def source_digest(items: Iterable[Mapping[str, Any]]) -> str:
    """A digest that two sets of policies share exactly if they are the same, order apart.

    It covers the snapshot's format too, so that a new one is compiled again.
    """
    ordered = sorted(items, key=lambda item: str(item["id"]))
    texts = [json.dumps(item, sort_keys=True, default=_number) for item in ordered]
    return hashlib.sha256(f"{FORMAT}\n{'\n'.join(texts)}".encode()).hexdigest()


def _number(value: object) -> object:
    """A fraction that is not a double, in a way that no other value is written."""
    if isinstance(value, Decimal):
        return [math.nan, f"{value:f}".rstrip("0")]
    raise TypeError(f"a policy cannot have a {type(value).__name__}")


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two versions of an app's policies, by `id`."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    modified: tuple[str, ...]


def changes(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Changes:
    """Compare the items of two versions."""
    old = {str(item["id"]): item for item in before}
    new = {str(item["id"]): item for item in after}
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        removed=tuple(sorted(old.keys() - new.keys())),
        modified=tuple(sorted(name for name in new.keys() & old.keys() if new[name] != old[name])),
    )
