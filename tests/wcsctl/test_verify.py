"""`wcsctl verify` on a stack in the cloud: the real functions in this process, an AWS by moto.

What an emulator cannot show is shown here: metrics, log events, queries, quotas, an idle minute.
"""

import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from function_sources import sources_digest
from simulated_wcs.transport import AUTHORIZATION, Exchange, HookReply, HookTransport
from tests.support.aws_tables import POLICIES, SESSIONS
from tests.support.compiler_function import CompilerFunction, records
from tests.support.hook_client import HookClient
from tests.support.operated_stack import ALARM, OperatedStack, operated
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.telemetry.catalogue import COMPILER, namespace_of
from wcsctl.metrics import measured_in
from wcsctl.verification.run import FIRST_PRIORITY, PREFIX
from wcsctl.verification.telemetry import RUNBOOK

TOPIC: Final = "arn:aws:sns:us-east-1:123456789012:Alarms"
_EDITS: Final = ("BatchWriteItem", "DeleteItem", "PutItem")


class PassedTime:
    """A machine whose clocks run on when somebody sleeps, so that nobody has to wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._passed = 0.0
        self._time, self._monotonic = time.time, time.monotonic
        for name in ("sleep", "time", "monotonic"):
            monkeypatch.setattr(time, name, getattr(self, {"time": "now"}.get(name, name)))

    def sleep(self, seconds: float) -> None:
        self._passed += seconds

    def now(self) -> float:
        return self._time() + self._passed

    def monotonic(self) -> float:
        return self._monotonic() + self._passed


class Captured:
    """What the functions write while they are called."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def readouterr(self) -> Any:
        out = self.stream.getvalue()
        self.stream.seek(0)
        self.stream.truncate()
        return SimpleNamespace(out=out, err="")


@dataclass
class Cloud:
    """The stack, with functions that run.

    Attributes
    ----------
    answers
        What AWS says to an operation instead.
    written
        What becomes of a function's lines on the way to its log.
    measured
        What becomes of a metric's dimensions on the way to CloudWatch.
    """

    stack: OperatedStack
    hooks: HookClient
    captured: Captured
    answers: dict[str, Callable[[Mapping[str, Any]], Any]]
    compiler: CompilerFunction = field(default_factory=CompilerFunction)
    written: Callable[[list[str]], list[str]] = lambda lines: lines
    measured: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda dimensions: dimensions
    cloudwatch: Any = field(default_factory=lambda: boto3.client("cloudwatch"))
    lock: threading.RLock = field(default_factory=threading.RLock)

    def verify(self, *words: str) -> tuple[int, dict[str, Any]]:
        result = self.stack.run("--json", "verify", *words)
        assert result.exit_code in {0, 1}, (result.output, result.exception)
        return result.exit_code, json.loads(result.stdout)

    def left(self) -> list[str]:
        """What is there of any run."""
        aws = self.stack.aws
        return [
            *(f"{one['app']}/{one['id']}" for one in aws.items(POLICIES)),
            *(one["node"] for one in aws.items(SESSIONS)),
            *(name for name in self.stack.secret() if name == "previous"),
            *("dead letter" for _ in range(self.stack.waiting())),
            *(
                rule["Name"]
                for rule in boto3.client("events").list_rules(EventBusName="wcs")["Rules"]
            ),
        ]

    def send(self, transport: HookTransport, method: str, body: bytes) -> Exchange:
        """Let a function answer, and log."""
        header = transport._authentication.header(body)
        with self.lock, redirect_stdout(self.captured.stream):
            reply = self.hooks.post(method, body, authorization=header)
            category = METHODS[method].category
            lines = [json.dumps(line) for line in (*reply.metrics, *reply.log)]
            if lines:
                self.stack.log(category, *self.written(lines))
            for line in reply.metrics:
                self.measure(line)
        answered = HookReply(reply.status, "", self._lower_case(reply.headers), reply.body)
        sent = {} if header is None else {AUTHORIZATION: header}
        return Exchange(method, transport.target.url, sent, body, answered, (), 0.01)

    def measure(self, line: Mapping[str, Any]) -> None:
        """Let CloudWatch make metrics of a line, as far as they are looked at."""
        data = [
            {
                "MetricName": name,
                "Dimensions": [
                    {"Name": key, "Value": value}
                    for key, value in self.measured(dimensions).items()
                ],
                "Value": sum(values),
            }
            for name, dimensions, values in measured_in(line, namespace_of(""))
            if name in {"Denied", "Overridden", "RestErrors"}
        ]
        if data:
            self.cloudwatch.put_metric_data(Namespace=namespace_of(""), MetricData=data)

    def call(
        self, call_aws: Any, client: Any, operation: str, parameters: Mapping[str, Any]
    ) -> Any:
        """Let AWS answer, and the compiler see each edit."""
        if operation in self.answers:
            return self.answers[operation](parameters)
        answer = call_aws(client, operation, parameters)
        edited = [key for key in _edited(operation, parameters) if key[1] != "#status"]
        if edited:
            with redirect_stdout(io.StringIO()):
                self.compiler(records(*edited))
        return answer

    def redrive(self, parameters: Mapping[str, Any]) -> Any:
        event = json.loads(parameters["Payload"])
        with self.lock, redirect_stdout(self.captured.stream):
            answer = self.hooks.hand_over(Category.DIRECT, event).body
        return {"StatusCode": 200, "Payload": io.BytesIO(answer)}

    @staticmethod
    def _lower_case(headers: Mapping[str, str]) -> dict[str, str]:
        return {name.lower(): value for name, value in headers.items()}


