"""A stack in an AWS that moto pretends, as `wcsctl` finds it: by its outputs.

Its functions do not run: tests write their logs and metrics, and say what they answer.
"""

import io
import json
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from moto import mock_aws
from typer.testing import CliRunner, Result

from tests.support.aws_tables import DEAD_LETTERS, LEASES, LISTS, POLICIES, SNAPSHOTS, Aws
from tests.support.first_state import begin_with, own_client
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_dead_letters import DynamoDeadLetters
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler
from wcs_hooks.telemetry.catalogue import COMPILER
from wcsctl import cli, dead_letters
from wcsctl.deployment import Deployment

if TYPE_CHECKING:
    import pytest
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

SECRET = "the-secret-in-force"
SERVICE = "wcs-hooks"
URL = "https://abc123.execute-api.us-east-1.amazonaws.com/"
STACK = "WcsHooks"
ALARM = "WcsHooks-DirectFailed"
CATEGORIES = ("connect", "direct", "event", "incoming")
FUNCTIONS = (*CATEGORIES, "compiler")
ALIAS = "live"

_RESOURCES = [
    {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": ALARM},
    {"ResourceType": "AWS::SQS::Queue", "PhysicalResourceId": "DeadLetters"},
]
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True)
class OperatedStack:
    """The stack, and what an operator's tests say of it.

    Attributes
    ----------
    answers
        What the functions answer when they are invoked: one for each time, the last one from then
        on. A string means a crash with an error of that type.
    invocations
        Functions and events.
    refused
        Operations that the operator has no right to.
    namespaces
        Those that metrics were asked for in: moto answers whatever the namespace is.
    """

    aws: Aws
    outputs: dict[str, str]
    answers: list[Mapping[str, Any] | str] = field(default_factory=list)
    invocations: list[tuple[str, Any]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    namespaces: set[str] = field(default_factory=set)

    @classmethod
    def set_up(cls, **environment: str) -> "OperatedStack":
        """Create everything.

        Parameters
        ----------
        environment
            Variables of the functions beyond the usual ones.
        """
        aws = Aws.set_up(SECRET)
        begin_with(
            ("functions", *sorted(environment.items())),
            ("iam", "lambda", "logs", "cloudwatch"),
            lambda: _create_functions_and_alarm(environment),
        )
        outputs = {
            "HooksUrl": URL,
            "PoliciesTableName": POLICIES,
            "SnapshotsTableName": SNAPSHOTS,
            "ListsTableName": LISTS,
            "LeasesTableName": LEASES,
            "DeadLetterQueueUrl": aws.queue_url,
            "DeadLetterTableName": DEAD_LETTERS,
            "SignatureSecretArn": aws.secret_arn,
            **{f"{name.capitalize()}FunctionName": name for name in FUNCTIONS},
            "FunctionAlias": ALIAS,
        }
        return cls(aws, outputs)

    @property
    def cloudwatch(self) -> "CloudWatchClient":
        client: CloudWatchClient = own_client("cloudwatch")
        return client

    @property
    def logs(self) -> "CloudWatchLogsClient":
        client: CloudWatchLogsClient = own_client("logs")
        return client

    def describe(self, name: str) -> dict[str, Any]:
        """What CloudFormation says, which moto has not without packages that nothing else needs."""
        if name != STACK:
            message = f"Stack with id {name} does not exist"
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks"
            )
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        return {"Stacks": [{"StackName": name, "Outputs": outputs}]}

    def invoke(self, function: str, payload: bytes) -> dict[str, Any]:
        """What Lambda says: the categories' functions are called by their alias alone."""
        function, _, alias = function.partition(":")
        assert alias == (ALIAS if function in CATEGORIES else "")
        number = min(len(self.invocations), len(self.answers) - 1)
        self.invocations.append((function, json.loads(payload)))
        answer = self.answers[number]
        crash = {"errorType": answer, "errorMessage": "of secret-1"}
        data = json.dumps(crash if isinstance(answer, str) else answer).encode()
        response = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(data), len(data))}
        return response | ({"FunctionError": "Unhandled"} if isinstance(answer, str) else {})

    def run(self, *words: str, answer: str = "") -> Result:
        """Run `wcsctl`."""
        return CliRunner().invoke(cli.app, list(words), input=answer)

    def json(self, *words: str) -> Any:
        """What `wcsctl --json` says; it must succeed."""
        result = self.run("--json", *words)
        assert result.exit_code == 0, (result.output, result.exception)
        return json.loads(result.stdout)

    def log(self, function: str, *lines: Mapping[str, Any] | str, ago: float = 0) -> None:
        """Let a function have written lines, some seconds ago, a millisecond apart."""
        at = int((time.time() - ago) * 1000) - len(lines)
        self.logs.put_log_events(
            logGroupName=f"/aws/lambda/{function}",
            logStreamName="stream",
            logEvents=[
                {
                    "timestamp": at + number,
                    "message": line if isinstance(line, str) else json.dumps(line),
                }
                for number, line in enumerate(lines)
            ],
        )

    def count(self, metric: str, value: float = 1, **dimensions: str) -> None:
        """Let a function have counted something just now."""
        self.cloudwatch.put_metric_data(
            Namespace="WcsHooks",
            MetricData=[
                {
                    "MetricName": metric,
                    "Dimensions": [
                        {"Name": name, "Value": value} for name, value in dimensions.items()
                    ],
                    "Value": value,
                }
            ],
        )

    def enforce(self, app: str, *policies: Any) -> None:
        """Put policies into the table, and compile them."""
        self.aws.put_policies(app, *policies)
        clock = SystemClock()
        store = DynamoPolicyStore(Clients(10).dynamodb(), POLICIES, SNAPSHOTS, 30, clock)
        assert PolicyCompiler(store, clock).compile(app).ok

    def send(self, *letters: Mapping[str, Any] | str) -> None:
        """Let dead letters wait."""
        for letter in letters:
            text = letter if isinstance(letter, str) else json.dumps(letter)
            self.aws.sqs.send_message(QueueUrl=self.aws.queue_url, MessageBody=text)

    def keep(self, *letters: Mapping[str, Any]) -> None:
        """Let dead letters wait in the table, as the functions put them there."""
        clock = SystemClock()
        table = DynamoDeadLetters(self.aws.dynamodb, DEAD_LETTERS, clock)
        for letter in letters:
            table.send(letter, Deadline(clock, 10))

    def waiting(self) -> int:
        """How many dead letters can be received."""
        answer = self.aws.sqs.get_queue_attributes(
            QueueUrl=self.aws.queue_url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])

    def secret(self) -> dict[str, str]:
        """The callers' secret as it stands."""
        value = self.aws.secrets_manager.get_secret_value(SecretId=self.aws.secret_arn)
        content: dict[str, str] = json.loads(value["SecretString"])
        return content


