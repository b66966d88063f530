"""Snapshots in DynamoDB: immutable versions in parts, and a pointer for each app.

Table PolicySnapshots, partition key `app`, sort key `item`:

========================  ==================================================================
`current`                 the pointer: `version`, `digest`, `parts`, `source`, `pinned`
`v0000000012`             the manifest of version 12, written last: `digest`, `parts`, what changed
`v0000000012#claim`       who wrote this first has the number
`v0000000012#part#003`    the snapshot's bytes, the fourth part
`v0000000012#source#003`  the fourth part of the policies that it was made from
========================  ==================================================================

The partition `#apps` lists the apps, with what the policies of each in the table require of
restClientConfig, and what the compiler found of others'
(`wcs_hooks.compiler.policy_compiler.AppRecord`). The partition `#keys` has the keys of token
issuers (`wcs_hooks.adapters.dynamo_keys`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.batch_read import read_items
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.policy.vocabulary import SYSTEM_ID_PREFIX
from wcs_hooks.core.snapshot import Snapshot, SnapshotFormatError
from wcs_hooks.ports import Pointer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

CURRENT: Final = "current"
"""The sort key of the pointer."""

APPS: Final = "#apps"
"""The partition that lists the apps. An app without policies keeps an item that expires:
without an item, a late compiler could not detect that it is late."""

MAX_APP_BYTES: Final = 2048
"""DynamoDB's limit on a partition key, UTF-8."""


def version_key(version: int) -> str:
    """The sort key of a version's manifest, with which those of its parts begin."""
    return f"v{version:010}"


def claim_key(version: int) -> str:
    """The sort key of the claim of a version's number."""
    return f"{version_key(version)}#claim"


def part_prefix(version: int, kind: str) -> str:
    """What the sort keys of a version's parts of a kind, `part` or `source`, begin with."""
    return f"{version_key(version)}#{kind}#"


def part_key(version: int, kind: str, number: int) -> str:
    """The sort key of one of those parts, counted from 0."""
    return f"{part_prefix(version, kind)}{number:03}"


class DynamoSnapshots:
    """Reads snapshots.

    Parameters
    ----------
    client
        With time-outs.
    table
        The name of PolicySnapshots.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def pointers(self, apps: Sequence[str]) -> Mapping[str, Pointer]:
        """The pointers of those of the apps that have one, in one call.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or a pointer is damaged.
        """
        keys = [{"app": app, "item": CURRENT} for app in apps if _can_be_key(app)]
        if not keys:
            return {}
        items = read_items(self._client, self._table, keys, "the policy store")
        return {item["app"]["S"]: _pointer(item) for item in items}

    def snapshot(self, pointer: Pointer) -> Snapshot:
        """The snapshot that a pointer points to.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or the snapshot is missing or damaged.
        """
        data = self.data(pointer)
        try:
            return Snapshot.load(data)
        except SnapshotFormatError as error:
            raise UnavailableError(f"{_named(pointer)}: {error}") from error

    def data(self, pointer: Pointer) -> bytes:
        """The bytes of that snapshot.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or the snapshot is missing or damaged.
        """
        data = read_parts(self._client, self._table, pointer.app, pointer.version, "part")
        if hashlib.sha256(data).hexdigest() != pointer.digest:
            raise UnavailableError(f"{_named(pointer)} is missing or damaged")
        return data


def _named(pointer: Pointer) -> str:
    return f"version {pointer.version} of the policies of {pointer.app!r}"


def last_version(client: "DynamoDBClient", table: str, app: str) -> int:
    """The highest number of an app's that was ever claimed and is still kept; 0 if none is."""
    answer = client.query(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="app = :app AND begins_with(#item, :v)",
        ProjectionExpression="#item",
        ExpressionAttributeNames={"#item": "item"},
        ExpressionAttributeValues={":app": {"S": app}, ":v": {"S": "v"}},
        ScanIndexForward=False,
        Limit=1,
    )
    keys = [item["item"]["S"] for item in answer["Items"]]
    return int(keys[0][1:].split("#")[0]) if keys else 0


def read_parts(client: "DynamoDBClient", table: str, app: str, version: int, kind: str) -> bytes:
    """The bytes of a version, put together from their parts.

    Parameters
    ----------
    kind
        `part` for the snapshot, `source` for what it was made from.

    Raises
    ------
    UnavailableError
        If DynamoDB does not answer, or a part is damaged.
    """
    pages = client.get_paginator("query").paginate(
        TableName=table,
        # The pointer may have been moved just now, after the parts were written.
        ConsistentRead=True,
        KeyConditionExpression="app = :app AND begins_with(#item, :prefix)",
        ExpressionAttributeNames={"#item": "item"},
        ExpressionAttributeValues={
            ":app": {"S": app},
            ":prefix": {"S": part_prefix(version, kind)},
        },
    )
    try:
        return b"".join(item["data"]["B"] for page in pages for item in page["Items"])
    except (BotoCoreError, ClientError) as error:
        raise unavailable("the policy store does not answer", error) from error
    except KeyError as error:
        raise UnavailableError(
            f"version {version} of the policies of {app!r} is damaged"
        ) from error


def _pointer(item: Mapping[str, Any]) -> Pointer:
    app: str = item["app"]["S"]
    try:
        version, parts = int(item["version"]["N"]), int(item["parts"]["N"])
        return Pointer(app, version, item["digest"]["S"], parts)
    except (KeyError, ValueError) as error:
        raise UnavailableError(f"the pointer to the policies of {app!r} is damaged") from error


def _can_be_key(app: str) -> bool:
    """Whether policies could exist for an app.

    DynamoDB takes no empty, huge or non-UTF-8 key, and the partitions that begin with # are the
    system's.
    """
    try:
        return 0 < len(app.encode()) <= MAX_APP_BYTES and not app.startswith(SYSTEM_ID_PREFIX)
    except UnicodeEncodeError:
        return False
