"""boto3 clients with time-outs and a retry limit, so that no call outlasts a reply's time."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient


class Clients:
    """Makes the clients of a function.

    Parameters
    ----------
    time_limit
        Seconds within which a reply, or what else the function does, must be done. A call is tried
        twice, and has half of this for a try.
    """

    def __init__(self, time_limit: float) -> None:
        self._config = Config(
            connect_timeout=min(1.0, time_limit / 4),
            read_timeout=time_limit / 2,
            retries={"total_max_attempts": 2, "mode": "standard"},
        )

    def dynamodb(self) -> "DynamoDBClient":
        """A client of DynamoDB."""
        return boto3.client("dynamodb", config=self._config)

    def event_bridge(self) -> "EventBridgeClient":
        """A client of EventBridge."""
        return boto3.client("events", config=self._config)

    def secrets_manager(self) -> "SecretsManagerClient":
        """A client of Secrets Manager."""
        return boto3.client("secretsmanager", config=self._config)

    def sqs(self) -> "SQSClient":
        """A client of SQS."""
        return boto3.client("sqs", config=self._config)
