"""AWS as it is when something is wrong with it, on the wire below botocore.

What botocore makes of an error, its retries, their pauses and its time-outs among it, is botocore's
own doing then, as it is in production.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST
from moto.core.botocore_stubber import BotocoreStubber

type Response = tuple[int, Mapping[str, str], str]
"""Status, headers, and body."""

_JSON: Final[Mapping[str, str]] = {"Content-Type": "application/x-amz-json-1.0"}
_LONGEST_HANG: Final = 20.0
"""Seconds after which a request that nobody's time-out ended is given up."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What comes back of a request instead of what was asked for.

    Attributes
    ----------
    description
        What it is, for people.
    respond
        Makes the response from the request's body; none where nothing ever comes.
    unreachable
        Whether not even a connection comes about.
    """

    description: str
    respond: Callable[[bytes], Response] | None = None
    unreachable: bool = False

    @property
    def hangs(self) -> bool:
        """Whether the request is taken and never answered."""
        return self.respond is None and not self.unreachable


def error(status: int, code: str) -> Fault:
    """An error of AWS's: all services that are used here speak one of its JSON protocols."""
    body = json.dumps({"__type": code, "message": "a fault that was asked for"})
    headers = {**_JSON, "x-amzn-ErrorType": code}
    return Fault(f"HTTP {status} `{code}`", lambda _: (status, headers, body))


def _nothing_processed(body: bytes) -> Response:
    asked = json.loads(body)["RequestItems"]
    answer = {"Responses": {table: [] for table in asked}, "UnprocessedKeys": asked}
    return 200, _JSON, json.dumps(answer)


def _no_entry_taken(body: bytes) -> Response:
    failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "a fault that was asked for"}
    entries = [failed for _ in json.loads(body)["Entries"]]
    return 200, _JSON, json.dumps({"FailedEntryCount": len(entries), "Entries": entries})


THROTTLED: Final = error(400, "ThrottlingException")
REFUSED: Final = error(400, "AccessDeniedException")
BROKEN: Final = error(500, "InternalServerError")
HANGING: Final = Fault("no answer, ever")
UNREACHABLE: Final = Fault("no connection", unreachable=True)
UNPROCESSED: Final = Fault("HTTP 200 with `UnprocessedKeys`", _nothing_processed)
PARTIAL: Final = Fault("HTTP 200 with `FailedEntryCount` 1", _no_entry_taken)


class Killed(BaseException):
    """The process was killed: no code of its own runs any more, no `except` nor `finally`."""


@dataclass
class FaultyAws:
    """The AWS that moto pretends, for the clients of every session that is made from now on.

    Attributes
    ----------
    faults
        What is wrong with an operation, such as `BatchGetItem`.
    meanwhile
        Is called with each operation's name and its request's body before it is carried out, in the
        thread that asks for it.
    calls
        The operations that were asked for, in order, retries not counted.
    attempts
        The requests that were sent, retries included.
    """

    faults: dict[str, Fault] = field(default_factory=dict)
    meanwhile: Callable[[str, bytes], None] | None = None
    calls: list[str] = field(default_factory=list)
    attempts: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock)
    _client: threading.local = field(default_factory=threading.local)

    @contextmanager
    def watching(self) -> Iterator[Self]:
        """Stand between the clients and moto."""
        handlers = [
            ("before-call", self._before_call, REGISTER_FIRST),
            ("before-send", self._before_send, REGISTER_FIRST),
        ]
        carry_out = BotocoreStubber.process_request

        def process(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
            fault = self._fault(request)
            if fault is None or fault.respond is None:
                # AWS carries out each request as a whole; moto does not see to that.
                with self._one_at_a_time:
                    return carry_out(stubber, request)
            return fault.respond(_bytes(request.body))

        BUILTIN_HANDLERS.extend(handlers)
        try:
            with patch.object(BotocoreStubber, "process_request", process):
                yield self
        finally:
            self._over.set()
            for handler in handlers:
                BUILTIN_HANDLERS.remove(handler)

    def fail(self, fault: Fault, *operations: str) -> None:
        """Let operations go wrong from now on."""
        self.faults.update(dict.fromkeys(operations, fault))

    def hang(self, seconds: float) -> None:
        """Let a request wait until the client gives it up."""
        self._over.wait(seconds)

    def recover(self) -> None:
        """Let everything work again."""
        self.faults.clear()

    def _before_call(self, model: Any, context: Any, **_: Any) -> None:
        self.calls.append(model.name)
        self._client.read_timeout = context["client_config"].read_timeout

    def _before_send(self, request: AWSPreparedRequest, **_: Any) -> None:
        """What no response shows: this runs before moto, and its errors are the network's."""
        operation = _operation(request)
        if self._over.is_set():
            # What hung has been given up, and must not go looking for the real AWS.
            raise EndpointConnectionError(endpoint_url=request.url)
        self.attempts.append(operation)
        if self.meanwhile is not None:
            self.meanwhile(operation, _bytes(request.body))
        # The clients of the test itself come by without this mark.
        request.is_watched = True  # type: ignore[attr-defined]
        fault = self.faults.get(operation)
        if fault is not None and fault.unreachable:
            raise EndpointConnectionError(endpoint_url=request.url)
        if fault is not None and fault.hangs:
            self.hang(min(self._client.read_timeout, _LONGEST_HANG))
            raise ReadTimeoutError(endpoint_url=request.url)

    def _fault(self, request: AWSPreparedRequest) -> Fault | None:
        if not getattr(request, "is_watched", False):
            return None
        return self.faults.get(_operation(request))


def _operation(request: AWSPreparedRequest) -> str:
    """The operation's name, which the JSON protocols have in a header."""
    target: Any = request.headers.get("X-Amz-Target", "")
    return (target.decode() if isinstance(target, bytes) else str(target)).rpartition(".")[2]


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body or "").encode()
