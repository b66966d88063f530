"""The compiler: an edit of the Policies table becomes a new active version, or is rejected.

Versions are immutable and counted up; what is active is a pointer, moved by a conditional write.
With any error the last good version stays active. Everything here can be run again: a compiler
that was killed half-way, or a second one meanwhile, leaves either the old version or the new one.

What becomes of an app also depends on other apps' policies, as the table holds them: an app's on
those of every app, and those of every app on each single app's. So the store lists the apps with
what the policies of each require, whose tokens they take, and a digest of the findings that came of
others (`AppRecord`). Whoever has compiled an app writes its record last and then reads all of them:
an app whose digest is not that of what its findings would be now is compiled again. Of two
compilers, the one that writes its record second sees both. A schedule does the same, for windows
that close and for compilers that were killed and never tried again.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Protocol

from wcs_hooks.clock import Clock
from wcs_hooks.compiler.key_refresher import NewKeys
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.policy.client_config import Requirement, contradictions
from wcs_hooks.core.policy.compilation import (
    Changes,
    Compilation,
    Others,
    app_error,
    changes,
    compile_policies,
    cross_findings,
    cross_token_outcome,
    pack,
    source_digest,
)
from wcs_hooks.core.policy.limit_lint import without_keep_alives
from wcs_hooks.core.policy.reader import EVERY_APP, Finding, Mode, Policy, Severity, is_policy_id
from wcs_hooks.core.policy.token_use import NO_TOKENS, TokenUse, pack_token_use
from wcs_hooks.core.policy.vocabulary import EDIT_ID, PIN_ID, STATUS_ID

ATTEMPTS: Final = 10
"""Attempts to compile an app, if other compilers are faster; also how often dependent apps are
looked for after an edit."""

MAX_REQUIREMENTS_BYTES: Final = 150_000
"""Maximum size of the configuration that an app requires, packed: its record, which may have it
twice, is one item."""

MAX_TOKEN_USE_BYTES: Final = 40_000
"""How large what an app's policies are about tokens can be, packed, in the same item."""

_TRY_AGAIN: Final = 240.0
"""Seconds after which an app is compiled again whose policies name keys that could not be fetched,
or limit streams though none was ever kept alive."""

_LONGEST_TEXT: Final = 1_000
"""Characters of each text of an edit that are kept with a version."""

_FOREVER: Final = float("inf")


class PointerMovedError(Exception):
    """Another compiler moved the pointer meanwhile."""


class StatusChangedError(Exception):
    """Another compiler wrote its status meanwhile, perhaps of newer policies."""


class RecordChangedError(Exception):
    """Another compiler wrote the app's record meanwhile."""


class ContendedError(Exception):
    """Compilers kept being faster than each other; the edit will be tried again."""


@dataclass(frozen=True, slots=True)
class InForceVersion:
    """What an app's pointer says.

    Attributes
    ----------
    version
        0 where nothing was active yet.
    source
        The digest of the policies that it was made from.
    pinned
        Whether it is held, whatever is edited.
    is_finished
        Whether everything that follows from its becoming active was done.
    moves
        Grows whenever the pointer moves; 0 if it is unknown.
    """

    version: int = 0
    source: str = ""
    pinned: bool = False
    is_finished: bool = True
    moves: int = 0


NOTHING: Final = InForceVersion()


class Edit(NamedTuple):
    """Who made a version's policies what they are, as far as that is known.

    Attributes
    ----------
    by
        As wcsctl says; empty where the policies were edited without it.
    message
        What they gave as the reason.
    """

    by: str = ""
    message: str = ""


UNKNOWN_EDIT: Final = Edit()


