"""The wiring of the four category functions: endpoint, ports and reporter, by the environment."""

import os
from collections.abc import Callable, Collection, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from wcs_hooks.adapters.cached_policies import CachedPolicies
from wcs_hooks.adapters.cached_secrets import CachedSecrets
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_sessions import DynamoSessions
from wcs_hooks.adapters.dynamo_snapshots import DynamoSnapshots
from wcs_hooks.adapters.fallback_dead_letters import FallbackDeadLetters
from wcs_hooks.adapters.secrets_manager import read_secrets
from wcs_hooks.clock import Clock, Deadline, SystemClock
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.lists import Row, RowKey
from wcs_hooks.core.methods import Category
from wcs_hooks.environment import HookEnvironment
from wcs_hooks.handlers.garbage import PausedCollector
from wcs_hooks.handlers.http_event import Event, gateway_response, read_request
from wcs_hooks.hook.caller_check import CallerCheck
from wcs_hooks.hook.endpoint import HookEndpoint
from wcs_hooks.hook.side_effects import ForgetSession, PublishEvent, RecordSession, SideEffect
from wcs_hooks.ports import DeadLetters, Leases, Lists, TokenKeys
from wcs_hooks.telemetry.hook_reporter import HookReporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb.client import DynamoDBClient

    from wcs_hooks.core.tokens.keys import Key
    from wcs_hooks.core.tokens.trust import Trust
    from wcs_hooks.hook.places import SessionPlaces
    from wcs_hooks.hook.subjects import SubjectFinder

REDRIVE: Final = "redrive"
"""The event's key for a dead letter that is handed back. The gateway's events have no such key:
only those who may invoke the function can redrive."""

_POLICIES_SHARE: Final = 0.4
"""Share of the function's memory that cached policies may take. The code takes 70 MB: more of the
smallest function would leave no room for that."""


class LambdaContext(Protocol):
    """What of Lambda's context object is used."""

    aws_request_id: str


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
    leases = _leases(environment, dynamodb, clock)
    endpoint = HookEndpoint(
        category,
        check_caller=CallerCheck(
            environment.auth,
            secrets,
            environment.basic_user,
            environment.allowed_sources,
            environment.trusted_proxies,
        ),
        policies=CachedPolicies(
            DynamoSnapshots(dynamodb, environment.snapshots_table),
            environment.snapshot_ttl,
            clock,
            max_bytes=environment.memory_bytes * _POLICIES_SHARE,
        ),
        sessions=sessions,
        token_keys=_token_keys(environment, clients, dynamodb, clock),
        lists=_ListsWhenAsked(environment, dynamodb, clock),
        leases=leases,
        session_places=_session_places(leases, environment, clock),
        rest_api_calls=environment.rest_api_calls,
        side_effects=_side_effects(category, environment, clients, sessions, leases, clock),
        dead_letters=FallbackDeadLetters(
            partial(_dead_letter_queue, clients, environment.dead_letter_queue_url),
            partial(_dead_letter_table, dynamodb, environment.dead_letter_table, clock),
            clock,
        ),
        clock=clock,
        reply_timeout=environment.reply_timeout,
        subjects=_subjects(environment, clients, clock) if environment.subject else None,
        explains=environment.explains_decisions,
    )
    reporter = HookReporter(
        category,
        environment.echo_log_sample_rate,
        secrets.current,
        echo_metrics_seconds=environment.echo_metrics_seconds,
        clock=clock,
        logged_fields=environment.logged_fields,
    )

    def answer(event: Event, decision_id: str) -> dict[str, Any]:
        started = clock.monotonic()
        reply, observation = endpoint.answer(read_request(event, decision_id))
        reporter.report(observation, reply, clock.monotonic() - started)
        return gateway_response(reply, decision_id)

    def handler(event: Event, context: LambdaContext) -> dict[str, Any]:
        # What a hook leaves behind is freed once it is answered, and not looked through before.
        with PausedCollector():
            if REDRIVE not in event:
                return answer(event, context.aws_request_id)
            # Most functions never redrive.
            from wcs_hooks.handlers.redrive import redrive  # noqa: PLC0415

            return redrive(endpoint, reporter, event[REDRIVE], context.aws_request_id)

    return handler


