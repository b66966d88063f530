"""Policies from files, compiled here as they would be in the deployment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from strict_yaml import plain
from wcs_hooks.core.policy.compilation import Compilation, compile_policies
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.errors import WcsctlError
from wcsctl.explanation import PolicySet
from wcsctl.policies.files import FileFinding, PolicyFiles, load_directory
from wcsctl.policies.requirements import others_among

VERSION: Final = 0
"""Of what is not active."""

type Items = Mapping[str, Sequence[Mapping[str, Any]]]
"""Policies as people wrote them, by app, in JSON's types."""


class CandidateError(WcsctlError):
    """The policies in the files have errors."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Policies that are not active.

    Attributes
    ----------
    snapshots
        By app, as the deployment would store them.
    errors
        With any of them nothing could become active.
    warnings
        What lint finds besides.
    """

    items: Items
    compilations: Mapping[str, Compilation]
    snapshots: Mapping[str, bytes]
    errors: tuple[FileFinding, ...]
    warnings: tuple[FileFinding, ...] = ()

    def policies_of(self, app: str, otherwise: PolicySet | None = None) -> PolicySet:
        """What would decide an app's hooks.

        Parameters
        ----------
        otherwise
            What is active: it stays so for an app, and for every app, that the files do not have.
        """
        stays = otherwise or PolicySet({}, {})
        apps = dict.fromkeys((app, EVERY_APP))
        snapshots = {**stays.snapshots, **self.snapshots}
        items = {**stays.items, **self.items}
        return PolicySet(
            {name: snapshots[name] for name in apps if name in snapshots},
            {name: items.get(name, ()) for name in apps},
        )


def load(directory: Path, now: float) -> Candidate:
    """Read and compile a directory with a folder for each app.

    Raises
    ------
    CandidateError
        If they have errors.
    """
    return checked(compile_files(load_directory(directory), now))


def checked(candidate: Candidate) -> Candidate:
    """Return the same, if it could become active.

    Raises
    ------
    CandidateError
        If it has errors.
    """
    if candidate.errors:
        first = candidate.errors[0]
        more = len(candidate.errors) - 1
        raise CandidateError(f"{first}{f' (and {more} more errors)' if more else ''}")
    return candidate


def compile_files(files: PolicyFiles, now: float) -> Candidate:
    """Compile the policies of all apps as they hold together: each app's with those of every app.

    Parameters
    ----------
    now
        Seconds since the epoch: what is over by then requires nothing of restClientConfig.
    """
    items = {app: [plain(item) for item in own.values()] for app, own in files.policies.items()}
    alone = {app: compile_policies(app, own, (), now) for app, own in items.items()}
    compiled: dict[str, Compilation] = {}
    for app, own in items.items():
        others = others_among(app, alone)
        compiled[app] = (
            compile_policies(app, own, others.requirements, now, others.tokens)
            if any(others)
            else alone[app]
        )
    findings = [
        *files.findings,
        *(
            FileFinding(files.files.get((app, finding.policy), ""), app, finding)
            for app, done in compiled.items()
            for finding in (*done.errors, *done.warnings)
        ),
    ]
    errors = tuple(finding for finding in findings if finding.is_error)
    warnings = tuple(finding for finding in findings if not finding.is_error)
    snapshots = {}
    if not errors:
        snapshots = {app: done.dump(VERSION, now) for app, done in compiled.items()}
    return Candidate(items, compiled, snapshots, errors, warnings)