@dataclass(frozen=True, slots=True)
class AppRecord:
    """What is known of an app to those who compile the others.

    Attributes
    ----------
    requirements
        What its policies in the table require of restClientConfig, active or not.
    held
        What the version that is pinned requires; nothing without a pin.
    findings
        A digest of the findings in its `#status` that depend on other apps; empty if unknown.
    until
        When its own policies' findings may change, in seconds since the epoch; infinite if never.
    revision
        Counted up by each write; 0 where nothing was written.
    empty
        Whether the app has neither policies nor a pin: then its record goes after a while.
    keys
        The addresses of token issuers' keys that a version names which is kept or pinned, each
        with the time until which it is, in seconds since the epoch; infinite while the version is
        active or its policies are in the table.
    tokens
        What its policies in the table are about tokens, active or not.
    """

    requirements: Sequence[Requirement] = ()
    held: Sequence[Requirement] = ()
    findings: str = ""
    until: float = _FOREVER
    revision: int = 0
    empty: bool = False
    keys: Mapping[KeyAddress, float] = MappingProxyType({})
    tokens: TokenUse = NO_TOKENS

    def is_outdated(self, app: str, others: Others, now: float) -> bool:
        """Whether the findings reported for the app may differ from what they would be now."""
        return now > self.until or self.findings != _digest(
            app, self.requirements, self.held, self.tokens, others, now
        )


@dataclass(frozen=True, slots=True)
class Status:
    """What an app's operator sees, beside the policies.

    Attributes
    ----------
    version
        The active version; 0 where there is none.
    ok
        Whether what is in the table is what is active.
    pinned
        The version that is held, if one is.
    """

    app: str
    version: int
    compiled_at: datetime
    ok: bool
    policies: int
    errors: Sequence[Finding] = ()
    warnings: Sequence[Finding] = ()
    pinned: int | None = None


class PolicyStore(Protocol):
    """Where policies, their versions and their status are kept."""

    def items(self, app: str) -> list[dict[str, Any]]:
        """All items of an app in the Policies table, read consistently, in JSON's types."""
        ...

    def in_force(self, app: str) -> InForceVersion:
        """What the app's pointer says, read consistently."""
        ...

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        """The policies that a version was made from; none for version 0.

        Raises
        ------
        LookupError
            If they are not all there any more.
        """
        ...

    def requirements(self, app: str, version: int) -> list[Requirement]:
        """What the policies of a version require of restClientConfig.

        Raises
        ------
        LookupError
            If there is no such version.
        """
        ...

    def record(self, app: str) -> AppRecord:
        """An app's record, read consistently."""
        ...

    def records(self) -> dict[str, AppRecord]:
        """The records of all apps, read consistently."""
        ...

    def write_record(self, app: str, record: AppRecord) -> None:
        """Write an app's record; its revision is that which was read.

        Raises
        ------
        RecordChangedError
            If another one is there by now.
        """
        ...

    def add_version(
        self,
        compilation: Compilation,
        items: Sequence[Mapping[str, Any]],
        changed: Changes,
        now: float,
        edit: Edit = UNKNOWN_EDIT,
    ) -> int:
        """Write a new version with its source, for good; gives its number."""
        ...

    def activate(self, app: str, version: int, before: InForceVersion, *, pinned: bool) -> None:
        """Activate a version.

        Raises
        ------
        PointerMovedError
            If the pointer does not say `before` any more.
        LookupError
            If there is no such version.
        """
        ...

    def finish_activation(self, app: str) -> None:
        """Do what follows from a version's becoming active, again if need be.

        The version is kept, and the one before it expires in time. A version without policies
        expires too, with the pointer, unless it is pinned.

        Raises
        ------
        PointerMovedError
            If another compiler moved the pointer meanwhile.
        """
        ...

    def write_status(self, status: Status, seen: str | None) -> None:
        """Write an app's status.

        Parameters
        ----------
        seen
            The `compiledAt` of the status that stood beside the policies; none if there was none.
            Not the clock decides which of two is the later: compilers' clocks may differ.

        Raises
        ------
        StatusChangedError
            If another one stands there by now.
        """
        ...


