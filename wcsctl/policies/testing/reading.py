"""Files of policy tests.

The format is in `docs/reference/policy-tests.md`. A file is read strictly: anything it does not
define is an error that names the file, the test, the key and what is allowed there.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from strict_yaml import StrictMapping, plain, short
from wcs_hooks.core.decision import UNKNOWN_SESSION, Session
from wcs_hooks.core.limits import MAX_PLACES
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.outcome import Outcome
from wcs_hooks.core.payload import MalformedBodyError, Payload, append_fields, encode, parse
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.errors import WcsctlError
from wcsctl.explanation import AnswerKind, session_from
from wcsctl.policies import yaml as policy_yaml
from wcsctl.policies.files import SUFFIXES, app_of
from wcsctl.policies.testing.cases import Expected, PolicyTest
from wcsctl.policies.testing.given_lists import GivenLists, merged
from wcsctl.since import iso_moment
from wcsctl.tokens.given_token import (
    STATUSES,
    GivenToken,
    GivenTokenError,
    given_claims,
    given_token,
)

UNKNOWN: Final = "unknown"
"""Instead of a session: it was never seen at connect."""

SOME_APP: Final = "example"
"""The `appKey` of hooks that are to test the policies of every app, unless they name one."""

_TESTS: Final = "tests"
_TEST: Final = re.compile(r"[._]test$")
_STATUSES: Final = range(200, 600)
_ACTIONS: Final = (AnswerKind.ECHO, AnswerKind.OVERRIDE, AnswerKind.DENY)


class PolicyTestFileError(WcsctlError):
    """A file that has no tests in it; the message names the place and what is allowed there."""


def find_tests(directory: Path) -> list[Path]:
    """The files with tests in a directory and its folders."""
    found = (*directory.glob("*"), *directory.glob("*/*"))
    return sorted(file for file in found if file.suffix in SUFFIXES and _TEST.search(file.stem))


def read_tests(file: Path) -> list[PolicyTest]:
    """Read a file's tests.

    The app of the policies next to it is what a hook's `appKey` is where the file does not say.

    Raises
    ------
    PolicyTestFileError, PolicyYamlError
        It is not a file of tests.
    """
    try:
        content = plain(policy_yaml.read(file.read_text(encoding="utf-8"), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyTestFileError(f"{file} cannot be read: {error}") from None
    app = app_of(file.absolute().parent.name)
    shared: GivenLists = {}
    if isinstance(content, dict) and _TESTS in content:
        top = StrictMapping(str(file), content, PolicyTestFileError)
        top.only("lists", _TESTS)
        shared = _lists(top)
        content = top.items(_TESTS)
    entries = content if isinstance(content, list) else [content]
    return [
        _test(
            StrictMapping(f"{file}, test {number}", entry, PolicyTestFileError), file, app, shared
        )
        for number, entry in enumerate(entries, start=1)
    ]


def _test(top: StrictMapping, file: Path, app: str, shared: GivenLists) -> PolicyTest:
    top.only(
        "name",
        "hook",
        "token",
        "claims",
        "session",
        "sessionClaims",
        "connectedAt",
        "now",
        "lists",
        "held",
        "expect",
    )
    name = top.text("name")
    if not name:
        top.wrong("name", "must not be empty")
    top.where = f"{file}, test {name!r}"
    hook = top.child("hook")
    hook.only("method", "body", "payload")
    method = hook.text("method", allowed=METHODS)
    payload = _payload(hook, file, app)
    # The app that the session connected to: its claims hold for no other.
    session = _session(top, method)._replace(app=payload.app)
    expected = _expected(top.child("expect"), METHODS[method].category)
    return PolicyTest(
        file,
        name,
        method,
        payload,
        session,
        _moment(top, "now"),
        expected,
        _token(top),
        merged(shared, _lists(top)),
        _held(top),
    )


def _lists(top: StrictMapping) -> GivenLists:
    """The rows that a test or a file gives."""
    lists = top.fields("lists") if top.has("lists") else {}
    for name, rows in lists.items():
        if not isinstance(rows, dict):
            top.wrong(f"lists.{name}", f"a mapping of keys to rows is expected, not {short(rows)}")
        for key, row in rows.items():
            if row is not None and not isinstance(row, dict):
                top.wrong(
                    f"lists.{name}.{key}",
                    f"a mapping of attributes is expected, or null for no row, not {short(row)}",
                )
    return lists


def _held(top: StrictMapping) -> Mapping[str, int]:
    """How many places others hold, by policy."""
    held = top.fields("held") if top.has("held") else {}
    for name, count in held.items():
        if type(count) is not int or not 0 <= count <= MAX_PLACES:
            top.wrong(
                f"held.{name}",
                f"a whole number of places is expected, 0 to {MAX_PLACES:,}, not {short(count)}",
            )
    return held


def _token(top: StrictMapping) -> GivenToken | None:
    status = top.text("token", allowed=STATUSES) if top.has("token") else None
    try:
        return given_token(status, top.fields("claims") if top.has("claims") else None)
    except GivenTokenError as error:
        top.wrong("claims", str(error))


def _payload(hook: StrictMapping, file: Path, app: str) -> Payload:
    """The hook's body, with an `appKey`."""
    if hook.has("body") and hook.has("payload"):
        hook.wrong("payload", "there is a body too: keep one of them")
    name = hook.text("payload") if hook.has("payload") else None
    raw = encode(hook.fields("body")).encode()
    if name is not None:
        try:
            raw = (file.parent / name).read_bytes()
        except OSError as error:
            hook.wrong("payload", f"{name} cannot be read: {error.strerror}")
    try:
        payload = parse(raw)
        if "appKey" not in payload.fields:
            own = SOME_APP if app == EVERY_APP else app
            payload = parse(append_fields(payload.text, {"appKey": encode(own)}).encode())
    except MalformedBodyError as error:
        hook.wrong("body" if name is None else "payload", f"is not a hook: {error}")
    return payload


