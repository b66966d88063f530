"""The scene of a fault on the deployment: real functions, an emulated AWS, faults on the way to it.

What is refused is refused by IAM, which the emulator enforces; everything else comes from an
endpoint that stands between a function and the emulator.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from tests.e2e.conftest import Deployed
from tests.support.faulty_aws import REFUSED, Fault, Response
from tests.support.faulty_endpoint import FaultyEndpoint
from tests.support.local_stack import SIGNED
from verification.fault_matrix.scene import CONNECT, POLICIES, Hook, Observed
from wcs_hooks.adapters.dynamo_snapshots import CURRENT, version_key
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.reader import EVERY_APP

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

_IAM: Final[Mapping[str, str]] = {
    "GetSecretValue": "secretsmanager",
    "SendMessage": "sqs",
    "PutEvents": "events",
}
"""The prefix of an operation's action; `dynamodb` of those that are not here."""

_DENIAL: Final = "fault"
_MARGIN: Final = 0.2


def _taken(body: bytes) -> Response:
    """The bus's answer: the local stack has none."""
    entries = [{"EventId": str(uuid.uuid4())} for _ in json.loads(body)["Entries"]]
    answer = json.dumps({"FailedEntryCount": 0, "Entries": entries})
    return 200, {"Content-Type": "application/x-amz-json-1.1"}, answer


TAKEN: Final = Fault("taken", _taken)


