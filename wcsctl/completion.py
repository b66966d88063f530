"""What a shell completes beyond commands and options: names in the deployment.

They come from a cache in the user's cache directory. What is older than a minute is read again, but
for dead letters: to look at the queue hides its messages from others, so `dead-letter list` alone
fills that part. Whatever goes wrong, there is nothing to complete.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wcsctl import saved_contexts
from wcsctl.app_words import app_of_word, word_of_app
from wcsctl.errors import WcsctlError

if TYPE_CHECKING:
    from wcsctl.deployment import Deployment

_FRESH: Final = 60.0
_FRESH_LETTERS: Final = 600.0
_MOST_VERSIONS: Final = 50
_LETTERS: Final = "dead letters"

type Given = Mapping[str, Any]
"""The parameters that are on the command line so far, by their names."""

type Fetch = Callable[["Deployment"], Iterable[str]]


class Completed(StrEnum):
    """What completes a parameter; goes into its `Annotated`, beside what Typer has there."""

    CONTEXTS = "contexts"
    METHODS = "methods"
    APPS = "apps"
    POLICIES = "policies"
    VERSIONS = "versions"
    DEAD_LETTERS = "dead-letters"


def words_for(what: Completed, given: Given) -> Iterable[str]:
    """Return what a parameter can be."""
    try:
        return _words_for(what, given)
    except WcsctlError:
        return ()


def _words_for(what: Completed, given: Given) -> Iterable[str]:
    app = app_of_word(given.get("app_key", ""))
    match what:
        case Completed.CONTEXTS:
            return saved_contexts.load().places
        case Completed.METHODS:
            from wcs_hooks.core.methods import METHODS  # noqa: PLC0415 - only here

            return METHODS
        case Completed.APPS:
            return _remembered(given, "apps", _read_apps)
        case Completed.POLICIES:
            return _remembered(given, f"policies {app}", lambda one: _read_policies(one, app))
        case Completed.VERSIONS:
            return _remembered(given, f"versions {app}", lambda one: _read_versions(one, app))
        case Completed.DEAD_LETTERS:
            return _cached(_cache(given, _LETTERS), _FRESH_LETTERS) or ()


def remember_dead_letters(given: Given, ids: Iterable[str]) -> None:
    """Keep what `dead-letter list` showed, for completion."""
    _keep(_cache(given, _LETTERS), ids)


def _read_apps(deployment: "Deployment") -> Iterable[str]:
    from wcs_hooks.adapters.dynamo_policy_store import read_records  # noqa: PLC0415 - as above

    records = read_records(deployment.client("dynamodb"), deployment.output("SnapshotsTableName"))
    return [word_of_app(name) for name in records]


def _read_policies(deployment: "Deployment", app: str) -> Iterable[str]:
    pages = (
        deployment.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=deployment.output("PoliciesTableName"),
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app}},
            ProjectionExpression="id",
        )
    )
    ids = [item["id"]["S"] for page in pages for item in page["Items"]]
    # Others are the system's own items.
    return [one for one in ids if not one.startswith("#")]


def _read_versions(deployment: "Deployment", app: str) -> Iterable[str]:
    from wcsctl.policies.history import History  # noqa: PLC0415 - as above

    return [str(one.version) for one in History(deployment).versions(app, _MOST_VERSIONS)]


def _remembered(given: Given, what: str, fetch: Fetch) -> list[str]:
    file = _cache(given, what)
    found = _cached(file, _FRESH)
    if found is None:
        found = _fetch(given, fetch)
        # A failure is kept too: the next key press shall not wait for it again.
        _keep(file, found)
    return found


def _fetch(given: Given, fetch: Fetch) -> list[str]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only if it is read

    from wcs_hooks.core.errors import UnavailableError  # noqa: PLC0415
    from wcsctl.deployment import Deployment  # noqa: PLC0415

    try:
        return list(fetch(Deployment.at(saved_contexts.place_of(given))))
    except (WcsctlError, UnavailableError, BotoCoreError, ClientError):
        return []


def _cache(given: Given, what: str) -> Path:
    place = saved_contexts.place_of(given).to_json()
    key = hashlib.sha256(json.dumps([place, what]).encode()).hexdigest()[:32]
    return saved_contexts.cache_directory() / f"{key}.json"


def _cached(file: Path, seconds: float) -> list[str] | None:
    """What was kept, unless it is too old, or damaged."""
    try:
        if time.time() - file.stat().st_mtime > seconds:
            return None
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) and all(isinstance(x, str) for x in found) else None


def _keep(file: Path, values: Iterable[str]) -> None:
    try:
        saved_contexts.write_whole(file, json.dumps(list(values)))
    except OSError:
        return  # Without a cache it is only slower.