def _side_effects(
    category: Category,
    environment: HookEnvironment,
    clients: Clients,
    sessions: DynamoSessions,
    leases: Callable[[], Leases],
    clock: Clock,
) -> list[SideEffect]:
    if category is Category.CONNECT:
        return [RecordSession(sessions)]
    if category is not Category.EVENT:
        return []
    from wcs_hooks.hook.places import ReleasePlaces  # noqa: PLC0415 - by the event function alone

    places = ReleasePlaces(leases, environment.keep_alive_interval)
    side_effects: list[SideEffect] = [ForgetSession(sessions), places]
    if environment.event_bus:
        # Imported by the one function that publishes.
        from wcs_hooks.adapters.event_bus import EventBridgeBus  # noqa: PLC0415

        bus = EventBridgeBus(clients.event_bridge(), environment.event_bus, clock)
        side_effects.append(
            PublishEvent(bus, sessions, keep_alive=environment.event_bus_keep_alive)
        )
    return side_effects


def _subjects(environment: HookEnvironment, clients: Clients, clock: Clock) -> "SubjectFinder":
    # Imported where the setting is on.
    from wcs_hooks.core.subject import HASH, SubjectExpression  # noqa: PLC0415
    from wcs_hooks.hook.subjects import SubjectFinder  # noqa: PLC0415

    source, arn = environment.subject_expression, environment.subject_secret_arn
    secrets = None
    if environment.subject == HASH:
        client = clients.secrets_manager()
        secrets = CachedSecrets(lambda: read_secrets(client, arn), clock).valid
    return SubjectFinder(SubjectExpression(source) if source else None, secrets)


def _token_keys(
    environment: HookEnvironment, clients: Clients, dynamodb: "DynamoDBClient", clock: Clock
) -> TokenKeys:
    """The keys of tokens; what reads them is made for the first token, as most apps have none."""

    @cache
    def made() -> TokenKeys:
        from wcs_hooks.adapters.secrets_manager import read_token_secrets  # noqa: PLC0415
        from wcs_hooks.adapters.token_keys import trusted_keys  # noqa: PLC0415

        arn = environment.token_secrets_arn
        return trusted_keys(
            dynamodb,
            environment.snapshots_table,
            environment.keys_stale,
            lambda: read_token_secrets(clients.secrets_manager(), arn) if arn else {},
            clock,
        )

    def keys_of(trust: "Trust", deadline: Deadline) -> "Sequence[Key] | None":
        return made()(trust, deadline)

    return keys_of


class _ListsWhenAsked:
    """The lists; what reads them is made for the first lookup, as most apps look nothing up."""

    def __init__(
        self, environment: HookEnvironment, dynamodb: "DynamoDBClient", clock: Clock
    ) -> None:
        self._environment, self._dynamodb, self._clock = environment, dynamodb, clock
        self._lists: Lists | None = None

    def rows(self, keys: Collection[RowKey], deadline: Deadline) -> Mapping[RowKey, Row]:
        if self._lists is None:
            from wcs_hooks.adapters.dynamo_lists import DynamoLists  # noqa: PLC0415

            environment = self._environment
            self._lists = DynamoLists(
                self._dynamodb, environment.lists_table, environment.lists_cache, self._clock
            )
        return self._lists.rows(keys, deadline)


def _leases(
    environment: HookEnvironment, dynamodb: "DynamoDBClient", clock: Clock
) -> Callable[[], Leases]:
    """Returns the leases; what keeps them is made for the first limit, as most apps have none."""

    @cache
    def made() -> Leases:
        from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds  # noqa: PLC0415
        from wcs_hooks.core.limits import stream_lease  # noqa: PLC0415

        return DynamoLeases(
            dynamodb,
            environment.leases_table,
            LeaseSeconds(
                stream_lease(environment.keep_alive_interval),
                environment.call_lease,
                environment.session_lease,
            ),
            clock,
        )

    return made


def _session_places(
    leases: Callable[[], Leases], environment: HookEnvironment, clock: Clock
) -> "Callable[[], SessionPlaces]":
    @cache
    def made() -> "SessionPlaces":
        from wcs_hooks.hook.places import SessionPlaces  # noqa: PLC0415

        return SessionPlaces(leases(), environment.call_lease, environment.session_lease, clock)

    return made


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