class DeployedScene:
    """One restarted function, with a session and policies of its own."""

    def __init__(
        self, deployed: Deployed, endpoint: FaultyEndpoint, category: Category, app: str
    ) -> None:
        self._deployed = deployed
        self._endpoint = endpoint
        self._app = app
        self._session = f"/192.0.2.1:1/192.0.2.2:{uuid.uuid4().hex}"
        self._category = category
        self._refused: set[str] = set()
        dynamodb: DynamoDBServiceResource = deployed.workspace.session().resource(
            "dynamodb", endpoint_url=deployed.workspace.endpoint
        )
        self._snapshots = dynamodb.Table(deployed.outputs.snapshots_table_name)
        self._lists = dynamodb.Table(deployed.outputs.lists_table_name)
        self._sessions = dynamodb.Table(deployed.outputs.sessions_table_name)
        self._dead_letters = dynamodb.Table(deployed.outputs.dead_letter_table_name)

    @classmethod
    @contextmanager
    def set_up(
        cls,
        deployed: Deployed,
        endpoint: FaultyEndpoint,
        category: Category,
        app: str,
        **variables: str,
    ) -> Iterator[Self]:
        """The scene for the duration of a `with` block; afterwards all is as before.

        Parameters
        ----------
        variables
            Environment variables of the function that differ.
        """
        scene = cls(deployed, endpoint, category, app)
        endpoint.recover()
        endpoint.faults["PutEvents"] = TAKEN
        of_scene = {
            "AWS_ENDPOINT_URL": endpoint.url,
            "EVENT_BUS_NAME": "wcs-events",
            # Of a hundred plain echoes one would be logged.
            "ECHO_LOG_SAMPLE_RATE": "0",
        }
        before = deployed.restart(category, **of_scene, **variables)
        endpoint.attempts.clear()
        try:
            yield scene
        finally:
            scene.recover()
            deployed.configure(category, before)

    @property
    def app(self) -> str:
        return self._app

    @property
    def session_id(self) -> str:
        return self._session

    def fail(self, fault: Fault, *operations: str) -> None:
        if fault is REFUSED:
            self._refused |= {f"{_IAM.get(name, 'dynamodb')}:{name}" for name in operations}
            self._deny()
        else:
            self._endpoint.faults.update(dict.fromkeys(operations, fault))

    def recover(self) -> None:
        self._endpoint.recover()
        if self._refused:
            self._refused.clear()
            self._iam().delete_role_policy(RoleName=self._role(), PolicyName=_DENIAL)

    def pass_time(self, seconds: float) -> None:
        time.sleep(seconds + _MARGIN)

    def connect(self) -> None:
        reply = self._deployed.post(CONNECT.method, CONNECT.body(self._app, self._session))
        assert reply.status == 200, reply

    def post(self, hook: Hook, authorization: str | None = "") -> Observed:
        body = hook.body(self._app, self._session)
        since_ms = int(time.time() * 1000)
        reply = self._deployed.post(
            hook.method, body, authorization=SIGNED if authorization == "" else authorization
        )
        [metrics] = self._deployed.emf(self._category, since_ms, bool)
        log = self._deployed.logged([reply.decision]).values()
        error_outcome = (
            (metrics["restOnError"], metrics["outcome"]) if "outcome" in metrics else None
        )
        return Observed(
            status=reply.status,
            counted=frozenset(
                metric["Name"]
                for directive in metrics["_aws"]["CloudWatchMetrics"]
                for metric in directive["Metrics"]
            ),
            levels=tuple(str(line["level"]) for line in log),
            letters=tuple(self._letters(reply.decision)),
            in_table=tuple(self._letters_in_table(reply.decision)),
            decision=reply.decision,
            error_outcome=error_outcome,
            seconds=metrics["ServiceTime"][0] / 1000,
            method=hook.method,
            body=body,
            answer=reply.body,
        )

    def publish(self) -> None:
        activate_policies(self._deployed, self._app, note=uuid.uuid4().hex)

    def pointer(self) -> dict[str, Any]:
        return self._snapshots.get_item(Key=self._pointer_key(), ConsistentRead=True)["Item"]

    def policies_read(self) -> int:
        """Of how many apps a hook of this one has policies: its own, and perhaps every app's."""
        keys = [{"app": app, "item": CURRENT} for app in (self._app, EVERY_APP)]
        return sum("Item" in self._snapshots.get_item(Key=key) for key in keys)

    def put_pointer(self, pointer: Mapping[str, Any] | None) -> None:
        if pointer is None:
            self._snapshots.delete_item(Key=self._pointer_key())
        else:
            self._snapshots.put_item(Item=dict(pointer))

    def damage_version(self) -> None:
        part = f"{version_key(int(self.pointer()['version']))}#part#000"
        self._snapshots.put_item(Item={"app": self._app, "item": part, "data": b"damaged"})

    def session(self) -> dict[str, Any]:
        items = self._sessions.scan(ConsistentRead=True)["Items"]
        [item] = [
            item for item in items if self._app in json.loads(str(item.get("versions", "{}")))
        ]
        return item

    def put_session(self, item: Mapping[str, Any]) -> None:
        self._sessions.put_item(Item=dict(item))

    def put_row(self, attributes: Mapping[str, Any]) -> None:
        key = {"list": "bans", "key": f"{self._app}/watched"}
        self._lists.put_item(Item=key | dict(attributes))

    def put_secret(self, text: str) -> None:
        raise NotImplementedError("all functions share the secret: that is tried in process only")

    def _pointer_key(self) -> dict[str, str]:
        return {"app": self._app, "item": CURRENT}

    def _letters(self, decision: str) -> Iterator[dict[str, Any]]:
        """This decision's dead letters. What was sent before the reply is in the queue already."""
        queues, url = self._deployed.queues, self._deployed.outputs.dead_letter_queue_url
        while received := queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in received:
                queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                letter: dict[str, Any] = json.loads(message["Body"])
                if letter.get("decision") == decision:
                    yield letter

    def _letters_in_table(self, decision: str) -> Iterator[dict[str, Any]]:
        """This decision's letter in the table, which is small enough for one part."""
        key = {"letter": decision, "part": "000"}
        item = self._dead_letters.get_item(Key=key, ConsistentRead=True).get("Item")
        if item is not None:
            self._dead_letters.delete_item(Key=key)
            yield json.loads(str(item["text"]))

    def _deny(self) -> None:
        statement = {"Effect": "Deny", "Action": sorted(self._refused), "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self._iam().put_role_policy(
            RoleName=self._role(), PolicyName=_DENIAL, PolicyDocument=json.dumps(document)
        )

    def _role(self) -> str:
        configuration = self._deployed.functions.get_function_configuration(
            FunctionName=self._deployed.function_of(self._category)
        )
        return configuration["Role"].rpartition("/")[2]

    def _iam(self) -> Any:
        workspace = self._deployed.workspace
        return workspace.session().client("iam", endpoint_url=workspace.endpoint)


def activate_policies(deployed: Deployed, *apps: str, note: str = "") -> None:
    """Activate the policies of all trials for apps."""
    edited = datetime.now(UTC)
    for app in apps:
        deployed.policies.put([{**policy, "app": app, "note": note} for policy in POLICIES])
    for app in apps:
        status = deployed.compiled(app, edited)
        assert status["ok"], status
