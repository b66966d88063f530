"""Sessions, in DynamoDB: partition key `node`, sort key `session`, TTL attribute `expiresAt`.

Whoever has a session's id has the session, so the table has only its SHA-256. Beside the sessions
stand, under a `node` of their own, the dead letters that were published on the event bus.
"""

import hashlib
import json
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.deadlines import CircuitBreaker
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.payload import encode
from wcs_hooks.hook.sessions import packed, packed_claims, unpacked, unpacked_claims
from wcs_hooks.hook.time_budget import SESSION_RENEWAL
from wcs_hooks.ports import SessionKey, SessionRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_NO_ANSWER: Final = "the session store does not answer"

NO_NODE: Final = "-"
"""Placeholder for a node without a name: DynamoDB does not accept an empty key."""

REDRIVEN: Final = "#redriven"
"""The `node` of hooks that came out of the dead letters and were published. Their `session` is not
a SHA-256, so that no session is ever mistaken for one of them."""

REDRIVEN_TTL: Final = 15 * 86_400.0
"""Seconds: a day more than the queue keeps a message."""

CONNECTED_AT: Final = "connectedAt"
RETRIES: Final = 300.0
"""Seconds after a connect in which another one of the same session is WCS's retry of it."""

_CONDITION_FAILED: Final = "ConditionalCheckFailedException"
_MAX_NODE_BYTES: Final = 1024


