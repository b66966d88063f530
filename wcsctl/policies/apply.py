"""Writes policies to the table, and waits until the compiler has activated them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from wcs_hooks.core.policy.vocabulary import PIN_ID
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError, WcsctlError
from wcsctl.feedback import Feedback
from wcsctl.policies import connect_config
from wcsctl.policies.app_status import AppStatus
from wcsctl.policies.diff import PolicyChange
from wcsctl.policies.dynamodb_json import attribute_of, key_of, raw_of
from wcsctl.policies.files import FileFinding
from wcsctl.policies.lint import lint
from wcsctl.policies.requirements import others_in_table
from wcsctl.policies.table import TRANSACTION, AppItems, PolicyTable, Write, policies_of

_POLL: Final = 0.2
_SETTLED: Final = 2.0


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """What became of an edit of an app.

    Attributes
    ----------
    version
        The active one; 0 for none.
    ok
        Whether the compiler took the edit.
    pinned
        The version that is held instead of it; none without a pin.
    errors
        Why it did not, one text each.
    replaced
        The policies that somebody else has edited since they were written, by id: not what was
        written is active, but what they made of it.
    """

    app: str
    version: int
    ok: bool
    pinned: int | None
    errors: Sequence[str]
    replaced: Sequence[str] = ()

    @property
    def is_active(self) -> bool:
        """Whether what was written is what decides hooks."""
        return self.ok and self.pinned is None and not self.replaced

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        result = {"app": self.app, "version": self.version, "ok": self.ok}
        return {
            **result,
            "inForce": self.is_active,
            "pinned": self.pinned,
            "errors": list(self.errors),
            "replaced": list(self.replaced),
        }

    def __str__(self) -> str:
        """One line for people, and one for each error."""
        if not self.ok:
            kept = f"version {self.version} stays active" if self.version else "nothing is"
            lines = [f"{self.app}: written, but not active ({kept}):", *self.errors]
            return "\n  ".join(lines)
        if self.pinned is not None:
            return (
                f"{self.app}: written, but version {self.pinned} is pinned and stays active "
                f"until `wcsctl policy unpin {self.app}`"
            )
        if self.replaced:
            names = ", ".join(self.replaced)
            return (
                f"{self.app}: written, but somebody else has edited {names:.200} since: "
                f"version {self.version} is active, with their edit"
            )
        if not self.version:
            return f"{self.app}: has no policies"
        return f"{self.app}: version {self.version} is active"


@dataclass(frozen=True, slots=True)
class EditResult:
    """What became of an edit.

    Attributes
    ----------
    outcomes
        Of each app, those without changes included.
    reconfigured
        What only sessions that connect from now on receive.
    """

    changes: Sequence[PolicyChange]
    outcomes: Sequence[EditOutcome]
    reconfigured: Sequence[connect_config.ConfigChange]

    @property
    def is_active(self) -> bool:
        """Whether what was written decides hooks in every app."""
        return all(outcome.is_active for outcome in self.outcomes)

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "changes": [change.to_json() for change in self.changes],
            "apps": [outcome.to_json() for outcome in self.outcomes],
            "fromNextConnect": [change.to_json() for change in self.reconfigured],
        }


@dataclass(frozen=True, slots=True)
class PinResult:
    """What became of a pin.

    Attributes
    ----------
    pinned_already
        Whether that version was pinned before, so that nothing was written.
    """

    outcome: EditOutcome
    pinned_already: bool


class Editing:
    """An edit of the table, from what was read to what is active.

    Parameters
    ----------
    deployment
        Whose table.
    feedback
        Shows what is being done.
    wait
        How many seconds the compiler has.
    message
        Why the edit is made, for the history.
    """

    def __init__(
        self, deployment: Deployment, feedback: Feedback, wait: float, message: str = ""
    ) -> None:
        self.deployment = deployment
        self._feedback = feedback
        self.wait = wait
        self._message = message
        self.table = PolicyTable(deployment)

    def lint(
        self, policies: Mapping[str, Any], files: Mapping[tuple[str, str], str]
    ) -> list[FileFinding]:
        """Check what shall be in the table, also against other apps that stand there."""
        count = sum(map(len, policies.values()))
        with self._feedback.progress("Checking", count) as advance:
            others = others_in_table(self.deployment, policies.keys())
            return lint(policies, files, others, advance)

    def check(
        self,
        changes: Sequence[PolicyChange],
        seen: Mapping[str, AppItems],
        files: Mapping[tuple[str, str], str],
    ) -> list[FileFinding]:
        """Check what the table will hold after some changes.

        Parameters
        ----------
        seen
            The apps as they are in the table.
        files
            The file of each policy, by app and id.
        """
        after = {name: dict(items) for name, items in policies_of(seen).items()}
        for change in changes:
            if change.after is None:
                del after[change.app][change.id]
            else:
                after[change.app][change.id] = dict(change.after)
        return self.lint(after, files)

    def apply(self, changes: Sequence[PolicyChange], seen: Mapping[str, AppItems]) -> EditResult:
        """Write changes, and wait until the table's policies are active.

        Without changes it waits all the same.

        Parameters
        ----------
        seen
            The apps as they were when the changes were worked out, also those without changes.

        Raises
        ------
        ConflictError
            If somebody else edited an app since.
        WcsctlError
            If the compiler reports nothing in time.
        """
        written: datetime | None = None
        before: connect_config.Configs = {}
        if changes:
            changed = {change.app: seen[change.app] for change in changes}
            before = connect_config.active_configs(self.deployment, changed)
            written = self._write(changes, changed)
        outcomes = self._wait(changes, seen, written)
        after = connect_config.active_configs(self.deployment, before) if before else {}
        return EditResult(changes, outcomes, connect_config.changes(before, after))

    def pin(self, app: str, version: int) -> PinResult:
        """Hold a version, and wait until the compiler has activated it.

        Raises
        ------
        ConflictError
            If somebody else edited the app meanwhile.
        WcsctlError
            If the compiler reports nothing in time.
        """
        seen = self.table.read(app)
        if seen.pin == version == seen.status.get("pinned"):
            return PinResult(outcome_from_status(app, seen.status), pinned_already=True)
        mark = {**key_of(app, PIN_ID), "version": attribute_of(version)}
        return PinResult(self._mark_pin(seen, mark, version), pinned_already=False)

    def unpin(self, app: str) -> EditOutcome:
        """Release the version that is held, and wait until the compiler has done so.

        Raises
        ------
        NotFoundError
            If none is held.
        ConflictError
            If somebody else edited the app meanwhile.
        WcsctlError
            If the compiler reports nothing in time.
        """
        seen = self.table.read(app)
        if PIN_ID not in seen.system:
            raise NotFoundError(f"No version of the policies of app {app} is pinned.")
        return self._mark_pin(seen, None, None)

    def _mark_pin(
        self, seen: AppItems, mark: dict[str, Any] | None, version: int | None
    ) -> EditOutcome:
        write = Write(seen.app, PIN_ID, seen.system.get(PIN_ID), mark)
        written = self.table.write([write], {seen.app: seen})
        return self.wait_for_pin(seen, version, written)

    def _write(self, changes: Sequence[PolicyChange], seen: Mapping[str, AppItems]) -> datetime:
        if len(changes) + len(seen) > TRANSACTION:
            self._feedback.say(
                f"{len(changes):,} changes do not fit into one transaction: "
                "each app's are written together where they number less than 100, "
                "else in parts of 100."
            )
        writes = [write_of(change, seen[change.app]) for change in changes]
        with self._feedback.progress("Writing", len(writes)) as advance:
            self.table.check(seen.values())
            return self.table.write(writes, seen, advance, message=self._message)

    def _wait(
        self,
        changes: Sequence[PolicyChange],
        seen: Mapping[str, AppItems],
        written: datetime | None,
    ) -> list[EditOutcome]:
        deadline = time.monotonic() + self.wait
        with self._feedback.progress("Waiting until it is active", len(seen)) as advance:
            outcomes = []
            for app in seen.values():
                own = [change for change in changes if change.app == app.app]
                outcomes.append(self.wait_for(app, own, written, deadline))
                advance(1)
        return outcomes

    def wait_for(
        self,
        before: AppItems,
        changes: Sequence[PolicyChange],
        written: datetime | None,
        deadline: float,
    ) -> EditOutcome:
        """Wait until the compiler has dealt with an edit of an app.

        What is active is recognised by its content, not by clocks: the pointer's digest is that of
        what the table now holds, and that has what was written.

        Parameters
        ----------
        before
            The app before the edit.
        changes
            What was written of the app. With none, it may be active already.
        written
            When the edit was made, by DynamoDB's clock; none if there was none.
        deadline
            Until when to wait, by `time.monotonic`.

        Raises
        ------
        WcsctlError
            If the compiler says nothing in time.
        """

        def judge(outcome: EditOutcome) -> EditOutcome | None:
            if not outcome.ok:
                return None
            if outcome.pinned is not None:
                return outcome
            pointer, now = self.table.pointer(before.app), self.table.read(before.app)
            active = pointer.source == now.digest if pointer.version else not now.raw
            if not active or outcome.version != pointer.version:
                return None
            return replace(outcome, replaced=_replaced(changes, now))

        return self._until_compiled(before, written, deadline, judge, edited=bool(changes))

    def wait_for_pin(self, before: AppItems, version: int | None, written: datetime) -> EditOutcome:
        """Wait until the compiler holds a version, or none.

        Parameters
        ----------
        before
            The app before `#pin` was written or deleted.
        written
            When that was, by DynamoDB's clock.

        Raises
        ------
        WcsctlError
            If the compiler says nothing in time.
        """

        def judge(outcome: EditOutcome) -> EditOutcome | None:
            return outcome if outcome.pinned == version and outcome.ok else None

        deadline = time.monotonic() + self.wait
        return self._until_compiled(before, written, deadline, judge, edited=True)

    def _until_compiled(
        self,
        before: AppItems,
        written: datetime | None,
        deadline: float,
        judge: Callable[[EditOutcome], EditOutcome | None],
        *,
        edited: bool,
    ) -> EditOutcome:
        """Wait for a status after an edit, or for any, that is accepted, or that stays an error."""
        last, since = before.status.get("compiledAt"), time.monotonic()
        while True:
            status = self.table.status(before.app)
            compiled_at = status.get("compiledAt")
            outcome = outcome_from_status(before.app, status) if status else None
            if outcome is None:
                # Nobody has said anything yet, and of an app without policies nobody will.
                outcome = judge(EditOutcome(before.app, 0, ok=True, pinned=None, errors=()))
                if outcome is not None:
                    return outcome
            elif not edited or compiled_at != before.status.get("compiledAt"):
                if compiled_at != last:
                    last, since = compiled_at, time.monotonic()
                judged = judge(outcome)
                if judged is not None:
                    return judged
                has_waited = time.monotonic() - since >= _SETTLED
                # One about an earlier edit, just before ours, would soon be replaced.
                if not outcome.ok and (
                    (has_waited and written is not None and _is_since(status, written))
                    or time.monotonic() >= deadline
                ):
                    return outcome
            if time.monotonic() >= deadline:
                raise WcsctlError(
                    f"The policies of app {before.app} are written, but were not compiled within "
                    f"{self.wait:.0f} s: `wcsctl status` says when they are, or what is wrong."
                )
            pause(_POLL)


def _is_since(status: Mapping[str, Any], written: datetime) -> bool:
    """Whether a status was written after a moment."""
    return datetime.fromisoformat(str(status["compiledAt"])) >= written


def _replaced(changes: Sequence[PolicyChange], now: AppItems) -> list[str]:
    """The policies that are not what was written, by id."""
    return [
        change.id
        for change in changes
        if (change.id in now.policies) != (change.after is not None)
        or list(
            PolicyChange(now.app, change.id, now.policies.get(change.id), change.after).attributes()
        )
    ]


def outcome_from_status(app: str, status: Mapping[str, Any]) -> EditOutcome:
    """What `#status` says."""
    app_status = AppStatus.from_item(app, status)
    return EditOutcome(
        app, app_status.version, app_status.ok, app_status.pinned, app_status.error_texts
    )


def write_of(change: PolicyChange, seen: AppItems) -> Write:
    """The write that makes a change."""
    before = seen.raw.get(change.id)
    after = None if change.after is None else raw_of(change.after, before)
    return Write(change.app, change.id, before, after)


def pause(seconds: float) -> None:
    """Let the compiler work."""
    time.sleep(seconds)
