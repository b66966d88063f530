"""The four category functions: from the gateway's event to the endpoint, and back.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
(payload format 2.0).
"""

import base64
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any, Final, Protocol

from wcs_hooks.adapters.cached_policies import CachedPolicies
from wcs_hooks.adapters.cached_secrets import CachedSecrets
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_sessions import DynamoSessions
from wcs_hooks.adapters.dynamo_snapshots import DynamoSnapshots
from wcs_hooks.adapters.event_bus import EventBridgeBus
from wcs_hooks.adapters.fallback_dead_letters import FallbackDeadLetters
from wcs_hooks.adapters.secrets_manager import read_secrets
from wcs_hooks.clock import Clock, SystemClock
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.collector import PausedCollector
from wcs_hooks.core.methods import Category
from wcs_hooks.core.reply import Reply
from wcs_hooks.environment import HookEnvironment
from wcs_hooks.hook.dead_letter import PENDING, UNVERIFIED, UnknownSchemaError, body_of, pending_of
from wcs_hooks.hook.endpoint import CallerCheck, HookEndpoint, Kind, Request
from wcs_hooks.hook.side_effects import FollowUp, ForgetSession, PublishEvent, RecordSession
from wcs_hooks.ports import DeadLetters
from wcs_hooks.telemetry.reporter import HookReporter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

REDRIVE: Final = "redrive"
"""The event's key for a dead letter that is handed back. The gateway's events have no such key:
only who may invoke the function can redrive."""

_ROUTE_PREFIX: Final = "POST /"

_POLICIES_SHARE: Final = 0.4
"""Share of the function's memory that cached policies may take. The code takes 70 MB: more of the
smallest function would leave no room for that."""


class LambdaContext(Protocol):
    """What of Lambda's context object is used."""

    aws_request_id: str


type Event = dict[str, Any]
type Handler = Callable[[Event, LambdaContext], dict[str, Any]]


def hook_handler(category: Category) -> Handler:
    """The Lambda handler of a category, configured by the environment variables.

    Raises
    ------
    EnvironmentVariableError
        If one of them is missing or wrong.
    """
    environment = HookEnvironment.read(os.environ)
    clock = SystemClock()
    clients = Clients(environment.reply_timeout)
    secrets = _secrets(environment, clients, clock)
    dynamodb = clients.dynamodb()
    sessions = DynamoSessions(dynamodb, environment.sessions_table, environment.session_ttl, clock)
    endpoint = HookEndpoint(
        category,
        check_caller=CallerCheck(
            environment.auth, secrets, environment.basic_user, environment.allowed_sources
        ),
        policies=CachedPolicies(
            DynamoSnapshots(dynamodb, environment.snapshots_table),
            environment.snapshot_ttl,
            clock,
            max_bytes=environment.memory_bytes * _POLICIES_SHARE,
        ),
        sessions=sessions,
        rest_api_calls=environment.rest_api_calls,
        follow_ups=_follow_ups(category, environment, clients, sessions, clock),
        dead_letters=FallbackDeadLetters(
            partial(_dead_letter_queue, clients, environment.dead_letter_queue_url),
            partial(_dead_letter_table, dynamodb, environment.dead_letter_table, clock),
            clock,
        ),
        clock=clock,
        reply_timeout=environment.reply_timeout,
    )
    reporter = HookReporter(
        category,
        environment.echo_log_sample_rate,
        secrets.current,
        echo_metrics_seconds=environment.echo_metrics_seconds,
        clock=clock,
    )
    if environment.echo_metrics_seconds:
        _call_before_the_end(reporter.flush)

    def redrive(message: Mapping[str, Any], decision_id: str) -> dict[str, Any]:
        if message.get(UNVERIFIED):
            reason = "nobody could check whether WCS sent it: the secret could not be read then"
            return _redriven(decision_id, 403, Kind.REJECTED, error=reason)
        try:
            pending = pending_of(message)
        except UnknownSchemaError as error:
            return _redriven(decision_id, 503, Kind.FAILED, error=str(error))
        request = Request(message["method"], body_of(message), None, "", decision_id)
        original = message.get("decision") or decision_id
        reply, observation, left = endpoint.redrive(request, original, pending)
        reporter.report_redrive(observation, reply)
        decision = observation.decision
        return _redriven(
            decision_id,
            reply.status,
            observation.kind,
            policies=decision.applied if decision else (),
            error=observation.error,
            pending=left,
        )

    def answer(event: Event, decision_id: str) -> dict[str, Any]:
        started = clock.monotonic()
        reply, observation = endpoint.answer(read_request(event, decision_id))
        reporter.report(observation, reply, clock.monotonic() - started)
        return gateway_response(reply, decision_id)

    def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
        if REDRIVE in event:
            return redrive(event[REDRIVE], context.aws_request_id)
        # What a hook leaves behind is freed once it is answered, and not looked through before.
        with PausedCollector():
            return answer(event, context.aws_request_id)

    return handler


