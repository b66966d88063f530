"""The emulator enforces IAM: each function's role can do what it must, and not one action more."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.workspace import REGION
from tests.e2e.conftest import Deployed

type Action = Callable[[boto3.Session, Deployed], Any]


def _dynamodb(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("dynamodb", endpoint_url=deployed.workspace.endpoint)


def _sqs(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("sqs", endpoint_url=deployed.workspace.endpoint)


def _secrets(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("secretsmanager", endpoint_url=deployed.workspace.endpoint)


def _lambda(session: boto3.Session, deployed: Deployed) -> Any:
    return session.client("lambda", endpoint_url=deployed.workspace.endpoint)


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
    "look up a row": lambda session, deployed: _dynamodb(session, deployed).batch_get_item(
        RequestItems={deployed.outputs.lists_table_name: {"Keys": [_text(list="l", key="k")]}}
    ),
    "list rows": lambda session, deployed: _dynamodb(session, deployed).query(
        TableName=deployed.outputs.lists_table_name,
        KeyConditionExpression="#list = :list",
        ExpressionAttributeNames={"#list": "list"},
        ExpressionAttributeValues={":list": {"S": "l"}},
    ),
    "write a row": lambda session, deployed: _dynamodb(session, deployed).put_item(
        TableName=deployed.outputs.lists_table_name, Item=_text(list="permission-test", key="k")
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
    "keep a dead letter in the table": lambda session, deployed: _dynamodb(
        session, deployed
    ).put_item(
        TableName=deployed.outputs.dead_letter_table_name,
        Item=_text(letter="permission-test", part="nothing"),
    ),
    "count what the table took": lambda session, deployed: _dynamodb(session, deployed).update_item(
        TableName=deployed.outputs.dead_letter_table_name,
        Key=_text(letter="#permission-test", part="room"),
        UpdateExpression="ADD letters :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    ),
    "read a dead letter in the table": lambda session, deployed: _dynamodb(
        session, deployed
    ).get_item(
        TableName=deployed.outputs.dead_letter_table_name,
        Key=_text(letter="permission-test", part="nothing"),
    ),
    "scan the dead-letter table": lambda session, deployed: _dynamodb(session, deployed).scan(
        TableName=deployed.outputs.dead_letter_table_name
    ),
    "delete a dead letter in the table": lambda session, deployed: _dynamodb(
        session, deployed
    ).delete_item(
        TableName=deployed.outputs.dead_letter_table_name,
        Key=_text(letter="permission-test", part="nothing"),
    ),
    "invoke a function": lambda session, deployed: _lambda(session, deployed).invoke(
        FunctionName=deployed.outputs.direct_function_name, Payload=b'{"redrive": {}}'
    ),
    "see a function's settings": lambda session, deployed: _lambda(
        session, deployed
    ).get_function_configuration(FunctionName=deployed.outputs.direct_function_name),
    "change a function's settings": lambda session, deployed: _lambda(
        session, deployed
    ).update_function_configuration(
        FunctionName=deployed.outputs.direct_function_name, Description="of the permission test"
    ),
    "publish an event": lambda session, deployed: session.client(
        "events", endpoint_url=deployed.workspace.endpoint
    ).put_events(Entries=[{"Source": "wcs.hooks", "DetailType": "x", "Detail": "{}"}]),
    "publish an alarm": lambda session, deployed: session.client(
        "sns", endpoint_url=deployed.workspace.endpoint
    ).publish(TopicArn=deployed.outputs.alarm_topic_arn, Message="of the permission test"),
    "allow itself more": lambda session, deployed: session.client(
        "iam", endpoint_url=deployed.workspace.endpoint
    ).create_user(UserName="of-the-permission-test"),
}

_ANY_HOOK_MAY = [
    *("read pointers", "read a snapshot", "look up a row", "read the secret"),
    *("send a dead letter", "keep a dead letter in the table", "count what the table took"),
]
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
    # For #status; IAM cannot restrict sort keys.
    "write a policy",
    "send a dead letter",
]
_EDITORS_MAY = [
    "query the policies",
    "scan the policies",
    "write a policy",
    "delete a policy",
    "read pointers",
    "read a pointer",
    "read a snapshot",
    "scan the snapshots",
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


@pytest.mark.parametrize("action", sorted(_ACTIONS.keys() - set(_COMPILER_MAY)))
def test_given_the_compilers_role_when_it_does_one_thing_more_then_it_is_refused(
    deployed: Deployed, action: str
) -> None:
    _assert_refused(action, _session_of(deployed, "compiler"), deployed)


@pytest.fixture(scope="module")
def editor(deployed: Deployed) -> Iterator[boto3.Session]:
    """Somebody who has the stack's managed policy, and nothing else."""
    iam = deployed.workspace.session().client("iam", endpoint_url=deployed.workspace.endpoint)
    arn = deployed.outputs.policy_editor_policy_arn
    iam.create_user(UserName="editor")
    iam.attach_user_policy(UserName="editor", PolicyArn=arn)
    key = iam.create_access_key(UserName="editor")["AccessKey"]
    yield boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name=REGION,
    )
    iam.delete_access_key(UserName="editor", AccessKeyId=key["AccessKeyId"])
    iam.detach_user_policy(UserName="editor", PolicyArn=arn)
    iam.delete_user(UserName="editor")


@pytest.mark.parametrize("action", _EDITORS_MAY)
def test_given_an_editor_of_policies_when_they_do_their_work_then_they_may(
    deployed: Deployed, editor: boto3.Session, action: str
) -> None:
    _ACTIONS[action](editor, deployed)


@pytest.mark.parametrize("action", sorted(_ACTIONS.keys() - set(_EDITORS_MAY)))
def test_given_an_editor_of_policies_when_they_try_anything_else_then_they_are_refused(
    deployed: Deployed, editor: boto3.Session, action: str
) -> None:
    _assert_refused(action, editor, deployed)


def _assert_refused(action: str, session: boto3.Session, deployed: Deployed) -> None:
    with pytest.raises(ClientError) as refused:
        _ACTIONS[action](session, deployed)
    # SNS has its own word for it.
    code = refused.value.response["Error"]["Code"]
    assert "AccessDenied" in code or code == "AuthorizationError"


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
