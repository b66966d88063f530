"""The dead-letter table: where hooks are that the queue did not take.

`wcs_hooks.adapters.dynamo_dead_letters` writes it, and describes its items.

To look at a letter there hides it from nobody. Whoever redrives one claims it for a while, as SQS
hides a message that somebody received.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from boto3.dynamodb.table import BatchWriter

from wcs_hooks.adapters.dynamo_dead_letters import FIRST_PART, ROOM
from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcsctl.deployment import Deployment

CLAIM_SECONDS: Final = 300
"""How long a letter is claimed for, if nobody releases it."""

_TAKEN: Final = "ConditionalCheckFailedException"


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A letter in the table.

    Attributes
    ----------
    letter_id
        The hook's decision.
    kept_at
        When it was kept, in seconds since the epoch.
    text
        The message, as the queue would have it; empty if a part is missing.
    redriven
        What redrives that failed changed of the message: `attempts`, `pending`.
    """

    letter_id: str
    kept_at: float
    text: str
    redriven: dict[str, Any]


class DeadLetterTable:
    """Reads, claims, changes and deletes letters.

    Parameters
    ----------
    deployment
        Whose table.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._client = deployment.client("dynamodb")
        self._table = deployment.output("DeadLetterTableName")
        self._parts: dict[str, int] = {}
        self._claims: dict[str, str] = {}

    def kept_at(self) -> list[float]:
        """When each letter that waits was kept, in seconds since the epoch."""
        return [float(item["keptAt"]) for item in self._first_parts(ProjectionExpression="keptAt")]

    def letters(self) -> Iterator[StoredLetter]:
        """The letters that wait, those that somebody redrives included, the oldest first.

        As the queue has them, more or less: a session's end must not be redriven before its
        connect. A scan has no order, so that each letter is read by its key afterwards.
        """
        found = self._first_parts(ProjectionExpression="letter, keptAt")
        for _, letter_id in sorted((float(item["keptAt"]), item["letter"]) for item in found):
            stored = self._stored(letter_id)
            if stored is not None:
                yield stored

    def claim(self, letter_id: str) -> bool:
        """Claim a letter; not so if somebody else has, or it is gone."""
        now = time.time()
        claim = f"{now + CLAIM_SECONDS:.6f}"
        claimed = self._changed(
            letter_id,
            "SET claimedUntil = :claim",
            "attribute_exists(letter) AND "
            "(attribute_not_exists(claimedUntil) OR claimedUntil <= :now)",
            {":claim": {"N": claim}, ":now": {"N": f"{now:.6f}"}},
        )
        if claimed:
            self._claims[letter_id] = claim
        return claimed

    def release(self) -> None:
        """Give up the claims on letters that are still there."""
        while self._claims:
            letter_id, claim = self._claims.popitem()
            # Unless it ran out, and somebody else has claimed the letter since.
            self._changed(
                letter_id, "REMOVE claimedUntil", "claimedUntil = :claim", {":claim": {"N": claim}}
            )

    def keep_counted(self, letter_id: str, attempts: int, pending: object) -> None:
        """Note an attempt that failed, and what is left to do where that is known; release it."""
        change = "SET attempts = :attempts"
        values: dict[str, Any] = {":attempts": {"N": str(attempts)}}
        if isinstance(pending, list):
            change += ", pending = :pending"
            values[":pending"] = {"L": [{"S": str(name)} for name in pending]}
        self._changed(
            letter_id, f"{change} REMOVE claimedUntil", "attribute_exists(letter)", values
        )
        self._claims.pop(letter_id, None)

    def delete(self, letter_id: str) -> None:
        """Delete a letter for good: its first part first, without which the others are nothing."""
        for number in range(self._parts.get(letter_id, 1)):
            self._client.delete_item(TableName=self._table, Key=_key(letter_id, f"{number:03}"))
        self._claims.pop(letter_id, None)

    def purge(self) -> None:
        """Delete all letters for good. What was counted stays: a day's room is not given back."""
        items = self._scan(
            FilterExpression="part <> :room",
            ExpressionAttributeValues={":room": {"S": ROOM}},
            ProjectionExpression="letter, part",
        )
        with BatchWriter(self._table, self._client) as batch:
            for item in items:
                batch.delete_item(Key=_key(item["letter"], item["part"]))

    def _first_parts(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Of letters that have not expired: DynamoDB deletes those within days."""
        return self._scan(
            FilterExpression="part = :first AND expiresAt > :now",
            ExpressionAttributeValues={
                ":first": {"S": FIRST_PART},
                ":now": {"N": str(int(time.time()))},
            },
            **parameters,
        )

    def _stored(self, letter_id: str) -> StoredLetter | None:
        """A letter as a whole; none if it was deleted in the meantime."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="letter = :letter",
            ExpressionAttributeValues={":letter": {"S": letter_id}},
            ConsistentRead=True,
        )
        # In the order of their sort key, which is that of the parts.
        items = [from_attributes(item) for page in pages for item in page["Items"]]
        if not items or items[0]["part"] != FIRST_PART:
            return None
        first = items[0]
        self._parts[letter_id] = first["parts"]
        return StoredLetter(
            letter_id,
            float(first["keptAt"]),
            "".join(item["text"] for item in items) if len(items) == first["parts"] else "",
            {name: first[name] for name in ("attempts", "pending") if name in first},
        )

    def _scan(self, **parameters: Any) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table, ConsistentRead=True, **parameters
        )
        for page in pages:
            yield from map(from_attributes, page["Items"])

    def _changed(
        self, letter_id: str, change: str, condition: str, values: Mapping[str, Any]
    ) -> bool:
        """Change a letter's first part; not so if the condition does not hold."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(letter_id, FIRST_PART),
                UpdateExpression=change,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != _TAKEN:
                raise
            return False
        return True


def _key(letter_id: str, part: str) -> dict[str, dict[str, str]]:
    return {"letter": {"S": letter_id}, "part": {"S": part}}
