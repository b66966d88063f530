"""The stack's tables, queue and secret, with the real schemas, for an AWS that moto pretends."""

import itertools
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from tests.support.first_state import begin_with, own_client
from wcs_hooks.adapters.dynamo_policy_store import from_attributes, to_attributes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

POLICIES = "Policies"
SNAPSHOTS = "PolicySnapshots"
SESSIONS = "Sessions"
LISTS = "Lists"
LEASES = "Leases"
DEAD_LETTERS = "DeadLetters"


@dataclass(frozen=True)
class Aws:
    """What a test sees of AWS: clients of its own, apart from those of the code it tests."""

    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"
    secrets_manager: "SecretsManagerClient"
    queue_url: str
    secret_arn: str

    @classmethod
    def set_up(cls, secret: str) -> "Aws":
        """Create everything."""
        sqs = own_client("sqs")
        queue_url = sqs.create_queue(QueueName="DeadLetters")["QueueUrl"]
        arn = begin_with(
            ("tables and secret", secret),
            ("dynamodb", "secretsmanager"),
            lambda: _create_tables_and_secret(secret),
        )
        return cls(own_client("dynamodb"), sqs, own_client("secretsmanager"), queue_url, arn)

    def put_policies(self, app: str, *policies: Any) -> None:
        """Edit policies as an operator does."""
        written = [to_attributes(_with_decimals({"app": app, **item})) for item in policies]
        for batch in itertools.batched(written, 25):
            self.dynamodb.batch_write_item(
                RequestItems={POLICIES: [{"PutRequest": {"Item": item}} for item in batch]}
            )

    def delete_policy(self, app: str, item_id: str) -> None:
        self.delete_item(POLICIES, {"app": app, "id": item_id})

    def put_row(self, of: str, key: str, **attributes: Any) -> None:
        """Write a row of a list as another system does."""
        self.put_item(LISTS, {"list": of, "key": key, **attributes})

    def put_item(self, table: str, item: Mapping[str, Any]) -> None:
        """Write an item as it is, whatever that spoils."""
        exact = {
            name: Decimal(str(value)) if isinstance(value, float) else value
            for name, value in item.items()
        }
        self.dynamodb.put_item(TableName=table, Item=to_attributes(exact))

    def delete_item(self, table: str, key: Mapping[str, Any]) -> None:
        self.dynamodb.delete_item(TableName=table, Key=to_attributes(key))

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table, in JSON's types."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return [from_attributes(item) for page in pages for item in page["Items"]]

    def policy_item(self, app: str, item_id: str) -> dict[str, Any] | None:
        """An item of Policies; `#status` for what the compiler reports."""
        key = to_attributes({"app": app, "id": item_id})
        answer = self.dynamodb.get_item(TableName=POLICIES, Key=key, ConsistentRead=True)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def snapshot_items(self, app: str) -> dict[str, dict[str, Any]]:
        """The items of an app in PolicySnapshots, by sort key."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=SNAPSHOTS,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app}},
        )
        items = [from_attributes(item) for page in pages for item in page["Items"]]
        return {item["item"]: item for item in items}

    def sessions(self) -> list[dict[str, Any]]:
        """The sessions that are recorded, their bodies unpacked."""
        return [
            {**one, "body": json.loads(zlib.decompress(one["body"]))}
            for one in self.items(SESSIONS)
        ]

    def set_secret(self, current: str, previous: str | None = None) -> None:
        """Write the callers' secret."""
        value = {"current": current} | ({"previous": previous} if previous else {})
        self.secrets_manager.put_secret_value(
            SecretId=self.secret_arn, SecretString=json.dumps(value)
        )

    def dead_letters(self) -> list[dict[str, Any]]:
        """The messages in the queue, which are taken from it."""
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    def letters_in_table(self) -> list[dict[str, Any]]:
        """The messages in the dead-letter table, put together apart from the product's code."""
        items = sorted(self.items(DEAD_LETTERS), key=lambda item: (item["letter"], item["part"]))
        texts: dict[str, str] = {}
        for item in items:
            if "text" in item:
                texts[item["letter"]] = texts.get(item["letter"], "") + item["text"]
        return [json.loads(text) for text in texts.values()]


def _with_decimals(item: dict[str, Any]) -> dict[str, Any]:
    """The same with fractions as boto3 wants them."""
    converted: dict[str, Any] = json.loads(json.dumps(item), parse_float=Decimal)
    return converted


def _create_tables_and_secret(secret: str) -> str:
    """Return the secret's ARN."""
    dynamodb: DynamoDBClient = own_client("dynamodb")
    _create_table(dynamodb, POLICIES, "app", "id")
    _create_table(dynamodb, SNAPSHOTS, "app", "item")
    _create_table(dynamodb, SESSIONS, "node", "session")
    _create_table(dynamodb, LISTS, "list", "key")
    _create_table(dynamodb, LEASES, "key")
    _create_table(dynamodb, DEAD_LETTERS, "letter", "part")
    secrets_manager: SecretsManagerClient = own_client("secretsmanager")
    value = json.dumps({"current": secret})
    return secrets_manager.create_secret(Name="CallerSecret", SecretString=value)["ARN"]


def _create_table(client: "DynamoDBClient", name: str, *keys: str) -> None:
    """Create a table by its partition key and, if it has one, its sort key."""
    kinds: list[Literal["HASH", "RANGE"]] = ["HASH", "RANGE"]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, kinds, strict=False)
        ],
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
    )
