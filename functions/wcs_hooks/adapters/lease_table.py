"""The table Leases: reads and conditional writes, which are tried again while others write.

Whoever writes an item that a transaction is writing at this moment is refused, by a transaction and
by a plain write alike: that passes by itself.
"""

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.batch_read import read_items
from wcs_hooks.adapters.dynamo_update import Update
from wcs_hooks.adapters.lease_items import COUNT, KEY
from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from wcs_hooks.adapters.lease_items import Attributes

STORE: Final = "the lease store"
"""What the table is called in messages."""

_CONDITION_FAILED: Final = "ConditionalCheckFailedException"
_CANCELLED: Final = "TransactionCanceledException"
_BUSY: Final = frozenset(
    {
        *("TransactionConflict", "TransactionConflictException", "TransactionInProgressException"),
        *("ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException"),
        *("ThrottlingError", "ThrottlingException", "RequestLimitExceeded"),
    }
)
"""What passes by itself. In a transaction codes are those of cancellation reasons:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

_INVALID: Final = frozenset({"ValidationError", "ValidationException"})

_ATTEMPTS: Final = 16
_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.2


class LeaseStore:
    """Reads and writes items.

    Parameters
    ----------
    client
        With timeouts.
    table
        The name of Leases.
    pause
        What waits for some seconds.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._pause = pause

    def read(self, key: str) -> "Attributes | None":
        """An item; none if there is none.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={KEY: {"S": key}}, ConsistentRead=True
            )
        except (BotoCoreError, ClientError) as error:
            raise unavailable(f"{STORE} does not answer", error) from error
        return answer.get("Item")

    def read_all(self, keys: Collection[str]) -> "Mapping[str, Attributes]":
        """The items of at most 100 keys, those that exist, by key.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or leaves keys unprocessed.
        """
        items = read_items(
            self._client, self._table, [{KEY: key} for key in keys], STORE, consistent=True
        )
        return {item[KEY]["S"]: item for item in items}

    def write(
        self, updates: Sequence[Update], deadline: Deadline
    ) -> "Mapping[int, Attributes | None]":
        """Write all changes together, or none of them.

        Returns
        -------
        dict
            Nothing if they are written. Else those whose conditions failed, by index, each with
            its item as it is, none if it is missing.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, is busy until the deadline, or refuses a change. Nothing
            is sent after the deadline.
        """
        for attempt in range(_ATTEMPTS):
            # Whoever asked has given up. Lambda may thaw this thread when all has long ended.
            if not deadline.remaining():
                raise UnavailableError(f"there was no time left to ask {STORE}")
            try:
                self._send(updates)
            except BotoCoreError as error:
                raise unavailable(f"{STORE} does not answer", error) from error
            except ClientError as error:
                failed = _failed_conditions(error, updates)
                if failed:
                    return failed
            else:
                return {}
            # Random, so that functions that were in each other's way are not so again.
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
            pause = random.uniform(0, longest)  # noqa: S311 - no secret
            if deadline.remaining() <= pause:
                break
            self._pause(pause)
        raise UnavailableError(f"{STORE} is busy: conflicts, or throttled")

    def give_back(self, key: str, lease: str, deadline: Deadline) -> bool:
        """Remove a lease from a budget's item; says whether there was one.

        Raises
        ------
        UnavailableError
            As `write` does.
        """
        update = self._removal(key, lease)
        update.add(COUNT, -1)
        update.require(update.is_number(COUNT))
        failed = self.write([update], deadline)
        if not failed:
            return True
        if lease not in (failed[0] or {}):
            return False
        # Somebody edited the count. Without one the leases are counted by the next who takes.
        update = self._removal(key, lease)
        update.remove(COUNT)
        return not self.write([update], deadline)

    def _send(self, updates: Sequence[Update]) -> None:
        # A transaction costs twice as much, even of one write.
        if len(updates) == 1:
            self._client.update_item(**updates[0].request())
        else:
            self._client.transact_write_items(
                TransactItems=[{"Update": cast("Any", update.request())} for update in updates]
            )

    def _removal(self, key: str, lease: str) -> Update:
        update = Update(self._table, (KEY, key))
        update.remove(lease)
        update.require_present(lease)
        return update


def _failed_conditions(
    error: ClientError, updates: Sequence[Update]
) -> "Mapping[int, Attributes | None]":
    """Whose conditions failed, each with its item; nothing if DynamoDB was just busy.

    Raises
    ------
    UnavailableError
        If it was anything else.
    """
    response = cast("Mapping[str, Any]", error.response)
    code = response["Error"]["Code"]
    if code == _CONDITION_FAILED:
        return {0: response.get("Item") or None}
    reasons = response.get("CancellationReasons", []) if code == _CANCELLED else [response["Error"]]
    failed: dict[int, Attributes | None] = {}
    is_busy = False
    for index, reason in enumerate(reasons):
        match reason.get("Code"):
            case None | "None":
                continue
            case "ConditionalCheckFailed":
                failed[index] = reason.get("Item") or None
            case busy if busy in _BUSY:
                is_busy = True
            case invalid if invalid in _INVALID:
                names = (
                    updates[index].item
                    if code == _CANCELLED
                    else ", ".join(update.item for update in updates)
                )
                raise UnavailableError(
                    f"{STORE} refuses a change of {names}, which may be damaged: "
                    f"{reason.get('Message')}"
                ) from error
            case _:
                raise unavailable(f"{STORE} does not answer", error) from error
    if not failed and not is_busy:
        raise unavailable(f"{STORE} does not answer", error) from error
    return failed
