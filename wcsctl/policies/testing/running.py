"""Runs policy tests: compiles the policies, asks them, and compares answers with expectations.

Nothing here needs AWS.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import encode
from wcs_hooks.core.policy.reader import EVERY_APP, Action, Mode, Policy
from wcs_hooks.core.reply import REST_CLIENT_CONFIG
from wcs_hooks.core.snapshot import value_key
from wcs_hooks.core.tokens.verification import TokenStatus
from wcsctl.deployed_process import DeployedProcessError
from wcsctl.explanation import AnswerKind, Asked, Explanation, explain
from wcsctl.feedback import Advance, no_advance
from wcsctl.policies.candidate import Candidate, compile_files
from wcsctl.policies.files import FileFinding, PolicyFiles
from wcsctl.policies.testing.cases import Expected, PolicyTest
from wcsctl.policies.testing.given_lists import rows_of
from wcsctl.policies.testing.given_places import count_of, with_holder

_REACHING: Final = "applied"
_CONNECT: Final = "connect"
_GIVEN_BY_TEST: Final = {"connectedAt has no value": " (give the test connectedAt)"}


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


def run_tests(
    files: PolicyFiles, tests: Sequence[PolicyTest], advance: Advance = no_advance
) -> TestReport:
    """Compile policies and run tests against them.

    Parameters
    ----------
    advance
        Called after each test, with 1.
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
        advance(1)
    policies = [policy for done in candidate.compilations.values() for policy in done.policies]
    return TestReport(
        errors=(),
        warnings=candidate.warnings,
        results=tuple(results),
        unreached=tuple(_unreached(policies, results)),
        policies=len(policies),
        seconds=time.monotonic() - began,
    )


def _run(test: PolicyTest, candidate: Candidate, now: float) -> TestResult:
    policies = candidate.policies_of(test.payload.app)
    moment = now if test.now is None else test.now
    rows = rows_of(test.lists, moment)
    payload = test.payload
    if any(policy.limit is not None for policy in _policies_for(test, candidate)):
        payload = with_holder(test.method, payload)
    asked = Asked(
        test.method,
        payload,
        moment,
        test.session,
        token=test.token,
        rows=rows,
        places=count_of(test.held),
    )
    try:
        explanation = explain(policies, asked, with_considered=False)
    except DeployedProcessError as error:
        raise DeployedProcessError(f"{test.file}, test {test.name!r}: {error}") from None
    differences = (*_impossible(test, candidate, moment), *_differences(test.expect, explanation))
    return TestResult(test, differences, explanation)


def _impossible(test: PolicyTest, candidate: Candidate, moment: float) -> Iterator[str]:
    """What the test takes for known, and the functions could never know."""
    policies = _policies_for(test, candidate)
    trusts = [policy.trust for policy in policies if policy.trust is not None]
    given = test.token
    if given is not None and given.status is not TokenStatus.NONE:
        method = METHODS[test.method].canonical
        if not any(trust.covers(method, moment) for trust in trusts):
            yield (
                f"token: expected {given.status}, but no item with action trust reads tokens of "
                f"{test.method} then: such a hook shows none"
            )
    looked_up = {
        lookup.list
        for compilation in candidate.compilations.values()
        for policy in compilation.policies
        for lookup in policy.lookups
    }
    for name in sorted(test.lists.keys() - looked_up):
        yield f"lists: no policy looks up rows of {name!r}"
    at_connect = any(_CONNECT in trust.methods and trust.mode is not Mode.OFF for trust in trusts)
    if test.session.claims is not None and not at_connect:
        yield "sessionClaims: no item with action trust reads tokens of connect"
    for name in test.held:
        meant = [policy for policy in policies if _names([f"{policy.app}/{policy.id}"], name)]
        if not meant:
            yield f"held: {test.payload.app} has no policy {name!r}, nor is there one of every app"
        elif all(policy.limit is None or policy.mode is Mode.OFF for policy in meant):
            yield f"held: policy {name!r} has no limit, so that nobody holds places of it"


def _policies_for(test: PolicyTest, candidate: Candidate) -> list[Policy]:
    """The policies of the hook's app, and those of every app."""
    return [
        policy
        for app in dict.fromkeys((test.payload.app, EVERY_APP))
        if app in candidate.compilations
        for policy in candidate.compilations[app].policies
    ]


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
    if found.uncounted:
        said += (
            f"; places of {_list(found.uncounted)} are not counted: the session is unknown (give "
            "the test a session)"
        )
    failures = found.decision.failures
    return said + "".join(
        f"; {one.policy}, {one.attribute}: {one.message}{_GIVEN_BY_TEST.get(one.message, '')}"
        for one in failures
    )


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


def _unreached(policies: Sequence[Policy], results: Sequence[TestResult]) -> Iterator[str]:
    reached = {
        (step.app, step.policy)
        for result in results
        for step in result.explanation.steps
        if step.outcome == _REACHING
    }
    # A policy with a limit applies once the places are counted.
    reached |= {
        (policy.app, policy.id)
        for policy in policies
        if any(f"{policy.app}/{policy.id}" in result.explanation.full for result in results)
    }
    # An item that requires no token only verifies: it is reached by a token that it took.
    reached |= {
        (app, token.trust)
        for result in results
        if (token := result.explanation.token) is not None and token.trust
        for app in (result.test.payload.app, EVERY_APP)
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


def _names(policies: Iterable[str], name: str) -> bool:
    """Whether one of some policies, `app/id`, is meant by a name, `id` or `app/id`."""
    return any(name in {policy, policy.partition("/")[2]} for policy in policies)


def _list(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
