"""Fetched keys in the table PolicySnapshots: partition `#keys`, one item for each address.

=============  ==========================================================================
`item`         SHA-256 of the address, hexadecimal
`url`          the address
`issuer`       the issuer that a discovery document must name; empty if it is a JWK Set's
`keys`         the usable keys, JSON, as they were last fetched
`fetchedAt`    when that was, in seconds since the epoch
`ok`           whether the last fetch succeeded
`error`        why it did not; empty if it did
`expiresAt`    when the item is deleted, unless the address is refreshed before
=============  ==========================================================================
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from wcs_hooks.adapters.batch_read import read_items
from wcs_hooks.clock import Clock
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress, StoredKeys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

KEYS: Final = "#keys"
"""The partition of fetched keys."""

NEVER_FETCHED: Final = StoredKeys(b"", 0.0, ok=False, error="never fetched")
"""What is read of an address that is not stored."""


class DynamoKeys:
    """Reads fetched keys.

    Parameters
    ----------
    client
        With timeouts.
    table
        The name of PolicySnapshots.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def read(self, addresses: Iterable[KeyAddress]) -> Mapping[KeyAddress, StoredKeys]:
        """What is stored of each of at most 100 addresses, in one call.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or an item is damaged.
        """
        by_item = {_item_key(address): address for address in addresses}
        keys = [{"app": KEYS, "item": item} for item in by_item]
        # A version that names an address becomes active right after its keys were written.
        items = read_items(self._client, self._table, keys, "the key store", consistent=True)
        found = {item["item"]["S"]: _stored(item) for item in items}
        return {address: found.get(item, NEVER_FETCHED) for item, address in by_item.items()}


class DynamoKeyStore:
    """Keeps fetched keys: the compiler's `KeyStore`.

    Parameters
    ----------
    client
        With timeouts.
    table
        The name of PolicySnapshots.
    retention
        Seconds after which an address is forgotten that was not refreshed.
    clock
        Clock that the retention goes by.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, retention: float, clock: Clock
    ) -> None:
        self._client = client
        self._table = table
        self._retention = retention
        self._clock = clock

    def all(self) -> Mapping[KeyAddress, StoredKeys]:
        """What is stored of every address that is not forgotten yet, read consistently."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="app = :keys",
            # DynamoDB deletes what has expired some time later.
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues={
                ":keys": {"S": KEYS},
                ":now": {"N": str(int(self._clock.now()))},
            },
        )
        items = [item for page in pages for item in page["Items"]]
        return {KeyAddress(item["url"]["S"], item["issuer"]["S"]): _stored(item) for item in items}

    def keep(self, address: KeyAddress, keys: bytes, fetched_at: float) -> None:
        """Store keys, in place of those before."""
        self._client.put_item(
            TableName=self._table,
            Item={
                "app": {"S": KEYS},
                "item": {"S": _item_key(address)},
                "url": {"S": address.url},
                "issuer": {"S": address.issuer},
                "keys": {"B": keys},
                "fetchedAt": {"N": f"{fetched_at:.3f}"},
                "ok": {"BOOL": True},
                "error": {"S": ""},
                "expiresAt": {"N": self._expiry()},
            },
        )

    def keep_failure(self, address: KeyAddress, error: str) -> None:
        """Store that a fetch failed; the keys stay."""
        self._client.update_item(
            TableName=self._table,
            Key={"app": {"S": KEYS}, "item": {"S": _item_key(address)}},
            UpdateExpression=(
                "SET #url = :url, issuer = :issuer, ok = :ok, #error = :error, expiresAt = :expiry"
            ),
            ExpressionAttributeNames={"#url": "url", "#error": "error"},
            ExpressionAttributeValues={
                ":url": {"S": address.url},
                ":issuer": {"S": address.issuer},
                ":ok": {"BOOL": False},
                ":error": {"S": error},
                ":expiry": {"N": self._expiry()},
            },
        )

    def _expiry(self) -> str:
        return str(int(self._clock.now() + self._retention))


def _item_key(address: KeyAddress) -> str:
    """The sort key of an address; of a discovery document's with the issuer that it must name."""
    text = f"{address.url}\n{address.issuer}" if address.issuer else address.url
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(item: Mapping[str, Any]) -> StoredKeys:
    try:
        return StoredKeys(
            bytes(item["keys"]["B"]) if "keys" in item else b"",
            float(item["fetchedAt"]["N"]) if "fetchedAt" in item else 0.0,
            ok=item["ok"]["BOOL"],
            error=item["error"]["S"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise UnavailableError("the keys of an address are damaged") from error
