"""A deployment of its own for the end-to-end tests, made as ``make local`` makes it."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from infra.settings import Settings
from local import deployment as local_deployment
from local.emulator import Emulator
from local.workspace import REPOSITORY, Workspace
from simulated_wcs.transport import HookReply
from tests.support.local_stack import SIGNED, HookPoster, Outputs, PolicyItems
from wcs_hooks.core.methods import Category
from wcsctl.decision_log import DecisionLog, Filter
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.hook_sender import as_of_client

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

IN_FORCE_SECONDS = 5.0
"""The contract: from an edit to its enforcement."""

PATIENCE_SECONDS = 30.0
"""After which a test gives up on what has no bound in the contract."""

LOOK_BACK_SECONDS = 600.0
"""How old a decision may be that a test looks for in the log."""

_MARGIN_SECONDS = 0.2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all of this directory, and keep it together: it has one deployment."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("e2e"))


@dataclass(frozen=True)
class Deployed:
    """The stack in the emulator, and ways to reach into it."""

    workspace: Workspace
    deployment: Deployment
    hooks: HookPoster

    @classmethod
    def to(cls, workspace: Workspace) -> "Deployed":
        """Deploy the assembly of a workspace."""
        made = local_deployment.deploy(workspace, lambda _: None)
        return cls(workspace, made, HookPoster.from_deployment(made))

    @cached_property
    def outputs(self) -> Outputs:
        return Outputs(self.deployment)

    @cached_property
    def policies(self) -> PolicyItems:
        return PolicyItems(self.deployment)

    @cached_property
    def configurations(self) -> FunctionConfigurations:
        return FunctionConfigurations(self.deployment)

    @cached_property
    def secrets(self) -> "SecretsManagerClient":
        return self._session().client("secretsmanager", endpoint_url=self.workspace.endpoint)

    @cached_property
    def queues(self) -> "SQSClient":
        return self._session().client("sqs", endpoint_url=self.workspace.endpoint)

    @cached_property
    def functions(self) -> "LambdaClient":
        return self._session().client("lambda", endpoint_url=self.workspace.endpoint)

    @cached_property
    def sts(self) -> "STSClient":
        return self._session().client("sts", endpoint_url=self.workspace.endpoint)

    def function_of(self, category: Category) -> str:
        return self.deployment.function(category)

    def restart(self, category: Category, **variables: str) -> dict[str, str]:
        """Let the next hook meet a function that knows nothing; return the variables it had."""
        configuration = self.functions.get_function_configuration(
            FunctionName=self.function_of(category)
        )
        before = configuration["Environment"]["Variables"]
        self.configure(category, {**before, **variables, "STARTED_FOR": uuid.uuid4().hex})
        return before

    def configure(self, category: Category, variables: Mapping[str, str]) -> None:
        """Give a function its environment variables; a version with them answers from now on."""
        name = self.function_of(category)
        self.functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": dict(variables)}
        )
        self.release(name)

    def release(self, name: str) -> None:
        """Let hooks reach a function as it is now, once what was changed of it is there."""
        until(
            lambda: self.functions.get_function_configuration(FunctionName=name).get(
                "LastUpdateStatus"
            ),
            lambda status: status in {None, "Successful"},
        )
        version = self.functions.publish_version(FunctionName=name)["Version"]
        self.functions.update_alias(
            FunctionName=name, Name=self.deployment.alias, FunctionVersion=version
        )

    def post(
        self,
        method: str,
        body: Mapping[str, Any] | bytes,
        *,
        authorization: str | None = SIGNED,
    ) -> HookReply:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.hooks.post(method, content, authorization=authorization)

    def post_connected(
        self, method: str, body: Mapping[str, Any], connect_fields: Mapping[str, Any] | None = None
    ) -> HookReply:
        """Post a hook of a client that connected before, as nearly all are."""
        connect, content = as_of_client(method, json.dumps(body).encode(), connect_fields or {})
        assert connect is not None
        assert self.hooks.post("connect", connect).status == 200
        return self.hooks.post(method, content)

    def put_policy(self, policy: Mapping[str, Any]) -> datetime:
        """Put a policy with the AWS command line; return when that was done."""
        item = {name: attribute_value(value) for name, value in policy.items()}
        edited = datetime.now(UTC)
        self.aws("dynamodb", "put-item", "--item", json.dumps(item))
        return edited

    def compiled(
        self, app: str, edited: datetime, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """What the compiler says about an app once it has dealt with an edit."""

        def is_since(status: Mapping[str, Any]) -> bool:
            return bool(status) and datetime.fromisoformat(status["compiledAt"]) >= edited

        status = until(lambda: self.policies.status(app), is_since, seconds)
        assert is_since(status), f"the policies of {app} were not compiled: {status}"
        return status

    def aws(self, service: str, operation: str, *arguments: str) -> str:
        """Run the AWS command line on the Policies table."""
        command = [
            str(REPOSITORY / ".venv" / "bin" / "aws"),
            *(service, operation, "--table-name", self.outputs.policies_table_name),
            *arguments,
        ]
        environment = self.workspace.process_environment()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def logged(self, decisions: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return the log lines about some decisions, as far as there are any."""
        wanted = set(decisions)
        log = DecisionLog(self._logs, Filter())
        lines = [record.fields for record in log.decisions(time.time() - LOOK_BACK_SECONDS)]
        return {line["decision"]: line for line in lines if line["decision"] in wanted}

    def records(self, function: str, since_ms: int) -> Iterator[Mapping[str, Any]]:
        """Yield what a category's function, or the compiler, logged since a time."""
        return (record.fields for record in self._logs.records([function], since_ms))

    def emf(
        self,
        category: Category,
        since_ms: int,
        enough: Callable[[Sequence[Mapping[str, Any]]], bool],
    ) -> list[Mapping[str, Any]]:
        """Return the metrics that a function logged, once there are enough of them."""
        return until(
            lambda: [line for line in self.records(category, since_ms) if "_aws" in line],
            enough,
        )

    def dead_letter(self, reply: HookReply) -> tuple[dict[str, Any] | None, set[str]]:
        """Return a reply's dead letter, and the decisions of all that were waiting before it."""
        seen: set[str] = set()
        deadline = time.monotonic() + PATIENCE_SECONDS
        url = self.outputs.dead_letter_queue_url
        while time.monotonic() < deadline:
            received = self.queues.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in received.get("Messages", ()):
                self.queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                letter = json.loads(message["Body"])
                seen.add(str(letter.get("decision")))
                if letter.get("decision") == reply.decision:
                    return letter, seen
        return None, seen

    @property
    def _logs(self) -> FunctionLogs:
        return FunctionLogs(self.deployment, self.configurations)

    def _session(self) -> boto3.Session:
        return self.workspace.session()


