"""A few items of a DynamoDB table, read in one call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


def read_items(
    client: "DynamoDBClient",
    table: str,
    keys: Iterable[Mapping[str, str]],
    what: str,
    *,
    consistent: bool = False,
) -> "Sequence[Mapping[str, AttributeValueTypeDef]]":
    """The items of at most 100 keys, those that exist, in any order.

    Parameters
    ----------
    keys
        Texts of the key's attributes, by attribute.
    what
        The store, for messages.
    consistent
        Whether the read sees each write that was acknowledged before it.

    Raises
    ------
    UnavailableError
        If DynamoDB does not answer, or leaves keys unprocessed.
    """
    try:
        answer = client.batch_get_item(
            RequestItems={
                table: {
                    "Keys": [{name: {"S": text} for name, text in key.items()} for key in keys],
                    "ConsistentRead": consistent,
                }
            }
        )
    except (BotoCoreError, ClientError) as error:
        raise unavailable(f"{what} does not answer", error) from error
    if answer.get("UnprocessedKeys"):
        raise UnavailableError(f"{what} is throttled")
    return answer["Responses"][table]
