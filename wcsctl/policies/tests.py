"""Policy tests: what hooks are expected to be answered, in files next to the policies.

The format is told in `docs/policies.md`. A file is read strictly: what is not understood is an
error that names the file, the test, the key and what is allowed there. Nothing here needs AWS.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn
from xml.etree import ElementTree as ET

from strict_yaml import plain
from wcs_hooks.core.decision import UNKNOWN_SESSION, Session
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.outcome import Outcome
from wcs_hooks.core.payload import MalformedBodyError, Payload, append_fields, encode, parse
from wcs_hooks.core.policy.reader import EVERY_APP, Action, Mode, Policy
from wcs_hooks.core.reply import REST_CLIENT_CONFIG
from wcs_hooks.core.snapshot import value_key
from wcsctl.deployed_process import DeployedProcessError
from wcsctl.errors import WcsctlError
from wcsctl.explanation import AnswerKind, Asked, Explanation, explain, session_from
from wcsctl.policies import yaml as policy_yaml
from wcsctl.policies.candidate import Candidate, compile_files
from wcsctl.policies.files import SUFFIXES, FileFinding, PolicyFiles, app_of
from wcsctl.since import iso_moment

UNKNOWN: Final = "unknown"
"""Instead of a session: it was never seen at connect."""

SOME_APP: Final = "example"
"""The `appKey` of hooks that are to test the policies of every app, unless they name one."""

_TEST: Final = re.compile(r"[._]test$")
_REACHING: Final = "applied"
_STATUSES: Final = range(200, 600)
_ACTIONS: Final = (AnswerKind.ECHO, AnswerKind.OVERRIDE, AnswerKind.DENY)


class PolicyTestFileError(WcsctlError):
    """A file that has no tests in it; the message names the place and what is allowed there."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of an answer; what is none is not checked.

    Attributes
    ----------
    fields
        Every field that an override changes, and what to.
    policy
        The policy behind the answer: its `id`, or `app/id`.
    suppressed
        Whether a denial is not carried out, because the WCS REST API may have started the hook.
    shadow
        The policies in shadow mode that would have denied or overridden.
    rest_client_config
        Of a connect: method to the members of its entry; none where it must have no entry.
    outcome
        What WCS does with a refusal.
    """

    action: AnswerKind
    fields: Mapping[str, Any] | None = None
    status: int | None = None
    reason: str | None = None
    policy: str | None = None
    suppressed: bool | None = None
    shadow: tuple[str, ...] | None = None
    rest_client_config: Mapping[str, Any] | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test.

    Attributes
    ----------
    now
        Seconds since the epoch; none for the moment of the run.
    """

    file: Path
    name: str
    method: str
    payload: Payload
    session: Session
    now: float | None
    expect: Expected


@dataclass(frozen=True, slots=True)
class TestResult:
    """What became of a test.

    Attributes
    ----------
    differences
        What came otherwise than expected, one text each.
    explanation
        Of the answer.
    """

    __test__ = False

    test: PolicyTest
    differences: tuple[str, ...]
    explanation: Explanation

    @property
    def passed(self) -> bool:
        """Whether all came as expected."""
        return not self.differences


@dataclass(frozen=True, slots=True)
class TestReport:
    """What became of all tests.

    Attributes
    ----------
    errors
        Of the policies: with any of them no test was run.
    warnings
        Of the policies: they fail nothing.
    unreached
        The policies that no test reaches, `app/id`.
    policies
        How many there are.
    seconds
        How long the tests took.
    """

    __test__ = False

    errors: tuple[FileFinding, ...]
    warnings: tuple[FileFinding, ...]
    results: tuple[TestResult, ...]
    unreached: tuple[str, ...]
    policies: int
    seconds: float

    @property
    def failed(self) -> tuple[TestResult, ...]:
        """Those that did not pass."""
        return tuple(result for result in self.results if not result.passed)


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


def run_tests(
    files: PolicyFiles, tests: Sequence[PolicyTest], advance: Callable[[], None] = lambda: None
) -> TestReport:
    """Compile policies and run tests against them.

    Parameters
    ----------
    advance
        Called after each test.
    """
    began = time.monotonic()
    now = time.time()
    # At the earliest moment that is asked about no policy is over that is not over in every test.
    earliest = min([now, *(test.now for test in tests if test.now is not None)])
    candidate = compile_files(files, earliest)
    if candidate.errors:
        return TestReport(candidate.errors, candidate.warnings, (), (), files.count, 0.0)
    results: list[TestResult] = []
    for test in tests:
        results.append(_run(test, candidate, now))
        advance()
    policies = [policy for done in candidate.compilations.values() for policy in done.policies]
    return TestReport(
        errors=(),
        warnings=candidate.warnings,
        results=tuple(results),
        unreached=tuple(_unreached(policies, results)),
        policies=len(policies),
        seconds=time.monotonic() - began,
    )


