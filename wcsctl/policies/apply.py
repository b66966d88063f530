"""Brings policies into the table, and waits until the compiler has brought them into force."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import typer
from rich.progress import Progress, TaskID
from rich.text import Text

from wcsctl.deployment import Deployment
from wcsctl.errors import ExitStatus, UsageError, WcsctlError
from wcsctl.output import Output
from wcsctl.policies import connect_config
from wcsctl.policies.demands import demands_in_table
from wcsctl.policies.diff import Change, render
from wcsctl.policies.files import FileFinding
from wcsctl.policies.lint import lint
from wcsctl.policies.table import TRANSACTION, AppItems, PolicyTable, Write, raw_of

SHOWN_CHANGES: Final = 50
"""How many changes are shown before one is asked."""

_SHOWN_FINDINGS: Final = 50
_POLL: Final = 0.2
_SETTLED: Final = 2.0
_FIRST: Final = TaskID(0)


@dataclass(frozen=True, slots=True)
class InForce:
    """What became of an edit of an app.

    Attributes
    ----------
    version
        The one in force.
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
        told = {"app": self.app, "version": self.version, "ok": self.ok}
        return {
            **told,
            "inForce": self.is_active,
            "pinned": self.pinned,
            "errors": list(self.errors),
            "replaced": list(self.replaced),
        }

    def __str__(self) -> str:
        """One line for people, and one for each error."""
        if not self.ok:
            kept = f"version {self.version} stays in force" if self.version else "nothing is"
            lines = [f"{self.app}: written, but not in force ({kept}):", *self.errors]
            return "\n  ".join(lines)
        if self.pinned is not None:
            return (
                f"{self.app}: written, but version {self.pinned} is pinned and stays in force "
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
        return f"{self.app}: in force as version {self.version}"


class Editing:
    """An edit of the table, from what was read to what is in force.

    Parameters
    ----------
    deployment
        Whose table.
    output
        How to speak.
    wait
        How many seconds the compiler has.
    """

    def __init__(self, deployment: Deployment, output: Output, wait: float) -> None:
        self.deployment = deployment
        self.output = output
        self.wait = wait
        self.table = PolicyTable(deployment)

    def lint(
        self, policies: Mapping[str, Any], files: Mapping[tuple[str, str], str]
    ) -> list[FileFinding]:
        """Check what shall stand in the table, also against other apps that stand there."""
        count = sum(map(len, policies.values()))
        with self.output.progress("Checking", count) as progress:
            others = demands_in_table(self.deployment, policies.keys())
            return lint(policies, files, others, advancing(progress))

    def bring(
        self,
        changes: Sequence[Change],
        seen: Mapping[str, AppItems],
        *,
        yes: bool,
    ) -> None:
        """Ask, write, wait, and say so.

        Also without changes it waits until what the table holds is active.

        Parameters
        ----------
        seen
            The apps as they were when the changes were worked out, also those without changes.
        yes
            Not to ask.

        Raises
        ------
        UsageError
            If nobody is there to be asked.
        ConflictError
            If somebody else edited an app since.
        """
        written: datetime | None = None
        before: connect_config.Configs = {}
        if changes:
            if not self.output.as_json:
                self.output.people.print(render(list(changes), SHOWN_CHANGES))
            if not yes:
                self._ask()
            changed = {change.app: seen[change.app] for change in changes}
            before = connect_config.active_configs(self.deployment, changed)
            written = self._write(changes, changed)
        outcomes = self._wait(changes, seen, written)
        texts = [Text(str(one)) for one in outcomes if changes or not one.is_active]
        if not changes:
            texts.insert(0, Text("Nothing to do: the table holds just this."))
        after = connect_config.active_configs(self.deployment, before) if before else {}
        reconfigured = connect_config.changes(before, after)
        self.output.result(
            {
                "changes": [change.to_json() for change in changes],
                "apps": [outcome.to_json() for outcome in outcomes],
                "fromNextConnect": [change.to_json() for change in reconfigured],
            },
            *texts,
            *map(Text, connect_config.lines(reconfigured)),
        )
        if not all(outcome.is_active for outcome in outcomes):
            raise typer.Exit(ExitStatus.FAILED)

    def _ask(self) -> None:
        if self.output.as_json or not interactive():
            raise UsageError("Nobody is here to be asked: give --yes to write without asking.")
        if not typer.confirm(f"Write to {self.deployment.name}?", err=True):
            self.output.say("Nothing was written.")
            raise typer.Exit(ExitStatus.FAILED)

    def _write(self, changes: Sequence[Change], seen: Mapping[str, AppItems]) -> datetime:
        if len(changes) + len(seen) > TRANSACTION:
            self.output.say(
                f"{len(changes):,} changes do not fit into one transaction: "
                "each app's are written together where they number less than 100, "
                "else in parts of 100."
            )
        writes = [write_of(change, seen[change.app]) for change in changes]
        with self.output.progress("Writing", len(writes)) as progress:
            self.table.check(seen.values())
            return self.table.write(writes, seen, advancing(progress))

    def _wait(
        self, changes: Sequence[Change], seen: Mapping[str, AppItems], written: datetime | None
    ) -> list[InForce]:
        deadline = time.monotonic() + self.wait
        with self.output.progress("Waiting until it is in force", len(seen)) as progress:
            outcomes = []
            for app in seen.values():
                own = [change for change in changes if change.app == app.app]
                outcomes.append(self.wait_for(app, own, written, deadline))
                progress.advance(_FIRST)
        return outcomes

    def wait_for(
        self,
        before: AppItems,
        changes: Sequence[Change],
        written: datetime | None,
        deadline: float,
    ) -> InForce:
        """Wait until the compiler has dealt with an edit of an app.

        What is in force is told by its content, not by clocks: the pointer's digest is that of what
        the table now holds, and that has what was written.

        Parameters
        ----------
        before
            The app before the edit.
        changes
            What was written of the app. With none, it may be in force already.
        written
            When the edit was made, by DynamoDB's clock; none if there was none.
        deadline
            Until when to wait, by `time.monotonic`.

        Raises
        ------
        WcsctlError
            If the compiler says nothing in time.
        """

        def judge(told: InForce) -> InForce | None:
            if not told.ok:
                return None
            if told.pinned is not None:
                return told
            pointer, now = self.table.pointer(before.app), self.table.read(before.app)
            active = pointer.get("source") == now.digest if pointer else not now.raw
            if not active or told.version != pointer.get("version", 0):
                return None
            return replace(told, replaced=_replaced(changes, now))

        return self._until_told(before, written, deadline, judge, edited=bool(changes))

    def wait_for_pin(self, before: AppItems, version: int | None, written: datetime) -> InForce:
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

        def judge(told: InForce) -> InForce | None:
            return told if told.pinned == version and told.ok else None

        deadline = time.monotonic() + self.wait
        return self._until_told(before, written, deadline, judge, edited=True)

    def _until_told(
        self,
        before: AppItems,
        written: datetime | None,
        deadline: float,
        judge: Callable[[InForce], InForce | None],
        *,
        edited: bool,
    ) -> InForce:
        """Wait for a status after an edit, or for any, that is accepted, or that stays an error."""
        last, since = before.status.get("compiledAt"), time.monotonic()
        while True:
            status = self.table.status(before.app)
            compiled_at = status.get("compiledAt")
            outcome = outcome_of(before.app, status) if status else None
            if outcome is None:
                # Nobody has said anything yet, and of an app without policies nobody will.
                outcome = judge(InForce(before.app, 0, ok=True, pinned=None, errors=()))
                if outcome is not None:
                    return outcome
            elif not edited or compiled_at != before.status.get("compiledAt"):
                if compiled_at != last:
                    last, since = compiled_at, time.monotonic()
                judged = judge(outcome)
                if judged is not None:
                    return judged
                settled = time.monotonic() - since >= _SETTLED
                # One about an earlier edit, just before ours, would soon be replaced.
                if not outcome.ok and (
                    (settled and written is not None and _is_since(status, written))
                    or time.monotonic() >= deadline
                ):
                    return outcome
            if time.monotonic() >= deadline:
                raise WcsctlError(
                    f"The policies of app {before.app} are written, but were not compiled within "
                    f"{self.wait:.0f} s: `wcsctl status` tells when they are, or what is wrong."
                )
            pause(_POLL)


def _is_since(status: Mapping[str, Any], written: datetime) -> bool:
    """Whether a status was told after a moment."""
    return datetime.fromisoformat(str(status["compiledAt"])) >= written


def _replaced(changes: Sequence[Change], now: AppItems) -> list[str]:
    """The policies that are not what was written, by id."""
    return [
        change.id
        for change in changes
        if (change.id in now.policies) != (change.after is not None)
        or list(Change(now.app, change.id, now.policies.get(change.id), change.after).attributes())
    ]


def outcome_of(app: str, status: Mapping[str, Any]) -> InForce:
    """What `#status` tells."""
    errors = [
        ": ".join(part for part in (one["policy"], one["attribute"], one["message"]) if part)
        for one in status.get("errors", ())
    ]
    return InForce(app, status["version"], status["ok"], status.get("pinned"), errors)


def write_of(change: Change, seen: AppItems) -> Write:
    """The write that makes a change."""
    before = seen.raw.get(change.id)
    after = None if change.after is None else raw_of(change.after, before)
    return Write(change.app, change.id, before, after)


def show_findings(output: Output, findings: Sequence[FileFinding]) -> bool:
    """Show what is wrong, to one side; whether any of it is an error."""
    errors = [finding for finding in findings if finding.is_error]
    warnings = [finding for finding in findings if not finding.is_error]
    for kind, style, found in (("error", "red", errors), ("warning", "yellow", warnings)):
        for finding in found[:_SHOWN_FINDINGS]:
            output.aside.print(f"[{style}]{kind}:[/{style}] ", end="")
            output.aside.print(Text(str(finding)), soft_wrap=True)
        if len(found) > _SHOWN_FINDINGS:
            output.say(f"… and {len(found) - _SHOWN_FINDINGS:,} more {kind}s")
    return bool(errors)


def advancing(progress: Progress) -> Callable[[int], object]:
    """Advances the progress that an output shows."""
    return lambda count: progress.advance(_FIRST, count)


def interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def pause(seconds: float) -> None:
    """Let the compiler work."""
    time.sleep(seconds)
