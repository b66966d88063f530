"""Which apps' streams were ever kept alive, as the functions note it in the table Leases."""

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.lease_items import KEY, keep_alive_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


def has_keep_alive(client: "DynamoDBClient", table: str, app: str) -> bool:
    """Whether a stream of an app was ever kept alive; of `*` of any app.

    Raises
    ------
    UnavailableError
        If DynamoDB does not answer.
    """
    try:
        found = client.get_item(TableName=table, Key={KEY: {"S": keep_alive_item(app)}})
    except (BotoCoreError, ClientError) as error:
        raise unavailable("the lease store does not answer", error) from error
    return "Item" in found