@contextmanager
def operated(**environment: str) -> Iterator[OperatedStack]:
    """A stack for the duration of a `with` block."""
    call_aws: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs
    with mock_aws():
        stack = OperatedStack.set_up(**environment)

        def call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            if operation in stack.refused:
                action = f"{client.meta.service_model.signing_name}:{operation}"
                message = f"User: arn:aws:iam::1:user/x is not authorized to perform: {action}"
                denial: Any = {"Code": "AccessDenied", "Message": message}
                raise ClientError({"Error": denial}, operation)
            match operation:
                case "Invoke":
                    return stack.invoke(parameters["FunctionName"], parameters["Payload"])
                case "DescribeStacks":
                    return stack.describe(parameters["StackName"])
                case "ListStackResources":
                    return {"StackResourceSummaries": _RESOURCES}
                case "GetMetricData":
                    stack.namespaces.update(
                        each["MetricStat"]["Metric"]["Namespace"]
                        for each in parameters["MetricDataQueries"]
                    )
                    return call_aws(client, operation, parameters)
                case _:
                    return call_aws(client, operation, parameters)

        # There is nobody to wait for.
        at_once = patch.object(dead_letters, "WAIT_SECONDS", 0)
        with patch.object(BaseClient, "_make_api_call", call), at_once:
            yield stack


class _Emulated(Deployment):
    """Has an endpoint, as an emulator's deployment, while its clients are moto's."""

    def client(self, service: str) -> Any:
        return self.session.client(service)  # type: ignore[call-overload]  # any service


def emulate(monkeypatch: "pytest.MonkeyPatch") -> None:
    """Take the stack for one on an emulator, where metrics are lines of the logs."""
    find = Deployment.stack

    def found(*words: Any) -> Deployment:
        one = find(*words)
        return _Emulated(one.name, one.session, "http://127.0.0.1:9", one.outputs)

    monkeypatch.setattr(Deployment, "stack", found)


def _create_functions_and_alarm(environment: Mapping[str, str]) -> None:
    role = own_client("iam").create_role(
        RoleName="functions", AssumeRolePolicyDocument=json.dumps(_TRUST)
    )["Role"]["Arn"]
    for function in FUNCTIONS:
        _create_function(function, role, environment)
    own_client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1,
        Namespace="WcsHooks",
        MetricName="Failed",
        Period=60,
        Statistic="Sum",
        Threshold=0,
    )


def _create_function(name: str, role: str, environment: Mapping[str, str]) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        # The compiler has a package of its own.
        package.writestr(zipfile.ZipInfo("nothing.py"), "re2" if name == COMPILER else "")
    functions = own_client("lambda")
    functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="nothing.handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={
            "Variables": {
                "AUTH": "hmac",
                "BASIC_USER": "wcs",
                "REPLY_TIMEOUT_SECONDS": "2",
                "POWERTOOLS_SERVICE_NAME": SERVICE,
                **environment,
            }
        },
    )
    if name in CATEGORIES:
        version = functions.publish_version(FunctionName=name)["Version"]
        functions.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion=version)
        # What is not published yet answers no hook, so nobody may go by it.
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": {}})
    logs = own_client("logs")
    logs.create_log_group(logGroupName=f"/aws/lambda/{name}")
    logs.create_log_stream(logGroupName=f"/aws/lambda/{name}", logStreamName="stream")