def junit(report: TestReport) -> bytes:
    """The report in the format of JUnit, which CI systems read."""
    suite = ET.Element(
        "testsuite",
        name="policies",
        tests=str(len(report.results)),
        failures=str(len(report.failed)),
        time=f"{report.seconds:.3f}",
    )
    for result in report.results:
        test = result.test
        case = ET.SubElement(suite, "testcase", classname=str(test.file), name=test.name)
        if not result.passed:
            failure = ET.SubElement(case, "failure", message=result.differences[0])
            failure.text = "\n".join(result.differences)
    document: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def _run(test: PolicyTest, candidate: Candidate, now: float) -> TestResult:
    policies = candidate.of(test.payload.app)
    moment = now if test.now is None else test.now
    asked = Asked(test.method, test.payload, moment, test.session)
    try:
        explanation = explain(policies, asked, with_considered=False)
    except DeployedProcessError as error:
        raise DeployedProcessError(f"{test.file}, test {test.name!r}: {error}") from None
    return TestResult(test, tuple(_differences(test.expect, explanation)), explanation)


def _differences(expected: Expected, found: Explanation) -> Iterator[str]:
    suppressed = found.answer is AnswerKind.SUPPRESSED
    action = AnswerKind.ECHO if suppressed else found.answer
    denial = found.decision.denial
    if action is not expected.action:
        yield f"action: expected {expected.action}, but it is {action}{_because(found)}"
    plain: Iterable[tuple[str, Any, Any]] = (
        ("suppressed", expected.suppressed, suppressed),
        ("status", expected.status, found.reply.status),
        ("reason", expected.reason, denial.reason if denial is not None else ""),
        ("outcome", expected.outcome, found.outcome),
    )
    for key, wanted, got in plain:
        if wanted is not None and wanted != got:
            yield f"{key}: expected {encode(wanted)}, but it is {encode(got)}"
    if expected.policy is not None and not _names(found.policies, expected.policy):
        yield f"policy: expected {expected.policy}, but it is {_list(found.policies)}"
    if expected.shadow is not None:
        yield from _shadow_differences(expected.shadow, found)
    yield from _field_differences(expected.fields, found)
    yield from _config_differences(expected.rest_client_config, found)


def _shadow_differences(expected: Sequence[str], found: Explanation) -> Iterator[str]:
    shadow = (*found.decision.shadow_denied, *found.decision.shadow_overridden)
    missing = [name for name in expected if not _names(shadow, name)]
    if missing or len(shadow) != len(expected):
        yield f"shadow: expected {_list(expected)}, but it is {_list(shadow)}"


def _because(found: Explanation) -> str:
    said = f" by {_list(found.policies)}" if found.policies else ""
    if found.answer is AnswerKind.SUPPRESSED:
        said += ", whose denial is suppressed: the session is unknown (give the test a session)"
    elif found.decision.denial is not None and found.decision.denial.reason:
        said += f": {found.decision.denial.reason}"
    failures = found.decision.failures
    return said + "".join(f"; {one.policy}, {one.attribute}: {one.message}" for one in failures)


def _field_differences(expected: Mapping[str, Any] | None, found: Explanation) -> Iterator[str]:
    if expected is None:
        return
    for name, value in expected.items():
        if name not in found.changed:
            yield f"fields.{name}: expected {encode(value)}, but it is not changed"
        elif value_key(found.changed[name].becomes) != value_key(value):
            becomes = encode(found.changed[name].becomes)
            yield f"fields.{name}: expected {encode(value)}, but it is {becomes}"
    for name, change in found.changed.items():
        if name not in expected:
            yield f"fields.{name}: expected no change, but it is {encode(change.becomes)}"


def _config_differences(expected: Mapping[str, Any] | None, found: Explanation) -> Iterator[str]:
    if expected is None:
        return
    entries: Mapping[str, Any] = found.client_config.get(REST_CLIENT_CONFIG, {})
    if not expected and entries:
        yield f"restClientConfig: expected none, but it has {_list(entries)}"
    for method, members in expected.items():
        place = f"restClientConfig.{method}"
        if members is None:
            if method in entries:
                yield f"{place}: expected none, but it is {encode(entries[method])}"
        elif method not in entries:
            yield f"{place}: expected {encode(members)}, but there is none"
        else:
            for name, value in members.items():
                if entries[method].get(name) != value:
                    is_ = encode(entries[method].get(name))
                    yield f"{place}.{name}: expected {encode(value)}, but it is {is_}"


def _unreached(policies: Iterable[Policy], results: Sequence[TestResult]) -> Iterator[str]:
    reached = {
        (step.app, step.policy)
        for result in results
        for step in result.explanation.steps
        if step.outcome == _REACHING
    }
    configured = {
        (result.test.payload.app, METHODS[method].canonical)
        for result in results
        for method in result.test.expect.rest_client_config or ()
    }
    for policy in policies:
        if policy.mode is Mode.OFF:
            continue
        if policy.action is Action.CONFIGURE:
            is_reached = any(
                method in policy.methods and policy.app in {app, EVERY_APP}
                for app, method in configured
            )
        else:
            is_reached = (policy.app, policy.id) in reached
        if not is_reached:
            yield f"{policy.app}/{policy.id}"


# --- reading ------------------------------------------------------------------------------------


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


def _names(policies: Iterable[str], name: str) -> bool:
    """Whether one of some policies, `app/id`, is meant by a name, `id` or `app/id`."""
    return any(name in {policy, policy.partition("/")[2]} for policy in policies)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _short(value: object) -> str:
    return f"{value!r:.60}"
