"""Contexts: deployments that a user named, in a file of theirs, and which of them is selected.

The file is `wcsctl/contexts.json` in the user's configuration directory, `XDG_CONFIG_HOME` or
`~/.config` (XDG Base Directory Specification). It holds names, never credentials.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from wcsctl.errors import NotFoundError, UsageError, WcsctlError

LOCAL: Final = "local"
"""The context that `make local` makes."""

LOCAL_DIRECTORY: Final = Path(".local")
STACK: Final = "WcsHooks"

_FIELDS: Final = ("stack", "profile", "region", "directory")


@dataclass(frozen=True, slots=True)
class DeploymentPlace:
    """Where a deployment is: a stack in AWS, or a directory of `make local`.

    Attributes
    ----------
    stack
        The stack's name; none for the default one.
    profile, region
        Of AWS; none for what the environment or AWS's own files say.
    directory
        Where `make local` keeps its state, absolute; none for a stack in AWS.
    """

    stack: str | None = None
    profile: str | None = None
    region: str | None = None
    directory: Path | None = None

    def to_json(self) -> dict[str, str]:
        """As in the file."""
        return {name: str(value) for name in _FIELDS if (value := getattr(self, name)) is not None}

    def __str__(self) -> str:
        """Describe it in a few words."""
        if self.directory is not None:
            return f"local, in {self.directory}"
        return " ".join(
            filter(
                None,
                (
                    self.stack or STACK,
                    self.profile and f"profile {self.profile}",
                    self.region and f"in {self.region}",
                ),
            )
        )


@dataclass(frozen=True, slots=True)
class SavedContexts:
    """What the file holds.

    Attributes
    ----------
    places
        Each context's name to its place.
    selected
        The name of the context that commands use unless they name another; may be none.
    """

    places: Mapping[str, DeploymentPlace]
    selected: str | None = None

    def place(self, name: str) -> DeploymentPlace:
        """Return a context's place.

        Raises
        ------
        NotFoundError
            If there is no such context.
        """
        try:
            return self.places[name]
        except KeyError:
            known = f"there are {', '.join(self.places)}" if self.places else "there are none yet"
            way = (
                "`make local` makes it"
                if name == LOCAL
                else f"`wcsctl context use {name} --stack NAME` makes it"
            )
            raise NotFoundError(f"There is no context {name}: {known}; {way}.") from None

    def use(self, name: str, place: DeploymentPlace | None = None) -> "SavedContexts":
        """Return the same with a context selected, which is added or replaced where it is given.

        Raises
        ------
        NotFoundError
            If there is no such context, and no place is given.
        """
        if place is None:
            self.place(name)
            return replace(self, selected=name)
        return SavedContexts({**self.places, name: place}, name)

    def without(self, name: str) -> "SavedContexts":
        """Return the same without a context.

        Raises
        ------
        NotFoundError
            If there is no such context.
        """
        self.place(name)
        places = {other: place for other, place in self.places.items() if other != name}
        return SavedContexts(places, None if self.selected == name else self.selected)


def place_of(options: Mapping[str, Any]) -> DeploymentPlace:
    """Where the deployment is that options, the environment and the contexts mean.

    An option outweighs `--context` and `WCSCTL_CONTEXT`, these `WCSCTL_STACK`, and that the
    selected context.

    Parameters
    ----------
    options
        Those that were given on the command line, by the names of `global_options.root`.

    Raises
    ------
    UsageError
        If the file of contexts is needed, and damaged.
    NotFoundError
        If there is no such context.
    """
    if options.get("local"):
        return DeploymentPlace(directory=_local_directory(options))
    named = _stack_named(options)
    base = _context_of(options, named)
    if not named.to_json():
        return base
    if base.directory is not None:
        # Of a local context nothing holds for a stack in AWS.
        return named
    return DeploymentPlace(
        named.stack or base.stack, named.profile or base.profile, named.region or base.region
    )


def named_place(options: Mapping[str, Any]) -> DeploymentPlace | None:
    """Where the deployment is that options name by themselves; none if none of them does."""
    if options.get("local"):
        return DeploymentPlace(directory=_local_directory(options).resolve())
    named = _stack_named(options)
    return named if named.to_json() else None


def _stack_named(options: Mapping[str, Any]) -> DeploymentPlace:
    return DeploymentPlace(options.get("stack"), options.get("profile"), options.get("region"))


def _local_directory(options: Mapping[str, Any]) -> Path:
    named = options.get("local_directory") or os.environ.get("WCSCTL_LOCAL")
    return Path(named or LOCAL_DIRECTORY)


def _context_of(options: Mapping[str, Any], named: DeploymentPlace) -> DeploymentPlace:
    name = options.get("context_name") or os.environ.get("WCSCTL_CONTEXT")
    if name:
        return load().place(name)
    if stack := os.environ.get("WCSCTL_STACK"):
        return DeploymentPlace(stack)
    if named.stack and named.region:
        return DeploymentPlace()
    contexts = load()
    return DeploymentPlace() if contexts.selected is None else contexts.place(contexts.selected)


def file() -> Path:
    """Where the contexts are."""
    return _directory("XDG_CONFIG_HOME", ".config") / "contexts.json"


def cache_directory() -> Path:
    """Where wcsctl keeps what it can do without."""
    return _directory("XDG_CACHE_HOME", ".cache")


def load() -> SavedContexts:
    """Read the file; empty where there is none.

    Raises
    ------
    UsageError
        If it is damaged, or cannot be read.
    """
    place = file()
    try:
        return _read(json.loads(place.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return SavedContexts({})
    except OSError as error:
        raise UsageError(f"{place} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{place} is damaged: {error}. Correct or delete it; `wcsctl context use NAME --stack "
            "…` makes a context again. --local and --stack with --region do without the file."
        ) from None


def save(contexts: SavedContexts) -> None:
    """Write the file, in one step.

    Raises
    ------
    WcsctlError
        If it cannot be written.
    """
    target = file()
    places = {name: place.to_json() for name, place in contexts.places.items()}
    text = json.dumps({"selected": contexts.selected, "contexts": places}, indent=2) + "\n"
    try:
        write_whole(target, text)
    except OSError as error:
        raise WcsctlError(f"{target} cannot be written: {error.strerror}.") from None


def write_whole(target: Path, text: str) -> None:
    """Write a file so that nobody sees a part of it; its directory is made where it is missing.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)


