"""Files of policy tests.

The format is in `docs/policies.md`. A file is read strictly: anything it does not define is an
error that names the file, the test, the key and what is allowed there.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from strict_yaml import plain
from wcs_hooks.core.decision import UNKNOWN_SESSION, Session
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.outcome import Outcome
from wcs_hooks.core.payload import MalformedBodyError, Payload, append_fields, encode, parse
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.errors import WcsctlError
from wcsctl.explanation import AnswerKind, session_from
from wcsctl.policies import yaml as policy_yaml
from wcsctl.policies.files import SUFFIXES, app_of
from wcsctl.policies.testing.cases import Expected, PolicyTest
from wcsctl.since import iso_moment

UNKNOWN: Final = "unknown"
"""Instead of a session: it was never seen at connect."""

SOME_APP: Final = "example"
"""The `appKey` of hooks that are to test the policies of every app, unless they name one."""

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
        It is no file of tests.
    """
    try:
        content = plain(policy_yaml.read(file.read_text(encoding="utf-8"), str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyTestFileError(f"{file} cannot be read: {error}") from None
    app = app_of(file.absolute().parent.name)
    entries = content if isinstance(content, list) else [content]
    return [
        _test(_Place(f"{file}, test {number}", entry), file, app)
        for number, entry in enumerate(entries, start=1)
    ]


class _Place:
    """One mapping of a file: gives its keys, and complains of those that have no meaning."""

    def __init__(self, where: str, content: Any, path: str = "") -> None:
        self.where = where
        self._path = path
        if not isinstance(content, dict):
            place = f", key {path.rstrip('.')!r}" if path else ""
            raise PolicyTestFileError(
                f"{where}{place}: a mapping is expected, not {_short(content)}"
            )
        self._content = content

    def only(self, allowed: Collection[str]) -> None:
        """Complain of other keys."""
        for key in self._content:
            if key not in allowed:
                self.wrong(str(key), f"unknown here; allowed are {', '.join(allowed)}")

    def wrong(self, key: str, said: str) -> NoReturn:
        raise PolicyTestFileError(f"{self.where}, key {self._path + key!r}: {said}")

    def has(self, key: str) -> bool:
        return key in self._content

    def get(self, key: str) -> Any:
        if key not in self._content:
            self.wrong(key, "is missing")
        return self._content[key]

    def text(self, key: str) -> str | None:
        value = self._content.get(key)
        if key in self._content and not isinstance(value, str):
            self.wrong(key, f"a text is expected, not {_short(value)}")
        return value

    def choice(self, key: str, allowed: Collection[str]) -> str:
        value = self.get(key)
        if not isinstance(value, str) or value not in allowed:
            self.wrong(key, f"{_short(value)} is not known; allowed are {', '.join(allowed)}")
        return value

    def boolean(self, key: str) -> bool | None:
        value = self._content.get(key)
        if key in self._content and not isinstance(value, bool):
            self.wrong(key, f"true or false is expected, not {_short(value)}")
        return value

    def fields(self, key: str) -> dict[str, Any] | None:
        if key not in self._content:
            return None
        value = self._content[key]
        if not isinstance(value, dict):
            self.wrong(key, f"a mapping of fields is expected, not {_short(value)}")
        return value

    def child(self, key: str) -> "_Place":
        return _Place(self.where, self.get(key), f"{self._path}{key}.")


def _test(top: _Place, file: Path, app: str) -> PolicyTest:
    top.only(("name", "hook", "session", "now", "expect"))
    name = top.get("name")
    if not isinstance(name, str) or not name:
        top.wrong("name", f"a text is expected, not {_short(name)}")
    top.where = f"{file}, test {name!r}"
    hook = top.child("hook")
    hook.only(("method", "body", "payload"))
    method = hook.choice("method", METHODS)
    session = _session(top, method)
    expected = _expected(top.child("expect"), METHODS[method].category)
    return PolicyTest(
        file, name, method, _payload(hook, file, app), session, _moment(top), expected
    )


def _payload(hook: _Place, file: Path, app: str) -> Payload:
    """The hook's body, with an `appKey`."""
    if hook.has("body") and hook.has("payload"):
        hook.wrong("payload", "there is a body too: keep one of them")
    name = hook.text("payload")
    body = hook.fields("body") or {}
    raw = encode(body).encode()
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
        hook.wrong("body" if name is None else "payload", f"is no hook: {error}")
    return payload


def _session(top: _Place, method: str) -> Session:
    session = top.get("session") if top.has("session") else None
    if session is None or session == UNKNOWN:
        return UNKNOWN_SESSION
    if not isinstance(session, dict):
        expected = f"the body of its connect, or {UNKNOWN}, is expected"
        top.wrong("session", f"{expected}, not {_short(session)}")
    if METHODS[method].category is Category.CONNECT or method in PLAYERS:
        top.wrong("session", f"{method} has none: leave it out")
    try:
        return session_from(session)
    except MalformedBodyError as error:
        top.wrong("session", f"no connect has this body: {error}")


def _moment(top: _Place) -> float | None:
    if not top.has("now"):
        return None
    value = top.get("now")
    try:
        return iso_moment(str(value))
    except ValueError:
        top.wrong("now", f"{_short(value)} is no ISO 8601 time; write 2030-01-31T18:00:00Z")


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


def _expected(place: _Place, category: Category) -> Expected:
    place.only(_EXPECTED)
    action = AnswerKind(place.choice("action", _ACTIONS))
    config = place.fields("restClientConfig")
    if config is not None:
        _check_config(place, config, category)
    if place.has("fields") and action is not AnswerKind.OVERRIDE:
        place.wrong("fields", "goes with action override")
    if place.has("reason") and action is not AnswerKind.DENY:
        place.wrong("reason", "goes with action deny")
    outcome = Outcome(place.choice("outcome", list(Outcome))) if place.has("outcome") else None
    return Expected(
        action=action,
        fields=place.fields("fields"),
        status=_status(place),
        reason=place.text("reason"),
        policy=place.text("policy"),
        suppressed=place.boolean("suppressed"),
        shadow=_shadow(place),
        rest_client_config=config,
        outcome=outcome,
    )


def _check_config(place: _Place, config: Mapping[str, Any], category: Category) -> None:
    if category is not Category.CONNECT:
        place.wrong("restClientConfig", "only the reply to connect has one")
    for method, members in config.items():
        if method not in METHODS:
            place.wrong(f"restClientConfig.{method}", "is no method of WCS")
        if members is not None and not isinstance(members, dict):
            place.wrong(f"restClientConfig.{method}", "a mapping is expected, or null for no entry")


def _status(place: _Place) -> int | None:
    if not place.has("status"):
        return None
    status = place.get("status")
    if isinstance(status, bool) or not isinstance(status, int) or status not in _STATUSES:
        place.wrong("status", f"an HTTP status is expected, not {_short(status)}")
    return status


def _shadow(place: _Place) -> tuple[str, ...] | None:
    if not place.has("shadow"):
        return None
    names = place.get("shadow")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        place.wrong("shadow", f"a list of policies is expected, not {_short(names)}")
    return tuple(names)


def _short(value: object) -> str:
    return f"{value!r:.60}"
