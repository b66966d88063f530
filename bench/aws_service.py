"""An AWS for the functions, in a process of its own: its work is not the functions'."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Literal, cast

import boto3
from botocore.config import Config

from bench.lambda_environment import KEY, REGION
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore, to_attributes
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

POLICIES: Final = "Policies"
SNAPSHOTS: Final = "PolicySnapshots"
SESSIONS: Final = "Sessions"
LISTS: Final = "Lists"
LEASES: Final = "Leases"
DEAD_LETTERS: Final = "DeadLetters"
SECRET: Final = "the secret that WCS and the functions share"  # noqa: S105 - it opens nothing

_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    POLICIES: ("app", "id"),
    SNAPSHOTS: ("app", "item"),
    SESSIONS: ("node", "session"),
    LEASES: ("key",),
    DEAD_LETTERS: ("letter", "part"),
}
_KINDS: Final[Sequence[Literal["HASH", "RANGE"]]] = ("HASH", "RANGE")
"""Of a table's keys, in order."""

_SERVER: Final = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""
_BATCH: Final = 25
_END_TIMEOUT: Final = 10.0


@dataclass(frozen=True, slots=True)
class AwsService:
    """Where AWS is, and what the stack has in it.

    Attributes
    ----------
    endpoint
        The URL of every service.
    """

    endpoint: str
    queue_url: str
    secret_arn: str

    def variables(self) -> dict[str, str]:
        """The functions' environment variables that only CloudFormation knows otherwise."""
        return {
            "SNAPSHOTS_TABLE": SNAPSHOTS,
            "SESSIONS_TABLE": SESSIONS,
            "LISTS_TABLE": LISTS,
            "LEASES_TABLE": LEASES,
            "DEAD_LETTER_QUEUE_URL": self.queue_url,
            "DEAD_LETTER_TABLE": DEAD_LETTERS,
            "SIGNATURE_SECRET_ARN": self.secret_arn,
        }

    def put_in_force(self, app: str, policies: Iterable[Mapping[str, Any]]) -> Status:
        """Write an app's policies and compile them, as the stream would."""
        dynamodb = _client(self.endpoint, "dynamodb")
        items = [to_attributes({"app": app, **policy}) for policy in policies]
        for batch in batched(items, _BATCH):
            dynamodb.batch_write_item(
                RequestItems={POLICIES: [{"PutRequest": {"Item": item}} for item in batch]}
            )
        store = DynamoPolicyStore(dynamodb, POLICIES, SNAPSHOTS, 30, SystemClock())
        status = PolicyCompiler(store, SystemClock()).compile(app)
        if not status.ok:
            raise ValueError(f"the policies do not compile: {status.errors}")
        return status


@contextmanager
def aws_service(log: Path) -> Iterator[AwsService]:
    """Run moto's server with the stack's tables, queue and secret, while the context lasts.

    Parameters
    ----------
    log
        What the server prints goes here.
    """
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            env={name: value for name, value in os.environ.items() if name[:4] != "AWS_"},
        ) as server,
    ):
        try:
            port = int(cast("IO[str]", server.stdout).readline())
            yield _set_up(f"http://127.0.0.1:{port}")
        finally:
            cast("IO[str]", server.stdin).close()
            try:
                server.wait(_END_TIMEOUT)
            except subprocess.TimeoutExpired:
                server.kill()


def _set_up(endpoint: str) -> AwsService:
    dynamodb: DynamoDBClient = _client(endpoint, "dynamodb")
    for name, keys in _KEYS.items():
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": key, "KeyType": kind}
                for key, kind in zip(keys, _KINDS, strict=False)
            ],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        )
    queue_url = _client(endpoint, "sqs").create_queue(QueueName="DeadLetters")["QueueUrl"]
    arn = _client(endpoint, "secretsmanager").create_secret(
        Name="CallerSecret", SecretString=json.dumps({"current": SECRET})
    )["ARN"]
    return AwsService(endpoint, queue_url, arn)


def _client(endpoint: str, service: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )
