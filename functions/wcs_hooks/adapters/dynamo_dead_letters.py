"""Dead letters in a DynamoDB table: the second place, for when the queue does not take them.

A message is stored in parts, since an item holds 400 KB. The first part is written last, so that a
letter of which it is there is there as a whole. The table is bounded: each category of hooks has
`MAX_BYTES_A_DAY` a day (UTC), counted in an item of its own; the items expire as the queue's
messages do.

| `letter` | `part` | other attributes |
|---|---|---|
| the decision | `000` | `text`, `parts`, `keptAt`, `expiresAt`, and what a redrive writes |
| the decision | `001` … | `text`, `expiresAt` |
| `#` category, day | `room` | `bytes`, `letters`, `expiresAt` |
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.deadlines import run_before
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.hook.dead_letter import RETENTION_SECONDS, to_text
from wcs_hooks.ports import Place

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

MAX_BYTES_A_DAY: Final = 1024**3
"""What the table takes of each category in a day: some 350,000 hooks of ordinary size."""

PART_BYTES: Final = 350_000
"""The most of a message that an item holds."""

FIRST_PART: Final = "000"
ROOM: Final = "room"
"""The `part` of the items that count what the table took."""


_CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class DynamoDeadLetters:
    """Stores messages in a table.

    Parameters
    ----------
    client
        With time-outs.
    table
        The table's name.
    clock
        Decides whose day it is, and when a message expires.
    """

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> Place:
        """Keep a message. Sent twice, it is there once: its decision is its key.

        Raises
        ------
        UnavailableError
            If DynamoDB did not take it by the deadline, or the day's room is used up.
        """
        run_before(deadline, lambda: self._keep(message), "the dead-letter table")
        return Place.TABLE

    def _keep(self, message: Mapping[str, Any]) -> None:
        # ASCII, so that characters are bytes.
        text = to_text(dict(message))
        now = self._clock.now()
        expires_at: AttributeValueTypeDef = {"N": str(int(now) + RETENTION_SECONDS)}
        try:
            self._take_room(str(message["category"]), len(text), now, expires_at)
            parts = [text[at : at + PART_BYTES] for at in range(0, len(text), PART_BYTES)]
            for number, part in reversed(list(enumerate(parts))):
                item: dict[str, AttributeValueTypeDef] = {
                    "letter": {"S": message["decision"]},
                    "part": {"S": f"{number:03}"},
                    "text": {"S": part},
                    "expiresAt": expires_at,
                }
                if number == 0:
                    item |= {"parts": {"N": str(len(parts))}, "keptAt": {"N": f"{now:.3f}"}}
                self._client.put_item(TableName=self._table, Item=item)
        except (BotoCoreError, ClientError) as error:
            raise unavailable("the dead-letter table refuses the message", error) from error

    def _take_room(
        self, category: str, size: int, now: float, expires_at: "AttributeValueTypeDef"
    ) -> None:
        """Count a message, if there is room for it: what is counted stays so if a put then fails.

        A day's count only grows. One that went down with each letter that is redriven or expires
        would have to be kept in step with both.
        """
        day = time.strftime("%Y-%m-%d", time.gmtime(now))
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"letter": {"S": f"#{category} {day}"}, "part": {"S": ROOM}},
                UpdateExpression="ADD #bytes :size, letters :one SET expiresAt = :at",
                ConditionExpression="attribute_not_exists(#bytes) OR #bytes <= :most",
                ExpressionAttributeNames={"#bytes": "bytes"},
                ExpressionAttributeValues={
                    ":size": {"N": str(size)},
                    ":one": {"N": "1"},
                    ":at": expires_at,
                    ":most": {"N": str(MAX_BYTES_A_DAY - size)},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise
            raise UnavailableError(
                f"the dead-letter table has taken all the {category} hooks of {day} that it may"
            ) from error