class PolicyCompiler:
    """Compiles apps.

    Parameters
    ----------
    store
        Where everything is kept.
    clock
        Clock that determines which windows are over.
    fetch_new
        Fetches the keys at addresses that policies name, if they are not known yet.
    retention
        Seconds for which a version is kept after another took its place.
    has_keep_alive
        Whether a stream of an app was ever kept alive; of `*` any app's.
    """

    def __init__(
        self,
        store: PolicyStore,
        clock: Clock,
        *,
        fetch_new: Callable[[Collection[KeyAddress]], NewKeys] = lambda _: NewKeys({}, {}),
        retention: float = _FOREVER,
        has_keep_alive: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fetch_new = fetch_new
        self._retention = retention
        self._has_keep_alive = has_keep_alive

    def key_addresses(self) -> list[KeyAddress]:
        """The addresses of token issuers' keys that a version names which is kept or pinned."""
        now = self._clock.now()
        named = (
            address
            for record in self._store.records().values()
            for address, until in record.keys.items()
            if until >= now
        )
        return list(dict.fromkeys(named))

    def compile_all(
        self, edited: Sequence[str], report: Callable[[str, Status | Exception], None]
    ) -> list[str]:
        """Compile edited apps, and then all apps whose outcome depends on what changed.

        Parameters
        ----------
        edited
            None for a look at what time has changed.
        report
            Called with each app and what became of it.

        Returns
        -------
        list
            Those of the edited apps that could not be compiled. One that was not edited and cannot
            be compiled does not hold up those that were: the next look finds it again.
        """
        failed = self._each(edited, report)
        given_up = set(failed)
        for _ in range(ATTEMPTS):
            try:
                outdated = [app for app in self.outdated() if app not in given_up]
            except Exception:
                if failed:
                    # They are tried again, and this look with them.
                    break
                raise
            if not outdated:
                break
            given_up.update(self._each(outdated, report))
        return failed

    def outdated(self) -> list[str]:
        """List the apps whose findings may differ from those reported, if compiled now."""
        records, now = self._store.records(), self._clock.now()
        return [
            app
            for app, record in records.items()
            if record.is_outdated(app, _others(app, records), now)
        ]

    def compile(self, app: str) -> Status:
        """Activate an app's policies, or report why not.

        Raises
        ------
        ContendedError
            If other compilers moved the pointer each time.
        """
        error = app_error(app)
        for _ in range(ATTEMPTS):
            try:
                return self._turn_away(app, error) if error else self._attempt(app)
            except (PointerMovedError, StatusChangedError, RecordChangedError):
                continue
        raise ContendedError(
            f"the policies of {app!r} are being compiled elsewhere, again and again"
        )

    def _each(
        self, apps: Iterable[str], report: Callable[[str, Status | Exception], None]
    ) -> list[str]:
        failed: list[str] = []
        for app in apps:
            try:
                status = self.compile(app)
            except Exception as error:  # noqa: BLE001 - the other apps must not suffer for it
                report(app, error)
                failed.append(app)
            else:
                report(app, status)
        return failed

    def _turn_away(self, app: str, message: str) -> Status:
        items = self._store.items(app)
        seen = _status_seen(items)
        policies = sum(is_policy_id(item["id"]) for item in items)
        # Without policies nothing is wrong any more.
        errors = [Finding(Severity.ERROR, "", "app", message)] if policies else []
        compiled_at = _moment_of_status(self._clock.now(), seen)
        status = Status(app, 0, compiled_at, ok=not errors, policies=policies, errors=errors)
        if errors or seen is not None:
            self._store.write_status(status, seen)
        return status

    def _attempt(self, app: str) -> Status:
        # The record first, the pointer before the items, and the record written last: who compiles
        # newer items meanwhile changes one of them.
        now = self._clock.now()
        record = self._store.record(app)
        before = self._store.in_force(app)
        if not before.is_finished:
            # A compiler was killed. Once the pointer has moved on, this could not be detected.
            self._store.finish_activation(app)
            before = self._store.in_force(app)
        items = self._store.items(app)
        policies = [item for item in items if is_policy_id(item["id"])]
        others = self._others(app)
        compilation = compile_policies(app, policies, others.requirements, now, others.tokens)
        requirements, tokens = compilation.requirements, compilation.tokens
        errors = list(compilation.errors)
        if len(pack(requirements)) > MAX_REQUIREMENTS_BYTES:
            requirements = ()
            errors.append(Finding(Severity.ERROR, "", "method", _TOO_MANY_REQUIREMENTS))
        if len(pack_token_use(tokens)) > MAX_TOKEN_USE_BYTES:
            tokens = NO_TOKENS
            errors.append(Finding(Severity.ERROR, "", "issuer", _TOO_MANY_ISSUERS))
        addresses = _addresses(compilation)
        fetched = self._fetch_new(list(addresses))
        errors += _about_keys(Severity.ERROR, fetched.errors, addresses)
        pin = next((item for item in items if item["id"] == PIN_ID), None)
        version = before.version
        pinned = None
        if pin is not None:
            version, problems = self._pin(app, pin.get("version"), before)
            errors += problems
            pinned = version if not problems or before.pinned else None
        elif not errors:
            version = self._publish(compilation, items, before, now)
        elif before.pinned:
            # Released. What it held stays active, as the last good version does.
            self._store.activate(app, version, before, pinned=False)
        held = self._store.requirements(app, version) if pinned is not None else []
        after = self._store.in_force(app)
        if not after.is_finished or (after.version and not policies and pin is None):
            self._store.finish_activation(app)
            after = self._store.in_force(app)
        uncounted = self._without_keep_alives(app, compilation.policies)
        seen = _status_seen(items)
        status = Status(
            app,
            after.version,
            _moment_of_status(now, seen),
            not errors,
            len(policies),
            errors,
            [
                *compilation.warnings,
                *uncounted,
                *_about_keys(Severity.WARNING, fetched.warnings, addresses),
                *_of_pin(held, version, others.requirements, now),
            ],
            pinned,
        )
        # Nobody waits for a word about an app that has no policies, and never had one about it.
        if policies or errors or pinned is not None or seen is not None:
            self._store.write_status(status, seen)
        self._store.write_record(
            app,
            AppRecord(
                requirements,
                held,
                _digest(app, requirements, held, tokens, others, now),
                min(
                    compilation.changes_after(now),
                    now + _TRY_AGAIN if fetched.errors or uncounted else _FOREVER,
                ),
                record.revision,
                empty=not policies and pin is None,
                keys=self._kept_addresses(
                    record.keys,
                    [address for address in addresses if address not in fetched.errors],
                    now,
                    replaced=not errors and pinned is None,
                ),
                tokens=tokens,
            ),
        )
        return status

    def _without_keep_alives(self, app: str, policies: Sequence[Policy]) -> list[Finding]:
        """Warnings for limits of streams, if no stream was ever kept alive."""
        findings = list(without_keep_alives(policies))
        if not findings:
            return []
        try:
            return [] if self._has_keep_alive(app) else findings
        except UnavailableError:
            return []

    def _kept_addresses(
        self,
        before: Mapping[KeyAddress, float],
        named: Iterable[KeyAddress],
        now: float,
        *,
        replaced: bool,
    ) -> dict[KeyAddress, float]:
        """The addresses whose keys are still wanted, each with until when.

        Parameters
        ----------
        before
            Those of the app's record.
        named
            Those that the policies in the table name.
        replaced
            Whether these policies are active, and no other version is, nor pinned.
        """
        left = now + self._retention
        kept = {
            address: min(until, left) if replaced else until
            for address, until in before.items()
            if until >= now
        }
        return kept | dict.fromkeys(named, _FOREVER)

    def _others(self, app: str) -> Others:
        """What is known of the policies in the table that hold together with the app's."""
        if app != EVERY_APP:
            return _others(app, {EVERY_APP: self._store.record(EVERY_APP)})
        return _others(app, self._store.records())

    def _publish(
        self,
        compilation: Compilation,
        items: Sequence[Mapping[str, Any]],
        before: InForceVersion,
        now: float,
    ) -> int:
        policies = [item for item in items if is_policy_id(item["id"])]
        digest = source_digest(policies)
        if before.source == digest and not before.pinned:
            return before.version
        if not policies and not before.version:
            return 0
        try:
            source = self._store.source(compilation.app, before.version)
        except LookupError:
            # Somebody deleted it. What changed is then not known, but that is not a reason to stop.
            source = []
        changed, edit = changes(source, policies), _edit(items, digest)
        version = self._store.add_version(compilation, policies, changed, now, edit)
        self._store.activate(compilation.app, version, before, pinned=False)
        return version

    def _pin(
        self, app: str, wanted: object, before: InForceVersion
    ) -> tuple[int, Iterable[Finding]]:
        if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0:
            if before.pinned and before.version == wanted:
                return wanted, ()
            try:
                self._store.activate(app, wanted, before, pinned=True)
            except LookupError:
                message = f"there is no version {wanted} of the policies of {app!r}"
            else:
                return wanted, ()
        else:
            message = f"{wanted!r} is not a version: it must be a number, as in #status"
        return before.version, [Finding(Severity.ERROR, PIN_ID, "version", message)]


_TOO_MANY_REQUIREMENTS: Final = (
    "the policies ask for more different entries of restClientConfig than can be kept: "
    "let overrides share their fields, or name fewer methods"
)


_TOO_MANY_ISSUERS: Final = (
    "the policies with action trust name more issuers and methods than can be kept: name fewer"
)


def _others(app: str, records: Mapping[str, AppRecord]) -> Others:
    """In an order of its own, so that the same policies always lead to the same findings."""
    names = sorted(records.keys() - {EVERY_APP}) if app == EVERY_APP else [EVERY_APP]
    found = [records[name] for name in names if name in records]
    return Others(
        list(chain.from_iterable(record.requirements for record in found)),
        [record.tokens for record in found if record.tokens != NO_TOKENS],
    )


def _of_pin(
    held: Sequence[Requirement], version: int, others: Sequence[Requirement], now: float
) -> list[Finding]:
    """Warnings for what a pinned version contradicts: pinned it is, whatever others configure."""
    present = [requirement for requirement in others if requirement.until >= now]
    return [
        Finding(
            Severity.WARNING,
            PIN_ID,
            "version",
            f"policy {found.policy!r} of version {version} {found.message}",
        )
        for found in contradictions([one for one in held if one.until >= now], present)
    ]


def _addresses(compilation: Compilation) -> dict[KeyAddress, list[str]]:
    """The addresses of keys that policies name, each with the ids of these policies."""
    found: dict[KeyAddress, list[str]] = {}
    for policy in compilation.policies:
        if policy.trust is not None and policy.trust.keys.address and policy.mode is not Mode.OFF:
            source = policy.trust.keys
            found.setdefault(KeyAddress(source.address, source.issuer), []).append(policy.id)
    return found


def _about_keys(
    severity: Severity,
    texts: Mapping[KeyAddress, str],
    addresses: Mapping[KeyAddress, Sequence[str]],
) -> list[Finding]:
    return [
        Finding(severity, policy, "keys", text)
        for address, text in texts.items()
        for policy in addresses.get(address, ())
    ]


def _digest(
    app: str,
    requirements: Sequence[Requirement],
    held: Sequence[Requirement],
    tokens: TokenUse,
    others: Others,
    now: float,
) -> str:
    """A digest of those findings of an app that depend on others."""
    parts: list[list[Any]] = [
        list(cross_findings(requirements, others.requirements, now)),
        _of_pin(held, 0, others.requirements, now),
    ]
    outcome = cross_token_outcome(app, tokens, others.tokens, now)
    # Records of apps without tokens stay what they were before there were any.
    text = json.dumps([*parts, outcome] if outcome else parts)
    return hashlib.sha256(text.encode()).hexdigest()


def _edit(items: Iterable[Mapping[str, Any]], digest: str) -> Edit:
    """The edit that made the policies what they are: none if they were edited again without wcsctl.

    Parameters
    ----------
    digest
        Of the policies.
    """
    mark = next((item for item in items if item["id"] == EDIT_ID), {})
    if mark.get("source") != digest:
        return UNKNOWN_EDIT
    by, message = (mark.get(name, "") for name in Edit._fields)
    # Somebody may have edited it manually.
    return Edit(*(text[:_LONGEST_TEXT] if isinstance(text, str) else "" for text in (by, message)))


def _status_seen(items: Iterable[Mapping[str, Any]]) -> str | None:
    """When the status among an app's items was written."""
    status = next((item for item in items if item["id"] == STATUS_ID), {})
    compiled_at = status.get("compiledAt")
    return compiled_at if isinstance(compiled_at, str) else None


def _moment_of_status(now: float, seen: str | None) -> datetime:
    """The `compiledAt` of a status, by which it differs from the one that it replaces."""
    moment = datetime.fromtimestamp(now, UTC)
    return moment + timedelta(microseconds=1) if moment.isoformat() == seen else moment