def until[T](
    produce: Callable[[], T], enough: Callable[[T], bool], seconds: float = PATIENCE_SECONDS
) -> T:
    """Produce again and again until it is enough, or patience ends; return the last."""
    deadline = time.monotonic() + seconds
    while True:
        product = produce()
        if enough(product) or time.monotonic() > deadline:
            return product
        time.sleep(0.1)


def wait_for_snapshots() -> None:
    """Wait until no function uses a snapshot older than the active one."""
    time.sleep(Settings().snapshot_ttl + _MARGIN_SECONDS)


def attribute_value(value: Any) -> dict[str, Any]:
    """Write a value as DynamoDB's own JSON, which the AWS command line takes."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": str(value)}
        case list():
            return {"L": [attribute_value(member) for member in value]}
        case dict():
            return {"M": {name: attribute_value(member) for name, member in value.items()}}
        case _:
            raise TypeError(f"{value!r} cannot be part of a policy")


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    workspace = Workspace(tmp_path_factory.mktemp("deployment"), _free_port())
    emulator = Emulator(workspace)
    try:
        with ThreadPoolExecutor() as threads:
            synthesis = threads.submit(_synthesise, workspace, tmp_path_factory.getbasetemp())
            emulator.start()
            local_deployment.bootstrap(workspace)
            synthesis.result()
        yield Deployed.to(workspace)
    finally:
        emulator.stop()


def _synthesise(workspace: Workspace, temporary: Path) -> None:
    """Make the assembly, or take the one that another worker of this run has made."""
    of_run = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary
    made = of_run / "assembly"
    with (of_run / "assembly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists():
            shutil.copytree(made, workspace.assembly, symlinks=True)
        else:
            local_deployment.synthesise(workspace)
            copied = shutil.copytree(workspace.assembly, of_run / "assembly.new", symlinks=True)
            copied.rename(made)


def _until_taken(hooks: HookPoster, method: str) -> None:
    """Wait for a function that remembers another key: it looks again when it meets this one."""
    reply = until(lambda: hooks.post(method, b"{}"), lambda reply: reply.status == 200)
    assert reply.status == 200


@pytest.fixture
def former_secret(deployed: Deployed) -> Iterator[None]:
    """Afterwards each function takes the signatures again that it took before."""
    yield
    deployed.secrets.put_secret_value(
        SecretId=deployed.outputs.signature_secret_arn,
        SecretString=json.dumps({"current": deployed.hooks.secret}),
    )
    for method in ("connect", "call", "StreamEvent", "OnCallEvent"):
        _until_taken(deployed.hooks, method)


@pytest.fixture
def app() -> str:
    """An app that no other test knows, so that no test meets the policies of another."""
    return f"app-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def since_ms() -> int:
    """Where the test's own part of the log begins."""
    return int(time.time() * 1000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
