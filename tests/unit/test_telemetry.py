"""What functions count and log, in processes where nothing but AWS itself is replaced by fakes."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import pytest

from tests.support.compiler_function import CompilerFunction, records
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import forget_logger, gateway_event, read_output, signature
from tests.support.in_memory_function import InMemoryAws, InMemoryFunction
from tests.support.in_memory_policy_store import InMemoryPolicyStore
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.policy_items import deny, override, policy
from wcs_hooks.adapters import dynamo_policy_store
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import UNKNOWN, RestOnError
from wcs_hooks.telemetry.catalogue import outcome_rows

_OWN = {"service", "category"}
_BY_METHOD = {"service", "category", "method"}
_TIMES = {"DecisionTime", "ServiceTime"}
_PRIVATE = "b4e7"
_HOOK = {"appKey": "live", "sessionId": "/192.0.2.1:5/192.0.2.2:8443", "sdp": _PRIVATE}
_POLICIES = (
    deny("no", match={"name": "denied"}),
    override("rename", match={"name": "renamed"}),
    deny("shadow-no", match={"name": "shadow-denied"}, mode="shadow"),
    policy("odd", when="body.absent == 1", match={"name": "odd"}),
    override("shadow-rename", match={"name": "shadow-renamed"}, mode="shadow"),
)


class Written:
    """What a function wrote for a hook: lines of metrics, and lines of the log."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.metrics, self.log = read_output(text)

    def counted(self) -> dict[str, list[set[str]]]:
        """The sets of dimensions of each metric of the only line."""
        [line] = self.metrics
        found: dict[str, list[set[str]]] = {}
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                found[metric["Name"]] = [set(names) for names in directive["Dimensions"]]
        return found


class FailingAws(InMemoryAws):
    """An AWS whose queue takes no dead letter, and optionally its table neither."""

    def __init__(self, *, table_fails: bool) -> None:
        super().__init__()
        self._table_fails = table_fails

    def send_message(self, **_message: Any) -> None:
        raise UnavailableError("the queue is throttled")

    def update_item(self, **_update: Any) -> None:
        """There is room for every letter."""

    def put_item(self, **item: Any) -> None:
        if self._table_fails:
            raise UnavailableError("the table is throttled")
        self.letters.append(str(item))


class Function:
    """A category's function, with the policies."""

    def __init__(
        self,
        category: Category = Category.DIRECT,
        aws: InMemoryAws | None = None,
        **variables: str,
    ) -> None:
        self.snapshots = InMemorySnapshots()
        self.snapshots.publish("live", *_POLICIES)
        self.aws = aws or InMemoryAws()
        self._function = InMemoryFunction(category, self.snapshots, self.aws, **variables)

    def post(
        self, name: str, *, method: str = "publishStream", app: str = "live", **fields: str
    ) -> Written:
        body = json.dumps(_HOOK | {"appKey": app, "name": name, **fields}).encode()
        return self.invoke(gateway_event(method, body, signature(body), "203.0.113.7"))

    def invoke(self, event: Mapping[str, Any]) -> Written:
        _, text = self._function.invoke(event, "decision")
        return Written(text)


@pytest.fixture(autouse=True)
def _own_logger() -> Iterator[None]:
    yield
    forget_logger()


@pytest.fixture
def warm() -> Function:
    function = Function()
    function.post("first")
    return function


def test_given_a_new_function_when_hooks_come_then_its_cold_start_is_counted_once() -> None:
    function = Function()

    first, second = function.post("x"), function.post("x")

    assert "ColdStart" in first.counted()
    assert "ColdStart" not in second.counted()


@pytest.mark.parametrize(
    ("name", "counted", "logged"),
    [
        ("plain", {"Echoed": [_OWN]}, None),
        (
            "denied",
            {
                "Denied": [_OWN, _BY_METHOD],
                "RestErrors": [{"category", "restOnError", "outcome", "cause"}],
            },
            {"answer": "denied", "status": 403, "policy": "live/no", "versions": {"live": 1}},
        ),
        (
            "renamed",
            {"Overridden": [_OWN, _BY_METHOD]},
            {"answer": "overridden", "status": 200, "policies": ["live/rename"]},
        ),
        (
            "shadow-denied",
            {"Echoed": [_OWN], "ShadowDenied": [_OWN]},
            {"answer": "echoed", "status": 200, "shadowDenied": ["live/shadow-no"]},
        ),
        (
            "shadow-renamed",
            {"Echoed": [_OWN], "ShadowOverridden": [_OWN]},
            {"answer": "echoed", "status": 200, "shadowOverridden": ["live/shadow-rename"]},
        ),
        (
            "odd",
            {"Echoed": [_OWN], "ExpressionErrors": [_OWN]},
            {"answer": "echoed", "status": 200, "expressionErrors": ["odd: when"]},
        ),
    ],
)
def test_given_a_decision_when_reported_then_just_what_happened_is_counted_and_logged(
    warm: Function,
    name: str,
    counted: dict[str, list[set[str]]],
    logged: dict[str, Any] | None,
) -> None:
    written = warm.post(name)

    times = {metric: [_OWN] for metric in _TIMES}
    assert written.counted() == {"Calls": [_OWN, _BY_METHOD], **counted, **times}
    [metrics] = written.metrics
    assert (metrics["service"], metrics["category"]) == ("wcs-hooks", "direct")
    assert metrics["method"] == "publishStream"
    if logged is None:
        assert not written.log
        return
    [line] = written.log
    assert line.items() >= {**logged, "method": "publishStream", "decision": "decision"}.items()
    assert line["app"] == "live"
    assert _PRIVATE not in written.text
    assert _HOOK["sessionId"] not in written.text


