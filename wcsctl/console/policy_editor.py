"""Loads, checks, tests and publishes the policies that are edited on the page."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from strict_yaml import plain
from wcs_hooks.adapters.dynamo_policy_store import read_records
from wcs_hooks.core.policy.compilation import Others
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.commands.policy.arguments import WAIT
from wcsctl.commands.policy.review import check_and_apply
from wcsctl.console.text_places import TextPlaces
from wcsctl.deployment import Deployment
from wcsctl.errors import ConflictError, UsageError, WcsctlError
from wcsctl.output import Output
from wcsctl.policies import candidate as candidates
from wcsctl.policies.apply import Editing
from wcsctl.policies.candidate import Candidate
from wcsctl.policies.diff import compare
from wcsctl.policies.files import (
    FileFinding,
    PoliciesByApp,
    PolicyFiles,
    folder_of,
    load_text,
)
from wcsctl.policies.lint import lint
from wcsctl.policies.requirements import others_among
from wcsctl.policies.table import AppItems, PolicyTable
from wcsctl.policies.testing.reading import find_tests, read_tests
from wcsctl.policies.testing.running import TestReport, run_tests
from wcsctl.policies.yaml import write_policies

if TYPE_CHECKING:
    from wcsctl.policies.testing.cases import PolicyTest

_THE_TEXT: Final = "the text"
_KEPT: Final = 16
"""How many loaded apps are kept in memory."""

_FEW: Final = 200
"""In an app with at most this many policies, all are compiled whenever the text is checked."""

type PoliciesById = Mapping[str, Mapping[str, Any]]


@dataclass
class LoadedApp:
    """The state of an app that an edit on the page starts from.

    Attributes
    ----------
    items
        The app's items in the table.
    """

    items: AppItems
    _deployment: Deployment

    @cached_property
    def others(self) -> Others:
        """The policies of other apps that are evaluated together with this app's."""
        return others_among(self.items.app, self._records)

    @cached_property
    def others_and_siblings(self) -> Others:
        """`others`, and the token use of the app's own policies."""
        own = self._records.get(self.items.app)
        requirements, tokens = self.others
        return Others(requirements, [*tokens, own.tokens] if own else tokens)

    @cached_property
    def _records(self) -> Mapping[str, Any]:
        client = self._deployment.client("dynamodb")
        return read_records(client, self._deployment.output("SnapshotsTableName"))

    def with_edited(self, policies: PoliciesById) -> dict[str, Any]:
        """Return all policies of the app, by id, with the edited ones in place of the old."""
        return {**self.items.policies, **policies}

    def findings(self, policies: PoliciesById) -> list[FileFinding]:
        """Return what the compiler would report about edited policies of the app.

        In a large app only the edited policies are compiled here; publishing compiles all of them.
        """
        app = self.items.app
        if len(self.items.policies) > _FEW:
            return lint({app: policies}, {}, lambda _: self.others_and_siblings)
        found = lint({app: self.with_edited(policies)}, {}, lambda _: self.others)
        return [one for one in found if one.finding.policy in {*policies, ""}]


