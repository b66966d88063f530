"""restClientConfig, derived from the policies, so that refusals and overrides take effect.

By default WCS only logs a refusal and ignores what an override changed; what it shall do instead
must be in connect's reply (`docs/reference/wcs-protocol.md`, section 4). So each enforced `deny`
asks for `restOnError` FAIL and each enforced `override` for `restPolicy` OVERWRITE with its fields,
and `configure` policies add to that, but never undo what a deny or an override needs. A limit of
streams needs nothing else of StreamKeepAliveEvent than that it comes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wcs_hooks.core.methods import spellings_of
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.policy.vocabulary import Action, Finding, Mode, Severity

if TYPE_CHECKING:
    from wcs_hooks.core.policy.reader import Policy

_CONNECT: Final = "connect"
_FOREVER: Final = float("inf")


class Requirement(NamedTuple):
    """What one policy requires of restClientConfig for one method.

    Attributes
    ----------
    method
        The canonical name.
    policy
        The `id` of the policy; if several require the same, of the first.
    derived
        True for what a deny or an override needs, false for what a `configure` policy asks for. If
        it asks for nothing else, it is that WCS sends the method.
    until
        When the last policy that requires it expires, in seconds since the epoch; infinite if
        never.
    priority
        The policy's.
    """

    method: str
    policy: str
    derived: bool
    until: float
    priority: float = 0
    rest_on_error: str = ""
    rest_policy: str = ""
    rest_overwrite: tuple[str, ...] = ()
    rest_exclude: tuple[str, ...] = ()
    client_exclude: tuple[str, ...] = ()

    def to_json(self) -> list[Any]:
        """As a snapshot stores it."""
        # JSON has no infinity.
        return [*self[:3], None if self.until == _FOREVER else self.until, *self[4:]]

    @property
    def is_to_be_sent(self) -> bool:
        """Whether all that it asks for is that WCS sends the method."""
        return self.derived and not (self.rest_on_error or self.rest_policy)

    @classmethod
    def from_json(cls, stored: Sequence[Any]) -> "Requirement":
        """Read back what `to_json` gave."""
        method, policy, derived, until, priority, on_error, rest_policy, *names = stored
        overwrite, rest_exclude, client_exclude = (tuple(group) for group in names)
        return cls(
            method,
            policy,
            derived,
            _FOREVER if until is None else until,
            priority,
            on_error,
            rest_policy,
            overwrite,
            rest_exclude,
            client_exclude,
        )


def requirements(policies: "Iterable[Policy]", now: float) -> list[Requirement]:
    """What policies in evaluation order require, each kind of requirement once.

    A policy whose window is yet to open counts, since sessions connect before it does; one that is
    over, in shadow mode or off does not. connect itself obeys no restClientConfig: nothing is
    derived for it, and it is listed only where a `configure` policy names it.
    """
    found: list[Requirement] = []
    # The place of the one that lasts longest so far.
    longest: dict[tuple[Any, ...], int] = {}
    for policy in policies:
        until = _FOREVER if policy.not_after is None else policy.not_after
        if policy.mode is not Mode.ENFORCE or until < now:
            continue
        for requirement in _requirements_of(policy, until):
            kind = tuple(requirement._replace(policy="", until=0, priority=0))
            place = longest.get(kind)
            if place is not None and found[place].until >= until:
                continue
            if place is not None and requirement.derived:
                # What is derived wins whatever its priority, so that one of a kind is enough.
                found[place] = found[place]._replace(until=until)
            else:
                # Of what is configured each keeps its own priority, until its own end.
                longest[kind] = len(found)
                found.append(requirement)
    return found


def contradictions(
    requirements: Sequence[Requirement], others: Sequence[Requirement] = (), others_are: str = ""
) -> list[Finding]:
    """Find each `configure` policy that would undo what an enforced policy needs.

    It is an error of the `configure` policy, whichever of the two was written first. The deny or
    the override is active all the same: where it contradicts a `configure` policy among `others`,
    it has a warning.

    Parameters
    ----------
    requirements
        Of the app's policies.
    others
        Of policies that hold together with them: those for every app, or those of the single apps.
        Contradictions among them are not reported.
    others_are
        What a finding says of a policy among the others: `of app *`.
    """
    findings = []
    outside = f" {others_are}" if others_are else ""
    for undone, whose in ((requirements, ""), (others, outside)):
        for configured, derived in _opposed(requirements, undone):
            for attribute, value in _undone(configured, derived):
                message = (
                    f"configures {attribute} {value} for {configured.method}, which would undo "
                    f"policy {derived.policy!r}{whose}"
                )
                findings.append(Finding(Severity.ERROR, configured.policy, attribute, message))
    for configured, derived in _opposed(others, requirements):
        for attribute, value in _undone(configured, derived):
            message = (
                f"overrules policy {configured.policy!r}{outside}, which configures "
                f"{attribute} {value} for {configured.method}"
            )
            findings.append(Finding(Severity.WARNING, derived.policy, "action", message))
    return findings


def _opposed(
    configured: Iterable[Requirement], derived: Iterable[Requirement]
) -> Iterator[tuple[Requirement, Requirement]]:
    by_method: dict[str, list[Requirement]] = {}
    for requirement in derived:
        if requirement.derived:
            by_method.setdefault(requirement.method, []).append(requirement)
    for requirement in configured:
        if not requirement.derived:
            for partner in by_method.get(requirement.method, ()):
                yield requirement, partner


def merge(requirements: Iterable[Requirement], now: float) -> dict[str, dict[str, str]]:
    """The restClientConfig that fulfils all requirements that have not expired.

    Of scalars, what a deny or an override needs wins over what is configured, and an earlier policy
    over a later one; lists of fields are united. WCS never calls a method that is disabled, so that
    DISABLE has no effect where a deny or an override needs the method. Only methods that differ
    from the defaults are listed, each under all its spellings and with all five fields, as in the
    vendor's examples.

    Returns
    -------
    dict
        Method name to its entry; empty where the defaults serve.

    Examples
    --------
    >>> fail = Requirement("call", "no", derived=True, until=float("inf"), rest_on_error="FAIL")
    >>> merge([fail], now=0)["call"]["restOnError"]
    'FAIL'
    """
    entries: dict[str, dict[str, str]] = {}
    by_method: dict[str, list[Requirement]] = {}
    # Of equal priorities the order given counts: the app's own before those for every app.
    for requirement in sorted(
        requirements, key=lambda requirement: (not requirement.derived, requirement.priority)
    ):
        if requirement.until >= now:
            by_method.setdefault(requirement.method, []).append(requirement)
    for method, members in by_method.items():
        entry = {
            "restExclude": _united(member.rest_exclude for member in members),
            "clientExclude": _united(member.client_exclude for member in members),
            "restOnError": _first((member.rest_on_error for member in members), "LOG"),
            "restPolicy": _first(_rest_policies(members), "NOTIFY"),
            "restOverwrite": _united(member.rest_overwrite for member in members),
        }
        if entry != _DEFAULTS:
            entries.update(dict.fromkeys(spellings_of(method), entry))
    return entries


def next_expiry(requirements: Iterable[Requirement], now: float) -> float:
    """When the outcome of `merge` changes next, in seconds since the epoch; infinite if never."""
    return min(
        (requirement.until for requirement in requirements if requirement.until >= now),
        default=_FOREVER,
    )


def last_expiry(requirements: Iterable[Requirement], now: float) -> float:
    """When the outcome of `merge` changed last, in seconds since the epoch; -infinite if never."""
    return max(
        (requirement.until for requirement in requirements if requirement.until < now),
        default=-_FOREVER,
    )


_DEFAULTS: Final = {
    "restExclude": "",
    "clientExclude": "",
    "restOnError": "LOG",
    "restPolicy": "NOTIFY",
    "restOverwrite": "",
}


def _requirements_of(policy: "Policy", until: float) -> Iterator[Requirement]:
    for method in policy.methods:
        configured = policy.action is Action.CONFIGURE and method in policy.named
        if method == _CONNECT and not configured:
            continue
        requirement = Requirement(
            method, policy.id, derived=False, until=until, priority=policy.priority
        )
        if policy.may_deny:
            yield requirement._replace(derived=True, rest_on_error="FAIL")
        elif policy.action is Action.OVERRIDE:
            fields = tuple(sorted(policy.fields))
            yield requirement._replace(derived=True, rest_policy="OVERWRITE", rest_overwrite=fields)
        elif policy.action is Action.CONFIGURE:
            config = policy.client_config
            yield requirement._replace(
                rest_on_error=config.rest_on_error,
                rest_policy=config.rest_policy,
                rest_overwrite=config.rest_overwrite,
                rest_exclude=config.rest_exclude,
                client_exclude=config.client_exclude,
            )
    if policy.limit is not None and policy.limit.needs_keep_alives:
        yield Requirement(STREAM_KEEP_ALIVE, policy.id, derived=True, until=until)


def _undone(configured: Requirement, derived: Requirement) -> Iterator[tuple[str, str]]:
    if derived.rest_on_error == "FAIL" and configured.rest_on_error == "LOG":
        yield "restOnError", "LOG"
    if derived.rest_policy == "OVERWRITE" and configured.rest_policy == "NOTIFY":
        yield "restPolicy", "NOTIFY"
    if configured.rest_policy == "DISABLE":
        yield "restPolicy", "DISABLE"


def _rest_policies(members: Sequence[Requirement]) -> Iterator[str]:
    needed = any(member.derived for member in members)
    return (m.rest_policy for m in members if not (needed and m.rest_policy == "DISABLE"))


def _united(groups: Iterable[tuple[str, ...]]) -> str:
    return ",".join(sorted({name for group in groups for name in group}))


def _first(values: Iterable[str], default: str) -> str:
    return next((value for value in values if value), default)
