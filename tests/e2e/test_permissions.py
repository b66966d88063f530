"""The emulator enforces IAM: each function's role can do what it must, and not one action more."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.workspace import REGION
from tests.e2e.conftest import Deployed

type Action = Callable[[boto3.Session, Deployed], Any]

_KEY = {"app": "defaultApp", "id": "x"}


def _dynamodb(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("dynamodb", endpoint_url=deployed.workspace.endpoint)


def _sqs(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("sqs", endpoint_url=deployed.workspace.endpoint)


def _secrets(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("secretsmanager", endpoint_url=deployed.workspace.endpoint)


def _text(**attributes: str) -> dict[str, dict[str, str]]:
    return {name: {"S": value} for name, value in attributes.items()}


_ACTIONS: dict[str, Action] = {
    "read pointers": lambda session, deployed: _dynamodb(session, deployed).batch_get_item(
        RequestItems={
            deployed.outputs.snapshots_table_name: {"Keys": [_text(app="a", item="current")]}
        }
    ),
    "read a pointer": lambda session, deployed: _dynamodb(session, deployed).get_item(
        TableName=deployed.outputs.snapshots_table_name, Key=_text(app="a", item="current")
    ),
    "read a snapshot": lambda session, deployed: _dynamodb(session, deployed).query(
        TableName=deployed.outputs.snapshots_table_name,
        KeyConditionExpression="app = :app",
        ExpressionAttributeValues={":app": {"S": "a"}},
    ),
    "write a snapshot": lambda session, deployed: _dynamodb(session, deployed).put_item(
        TableName=deployed.outputs.snapshots_table_name,
        Item=_text(app="permission-test", item="nothing"),
    ),
    "delete a snapshot": lambda session, deployed: _dynamodb(session, deployed).delete_item(
        TableName=deployed.outputs.snapshots_table_name,
        Key=_text(app="permission-test", item="nothing"),
    ),
    "scan the snapshots": lambda session, deployed: _dynamodb(session, deployed).scan(
        TableName=deployed.outputs.snapshots_table_name
    ),
    "query the policies": lambda session, deployed: _dynamodb(session, deployed).query(
        TableName=deployed.outputs.policies_table_name,
        KeyConditionExpression="app = :app",
        ExpressionAttributeValues={":app": {"S": "a"}},
    ),
    "scan the policies": lambda session, deployed: _dynamodb(session, deployed).scan(
        TableName=deployed.outputs.policies_table_name
    ),
    "write a policy": lambda session, deployed: _dynamodb(session, deployed).put_item(
        TableName=deployed.outputs.policies_table_name,
        Item=_text(app="permission-test", id="#test"),
    ),
    "delete a policy": lambda session, deployed: _dynamodb(session, deployed).delete_item(
        TableName=deployed.outputs.policies_table_name,
        Key=_text(app="permission-test", id="#test"),
    ),
    "read a session": lambda session, deployed: _dynamodb(session, deployed).get_item(
        TableName=deployed.outputs.sessions_table_name, Key=_text(node="n", session="s")
    ),
    "write a session": lambda session, deployed: _dynamodb(session, deployed).put_item(
        TableName=deployed.outputs.sessions_table_name,
        Item=_text(node="permission-test", session="s"),
    ),
    "renew a session": lambda session, deployed: _dynamodb(session, deployed).update_item(
        TableName=deployed.outputs.sessions_table_name,
        Key=_text(node="permission-test", session="s"),
        UpdateExpression="SET expiresAt = :at",
        ExpressionAttributeValues={":at": {"N": "1"}},
    ),
    "forget a session": lambda session, deployed: _dynamodb(session, deployed).delete_item(
        TableName=deployed.outputs.sessions_table_name,
        Key=_text(node="permission-test", session="s"),
    ),
    "query the sessions": lambda session, deployed: _dynamodb(session, deployed).query(
        TableName=deployed.outputs.sessions_table_name,
        KeyConditionExpression="node = :node",
        ExpressionAttributeValues={":node": {"S": "n"}},
    ),
    "read the secret": lambda session, deployed: _secrets(session, deployed).get_secret_value(
        SecretId=deployed.outputs.signature_secret_arn
    ),
    "change the secret": lambda session, deployed: _secrets(session, deployed).put_secret_value(
        SecretId=deployed.outputs.signature_secret_arn, SecretString="{}"
    ),
    "send a dead letter": lambda session, deployed: _sqs(session, deployed).send_message(
        QueueUrl=deployed.outputs.dead_letter_queue_url, MessageBody='{"decision": "permissions"}'
    ),
    "receive dead letters": lambda session, deployed: _sqs(session, deployed).receive_message(
        QueueUrl=deployed.outputs.dead_letter_queue_url
    ),
    "purge the dead letters": lambda session, deployed: _sqs(session, deployed).purge_queue(
        QueueUrl=deployed.outputs.dead_letter_queue_url
    ),
}

_ANY_HOOK_MAY = ["read pointers", "read a snapshot", "read the secret", "send a dead letter"]
_MAY = {
    "connect": [*_ANY_HOOK_MAY, "write a session"],
    "direct": [*_ANY_HOOK_MAY, "read a session", "renew a session"],
    "incoming": [*_ANY_HOOK_MAY, "read a session", "renew a session"],
    "event": [*_ANY_HOOK_MAY, "read a session", "renew a session", "forget a session"],
}
_COMPILER_MAY = [
    "read a pointer",
    "read a snapshot",
    "write a snapshot",
    "query the policies",
    "send a dead letter",
]


@pytest.mark.parametrize(
    ("function", "action"), [(function, action) for function in _MAY for action in _MAY[function]]
)
def test_given_a_hook_functions_role_when_it_does_what_it_must_then_it_may(
    deployed: Deployed, function: str, action: str
) -> None:
    _ACTIONS[action](_session_of(deployed, function), deployed)


@pytest.mark.parametrize(
    ("function", "action"),
    [
        (function, action)
        for function in _MAY
        for action in sorted(_ACTIONS.keys() - _MAY[function])
    ],
)
def test_given_a_hook_functions_role_when_it_does_one_thing_more_then_it_is_refused(
    deployed: Deployed, function: str, action: str
) -> None:
    _assert_refused(action, _session_of(deployed, function), deployed)


@pytest.mark.parametrize("action", _COMPILER_MAY)
def test_given_the_compilers_role_when_it_does_what_it_must_then_it_may(
    deployed: Deployed, action: str
) -> None:
    _ACTIONS[action](_session_of(deployed, "compiler"), deployed)


@pytest.mark.parametrize("action", sorted(_ACTIONS.keys() - {*_COMPILER_MAY, "write a policy"}))
def test_given_the_compilers_role_when_it_does_one_thing_more_then_it_is_refused(
    deployed: Deployed, action: str
) -> None:
    _assert_refused(action, _session_of(deployed, "compiler"), deployed)


def _assert_refused(action: str, session: boto3.Session, deployed: Deployed) -> None:
    with pytest.raises(ClientError) as refused:
        _ACTIONS[action](session, deployed)
    assert "AccessDenied" in refused.value.response["Error"]["Code"]


def _session_of(deployed: Deployed, function: str) -> boto3.Session:
    name = getattr(deployed.outputs, f"{function}_function_name")
    role = deployed.functions.get_function_configuration(FunctionName=name)["Role"]
    credentials = deployed.sts.assume_role(RoleArn=role, RoleSessionName=function)["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
        region_name=REGION,
    )