def test_given_a_sample_of_all_when_an_echo_is_reported_then_it_is_logged() -> None:
    function = Function(ECHO_LOG_SAMPLE_RATE="1")
    function.post("first")

    [line] = function.post("plain").log

    assert (line["answer"], line["level"]) == ("echoed", "INFO")


def test_given_a_stranger_when_reported_then_no_decision_is_counted_and_the_log_says_why(
    warm: Function,
) -> None:
    written = warm.invoke(gateway_event("publishStream", b"{}", None, "203.0.113.7"))

    assert written.counted().keys() == {"Calls", "Rejected", "RestErrors", "ServiceTime"}
    [line] = written.log
    assert (line["answer"], line["status"]) == ("rejected", 403)
    assert line["error"]
    assert "deadLettered" not in line


def test_given_a_malformed_body_when_reported_then_it_is_counted_with_its_dead_letter(
    warm: Function,
) -> None:
    written = warm.invoke(gateway_event("publishStream", b"[]", signature(b"[]"), "203.0.113.7"))

    assert {"Malformed", "DeadLettered"} <= written.counted().keys()
    [line] = written.log
    assert (line["answer"], line["deadLettered"]) == ("malformed", True)
    assert len(warm.aws.letters) == 1


def test_given_a_failure_of_ours_when_reported_then_it_is_counted_and_logged_as_an_error(
    warm: Function,
) -> None:
    warm.snapshots.throttle()

    written = warm.post("x", app="never-seen")

    assert {"Failed", "DeadLettered"} <= written.counted().keys()
    [line] = written.log
    assert (line["answer"], line["status"], line["level"]) == ("failed", 503, "ERROR")


def test_given_policies_that_cannot_be_read_again_when_an_echo_is_reported_then_it_is_stale() -> (
    None
):
    function = Function(SNAPSHOT_TTL_SECONDS="0")
    function.post("first")
    function.snapshots.throttle()

    written = function.post("plain")

    assert {"Echoed", "StaleSnapshot"} <= written.counted().keys()
    [line] = written.log
    assert line["stale"] is True


def test_given_a_method_that_nobody_knows_when_reported_then_it_is_no_dimension(
    warm: Function,
) -> None:
    written = warm.post("plain", method="marked-method")

    assert written.counted() == {
        "Calls": [_OWN],
        "Echoed": [_OWN],
        "UnknownMethod": [_OWN],
        "ServiceTime": [_OWN],
    }
    assert "method" not in written.metrics[0]


@pytest.mark.parametrize(("status", "counted"), [("FAILED", True), ("ESTABLISHED", False)])
def test_given_an_event_when_reported_then_a_failure_of_wcs_is_counted_by_method(
    status: str, *, counted: bool
) -> None:
    function = Function(Category.EVENT)
    function.post("first", method="CallStatusEvent")

    written = function.post("plain", method="CallStatusEvent", status=status)

    failures = written.counted().get("ReportedFailures")
    assert failures == ([_OWN, _BY_METHOD] if counted else None)
    assert written.metrics[0]["method"] == "CallStatusEvent"
    assert not written.log


def test_given_what_the_rest_api_started_when_a_denial_is_suppressed_then_that_is_reported() -> (
    None
):
    function = Function(REST_API_CALLS="never-deny")
    function.post("first")

    written = function.post("denied")

    assert {"Echoed", "DenySuppressed"} <= written.counted().keys()
    assert not {"Denied", "RestErrors"} & written.counted().keys()
    [line] = written.log
    assert (line["answer"], line["status"], line["denySuppressed"]) == ("echoed", 200, True)
    assert line["policy"] == "live/no"


@pytest.mark.parametrize(
    ("table_fails", "counted", "lost", "level"),
    [
        (False, {"DeadLettered", "DeadLetterFallback"}, {"DeadLetterLost"}, "INFO"),
        (True, {"DeadLetterLost"}, {"DeadLettered", "DeadLetterFallback"}, "ERROR"),
    ],
    ids=["the table takes it", "it is lost"],
)
def test_given_a_queue_that_fails_when_reported_then_it_says_what_became_of_the_letter(
    *, table_fails: bool, counted: set[str], lost: set[str], level: str
) -> None:
    aws = FailingAws(table_fails=table_fails)
    function = Function(aws=aws)
    function.post("first")

    written = function.invoke(
        gateway_event("publishStream", b"[]", signature(b"[]"), "203.0.113.7")
    )

    assert counted <= written.counted().keys()
    assert not lost & written.counted().keys()
    assert len(aws.letters) == (0 if table_fails else 1)
    [line] = written.log
    assert (line["level"], line["deadLettered"]) == (level, not table_fails)