def read_request(event: Event, decision_id: str) -> Request:
    """The request that a gateway event carries.

    Examples
    --------
    >>> event = {"routeKey": "POST /call", "headers": {}, "body": "{}", "requestContext": {}}
    >>> read_request(event, "1").method
    'call'
    """
    body = event.get("body") or ""
    headers = event.get("headers") or {}
    source = event["requestContext"].get("http", {}).get("sourceIp", "")
    return Request(
        _method(event),
        base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        headers.get("authorization"),
        source,
        decision_id,
    )


def gateway_response(reply: Reply, decision_id: str) -> dict[str, Any]:
    """A reply in the gateway's form.

    Every reply is UTF-8: what is echoed has been parsed.
    """
    return {
        "statusCode": reply.status,
        "headers": {"Content-Type": "application/json", "X-Decision-Id": decision_id},
        "body": reply.body.decode(),
    }


def _redriven(
    decision_id: str,
    status: int,
    answer: Kind,
    *,
    policies: Sequence[str] = (),
    error: str = "",
    pending: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What whoever redrives is told; `pending` only where something was tried."""
    told: dict[str, Any] = {
        "decision": decision_id,
        "status": status,
        "answer": answer,
        "policies": list(policies),
        "error": error,
    }
    return told if pending is None else told | {PENDING: list(pending)}


def _method(event: Event) -> str:
    """The method's name: of the explicit routes in the route's key, else the path's parameter."""
    parameters = event.get("pathParameters")
    if parameters and "method" in parameters:
        method: str = parameters["method"]
        return method
    route: str = event["routeKey"]
    return route.removeprefix(_ROUTE_PREFIX)


def _call_before_the_end(flush: Callable[[], None]) -> None:
    """Have what is gathered emitted when Lambda ends the environment, if it says so.

    It sends SIGTERM where an extension is registered, and else ends the process without a word:
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
    """
    # Python takes signals in its main thread only, and lets no other one ask for them.
    if threading.current_thread() is not threading.main_thread():
        return
    before = signal.getsignal(signal.SIGTERM)

    def end(number: int, _frame: FrameType | None) -> None:
        flush()
        signal.signal(number, before if before is not None else signal.SIG_DFL)
        signal.raise_signal(number)

    signal.signal(signal.SIGTERM, end)


def _follow_ups(
    category: Category,
    environment: HookEnvironment,
    clients: Clients,
    sessions: DynamoSessions,
    clock: Clock,
) -> list[FollowUp]:
    if category is Category.CONNECT:
        return [RecordSession(sessions)]
    if category is not Category.EVENT:
        return []
    follow_ups: list[FollowUp] = [ForgetSession(sessions)]
    if environment.event_bus:
        bus = EventBridgeBus(clients.event_bridge(), environment.event_bus, clock)
        follow_ups.append(PublishEvent(bus, sessions, keep_alive=environment.event_bus_keep_alive))
    return follow_ups


# Most functions never have a dead letter, so that what keeps them is imported for the first one.


def _dead_letter_queue(clients: Clients, url: str) -> DeadLetters:
    from wcs_hooks.adapters.sqs_dead_letters import SqsDeadLetters  # noqa: PLC0415

    return SqsDeadLetters(clients.sqs, url)


def _dead_letter_table(client: "DynamoDBClient", table: str, clock: Clock) -> DeadLetters:
    from wcs_hooks.adapters.dynamo_dead_letters import DynamoDeadLetters  # noqa: PLC0415

    return DynamoDeadLetters(client, table, clock)


def _secrets(environment: HookEnvironment, clients: Clients, clock: Clock) -> CachedSecrets:
    if environment.auth is Auth.NONE:
        return CachedSecrets(lambda: (), clock)
    client = clients.secrets_manager()
    arn = environment.signature_secret_arn
    return CachedSecrets(lambda: read_secrets(client, arn), clock)