def _session(top: StrictMapping, method: str) -> Session:
    session = _known_session(top, method)
    connected_at = _moment(top, "connectedAt")
    if connected_at is not None and not session.known:
        top.wrong("connectedAt", "a session that is unknown has none: give `session` too")
    return session._replace(connected_at=connected_at, claims=_session_claims(top, session))


def _session_claims(top: StrictMapping, session: Session) -> Mapping[str, Any] | None:
    if not top.has("sessionClaims"):
        return None
    if not session.known:
        top.wrong("sessionClaims", "a session that is unknown has none: give `session` too")
    try:
        return given_claims(top.fields("sessionClaims"))
    except GivenTokenError as error:
        top.wrong("sessionClaims", str(error))


def _known_session(top: StrictMapping, method: str) -> Session:
    session = top.value("session", None)
    if session is None or session == UNKNOWN:
        return UNKNOWN_SESSION
    if not isinstance(session, dict):
        expected = f"the body of its connect, or {UNKNOWN}, is expected"
        top.wrong("session", f"{expected}, not {short(session)}")
    if METHODS[method].category is Category.CONNECT or method in PLAYERS:
        top.wrong("session", f"{method} has none: leave it out")
    try:
        return session_from(session)
    except MalformedBodyError as error:
        top.wrong("session", f"no connect has this body: {error}")


def _moment(top: StrictMapping, key: str) -> float | None:
    if not top.has(key):
        return None
    value = top.value(key)
    try:
        return iso_moment(str(value))
    except ValueError:
        top.wrong(key, f"{short(value)} is not an ISO 8601 time; write 2030-01-31T18:00:00Z")


_EXPECTED: Final = (
    "action",
    "fields",
    "status",
    "reason",
    "policy",
    "suppressed",
    "shadow",
    "restClientConfig",
    "outcome",
)


def _expected(place: StrictMapping, category: Category) -> Expected:
    place.only(*_EXPECTED)
    action = AnswerKind(place.text("action", allowed=_ACTIONS))
    config = _if_given(place, "restClientConfig", place.fields)
    if config is not None:
        _check_config(place, config, category)
    if place.has("fields") and action is not AnswerKind.OVERRIDE:
        place.wrong("fields", "goes with action override")
    if place.has("reason") and action is not AnswerKind.DENY:
        place.wrong("reason", "goes with action deny")
    return Expected(
        action=action,
        fields=_if_given(place, "fields", place.fields),
        status=_if_given(place, "status", lambda key: _status(place, key)),
        reason=_if_given(place, "reason", place.text),
        policy=_if_given(place, "policy", place.text),
        suppressed=_if_given(place, "suppressed", place.boolean),
        shadow=_if_given(place, "shadow", lambda key: place.names(key, ())),
        rest_client_config=config,
        outcome=_if_given(
            place, "outcome", lambda key: Outcome(place.text(key, allowed=list(Outcome)))
        ),
    )


def _check_config(place: StrictMapping, config: Mapping[str, Any], category: Category) -> None:
    if category is not Category.CONNECT:
        place.wrong("restClientConfig", "only the reply to connect has one")
    for method, members in config.items():
        if method not in METHODS:
            place.wrong(f"restClientConfig.{method}", "is not a method of WCS")
        if members is not None and not isinstance(members, dict):
            place.wrong(f"restClientConfig.{method}", "a mapping is expected, or null for no entry")


def _status(place: StrictMapping, key: str) -> int:
    status = place.value(key)
    if isinstance(status, bool) or not isinstance(status, int) or status not in _STATUSES:
        place.wrong(key, f"an HTTP status is expected, not {short(status)}")
    return status


def _if_given[T](place: StrictMapping, key: str, read: Callable[[str], T]) -> T | None:
    return read(key) if place.has(key) else None