class PolicyEditor:
    """Edits the policies of a deployment.

    Parameters
    ----------
    deployment
        The deployment.
    directory
        Directory with a folder of tests for each app; None if there are no tests.
    """

    def __init__(self, deployment: Deployment, directory: Path | None) -> None:
        self._deployment = deployment
        self._directory = directory
        self._loaded: OrderedDict[str, LoadedApp] = OrderedDict()
        self._lock = Lock()

    def load(self, app: str, policy_id: str | None) -> dict[str, Any]:
        """Read a policy, or the state that a new policy starts from.

        The result's `seen` identifies this state of the app. It is passed to the other methods.

        Raises
        ------
        NotFoundError
            If there is no such policy.
        """
        items = PolicyTable(self._deployment).read(app)
        policy = None if policy_id is None else items.policy(policy_id)
        seen = secrets.token_urlsafe(16)
        with self._lock:
            self._loaded[seen] = LoadedApp(items, self._deployment)
            while len(self._loaded) > _KEPT:
                self._loaded.popitem(last=False)
        return {
            "policy": None if policy is None else plain(policy),
            "text": "" if policy is None else write_policies([_without_app(policy)]),
            "seen": seen,
            "tests": [file.name for file in self._test_files(app)],
        }

    def check(self, app: str, policy_id: str | None, text: str, seen: str) -> dict[str, Any]:
        """Return the findings about an edited text, with their positions."""
        began = time.monotonic()
        places = TextPlaces(text)
        findings = self._findings(app, policy_id, text, seen)
        return {
            "findings": [_finding(one, places) for one in findings],
            "milliseconds": round((time.monotonic() - began) * 1000, 1),
        }

    def test(self, app: str, policy_id: str | None, text: str, seen: str) -> dict[str, Any]:
        """Run the tests of the app's folder against the table's policies with the edited text."""
        try:
            edited = _read(app, policy_id, text)
        except WcsctlError as error:
            return {"ok": False, "results": [], "problem": str(error)}
        apps: PoliciesByApp = {}
        if app != EVERY_APP:
            apps[EVERY_APP] = PolicyTable(self._deployment).read(EVERY_APP).policies
        apps[app] = self._items(seen, app).with_edited(edited.policies.get(app, {}))
        tests: list[PolicyTest] = []
        for file in self._test_files(app):
            tests += read_tests(file)
        report = run_tests(PolicyFiles(apps, edited.files, edited.findings), tests)
        return _report(report)

    def candidate(
        self, app: str, policy_id: str | None, text: str, seen: str, now: float
    ) -> Candidate:
        """Compile the app as it would be with the edited text.

        Raises
        ------
        WcsctlError
            If the policies have errors.
        """
        edited = _read(app, policy_id, text)
        policies = self._items(seen, app).with_edited(edited.policies.get(app, {}))
        files = PolicyFiles({app: policies}, edited.files, edited.findings)
        return candidates.checked(candidates.compile_files(files, now))

    def publish(
        self, output: Output, app: str, policy_id: str | None, text: str, seen: str, message: str
    ) -> None:
        """Ask for confirmation, write an edited text to the table, and wait until it is active.

        Raises
        ------
        ConflictError
            If somebody edited the app since the page loaded it.
        WcsctlError
            If the policies have errors.
        """
        edited = _read(app, policy_id, text)
        items = self._items(seen, app).items
        policies = edited.policies.get(app, {})
        there = [] if policy_id is not None else sorted(policies.keys() & items.policies)
        if there:
            raise UsageError(
                f"App {app} already has a policy {there[0]}: open it, or choose another id."
            )
        editing = Editing(self._deployment, output, WAIT, message)
        editing.table.check([items])
        changes = compare({app: items.policies}, {app: policies}, delete=False)
        check_and_apply(editing, output, edited, changes, {app: items}, yes=False)

    def _findings(
        self, app: str, policy_id: str | None, text: str, seen: str
    ) -> Sequence[FileFinding | str]:
        try:
            edited = _read(app, policy_id, text)
        except WcsctlError as error:
            return [str(error)]
        found = self._items(seen, app).findings(edited.policies.get(app, {}))
        return [*edited.findings, *found]

    def _items(self, seen: str, app: str) -> LoadedApp:
        with self._lock:
            found = self._loaded.get(seen)
            if found is None or found.items.app != app:
                raise ConflictError(
                    "The console was restarted, or other policies were opened, since this text was "
                    "loaded. Load the policy again; the page keeps your text."
                )
            self._loaded.move_to_end(seen)
            return found

    def _test_files(self, app: str) -> list[Path]:
        if self._directory is None:
            return []
        folder = self._directory / folder_of(app)
        return find_tests(folder) if folder.is_dir() else []


def _read(app: str, policy_id: str | None, text: str) -> PolicyFiles:
    """Read the policies of an edited text.

    Raises
    ------
    PolicyYamlError
        If the text is not YAML.
    UsageError
        If it has no policy, or not exactly the one that is edited.
    """
    read = load_text(text, _THE_TEXT, app)
    ids = list(read.policies.get(app, {}))
    if policy_id is not None and not read.findings and ids != [policy_id]:
        raise UsageError(
            f"id: must be {policy_id}, not {', '.join(ids) or 'missing'}. To rename a policy, "
            "create a new one and delete the old one."
        )
    if not ids and not read.findings:
        raise UsageError("The text has no policy. A policy needs id, method and action.")
    return read


def _without_app(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in policy.items() if name != "app"}


def _finding(found: FileFinding | str, places: TextPlaces) -> dict[str, Any]:
    if isinstance(found, str):
        place = _place_in(found)
        shown = {"level": "error", "policy": "", "attribute": "", "message": found}
    else:
        one = found.finding
        place = places.place(one.policy, one.attribute)
        shown = {
            "level": str(one.severity),
            "policy": one.policy,
            "attribute": one.attribute,
            "message": one.message,
        }
    begin, end = place or (None, None)
    return {**shown, "from": begin, "to": end}


def _place_in(message: str) -> tuple[dict[str, int], dict[str, int]] | None:
    """Return the line that a message about the text's YAML begins with; None if there is none."""
    line = message.removeprefix(f"{_THE_TEXT}:").partition(":")[0]
    if not message.startswith(f"{_THE_TEXT}:") or not line.isdecimal():
        return None
    number = int(line)
    return {"line": number, "column": 1}, {"line": number + 1, "column": 1}


def _report(report: TestReport) -> dict[str, Any]:
    errors = [str(error) for error in report.errors]
    return {
        "ok": not errors and not report.failed,
        "results": [
            {
                "name": one.test.name,
                "file": one.test.file.name,
                "ok": one.passed,
                "differences": list(one.differences),
            }
            for one in report.results
        ],
        "problem": "; ".join(errors[:3]),
    }