def _directory(variable: str, default: str) -> Path:
    named = Path(os.environ.get(variable, ""))
    # The specification: a path that is not absolute is ignored.
    return (named if named.is_absolute() else Path.home() / default) / "wcsctl"


def _read(value: Any) -> SavedContexts:
    if not isinstance(value, dict) or not isinstance(value.get("contexts"), dict):
        raise ValueError('it must be {"selected": NAME, "contexts": {NAME: {…}}}')  # noqa: TRY004 - of JSON
    places = {name: _place(name, fields) for name, fields in value["contexts"].items()}
    selected = value.get("selected")
    if selected is not None and not isinstance(selected, str):
        raise ValueError(f"selected must be a name, not {selected!r}")
    if selected is not None and selected not in places:
        raise ValueError(f"the selected context {selected!r} is not among its contexts")
    return SavedContexts(places, selected)


def _place(name: str, fields: Any) -> DeploymentPlace:
    if not isinstance(fields, dict):
        raise ValueError(f"context {name!r} must be an object")  # noqa: TRY004 - of JSON
    for field, value in fields.items():
        if field not in _FIELDS:
            raise ValueError(f"context {name!r}: unknown attribute {field!r}")
        if not isinstance(value, str) or not value:
            raise ValueError(f"context {name!r}: {field} must be a string, not {value!r}")
    directory = fields.get("directory")
    if directory is not None and len(fields) > 1:
        raise ValueError(f"context {name!r}: a local one has only its directory")
    return DeploymentPlace(
        fields.get("stack"),
        fields.get("profile"),
        fields.get("region"),
        None if directory is None else Path(directory),
    )
