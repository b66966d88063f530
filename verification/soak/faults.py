"""Faults: which calls of the functions to AWS go wrong, and how."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from wcs_hooks.adapters.dynamo_dead_letters import FIRST_PART


class How(StrEnum):
    """How a call goes wrong.

    `throttled`: AWS asks to slow down. `failing`: a 500. `hanging`: no answer comes. `refused`: the
    connection is closed without one. `denied`: IAM refuses. None of them reaches the service, so
    that a call which went wrong has had no effect.
    """

    THROTTLED = "throttled"
    FAILING = "failing"
    HANGING = "hanging"
    REFUSED = "refused"
    DENIED = "denied"


class Place(StrEnum):
    """What is called."""

    SNAPSHOTS = "PolicySnapshots"
    SESSIONS = "Sessions"
    SECRET = "Secrets Manager"
    QUEUE = "SQS"
    BUS = "EventBridge"
    LETTERS = "the dead-letter table"


TABLES: Final = (Place.SNAPSHOTS, Place.SESSIONS, Place.LETTERS)

READS: Final = frozenset({"BatchGetItem", "Query", "GetItem"})
WRITES: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem"})

_OPERATIONS: Final[Mapping[Place, frozenset[str]]] = {
    Place.SNAPSHOTS: frozenset({"BatchGetItem", "Query"}),
    Place.SESSIONS: READS | WRITES,
    Place.SECRET: frozenset({"GetSecretValue"}),
    Place.QUEUE: frozenset({"SendMessage"}),
    Place.BUS: frozenset({"PutEvents"}),
    Place.LETTERS: WRITES,
}
_PREFIXES: Final[Mapping[str, Place]] = {
    "secretsmanager": Place.SECRET,
    "AmazonSQS": Place.QUEUE,
    "AWSEvents": Place.BUS,
}
_DYNAMODB: Final = "DynamoDB_20120810"
_SEND: Final = "AmazonSQS.SendMessage"
_PUT: Final = f"{_DYNAMODB}.PutItem"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a function to AWS.

    Attributes
    ----------
    target
        `X-Amz-Target`: service and operation.
    tables
        Those that it names.
    attempt
        Which try of the SDK's it is, from 1 on.
    decision
        Of the dead letter that is sent; else empty.
    """

    target: str
    tables: frozenset[str] = frozenset()
    attempt: int = 1
    decision: str = ""

    @classmethod
    def from_request(cls, headers: Mapping[str, str], body: bytes) -> "Call":
        """Read a call off its request.

        Examples
        --------
        >>> headers = {"X-Amz-Target": "DynamoDB_20120810.GetItem"}
        >>> Call.from_request(headers, b'{"TableName": "Sessions"}').tables
        frozenset({'Sessions'})
        """
        target = headers.get("X-Amz-Target", "")
        attempt = headers.get("amz-sdk-request", "").partition("attempt=")[2].partition(";")[0]
        tables: frozenset[str] = frozenset()
        if target.startswith(_DYNAMODB):
            request = json.loads(body or b"{}")
            tables = frozenset(request.get("RequestItems", {})) | (
                {request["TableName"]} if "TableName" in request else set()
            )
        decision = ""
        if target == _SEND:
            decision = str(json.loads(json.loads(body)["MessageBody"]).get("decision", ""))
        elif target == _PUT:
            item = json.loads(body)["Item"]
            # The part that makes a letter of the others.
            if item.get("part") == {"S": FIRST_PART}:
                decision = str(item["letter"]["S"])
        return cls(target, tables, int(attempt) if attempt.isdecimal() else 1, decision)

    @property
    def operation(self) -> str:
        """Such as `GetItem`."""
        return self.target.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Fault:
    """Calls of one kind go wrong in one way.

    Attributes
    ----------
    operations
        Which of the place's; those that hooks make, if none are named.
    first_attempts
        Whether only an SDK's first try fails, so that its second goes through.
    """

    place: Place
    how: How
    operations: frozenset[str] = frozenset()
    first_attempts: bool = False

    @property
    def name(self) -> str:
        """In words."""
        which = ""
        if self.operations == WRITES:
            which = " writes"
        elif self.operations == READS or self.place is Place.SNAPSHOTS:
            which = " reads"
        first = ", first attempts" if self.first_attempts else ""
        return f"{self.place}{which} {self.how}{first}"

    def hits(self, call: Call, tables: Mapping[Place, str]) -> bool:
        """Whether it makes a call fail.

        Parameters
        ----------
        tables
            The names of the places that are tables.
        """
        if self.first_attempts and call.attempt > 1:
            return False
        if call.operation not in (self.operations or _OPERATIONS[self.place]):
            return False
        if self.place in TABLES:
            return tables[self.place] in call.tables
        return _PREFIXES.get(call.target.partition(".")[0]) is self.place


_ERRORS: Final[Mapping[tuple[How, bool], tuple[int, str]]] = {
    (How.THROTTLED, True): (400, "ProvisionedThroughputExceededException"),
    (How.THROTTLED, False): (400, "ThrottlingException"),
    (How.FAILING, True): (500, "InternalServerError"),
    (How.FAILING, False): (500, "InternalFailure"),
    (How.DENIED, True): (400, "AccessDeniedException"),
    (How.DENIED, False): (400, "AccessDeniedException"),
}


def error_reply(fault: Fault) -> tuple[int, bytes]:
    """The status and the body with which AWS reports a fault that has a reply."""
    status, code = _ERRORS[fault.how, fault.place in TABLES]
    return status, json.dumps({"__type": code, "message": f"injected: {fault.name}"}).encode()
