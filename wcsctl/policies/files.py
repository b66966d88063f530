"""Policies as files: one folder for each app, in it YAML files of one policy or a list of them.

::

    policies/
      _every_app/                 app "*": what holds for every app
        no-private-streams.yaml
      school/                     app "school"
        teachers.yaml

`app` may be left out where the folder says it. An app's name that is not a portable folder's name
is written with `%` escapes. Files beside the folders are read too, if their policies name their
app.
Tests (`tests/`, `*_test.yaml`, `*.test.yaml`) are passed over. Other files that look like policies,
such as those in deeper folders, are not read, and a warning names them. Nothing here ever rewrites
a file.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from wcs_hooks.core.policy.reader import EVERY_APP, Finding, Severity, is_policy_id
from wcsctl.errors import NotFoundError, UsageError
from wcsctl.policies.yaml import PolicyYamlError, read, write_policies

EVERY_APP_FOLDER: Final = "_every_app"
SCHEMA_FILE: Final = "policy.schema.json"
SUFFIXES: Final = (".yaml", ".yml")
TESTS_FOLDER: Final = "tests"
_TEST: Final = re.compile(r"[._]test$")
_LONGEST_NAME: Final = 200

type PoliciesByApp = dict[str, dict[str, dict[str, Any]]]
"""App to id to the policy's attributes, in JSON's types with fractions as `Decimal`."""


@dataclass(frozen=True, slots=True)
class FileFinding:
    """A finding, and the file that has the policy; empty for one that only the table has."""

    file: str
    app: str
    finding: Finding

    @property
    def is_error(self) -> bool:
        """Whether it keeps the policies out of force."""
        return self.finding.severity is Severity.ERROR

    def __str__(self) -> str:
        """`file: policy: attribute: message`."""
        found = self.finding
        place = self.file or f"in the table, app {self.app}"
        parts = (place, found.policy, found.attribute, found.message)
        return ": ".join(part for part in parts if part)

    def to_json(self) -> dict[str, str]:
        """As `--json` prints it."""
        found = self.finding
        return {
            "severity": str(found.severity),
            "file": self.file,
            "app": self.app,
            "policy": found.policy,
            "attribute": found.attribute,
            "message": found.message,
        }


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """What files hold.

    Attributes
    ----------
    policies
        By app and id. An app whose folder is empty is there too, with none.
    files
        The file of each, by app and id.
    findings
        What is wrong with the files themselves, such as one id in two of them.
    """

    policies: PoliciesByApp
    files: Mapping[tuple[str, str], str]
    findings: Sequence[FileFinding]

    @property
    def count(self) -> int:
        """How many policies there are."""
        return sum(map(len, self.policies.values()))


def folder_of(app: str) -> str:
    """The name of an app's folder.

    Examples
    --------
    >>> folder_of("*"), folder_of("school"), folder_of("a/b"), folder_of("_x")
    ('_every_app', 'school', 'a%2Fb', '%5Fx')
    """
    return EVERY_APP_FOLDER if app == EVERY_APP else _portable(app)


def app_of(folder: str) -> str:
    """The app of a folder: the other way round."""
    return EVERY_APP if folder == EVERY_APP_FOLDER else unquote(folder)


def load(places: Iterable[Path]) -> PolicyFiles:
    """Read policies from files, and from directories with a folder for each app.

    Raises
    ------
    NotFoundError
        If a file or directory is not there.
    PolicyYamlError
        If a file is not YAML.
    """
    reader = _Reader()
    for place in places:
        if place.is_dir():
            reader.directory(place)
        else:
            folder = place.absolute().parent.name
            reader.file(place, app_of(folder), bound=False)
    return PolicyFiles(reader.policies, reader.files, reader.findings)


def load_text(text: str, name: str, app: str) -> PolicyFiles:
    """Read policies of one app from a text, as from a file in the app's folder.

    Parameters
    ----------
    name
        What findings call the text.

    Raises
    ------
    PolicyYamlError
        If it is not YAML.
    """
    reader = _Reader()
    reader.text(text, name, app, bound=True)
    return PolicyFiles(reader.policies, reader.files, reader.findings)


def load_directory(directory: Path) -> PolicyFiles:
    """Read a directory with a folder for each app.

    Raises
    ------
    NotFoundError
        If there is no such directory, or nothing that could be policies in it.
    PolicyYamlError
        If a file is not YAML.
    """
    if not directory.is_dir():
        raise NotFoundError(f"There is no directory {directory}.")
    found = load([directory])
    if not found.policies and not found.findings:
        raise NotFoundError(f"{directory} has no policies: it needs a folder for each app.")
    return found


def export(directory: Path, policies: PoliciesByApp, schema: str) -> list[Path]:
    """Write a new directory, one file for each policy.

    Parameters
    ----------
    schema
        The JSON Schema for editors, written beside the folders.

    Raises
    ------
    UsageError
        If something is in the directory already: comments in it are people's.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise UsageError(f"{directory} is there already: name a new or an empty directory.")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / SCHEMA_FILE).write_text(schema, encoding="utf-8")
    head = f"# yaml-language-server: $schema=../{SCHEMA_FILE}\n"
    written: list[Path] = []
    for app, items in policies.items():
        folder = directory / folder_of(app)
        folder.mkdir()
        taken: set[str] = set()
        for item_id in sorted(items):
            name = _file_name(item_id, taken)
            attributes = {key: value for key, value in items[item_id].items() if key != "app"}
            file = folder / name
            file.write_text(head + write_policies([attributes]), encoding="utf-8")
            written.append(file)
    return written