def _edited(operation: str, parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The keys of policies that an operation edits."""
    if operation not in _EDITS:
        return []
    if operation == "BatchWriteItem":
        requests = parameters["RequestItems"].get(POLICIES, ())
        items = [one["PutRequest"]["Item"] for one in requests if "PutRequest" in one]
    else:
        of_policies = parameters["TableName"] == POLICIES
        items = [parameters.get("Item") or parameters["Key"]] if of_policies else []
    return [(item["app"]["S"], item["id"]["S"]) for item in items]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Cloud]:
    passed = PassedTime(monkeypatch)
    captured = Captured()
    auth = getattr(request, "param", "hmac")
    with operated(SNAPSHOT_TTL_SECONDS="1", AUTH=auth) as stack:
        arn = boto3.client("events").create_event_bus(Name="wcs")["EventBusArn"]
        hooks = HookClient(
            captured,
            clock=passed,
            AUTH=auth,
            REPLY_TIMEOUT_SECONDS="10",
            SNAPSHOT_TTL_SECONDS="1",
            EVENT_BUS_NAME="wcs",
            REST_API_CALLS="never-deny",
            SIGNATURE_SECRET_ARN=stack.aws.secret_arn,
        )
        codes = {
            one["FunctionName"]: one["CodeSha256"]
            for one in boto3.client("lambda").list_functions()["Functions"]
        }
        compiler = codes.pop(COMPILER)
        [code] = set(codes.values())
        stack.outputs.update(
            SessionsTableName=SESSIONS,
            EventBusName=arn.rpartition("/")[2],
            AlarmTopicArn=TOPIC,
            DashboardUrl="https://console.aws.amazon.com/cloudwatch/home#dashboards/dashboard/WcsHooks",
            CodeSha256=code,
            CompilerCodeSha256=compiler,
            CodeSources=sources_digest(RUNBOOK.parents[2] / "functions"),
        )
        stack.cloudwatch.put_dashboard(DashboardName="WcsHooks", DashboardBody='{"widgets":[]}')
        [alarm] = stack.cloudwatch.describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
        stack.cloudwatch.put_metric_alarm(
            AlarmName=ALARM,
            AlarmActions=[TOPIC],
            ComparisonOperator="GreaterThanThreshold",
            EvaluationPeriods=1,
            MetricName=alarm["MetricName"],
            Namespace=alarm["Namespace"],
            Period=60,
            Statistic="Sum",
            Threshold=0,
        )
        made = Cloud(stack, hooks, captured, {})
        made.answers.update(
            Invoke=made.redrive,
            GetAccountSettings=lambda _: account_with(1000),
            StartQuery=lambda parameters: {"queryId": parameters["queryString"]},
            GetQueryResults=lambda parameters: results_of(parameters["queryId"]),
        )
        call_aws: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs

        def call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            return made.call(call_aws, client, operation, parameters)

        def send(transport: HookTransport, method: str, body: bytes) -> Exchange:
            return made.send(transport, method, body)

        monkeypatch.setattr(BaseClient, "_make_api_call", call)
        monkeypatch.setattr(HookTransport, "send", send)
        yield made


def account_with(concurrency: int) -> dict[str, Any]:
    names = ("ConcurrentExecutions", "UnreservedConcurrentExecutions")
    return {"AccountLimit": dict.fromkeys(names, concurrency)}


def results_of(query: str) -> dict[str, Any]:
    """Logs Insights', which moto does not evaluate."""
    own = "stats count(*) as lines by answer" in query
    row = [{"field": "answer", "value": "denied"}, {"field": "lines", "value": "1"}]
    return {"status": "Complete", "results": [row] if own else []}


def seen(report: Mapping[str, Any], result: str) -> dict[str, str]:
    return {one["check"]: one["seen"] for one in report["checks"] if one["result"] == result}


def test_given_a_stack_in_the_cloud_then_each_check_passes_and_nothing_is_left(
    cloud: Cloud,
) -> None:
    denied = ["connect", "@direct", "@incoming", "StreamKeepAliveEvent"]
    nobody = {"app": "*", "id": "nobody", "action": "deny", "method": denied}
    cloud.stack.enforce("*", nobody | {"priority": FIRST_PRIORITY})
    before = cloud.left()

    status, report = cloud.verify()

    assert (seen(report, "failed"), seen(report, "not possible here")) == ({}, {})
    assert status == 0
    assert len(report["checks"]) == len(seen(report, "passed"))
    metrics = seen(report, "passed")["metrics"]
    assert metrics.startswith("Denied/direct 1, Overridden/connect")
    assert "RestErrors/direct/FAIL/aborted/policy 1" in metrics
    assert cloud.left() == before


@pytest.mark.parametrize("cloud", ["basic"], indirect=True)
def test_given_cloudwatch_or_the_account_falls_short_then_its_line_fails(cloud: Cloud) -> None:
    def refuse(_: Mapping[str, Any]) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetDashboard")

    cloud.answers["GetDashboard"] = refuse
    cloud.answers["GetAccountSettings"] = lambda _: account_with(10)
    cloud.answers["GetQueryResults"] = lambda _: {"status": "Failed", "results": []}
    cloud.written = lambda lines: ["\n".join(lines)]
    cloud.measured = lambda dimensions: {**dimensions, "category": "another"}
    cloud.stack.outputs["CodeSources"] = "0" * 64

    status, report = cloud.verify("--idle", "30", "--hooks-per-second", "200")

    failed = seen(report, "failed")
    assert status == 1
    assert {*failed} == {
        *("version", "concurrency", "log events", "log queries", "metrics", "dashboard")
    }
    assert failed["concurrency"] == "10 of 10 unreserved; 200 hooks/s need 21"
    assert failed["metrics"].startswith("CloudWatch has none; the functions wrote Denied/direct 1")
    assert failed["dashboard"] == "AWS refused GetDashboard: AccessDenied"
    assert seen(report, "not possible here") == {
        "removed signature": "takes 60 s: --idle is 30 s here"
    }
    assert cloud.left() == []


def test_given_an_interruption_then_nothing_is_left(cloud: Cloud) -> None:
    def interrupt(_: Mapping[str, Any]) -> Any:
        del cloud.answers["ReceiveMessage"]
        assert {"dead letter", "previous"} & {*cloud.left()}
        raise KeyboardInterrupt

    cloud.answers["ReceiveMessage"] = interrupt

    assert cloud.stack.run("verify").exit_code == 130
    assert cloud.left() == []


def test_given_entries_of_other_machines_and_no_time_then_only_what_is_overdue_is_removed(
    cloud: Cloud,
) -> None:
    elsewhere = {"app": PREFIX, "by": "ada", "host": "elsewhere", "pid": 1}
    for number, until in ((1, time.time() - 1), (2, time.time() + 3600)):
        cloud.stack.aws.put_item(
            POLICIES, elsewhere | {"id": f"#run-0000000{number}", "until": int(until)}
        )

    _, report = cloud.verify("--timeout", "1")

    assert seen(report, "failed")["dashboard"] == "not begun: the 1 s of --timeout are over"
    assert report["leftovers"] == {
        "removed": [f"{PREFIX}-00000001"],
        "underWay": [f"{PREFIX}-00000002"],
        "remaining": [],
    }
    assert cloud.left() == [f"{PREFIX}/#run-00000002"]
