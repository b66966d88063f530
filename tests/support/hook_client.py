"""Posts hooks to the functions' handlers in this process, as the gateway would.

The gateway's event is payload format 2.0:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import hashlib
import hmac
import itertools
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final, Protocol
from unittest.mock import patch

from wcs_hooks.clock import Clock, SystemClock
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.handlers import wiring
from wcs_hooks.ports import DeadLetters, SnapshotSource

SECRET: Final = "wcs-secret"
ENVIRONMENT: Final[Mapping[str, str]] = {
    "POWERTOOLS_SERVICE_NAME": "wcs-hooks",
    "POWERTOOLS_METRICS_NAMESPACE": "WcsHooks",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "SNAPSHOTS_TABLE": "PolicySnapshots",
    "DEAD_LETTER_TABLE": "DeadLetters",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/DeadLetters",
    "SIGNATURE_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:123456789012:secret:CallerSecret",
    "AUTH": "hmac",
    "BASIC_USER": "wcs",
    "ALLOWED_SOURCES": "",
    "TRUSTED_PROXIES": "",
    "REPLY_TIMEOUT_SECONDS": "2",
    "SNAPSHOT_TTL_SECONDS": "2",
    "SESSIONS_TABLE": "Sessions",
    "SESSION_TTL_DAYS": "7",
    "LISTS_TABLE": "Lists",
    "LISTS_CACHE_SECONDS": "0",
    "LEASES_TABLE": "Leases",
    "KEEP_ALIVE_INTERVAL_SECONDS": "10",
    "CALL_LEASE_HOURS": "4",
    "SESSION_LEASE_HOURS": "24",
    "TOKEN_SECRETS_ARN": "",
    "KEYS_STALE_HOURS": "24",
    # Most tests deny hooks of sessions that never connected; those about sessions say otherwise.
    "REST_API_CALLS": "as-client",
    "EVENT_BUS_NAME": "",
    "EVENT_BUS_KEEP_ALIVE": "false",
    "ECHO_LOG_SAMPLE_RATE": "0",
    # What a hook counts is looked for right behind it; tests of batches say otherwise.
    "ECHO_METRICS_SECONDS": "0",
}
"""What the stack gives a category's function."""


def signature(body: bytes, secret: str = SECRET) -> str:
    """The `Authorization` header that WCS sends with a body."""
    return f"WCS {hmac.new(secret.encode(), body, hashlib.md5).hexdigest()}"


class Written(Protocol):
    """What was written to standard output, and to standard error."""

    @property
    def out(self) -> str: ...

    @property
    def err(self) -> str: ...


class Capture(Protocol):
    """What is written is taken from here; pytest's `capsys` is one."""

    def readouterr(self) -> Written:
        """What was written since the last time."""
        ...


@dataclass(frozen=True)
class HookReply:
    """What came back, and what was written meanwhile.

    Attributes
    ----------
    seconds
        From the event to the response.
    metrics
        The lines in CloudWatch's embedded metric format.
    log
        The other lines.
    output
        All that was written, standard error included.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    metrics: list[dict[str, Any]]
    log: list[dict[str, Any]]
    output: str = field(repr=False)
    seconds: float

    @property
    def error(self) -> dict[str, Any]:
        """What a refusal says about itself."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return error

    @property
    def counted(self) -> set[str]:
        """The names of the metrics that were emitted."""
        return {
            metric["Name"]
            for line in self.metrics
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        }