class _Reader:
    def __init__(self) -> None:
        self.policies: PoliciesByApp = {}
        self.files: dict[tuple[str, str], str] = {}
        self.findings: list[FileFinding] = []

    def directory(self, directory: Path) -> None:
        alone = is_app_folder(directory)
        folders = [] if alone else _folders(directory)
        for file in _policy_files(directory):
            # Beside apps' folders no folder says the app: a policy has to.
            self.file(file, app_of(directory.absolute().name) if alone else "", bound=False)
        self._passed_over(directory, app_of(directory.absolute().name) if alone else "")
        for folder in folders:
            app = app_of(folder.name)
            self.policies.setdefault(app, {})
            for file in _policy_files(folder):
                self.file(file, app, bound=True)
            self._passed_over(folder, app)
            for deeper in _folders(folder):
                self._too_deep(deeper, app)
        if alone:
            for deeper in _folders(directory):
                self._too_deep(deeper, app_of(directory.absolute().name))

    def file(self, file: Path, app: str, *, bound: bool) -> None:
        """Read one; `bound`: its folder is an app's, and a policy may not name another."""
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise NotFoundError(f"There is no file {file}.") from None
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyYamlError(f"{file} cannot be read: {error}") from None
        self.text(text, str(file), app, bound=bound)

    def text(self, text: str, name: str, app: str, *, bound: bool) -> None:
        """Read the text of one."""
        content = read(text, name)
        if content is None:
            return
        for policy in content if isinstance(content, list) else [content]:
            self._policy(name, policy, app, bound=bound)

    def _policy(self, file: str, policy: Any, app: str, *, bound: bool) -> None:
        if not isinstance(policy, dict):
            message = (
                f"holds {policy!r:.60}, which is not a policy: a map with id, method and action"
            )
            self._error(file, app, "", "", message)
            return
        item_id, named = policy.get("id"), policy.get("app", app)
        if not isinstance(item_id, str) or not item_id:
            self._error(file, app, "", "id", "each policy needs an id, a text")
            return
        if not isinstance(named, str) or not named:
            self._error(file, app, item_id, "app", "must be an appKey, or * for every app")
            return
        if not is_policy_id(item_id):
            self._error(file, app, item_id, "id", "one that begins with # is the system's")
            return
        if bound and named != app:
            message = f"is {named!r}, but the folder is that of {app!r}: leave `app` out, or move"
            self._error(file, app, item_id, "app", message)
            return
        other = self.files.get((named, item_id))
        if other is not None:
            self._error(file, named, item_id, "id", f"is in {other} too")
            return
        self.files[named, item_id] = file
        self.policies.setdefault(named, {})[item_id] = {"app": named, **policy}

    def _passed_over(self, folder: Path, app: str) -> None:
        """Name the files that look like policies, and are not read for their suffix."""
        for path in sorted(folder.iterdir()):
            if path.suffix not in SUFFIXES and path.suffix.lower() in SUFFIXES and path.is_file():
                self._warning(path, app, f"is not read: a file of policies ends in {SUFFIXES[0]}")

    def _too_deep(self, folder: Path, app: str) -> None:
        """Name the files of policies below an app's folder."""
        for path in _policy_files(folder):
            self._warning(path, app, "is not read: policies must be in the app's folder itself")
        for deeper in _folders(folder):
            self._too_deep(deeper, app)

    def _warning(self, file: Path, app: str, message: str) -> None:
        finding = Finding(Severity.WARNING, "", "", message)
        self.findings.append(FileFinding(str(file), app, finding))

    def _error(self, file: str, app: str, policy: str, attribute: str, message: str) -> None:
        finding = Finding(Severity.ERROR, policy, attribute, message)
        self.findings.append(FileFinding(file, app, finding))


def is_app_folder(directory: Path) -> bool:
    """Whether a directory is itself an app's folder: it has policies, and no folders with any."""
    own = _policy_files(directory)
    return bool(own) and not any(_policy_files(folder) for folder in _folders(directory))


def _folders(directory: Path) -> list[Path]:
    return [
        path
        for path in sorted(directory.iterdir())
        if path.is_dir() and not path.name.startswith(".") and path.name != TESTS_FOLDER
    ]


def _policy_files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if path.suffix in SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
        and not _TEST.search(path.stem)
    ]


def _portable(name: str) -> str:
    escaped = quote(name, safe=" ()+,=@")
    if escaped[0] in "._~ ":
        escaped = f"%{ord(escaped[0]):02X}{escaped[1:]}"
    return escaped.replace("~", "%7E")


def _file_name(item_id: str, taken: set[str]) -> str:
    stem = _portable(item_id)[:_LONGEST_NAME]
    if _TEST.search(stem):
        stem += "-policy"
    # Some file systems take upper and lower case for the same.
    number, name = 1, stem
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.lower())
    return f"{name}.yaml"