class DynamoSessions:
    """Keeps sessions.

    Parameters
    ----------
    client
        With time-outs.
    table
        The name of Sessions.
    ttl
        Seconds for which a session is kept; renewed when a read finds it half spent.
    clock
        From when on it is kept.
    """

    def __init__(self, client: "DynamoDBClient", table: str, ttl: float, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._ttl = ttl
        self._clock = clock
        # One for each use: what is given less time, or can wait, must not keep a hook from its
        # session.
        self._reads = CircuitBreaker("the session store", clock)
        self._labels = CircuitBreaker("the session store", clock)
        self._writes = CircuitBreaker("the session store", clock)
        self._renewals = CircuitBreaker("the session store", clock)
        self._marks = CircuitBreaker("the session store", clock)

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """What is kept of a session; none if it was not seen at connect, or has ended.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or the record is damaged.
        """
        keys = _keys(key)
        found = self._live(self._reads.run_before(deadline, lambda: self._get(keys)))
        if found is None:
            return None
        record, remaining = found
        if remaining < self._ttl / 2:
            self._renew(keys, deadline)
        return record

    def read_for_label(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """Read a session for a metric's label. That it fails has no consequence for other reads.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer, or the record is damaged.
        """
        keys = _keys(key)
        found = self._live(self._labels.run_before(deadline, lambda: self._get(keys)))
        return None if found is None else found[0]

    def record(
        self, key: SessionKey, record: SessionRecord, deadline: Deadline, *, redriven: bool = False
    ) -> None:
        """Keep a session.

        A connect that WCS sends again keeps the moment of the first one. That of a session that
        was never forgotten, whose id another connection has by now, is not kept.

        Parameters
        ----------
        redriven
            Whether its connect came long ago: a session that connected later is left alone.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        item: dict[str, AttributeValueTypeDef] = {
            **_keys(key),
            "expiresAt": {"N": str(int(self._clock.now() + self._ttl))},
            "body": {"B": packed(record.body)},
            "versions": {"S": encode(dict(record.versions))},
            "failing": {"S": ",".join(sorted(record.failing))},
        }
        if record.claims is not None:
            item["claims"] = {"B": packed_claims(record.app, record.claims)}
        connected_at = record.connected_at
        if connected_at is None:
            self._writes.run_before(deadline, lambda: self._put(item))
        else:
            self._writes.run_before(
                deadline, lambda: self._put_connected(item, connected_at, redriven=redriven)
            )

    def forget(
        self, key: SessionKey, deadline: Deadline, *, connected_by: float | None = None
    ) -> None:
        """Keep a session no longer.

        Parameters
        ----------
        connected_by
            A session that connected later is left alone, in seconds since the epoch; none is if
            this is None.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        self._writes.run_before(deadline, lambda: self._delete(key, connected_by))

    def is_done(self, decision_id: str, deadline: Deadline) -> bool:
        """Whether a hook out of the dead letters was published.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        keys = _redriven(decision_id)
        return self._marks.run_before(deadline, lambda: self._get(keys)) is not None

    def done(self, decision_id: str, deadline: Deadline) -> None:
        """Remember that it was.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        self._marks.run_before(deadline, lambda: self._mark(_redriven(decision_id)))

    def _mark(self, keys: "Mapping[str, AttributeValueTypeDef]") -> None:
        try:
            # Not PutItem, which the event function may not do.
            self._client.update_item(
                TableName=self._table,
                Key=keys,
                UpdateExpression="SET expiresAt = :at",
                ExpressionAttributeValues={
                    ":at": {"N": str(int(self._clock.now() + REDRIVEN_TTL))}
                },
            )
        except (BotoCoreError, ClientError) as error:
            raise unavailable(_NO_ANSWER, error) from error

    def _get(
        self, keys: "Mapping[str, AttributeValueTypeDef]"
    ) -> "Mapping[str, AttributeValueTypeDef] | None":
        try:
            # The connect may have been answered by another function a moment ago.
            answer = self._client.get_item(TableName=self._table, Key=keys, ConsistentRead=True)
        except (BotoCoreError, ClientError) as error:
            raise unavailable(_NO_ANSWER, error) from error
        return answer.get("Item")

    def _live(
        self, item: "Mapping[str, AttributeValueTypeDef] | None"
    ) -> tuple[SessionRecord, float] | None:
        """The record that an item holds, and for how many seconds still; none if it has expired."""
        if item is None:
            return None
        try:
            remaining = int(item["expiresAt"]["N"]) - self._clock.now()
            record = _record(item)
        except (KeyError, ValueError, AttributeError, zlib.error) as error:
            raise UnavailableError("the session's record is damaged") from error
        return (record, remaining) if remaining > 0 else None

    def _renew(self, keys: "Mapping[str, AttributeValueTypeDef]", deadline: Deadline) -> None:
        """Keep a session for longer. If that fails the next read does it: there is half the TTL."""
        limit = deadline.part(SESSION_RENEWAL)
        with suppress(UnavailableError, BotoCoreError, ClientError):
            self._renewals.run_before(limit, lambda: self._extend(keys))

    def _extend(self, keys: "Mapping[str, AttributeValueTypeDef]") -> None:
        self._client.update_item(
            TableName=self._table,
            Key=keys,
            UpdateExpression="SET expiresAt = :at",
            # It may have been forgotten meanwhile, and must stay so.
            ConditionExpression="attribute_exists(expiresAt)",
            ExpressionAttributeValues={":at": {"N": str(int(self._clock.now() + self._ttl))}},
        )

    def _put(self, item: "Mapping[str, AttributeValueTypeDef]") -> None:
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except (BotoCoreError, ClientError) as error:
            raise unavailable(_NO_ANSWER, error) from error

    def _put_connected(
        self, item: "dict[str, AttributeValueTypeDef]", connected_at: float, *, redriven: bool
    ) -> None:
        """Keep a session and when it connected: the moment that is kept if it was just before."""
        condition = "attribute_not_exists(connectedAt) OR connectedAt < :retried"
        values: dict[str, AttributeValueTypeDef] = {
            ":retried": {"N": _moment(connected_at - RETRIES)}
        }
        if not redriven:
            # Nobody has connected since: a later moment is that of a clock which runs ahead.
            condition += " OR connectedAt > :now"
            values[":now"] = {"N": _moment(connected_at)}
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item | {CONNECTED_AT: {"N": _moment(connected_at)}},
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise unavailable(_NO_ANSWER, error) from error
            kept = cast("Mapping[str, Any]", error.response)["Item"][CONNECTED_AT]
            if redriven and float(kept["N"]) > connected_at:
                return
            # Nobody writes it in between: who does is another retry, and keeps the same moment.
            self._put(item | {CONNECTED_AT: kept})
        except BotoCoreError as error:
            raise unavailable(_NO_ANSWER, error) from error

    def _delete(self, key: SessionKey, connected_by: float | None) -> None:
        try:
            if connected_by is None:
                self._client.delete_item(TableName=self._table, Key=_keys(key))
                return
            self._client.delete_item(
                TableName=self._table,
                Key=_keys(key),
                ConditionExpression="attribute_not_exists(connectedAt) OR connectedAt <= :by",
                ExpressionAttributeValues={":by": {"N": _moment(connected_by)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != _CONDITION_FAILED:
                raise unavailable(_NO_ANSWER, error) from error
        except BotoCoreError as error:
            raise unavailable(_NO_ANSWER, error) from error


def _keys(key: SessionKey) -> dict[str, "AttributeValueTypeDef"]:
    node = key.node.encode("utf-8", "surrogatepass")
    fits = 0 < len(node) <= _MAX_NODE_BYTES and key.node.isprintable()
    session = hashlib.sha256(key.session.encode("utf-8", "surrogatepass")).hexdigest()
    name = key.node if fits else hashlib.sha256(node).hexdigest() if node else NO_NODE
    return {"node": {"S": name}, "session": {"S": session}}


def _redriven(decision_id: str) -> dict[str, "AttributeValueTypeDef"]:
    return {"node": {"S": REDRIVEN}, "session": {"S": f"decision {decision_id}"}}


def _record(item: "Mapping[str, AttributeValueTypeDef]") -> SessionRecord:
    failing = item["failing"]["S"]
    return SessionRecord(
        unpacked(item["body"]["B"]),
        json.loads(item["versions"]["S"]),
        frozenset(failing.split(",")) if failing else frozenset(),
        float(item[CONNECTED_AT]["N"]) if CONNECTED_AT in item else None,
        *(unpacked_claims(item["claims"]["B"]) if "claims" in item else ()),
    )


def _moment(seconds: float) -> str:
    return f"{seconds:.3f}"
