"""What is counted and logged for a hook, exactly, and that no secret is in it."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient, HookReply
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, override, policy
from wcs_hooks.compiler.policy_compiler import Status

type Enforce = Callable[..., Status]
_HOOK = {"appKey": "live", "sessionId": "/192.0.2.1:5/192.0.2.2:8443", "name": "b4e7"}
_OWN = frozenset({"service", "category"})
_BY_METHOD = frozenset({"service", "category", "method"})
_REST_ERRORS = frozenset({"category", "restOnError", "outcome", "cause"})
_UNITS = {"DecisionTime": "Microseconds", "ServiceTime": "Milliseconds"}
_TIMES = {"DecisionTime", "ServiceTime"}


def emitted(reply: HookReply) -> dict[tuple[str, frozenset[str]], float]:
    """Each metric with each of its dimension sets; nothing may be emitted twice."""
    [line] = reply.metrics
    found: dict[tuple[str, frozenset[str]], float] = {}
    for directive in line["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "WcsHooks"
        for metric in directive["Metrics"]:
            name = metric["Name"]
            [value] = line[name]
            assert metric["Unit"] == _UNITS.get(name, "Count")
            for dimensions in directive["Dimensions"]:
                assert all(line[dimension] for dimension in dimensions)
                key = (name, frozenset(dimensions))
                assert key not in found
                found[key] = value
    # What is in the line is in a directive too: its bytes are paid for.
    named = {name for name, _ in found}.union({"_aws"}, *(sets for _, sets in found))
    assert set(line) <= named
    assert all(value for (name, _), value in found.items() if name not in _TIMES)
    return found


def counts(reply: HookReply) -> dict[str, set[frozenset[str]]]:
    """The dimension sets of each metric that counts, all of which must be 1."""
    sets: dict[str, set[frozenset[str]]] = {}
    for (name, dimensions), value in emitted(reply).items():
        if name not in _TIMES:
            assert value == 1
            sets.setdefault(name, set()).add(dimensions)
    return sets


@pytest.fixture
def warm(hooks: HookClient, enforce: Enforce) -> HookClient:
    """Functions with policies, past their cold start."""
    enforce(
        "live",
        deny("no", match={"name": "denied"}),
        override("rename", match={"name": "renamed"}, set={"name": "other"}),
        deny("shadow-no", match={"name": "shadow-denied"}, mode="shadow"),
        override("shadow-set", match={"name": "shadow-renamed"}, mode="shadow"),
        policy("odd", "playStream", when="body.absent == 1"),
        override("odd-too", "playStream", compute={"name": "body.absent"}),
    )
    for method in ("connect", "publishStream", "StreamStatusEvent", "OnCallEvent"):
        hooks.post(method, {"appKey": "live"})
    return hooks


_CALLS = {"Calls": {_OWN, _BY_METHOD}}
_DECIDED = {"DecisionTime", "ServiceTime"}


@pytest.mark.parametrize(
    ("name", "counted"),
    [
        pytest.param("echoed", {"Echoed": {_OWN}}, id="echoed"),
        pytest.param("renamed", {"Overridden": {_OWN, _BY_METHOD}}, id="overridden"),
        pytest.param(
            "denied",
            {"Denied": {_OWN, _BY_METHOD}, "RestErrors": {_REST_ERRORS}},
            id="denied",
        ),
        pytest.param("shadow-denied", {"Echoed": {_OWN}, "ShadowDenied": {_OWN}}, id="shadow deny"),
        pytest.param(
            "shadow-renamed", {"Echoed": {_OWN}, "ShadowOverridden": {_OWN}}, id="shadow override"
        ),
    ],
)
def test_given_a_decision_when_it_is_counted_then_exactly_what_happened_is_emitted(
    warm: HookClient, name: str, counted: dict[str, set[frozenset[str]]]
) -> None:
    reply = warm.post("publishStream", {**_HOOK, "name": name})

    assert counts(reply) == _CALLS | counted
    assert {name for name, _ in emitted(reply)} & _TIMES == _DECIDED
    [line] = reply.metrics
    assert (line["service"], line["category"], line["method"]) == (
        "wcs-hooks",
        "direct",
        "publishStream",
    )


def test_given_a_rejected_caller_when_it_is_counted_then_no_decision_is(warm: HookClient) -> None:
    reply = warm.post("publishStream", _HOOK, authorization=None)

    assert counts(reply) == _CALLS | {"Rejected": {_OWN}, "RestErrors": {_REST_ERRORS}}
    assert "DecisionTime" not in reply.counted


def test_given_a_malformed_body_when_it_is_counted_then_its_dead_letter_is_too(
    warm: HookClient,
) -> None:
    reply = warm.post("publishStream", b"[]")

    assert counts(reply) == _CALLS | {
        "Malformed": {_OWN},
        "DeadLettered": {_OWN},
        "RestErrors": {_REST_ERRORS},
    }


def test_given_our_failure_when_it_is_counted_then_its_dead_letter_is_too(
    warm: HookClient, calls: AwsCalls
) -> None:
    calls.cut_off("BatchGetItem")

    reply = warm.post("publishStream", {"appKey": "never-seen"})

    assert counts(reply) == _CALLS | {
        "Failed": {_OWN},
        "DeadLettered": {_OWN},
        "RestErrors": {_REST_ERRORS},
    }


def test_given_an_unknown_method_when_it_is_counted_then_it_is_no_dimension(
    warm: HookClient,
) -> None:
    reply = warm.post("marked-method", _HOOK)

    assert counts(reply) == {"Calls": {_OWN}, "Echoed": {_OWN}, "UnknownMethod": {_OWN}}
    assert "method" not in reply.metrics[0]


def test_given_a_stale_snapshot_when_it_is_counted_then_the_answer_is_too(
    warm: HookClient, calls: AwsCalls, clock: FakeClock
) -> None:
    calls.cut_off("BatchGetItem")
    clock.advance(2)

    reply = warm.post("publishStream", _HOOK)

    assert counts(reply) == _CALLS | {"Echoed": {_OWN}, "StaleSnapshot": {_OWN}}


def test_given_expressions_without_a_value_when_they_are_counted_then_each_counts(
    warm: HookClient,
) -> None:
    reply = warm.post("playStream", _HOOK)

    assert emitted(reply)["ExpressionErrors", _OWN] == 2
    assert ("ExpressionErrors", _BY_METHOD) not in emitted(reply)
    [line] = reply.log
    assert line["expressionErrors"] == ["odd: when", "odd-too: compute.name"]


@pytest.mark.parametrize(
    ("method", "body", "reported"),
    [
        ("CallStatusEvent", {"status": "FAILED", "info": "SIP 403 FORBIDDEN"}, True),
        ("StreamStatusEvent", {"status": "FAILED"}, True),
        ("ErrorEvent", {"info": "no"}, True),
        ("ErrorStatusEvent", {}, True),
        ("CallStatusEvent", {"status": "ESTABLISHED"}, False),
        ("CallStatusEvent", {"status": ["FAILED"]}, False),
        ("CallStatusEvent", {}, False),
        ("publishStream", {"status": "FAILED"}, False),
        ("OnCallEvent", {"status": "FAILED"}, False),
    ],
)
def test_given_an_event_when_it_tells_of_a_failure_then_that_is_counted_by_method(
    warm: HookClient, method: str, body: dict[str, Any], *, reported: bool
) -> None:
    reply = warm.post(method, {"appKey": "live", **body})

    failures = {"ReportedFailures": {_OWN, _BY_METHOD}} if reported else {}
    assert counts(reply) == _CALLS | {"Echoed": {_OWN}} | failures
    assert reply.metrics[0]["method"] == method


def test_given_a_function_when_it_starts_then_that_is_counted_once(hooks: HookClient) -> None:
    replies = [hooks.post("publishStream", _HOOK) for _ in range(3)]

    assert ["ColdStart" in reply.counted for reply in replies] == [True, False, False]
    assert counts(replies[0])["ColdStart"] == {_OWN}


def test_given_hooks_of_two_methods_when_they_are_counted_then_neither_has_the_others_name(
    warm: HookClient,
) -> None:
    first, second, third = (
        warm.post(method, _HOOK) for method in ("StreamStatusEvent", "newMethod", "StreamEvent")
    )

    assert first.metrics[0]["method"] == "StreamStatusEvent"
    assert "method" not in second.metrics[0]
    assert third.metrics[0]["method"] == "StreamEvent"


# --- Echoes that are batched ---------------------------------------------------------------------


@pytest.fixture
def batching(make_client: MakeClient, enforce: Enforce) -> HookClient:
    """Functions that batch echoes for five seconds, past their cold start."""
    enforce(
        "live",
        deny("no", match={"name": "denied"}),
        deny("shadow-no", match={"name": "shadow-denied"}, mode="shadow"),
    )
    hooks = make_client(ECHO_METRICS_SECONDS="5", SNAPSHOT_TTL_SECONDS="1000")
    for method in ("publishStream", "StreamStatusEvent"):
        hooks.post(method, {"appKey": "live"})
    return hooks


def test_given_a_busy_function_when_it_echoes_then_one_line_counts_all_of_them(
    batching: HookClient, clock: FakeClock
) -> None:
    began = clock.now()
    for _ in range(3):
        assert not batching.post("publishStream", _HOOK).output
    clock.advance(5)

    [line] = batching.post("publishStream", _HOOK).metrics

    assert line["Calls"] == line["Echoed"] == [4]
    assert len(line["DecisionTime"]) == len(line["ServiceTime"]) == 4
    assert line["_aws"]["Timestamp"] == began * 1000
    assert (line["service"], line["category"], line["method"]) == (
        "wcs-hooks",
        "direct",
        "publishStream",
    )
    metrics = {
        metric["Name"]: (metric["Unit"], {frozenset(each) for each in directive["Dimensions"]})
        for directive in line["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }
    assert metrics == {
        "Calls": ("Count", {_OWN, _BY_METHOD}),
        "Echoed": ("Count", {_OWN}),
        "DecisionTime": ("Microseconds", {_OWN}),
        "ServiceTime": ("Milliseconds", {_OWN}),
    }


def test_given_a_quiet_function_when_it_echoes_then_nothing_waits(
    batching: HookClient, clock: FakeClock
) -> None:
    for _ in range(3):
        clock.advance(5)
        assert batching.post("publishStream", _HOOK).counted == {"Calls", "Echoed", *_TIMES}


@pytest.mark.parametrize(
    ("method", "body", "counted"),
    [
        ("publishStream", {"name": "denied"}, "Denied"),
        ("publishStream", {"name": "shadow-denied"}, "ShadowDenied"),
        ("StreamStatusEvent", {"status": "FAILED"}, "ReportedFailures"),
        ("connect", {}, "ColdStart"),
        ("newMethod", {}, "UnknownMethod"),
    ],
)
def test_given_more_than_an_echo_when_it_is_counted_then_that_is_at_once_and_what_waits_too(
    batching: HookClient, method: str, body: dict[str, Any], counted: str
) -> None:
    waiting = {"publishStream": "publishStream"}.get(method, "StreamStatusEvent")
    batching.post(waiting, _HOOK)

    *earlier, line = batching.post(method, {**_HOOK, **body}).metrics

    assert line[counted] == [1]
    # A connect is another function's, where nothing waits.
    assert [each["method"] for each in earlier] == ([] if method == "connect" else [waiting])
    assert not any(counted in each for each in earlier)


def test_given_echoes_that_are_logged_when_they_are_gathered_then_the_log_does_not_wait(
    make_client: MakeClient,
) -> None:
    hooks = make_client(ECHO_METRICS_SECONDS="5", ECHO_LOG_SAMPLE_RATE="1")
    hooks.post("publishStream", _HOOK)

    reply = hooks.post("publishStream", _HOOK)

    assert (len(reply.log), reply.metrics) == (1, [])


# --- The log ------------------------------------------------------------------------------------


def test_given_a_denial_when_it_is_logged_then_the_line_tells_who_decided(
    warm: HookClient,
) -> None:
    reply = warm.post("publishStream", {**_HOOK, "name": "denied"})

    [line] = reply.log
    session = line.pop("session")
    del line["timestamp"]
    assert line == {
        "level": "INFO",
        "message": "publishStream denied",
        "service": "wcs-hooks",
        "decision": reply.headers["X-Decision-Id"],
        "category": "direct",
        "method": "publishStream",
        "answer": "denied",
        "status": 403,
        "app": "live",
        "versions": {"live": 1},
        "policy": "live/no",
        "policies": ["live/no"],
        "restOnError": "FAIL",
        "outcome": "aborted",
        "cause": "policy",
    }
    assert len(session) == 16


def test_given_a_denial_when_it_is_logged_then_its_time_is_in_milliseconds_and_utc(
    warm: HookClient,
) -> None:
    reply = warm.post("publishStream", {**_HOOK, "name": "denied"})

    [line], [metrics] = reply.log, reply.metrics
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", line["timestamp"])
    at = datetime.fromisoformat(line["timestamp"]).timestamp() * 1000
    assert at == pytest.approx(metrics["_aws"]["Timestamp"], abs=1)


def test_given_a_level_that_logs_no_decision_when_a_hook_is_denied_then_it_is_counted_still(
    enforce: Enforce, make_client: MakeClient
) -> None:
    enforce("live", deny("no"))

    reply = make_client(POWERTOOLS_LOG_LEVEL="ERROR").post("publishStream", _HOOK)

    assert (reply.log, [line["Denied"] for line in reply.metrics]) == ([], [[1]])


@pytest.mark.parametrize("app", ["100 %s", "%", "\0", '"}', "\ud800"])
def test_given_an_app_with_an_odd_name_when_it_is_logged_twice_then_both_lines_say_so(
    app: str, enforce: Enforce, hooks: HookClient
) -> None:
    enforce("*", deny("no"))

    replies = [hooks.post("publishStream", {**_HOOK, "appKey": app}) for _ in range(2)]

    lines = [line for reply in replies for line in reply.log]
    assert [line["app"] for line in lines] == [app.replace("\ud800", "?")] * 2
    assert [line["decision"] for line in lines] == [
        reply.headers["X-Decision-Id"] for reply in replies
    ]


def test_given_an_override_when_it_is_logged_then_the_line_tells_who_decided(
    warm: HookClient,
) -> None:
    [line] = warm.post("publishStream", {**_HOOK, "name": "renamed"}).log

    assert (line["answer"], line["status"], line["policies"]) == (
        "overridden",
        200,
        ["live/rename"],
    )


@pytest.mark.parametrize(
    ("name", "key", "by"),
    [
        ("shadow-denied", "shadowDenied", "live/shadow-no"),
        ("shadow-renamed", "shadowOverridden", "live/shadow-set"),
    ],
)
def test_given_a_policy_in_shadow_mode_when_it_would_decide_then_the_echo_is_logged(
    warm: HookClient, name: str, key: str, by: str
) -> None:
    reply = warm.post("publishStream", {**_HOOK, "name": name})

    assert reply.status == 200
    assert [line[key] for line in reply.log] == [[by]]


@pytest.mark.parametrize(
    ("method", "body", "authorization"),
    [
        pytest.param("publishStream", b"[]", "", id="malformed"),
        pytest.param("publishStream", b"{}", None, id="rejected"),
        pytest.param("newMethod", b"{}", "", id="unknown method"),
    ],
)
def test_given_no_plain_echo_when_it_is_answered_then_there_is_exactly_one_line(
    warm: HookClient, method: str, body: bytes, authorization: str | None
) -> None:
    reply = warm.post(method, body, authorization=authorization)

    [line] = reply.log
    assert line["decision"] == reply.headers["X-Decision-Id"]
    assert line["status"] == reply.status


@pytest.mark.parametrize(("rate", "lines"), [("0", 0), ("1", 1)])
def test_given_a_sample_rate_when_echoes_are_given_then_that_share_is_logged(
    make_client: MakeClient, rate: str, lines: int
) -> None:
    hooks = make_client(ECHO_LOG_SAMPLE_RATE=rate)

    for _ in range(20):
        assert len(hooks.post("publishStream", _HOOK).log) == lines


def test_given_a_sample_rate_between_when_echoes_are_given_then_some_are_logged(
    make_client: MakeClient,
) -> None:
    hooks = make_client(ECHO_LOG_SAMPLE_RATE="0.5")

    logged = sum(len(hooks.post("publishStream", _HOOK).log) for _ in range(100))

    assert 25 < logged < 75


def test_given_sessions_when_they_are_logged_then_equal_ones_and_no_others_share_a_hash(
    warm: HookClient,
) -> None:
    def hashed(session: str) -> str:
        [line] = warm.post("publishStream", {**_HOOK, "name": "denied", "sessionId": session}).log
        text: str = line["session"]
        return text

    assert hashed("one") == hashed("one")
    assert hashed("one") != hashed("two")


def test_given_another_key_of_the_caller_when_a_session_is_logged_then_its_hash_is_another(
    warm: HookClient, aws: Aws, clock: FakeClock, make_client: MakeClient
) -> None:
    body = {**_HOOK, "name": "denied"}
    [before] = warm.post("publishStream", body).log
    aws.set_secret("new", previous="wcs-secret")
    clock.advance(60)

    [after] = make_client().post("publishStream", body).log

    assert before["session"] != after["session"]


def test_given_an_appkey_that_no_text_can_hold_when_its_hook_is_denied_then_it_is_still_logged(
    hooks: HookClient, enforce: Enforce
) -> None:
    enforce("*", deny("no"))

    reply = hooks.post("publishStream", b'{"appKey":"\\ud800"}')

    assert reply.status == 403
    assert [line["answer"] for line in reply.log] == ["denied"]
    assert "Logging error" not in reply.output


# --- Secrets ------------------------------------------------------------------------------------

_MARK = "marked-secret"
_FIELDS = (
    "sipPassword",
    "sipLogin",
    "sipAuthenticationName",
    "authToken",
    "sessionId",
    "token",
    "login",
    "aclAuth",
    "sdp",
    "sipMessageRaw",
)
_SECRETS: dict[str, Any] = {
    **dict.fromkeys(_FIELDS, _MARK),
    "custom": {"token": _MARK, _MARK: 1},
    "payload": {"message": _MARK, _MARK: 1},
    "name": f"rtsp://user:{_MARK}@wcs:5554/streamName?aclAuth={_MARK}",
    "origin": f"https://user:{_MARK}@wcs:8888",
}


def posted(hooks: HookClient, case: str) -> HookReply:
    """Post a hook full of secrets: a case by name, else plainly to a method."""
    body = {**_SECRETS, "appKey": "live"}
    cases: dict[str, tuple[str, Any]] = {
        "malformed": ("call", json.dumps(body)[:-1].encode()),
        "no number": ("call", json.dumps({**body, "a": float("nan")}).encode()),
        "an array": ("call", json.dumps([body]).encode()),
        "an unknown method": ("newMethod", body),
        "a reported failure": ("ErrorEvent", {**body, "status": "FAILED", "info": _MARK}),
        "our failure": ("call", {**body, "appKey": "never-seen"}),
        "rejected": ("call", body),
    }
    method, content = cases.get(case, (case, body))
    return hooks.post(method, content, authorization=f"WCS {_MARK}" if case == "rejected" else "")


_ERRORS = ["rejected", "malformed", "no number", "an array", "our failure", "playStream"]


@pytest.mark.parametrize(
    "case",
    [
        *_ERRORS,
        "connect",
        "call",
        "publishStream",
        "playHLS",
        "playRTSP",
        "an unknown method",
        "a reported failure",
    ],
)
def test_given_a_hook_full_of_secrets_when_it_is_answered_then_none_is_written_or_told(
    make_client: MakeClient, enforce: Enforce, calls: AwsCalls, case: str
) -> None:
    enforce(
        "live",
        # playStream is denied, publishStream overridden; in the others' expressions values fail.
        deny("no", "playStream", when="body.custom.token != ''", reason="closed"),
        override("rename", "publishStream", set={"name": "x"}),
        deny("fails", "playHLS", when="int(body.custom.token) == 1", whenError="match"),
        override("fails-too", "playRTSP", compute={"name": "body.custom[body.sipPassword]"}),
    )
    hooks = make_client(ECHO_LOG_SAMPLE_RATE="1")
    hooks.post("call", {"appKey": "live"})
    if case == "our failure":
        calls.cut_off("BatchGetItem", "SendMessage")

    reply = posted(hooks, case)

    assert reply.log
    assert reply.metrics
    assert _MARK not in reply.output
    if case in _ERRORS:
        assert reply.status >= 400
        assert _MARK not in reply.body.decode()


def test_given_a_bug_that_quotes_a_secret_when_it_is_answered_then_it_is_not_written_or_told(
    make_client: MakeClient,
) -> None:
    snapshots = InMemorySnapshots()
    snapshots.break_with(ValueError(f"could not convert {_MARK}"))
    hooks = make_client(snapshots=snapshots)

    reply = posted(hooks, "call")

    assert reply.status == 500
    assert _MARK not in reply.output + reply.body.decode() + str(reply.headers)


def test_given_the_callers_secret_when_hooks_are_answered_then_it_is_never_written(
    warm: HookClient,
) -> None:
    for authorization in ("", None, "WCS 00", "WCS wcs-secret"):
        reply = warm.post("publishStream", _HOOK, authorization=authorization)

        assert "wcs-secret" not in reply.output