class HookClient:
    """A WCS whose hooks reach the handlers without a network.

    Parameters
    ----------
    capsys
        What is written is taken from here.
    clock, snapshots, dead_letters, second_place
        Take the place of the machine's clock and of the adapters to AWS, where given: of the
        dead-letter queue the one, of the table beside it the other.
    variables
        Environment variables that differ from `ENVIRONMENT`.

    Examples
    --------
    >>> client = HookClient(capsys)  # doctest: +SKIP
    >>> client.post("publishStream", {"name": "b4e7"}).status  # doctest: +SKIP
    200
    """

    def __init__(
        self,
        capsys: Capture,
        *,
        clock: Clock | None = None,
        snapshots: SnapshotSource | None = None,
        dead_letters: DeadLetters | None = None,
        second_place: DeadLetters | None = None,
        **variables: str,
    ) -> None:
        self._capsys = capsys
        self._clock = clock or SystemClock()
        self._snapshots = snapshots
        self._dead_letters = dead_letters
        self._second_place = second_place
        self._variables = {**ENVIRONMENT, **variables}
        self._handlers: dict[Category, wiring.Handler] = {}
        self._ids = itertools.count(1)
        forget_logger()

    def post(
        self,
        method: str,
        body: Mapping[str, Any] | bytes,
        *,
        authorization: str | None = "",
        source: str = "192.0.2.7",
    ) -> HookReply:
        """Post a hook.

        Parameters
        ----------
        body
            An object, or the bytes as they are.
        authorization
            The header; signed as WCS does by default, left out if None.
        """
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        if authorization == "":
            authorization = signature(raw)
        category = METHODS[method].category if method in METHODS else Category.EVENT
        return self.hand_over(category, gateway_event(method, raw, authorization, source))

    def hand_over(self, category: Category, event: dict[str, Any]) -> HookReply:
        """Invoke a category's function with an event as it is.

        What is not a reply to a hook, such as the answer to a redrive, has the status 0.
        """
        context = SimpleNamespace(aws_request_id=f"decision-{next(self._ids)}")
        handler = self._handler(category)
        self._capsys.readouterr()
        # Standard output is another one in a fixture than in the test itself.
        for stream_handler in _logger().handlers:
            if isinstance(stream_handler, logging.StreamHandler):
                stream_handler.stream = sys.stdout
        began = time.perf_counter()
        response = handler(event, context)
        seconds = time.perf_counter() - began
        written = self._capsys.readouterr()
        metrics, log = read_output(written.out)
        if "statusCode" not in response:
            response = {"statusCode": 0, "headers": {}, "body": json.dumps(response)}
        return HookReply(
            response["statusCode"],
            response["headers"],
            response["body"].encode(),
            metrics,
            log,
            written.out + written.err,
            seconds,
        )

    def _handler(self, category: Category) -> wiring.Handler:
        if category not in self._handlers:
            replaced: dict[str, Any] = {"SystemClock": lambda: self._clock}
            if self._snapshots is not None:
                replaced["DynamoSnapshots"] = lambda _client, _table: self._snapshots
            if self._dead_letters is not None:
                replaced["_dead_letter_queue"] = lambda *_: self._dead_letters
            if self._second_place is not None:
                replaced["_dead_letter_table"] = lambda *_: self._second_place
            with patch.multiple(wiring, **replaced), patch.dict(os.environ, self._variables):
                self._handlers[category] = wiring.hook_handler(category)
        return self._handlers[category]


def gateway_event(
    method: str, body: bytes, authorization: str | None, source: str
) -> dict[str, Any]:
    """The event of a POST to the explicit route of a known method, else to `/{method}`."""
    route = f"POST /{method}" if method in METHODS else "POST /{method}"
    headers = {
        "accept": "application/json",
        "content-length": str(len(body)),
        "content-type": "application/json;charset=UTF-8",
        "host": "api.execute-api.us-east-1.amazonaws.com",
        "user-agent": "Java/1.8.0_111",
        "x-forwarded-for": source,
    }
    if authorization is not None:
        headers["authorization"] = authorization
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": f"/{method}",
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "http": {
                "method": "POST",
                "path": f"/{method}",
                "protocol": "HTTP/1.1",
                "sourceIp": source,
                "userAgent": "Java/1.8.0_111",
            },
            "routeKey": route,
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if method not in METHODS:
        event["pathParameters"] = {"method": method}
    try:
        event["body"] = body.decode()
    except UnicodeDecodeError:
        event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    if not body:
        # The gateway leaves an empty body out.
        del event["body"]
    return event


def read_output(text: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines of metrics and lines of the log, from what a function wrote."""
    lines = [json.loads(line) for line in text.splitlines() if line.strip()]
    return [line for line in lines if "_aws" in line], [
        line for line in lines if "_aws" not in line
    ]


def forget_logger() -> None:
    """Let the next logger write to what is standard output now.

    Powertools makes one for a service and keeps it, with the stream of the test that came first.
    """
    logger = _logger()
    logger.handlers.clear()
    for mark in ("init", "powertools_handler"):
        vars(logger).pop(mark, None)


def _logger() -> logging.Logger:
    return logging.getLogger(ENVIRONMENT["POWERTOOLS_SERVICE_NAME"])