def test_given_a_level_above_decisions_when_reported_then_one_is_counted_and_not_logged() -> None:
    function = Function(POWERTOOLS_LOG_LEVEL="ERROR")
    function.post("first")

    written = function.post("denied")

    assert "Denied" in written.counted()
    assert not written.log


def test_given_metrics_that_are_disabled_when_reported_then_there_is_the_log_alone() -> None:
    function = Function(POWERTOOLS_METRICS_DISABLED="true")
    function.post("first")

    written = function.post("denied")

    assert not written.metrics
    assert [line["answer"] for line in written.log] == ["denied"]


def test_given_a_trace_when_reported_then_the_log_names_it(
    warm: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")

    [line] = warm.post("denied").log

    assert line["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_given_the_categories_then_each_outcome_of_a_refusal_has_one_row() -> None:
    rows = outcome_rows()

    assert len(rows) == len(set(rows))
    for category in Category:
        settings = {setting for of, setting, _ in rows if of == category}
        assert settings == {*RestOnError, UNKNOWN}
    assert ("connect", UNKNOWN, "declined") in rows
    assert ("direct", UNKNOWN, UNKNOWN) in rows


def test_given_echoes_in_a_batch_when_something_else_is_reported_then_they_come_before_it() -> None:
    function = Function(ECHO_METRICS_SECONDS="5")
    function.post("first")
    function.post("plain")

    quiet = function.post("plain")
    reply = function.post("denied")

    assert not quiet.text
    echoes, denied = reply.metrics
    assert (echoes["Calls"], echoes["Echoed"]) == ([2], [2])
    assert len(echoes["DecisionTime"]) == len(echoes["ServiceTime"]) == 2
    assert denied["Denied"] == [1]


def test_given_a_redrive_when_reported_then_it_is_logged_and_not_counted_again(
    warm: Function,
) -> None:
    warm.snapshots.throttle()
    warm.post("x", app="never-seen")
    warm.snapshots.recover()
    [letter] = warm.aws.letters

    written = warm.invoke({"redrive": json.loads(letter)})

    assert not written.metrics
    [line] = written.log
    assert (line["redriven"], line["redriveOf"]) == (True, "decision")


# --- the compiler -------------------------------------------------------------------------------


@pytest.fixture
def store() -> InMemoryPolicyStore:
    return InMemoryPolicyStore()


@pytest.fixture
def compile_live(
    store: InMemoryPolicyStore, capsys: pytest.CaptureFixture[str]
) -> Callable[[], Written]:
    """Hand an edit of an app to the compiler's function, and take what it writes."""
    function = CompilerFunction(FakeClock())

    def compile_() -> Written:
        # Standard output is another one in a fixture than in the test itself.
        with patch.object(dynamo_policy_store, "DynamoPolicyStore", lambda *_: store):
            module = function.module
        capsys.readouterr()
        with suppress(module.AppsNotCompiledError):
            function(records(("live", "no")))
        return Written(capsys.readouterr().out)

    return compile_


def test_given_an_edit_when_it_is_compiled_then_that_is_counted_and_logged(
    store: InMemoryPolicyStore, compile_live: Callable[[], Written]
) -> None:
    store.put("live", "no", method="call", action="deny")

    first, second = compile_live(), compile_live()

    assert first.counted() == {"Compiled": [_OWN], "ColdStart": [_OWN]}
    assert second.counted().keys() == {"Compiled"}
    assert first.metrics[0]["category"] == "compiler"
    [line] = first.log
    assert line.items() >= {"app": "live", "version": 1, "policies": 1, "level": "INFO"}.items()


def test_given_a_broken_edit_when_it_is_compiled_then_the_log_names_the_attribute_and_no_value(
    store: InMemoryPolicyStore, compile_live: Callable[[], Written]
) -> None:
    store.put("live", "no", method="call", action="deny", priority=_PRIVATE)

    written = compile_live()

    assert "CompileErrors" in written.counted()
    [line] = written.log
    assert (line["level"], line["errors"]) == ("WARNING", ["no: priority"])
    assert _PRIVATE not in written.text


def test_given_a_store_that_fails_when_an_edit_comes_then_that_is_counted_and_logged(
    store: InMemoryPolicyStore, compile_live: Callable[[], Written]
) -> None:
    def fail() -> None:
        raise UnavailableError("it is throttled")

    store.put("live", "no", method="call", action="deny")
    store.meanwhile.extend([fail] * 3)

    written = compile_live()

    assert written.counted().keys() == {"CompileErrors", "ColdStart"}
    assert [(line["level"], line["app"]) for line in written.log] == [("ERROR", "live")]
    assert "it is throttled" in written.text
