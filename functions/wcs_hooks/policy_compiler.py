"""The compiler: an edit of the Policies table becomes a new version in force, or is turned away.

Versions are immutable and counted up; what is in force is a pointer, moved by a conditional write.
With any error the last good version stays in force. Everything here can be run again: a compiler
that was killed half-way, or a second one meanwhile, leaves either the old version or the new one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from wcs_hooks.clock import Clock
from wcs_hooks.core.client_config import Demand
from wcs_hooks.core.compilation import (
    Changes,
    Compilation,
    changes,
    compile_policies,
    source_digest,
)
from wcs_hooks.core.policy import SYSTEM_ID_PREFIX, Finding, Severity, is_policy_id

STATUS_ID: Final = "#status"
"""The item that tells an app's operator what became of the last edit."""

PIN_ID: Final = "#pin"
"""The item that holds its `version` in force, whatever is edited, until it is deleted."""

ATTEMPTS: Final = 5
"""How often a compilation is begun anew because another compiler was faster."""


class PointerMovedError(Exception):
    """Another compiler moved the pointer meanwhile."""


class StatusChangedError(Exception):
    """Another compiler told its status meanwhile, perhaps of newer policies."""


class ContendedError(Exception):
    """Compilers kept being faster than each other; the edit will be tried again."""


@dataclass(frozen=True, slots=True)
class InForceVersion:
    """What an app's pointer says.

    Attributes
    ----------
    version
        0 where nothing was in force yet.
    source
        The digest of the policies that it was made from.
    pinned
        Whether it is held, whatever is edited.
    settled
        Whether everything that follows from its coming into force was done.
    """

    version: int = 0
    source: str = ""
    pinned: bool = False
    settled: bool = True


NOTHING: Final = InForceVersion()


@dataclass(frozen=True, slots=True)
class Status:
    """What an app's operator is told, beside the policies.

    Attributes
    ----------
    version
        The version in force; 0 where there is none.
    ok
        Whether what stands in the table is what is in force.
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
        """The policies that a version was made from; none for version 0."""
        ...

    def other_demands(self, app: str) -> list[Demand]:
        """What the policies that hold together with the app's demand of restClientConfig."""
        ...

    def add_version(
        self,
        compilation: Compilation,
        items: Sequence[Mapping[str, Any]],
        changed: Changes,
        now: float,
    ) -> int:
        """Write a new version with its source, for good; gives its number."""
        ...

    def point(self, app: str, version: int, before: InForceVersion, *, pinned: bool) -> None:
        """Put a version into force.

        Raises
        ------
        PointerMovedError
            If the pointer does not say `before` any more.
        LookupError
            If there is no such version.
        """
        ...

    def settle(self, app: str) -> None:
        """Do what follows from a version's coming into force, again if need be.

        What it demands is made known to those who compile other apps, and the version before it
        expires in time.
        """
        ...

    def tell(self, status: Status, seen: str | None) -> None:
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
        Tells which windows are over.
    """

    def __init__(self, store: PolicyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def compile(self, app: str) -> Status:
        """Bring an app's policies into force, or tell why not.

        Raises
        ------
        ContendedError
            If other compilers moved the pointer each time.
        """
        if app.startswith(SYSTEM_ID_PREFIX):
            return self._turn_away(app)
        for _ in range(ATTEMPTS):
            try:
                return self._attempt(app)
            except (PointerMovedError, StatusChangedError):
                continue
        raise ContendedError(
            f"the policies of {app!r} are being compiled elsewhere, again and again"
        )

    def _turn_away(self, app: str) -> Status:
        message = (
            f"an app that begins with {SYSTEM_ID_PREFIX} cannot have policies: "
            "such names are the system's"
        )
        error = Finding(Severity.ERROR, "", "app", message)
        told = datetime.fromtimestamp(self._clock.now(), UTC)
        items = self._store.items(app)
        policies = sum(is_policy_id(item["id"]) for item in items)
        status = Status(app, 0, told, ok=False, policies=policies, errors=[error])
        self._store.tell(status, _status_seen(items))
        return status

    def _attempt(self, app: str) -> Status:
        # The pointer before the items: who compiles newer ones meanwhile moves it.
        now = self._clock.now()
        before = self._store.in_force(app)
        if not before.settled:
            # A compiler was killed. Once the pointer has moved on, nobody could tell.
            self._store.settle(app)
        items = self._store.items(app)
        policies = [item for item in items if is_policy_id(item["id"])]
        compilation = compile_policies(app, policies, self._store.other_demands(app), now)
        errors = list(compilation.errors)
        pin = next((item for item in items if item["id"] == PIN_ID), None)
        version = before.version
        pinned = None
        if pin is not None:
            version, problems = self._pin(app, pin.get("version"), before)
            errors += problems
            pinned = version if not problems or before.pinned else None
        elif not errors:
            version = self._publish(compilation, policies, before, now)
        status = Status(
            app,
            version,
            datetime.fromtimestamp(now, UTC),
            not errors,
            len(policies),
            errors,
            compilation.warnings,
            pinned,
        )
        if not self._store.in_force(app).settled:
            self._store.settle(app)
        self._store.tell(status, _status_seen(items))
        return status

    def _publish(
        self,
        compilation: Compilation,
        policies: Sequence[Mapping[str, Any]],
        before: InForceVersion,
        now: float,
    ) -> int:
        digest = source_digest(policies)
        if before.source == digest and not before.pinned:
            return before.version
        if not policies and not before.version:
            return 0
        changed = changes(self._store.source(compilation.app, before.version), policies)
        version = self._store.add_version(compilation, policies, changed, now)
        self._store.point(compilation.app, version, before, pinned=False)
        return version

    def _pin(
        self, app: str, wanted: object, before: InForceVersion
    ) -> tuple[int, Iterable[Finding]]:
        if isinstance(wanted, int) and not isinstance(wanted, bool) and wanted > 0:
            if before.pinned and before.version == wanted:
                return wanted, ()
            try:
                self._store.point(app, wanted, before, pinned=True)
            except LookupError:
                message = f"there is no version {wanted} of the policies of {app!r}"
            else:
                return wanted, ()
        else:
            message = f"{wanted!r} is no version: it must be a number, as #status tells it"
        return before.version, [Finding(Severity.ERROR, PIN_ID, "version", message)]


def _status_seen(items: Iterable[Mapping[str, Any]]) -> str | None:
    """When the status that stands among an app's items was told."""
    status = next((item for item in items if item["id"] == STATUS_ID), {})
    told = status.get("compiledAt")
    return told if isinstance(told, str) else None
