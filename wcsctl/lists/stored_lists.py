"""The Lists table: partition key `list`, sort key `key`, TTL attribute `expiresAt`."""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from wcs_hooks.adapters.dynamo_lists import EXPIRES_AT, KEY, LIST, MILLISECONDS
from wcs_hooks.core.policy.lookup_reader import MAX_LIST_BYTES
from wcs_hooks.core.policy.vocabulary import SYSTEM_ID_PREFIX
from wcsctl.deployed_lists import lists_table
from wcsctl.deployment import Deployment
from wcsctl.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

BATCH_ROWS: Final = 25
"""The most that one BatchWriteItem takes."""

_THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_ATTEMPTS: Final = 30

type RawRow = Mapping[str, Any]
"""A row in DynamoDB's own JSON: attribute to type to value."""


class StoredLists:
    """Reads and writes rows. Its methods may be called by several threads.

    Parameters
    ----------
    deployment
        Whose lists.

    Raises
    ------
    NotFoundError
        If the stack is older than lists.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._client: DynamoDBClient = deployment.client("dynamodb")
        self._table = lists_table(deployment)
        self._stopped = Event()

    def row(self, name: str, key: str) -> RawRow | None:
        """A row as it stands, whether or not it has expired; none if there is none."""
        answer = self._client.get_item(
            TableName=self._table, Key=_key_of(name, key), ConsistentRead=True
        )
        return answer.get("Item")

    def rows(self, name: str) -> Iterator[RawRow]:
        """The rows of a list in the order of their keys, read page by page."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="#list = :list",
            ExpressionAttributeNames={"#list": LIST},
            ExpressionAttributeValues={":list": {"S": name}},
        )
        for page in pages:
            yield from page["Items"]

    def put(self, row: RawRow) -> RawRow | None:
        """Write a row; returns the one that it replaces, if there was one."""
        answer = self._client.put_item(TableName=self._table, Item=row, ReturnValues="ALL_OLD")
        return answer.get("Attributes")

    def delete(self, name: str, key: str) -> RawRow | None:
        """Delete a row; returns it, if there was one."""
        answer = self._client.delete_item(
            TableName=self._table, Key=_key_of(name, key), ReturnValues="ALL_OLD"
        )
        return answer.get("Attributes")

    def put_batch(self, rows: Sequence[RawRow]) -> None:
        """Write at most 25 rows, of different keys, in one request.

        What DynamoDB leaves unprocessed is sent again after a pause, which grows with each attempt.

        Raises
        ------
        UnreachableError
            If DynamoDB throttled the last of 30 attempts, some two minutes after the first, or the
            one at which `stop_retrying` was called.
        """
        left: Any = [{"PutRequest": {"Item": row}} for row in rows]
        for attempt in count(1):
            try:
                answer = self._client.batch_write_item(RequestItems={self._table: left})
            except ClientError as error:
                if error.response["Error"]["Code"] not in _THROTTLED:
                    raise
            else:
                left = answer.get("UnprocessedItems", {}).get(self._table, [])
            if not left:
                return
            if attempt == _ATTEMPTS:
                raise UnreachableError(
                    f"DynamoDB throttles the table {self._table}: {_ATTEMPTS} attempts to write "
                    f"{len(left)} rows failed"
                )
            # Random, so that threads do not come back at the same moment.
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
            if self._stopped.wait(random.uniform(0, longest)):  # noqa: S311 - no secret
                raise UnreachableError(f"DynamoDB throttles the table {self._table}")

    def stop_retrying(self) -> None:
        """End the pauses of all threads that write: what is throttled from now on has failed."""
        self._stopped.set()


def checked_list_name(name: str) -> str:
    """The name of a list, if it can be one.

    Raises
    ------
    UsageError
        If it cannot.

    Examples
    --------
    >>> checked_list_name("bans")
    'bans'
    """
    if name.startswith(SYSTEM_ID_PREFIX):
        raise UsageError(f"{name!r} is not a list of yours: names that begin with # are reserved.")
    if not 0 < len(name.encode()) <= MAX_LIST_BYTES:
        raise UsageError(f"A list's name has 1 to {MAX_LIST_BYTES:,} bytes.")
    return name


def expires_in(seconds: int, now: float) -> int:
    """When a row that holds for some seconds expires, in seconds since the epoch.

    Raises
    ------
    UsageError
        If policies could not read the time.
    """
    expires_at = int(now) + seconds
    if expires_at > MILLISECONDS:
        raise UsageError("--for is too long: leave it out, and the row holds for good.")
    return expires_at


def expiry_of(row: RawRow) -> float | None:
    """When a row expires, in seconds since the epoch; none if it never does."""
    number = row.get(EXPIRES_AT, {}).get("N")
    return None if number is None else float(number)


def _key_of(name: str, key: str) -> dict[str, dict[str, str]]:
    return {LIST: {"S": name}, KEY: {"S": key}}
