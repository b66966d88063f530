"""The functions that answer hooks: one per category, since a failure of each means another thing.

Also what they share with the compiler function: run time, architecture, tracing and logs.
"""

import math
import platform
from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.dead_letters import DeadLetterStorage
from infra.encryption import use_of
from infra.least_privilege import execution_role
from infra.retention import log_group
from infra.settings import Architecture, Packaging, Settings, SubjectForm, Tracing
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category

_MARGIN_SECONDS = 4
"""What a function gets beyond the reply timeout: a cold start, then flushing its metrics.

With the longest ``replyTimeout`` of 10 s it stays below the 15 s for which WCS waits.
"""

LIVE: Final = "live"
"""The alias of each hook function: the version that answers hooks."""

_TRACING: Final = {
    Tracing.ACTIVE: lambda_.Tracing.ACTIVE,
    Tracing.PASS_THROUGH: lambda_.Tracing.PASS_THROUGH,
}

_SESSION_ACTIONS: Final[Mapping[Category, Sequence[str]]] = {
    Category.CONNECT: ["dynamodb:PutItem"],
    # A session that is still in use is kept for longer: UpdateItem.
    Category.DIRECT: ["dynamodb:GetItem", "dynamodb:UpdateItem"],
    Category.INCOMING: ["dynamodb:GetItem", "dynamodb:UpdateItem"],
    Category.EVENT: ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"],
}
"""What each category does with sessions: record, read, and at the end forget them."""

_LEASE_ACTIONS: Final = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:UpdateItem")
"""What each category does with places that limits count, in transactions too."""


class HookFunctions(Construct):
    """The four category functions.

    Attributes
    ----------
    by_category
        Each category's function.
    live
        Its alias, which names the version that answers hooks. Each deployment that changes code or
        configuration publishes a new version.
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        code: lambda_.Code,
        snapshots: dynamodb.ITable,
        sessions: dynamodb.ITable,
        lists: dynamodb.ITable,
        leases: dynamodb.ITable,
        dead_letters: DeadLetterStorage,
        secret_arn: str,
        token_secrets_arn: str,
        subject_secret_arn: str,
        event_bus: events.IEventBus | None,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        environment = {
            "SNAPSHOTS_TABLE": snapshots.table_name,
            "SESSIONS_TABLE": sessions.table_name,
            "LISTS_TABLE": lists.table_name,
            "LEASES_TABLE": leases.table_name,
            "DEAD_LETTER_QUEUE_URL": dead_letters.queue.queue_url,
            "DEAD_LETTER_TABLE": dead_letters.table.table_name,
            "SIGNATURE_SECRET_ARN": secret_arn,
            "TOKEN_SECRETS_ARN": token_secrets_arn,
            "KEYS_STALE_HOURS": str(settings.keys_stale_hours),
            "AUTH": settings.auth.value,
            "BASIC_USER": settings.basic_user,
            "ALLOWED_SOURCES": ",".join(settings.allowed_sources),
            "TRUSTED_PROXIES": ",".join(settings.trusted_proxies),
            "REPLY_TIMEOUT_SECONDS": f"{settings.reply_timeout:g}",
            "SNAPSHOT_TTL_SECONDS": f"{settings.snapshot_ttl:g}",
            "SESSION_TTL_DAYS": str(settings.session_ttl_days),
            "LISTS_CACHE_SECONDS": f"{settings.lists_cache_seconds:g}",
            "KEEP_ALIVE_INTERVAL_SECONDS": f"{settings.keep_alive_interval:g}",
            "CALL_LEASE_HOURS": str(settings.call_lease_hours),
            "SESSION_LEASE_HOURS": str(settings.session_lease_hours),
            "REST_API_CALLS": settings.rest_api_calls.value,
            "ECHO_LOG_SAMPLE_RATE": f"{settings.echo_log_sample_rate:g}",
            "LOGGED_FIELDS": ",".join(settings.logged_fields),
            "EXPLAIN_DECISIONS": str(settings.explain_decisions).lower(),
            **_subject_variables(settings, subject_secret_arn),
            "ECHO_METRICS_SECONDS": f"{settings.echo_metrics_seconds:g}",
        }
        environments = dict.fromkeys(Category, environment) | {
            Category.EVENT: environment
            | {
                "EVENT_BUS_NAME": event_bus.event_bus_name if event_bus else "",
                "EVENT_BUS_KEEP_ALIVE": str(settings.event_bus_keep_alive).lower(),
            }
        }
        common = [
            *_common_statements(settings, snapshots, dead_letters, secret_arn, token_secrets_arn),
            *_hashing(subject_secret_arn),
            *use_of(key),
        ]
        self.by_category: dict[Category, lambda_.Function] = {
            category: traced_function(
                self,
                category.capitalize(),
                settings,
                code=code,
                handler=f"wcs_hooks.handlers.{category}.handler",
                description=f"Answers the {category} hooks of WCS",
                timeout=Duration.seconds(math.ceil(settings.reply_timeout) + _MARGIN_SECONDS),
                environment=environments[category],
                tracing=_TRACING[settings.tracing],
                reserved_concurrency=settings.reserved_concurrency.for_category(category),
                key=key,
                statements=[
                    *common,
                    iam.PolicyStatement(
                        sid="Sessions",
                        actions=list(_SESSION_ACTIONS[category]),
                        resources=[sessions.table_arn],
                    ),
                    iam.PolicyStatement(
                        sid="LookUpRows",
                        actions=["dynamodb:BatchGetItem"],
                        resources=[lists.table_arn],
                    ),
                    iam.PolicyStatement(
                        sid="CountPlaces",
                        actions=list(_LEASE_ACTIONS),
                        resources=[leases.table_arn],
                    ),
                    *(_publishing(event_bus) if category is Category.EVENT else ()),
                ],
            )
            for category in Category
        }
        self.live: dict[Category, lambda_.Alias] = {
            category: lambda_.Alias(
                self,
                f"{category.capitalize()}Live",
                alias_name=LIVE,
                version=function.current_version,
                provisioned_concurrent_executions=(
                    settings.provisioned_concurrency.for_category(category)
                ),
            )
            for category, function in self.by_category.items()
        }


def _subject_variables(settings: Settings, secret_arn: str) -> Mapping[str, str]:
    if settings.subject is SubjectForm.OFF:
        return {}
    return {
        "SUBJECT": settings.subject.value,
        "SUBJECT_EXPRESSION": settings.subject_expression,
        "SUBJECT_SECRET_ARN": secret_arn,
    }


def _hashing(secret_arn: str) -> list[iam.PolicyStatement]:
    if not secret_arn:
        return []
    return [
        iam.PolicyStatement(
            sid="HashSubjects",
            actions=["secretsmanager:GetSecretValue"],
            resources=[secret_arn],
        )
    ]


def _publishing(event_bus: events.IEventBus | None) -> list[iam.PolicyStatement]:
    if event_bus is None:
        return []
    return [
        iam.PolicyStatement(
            sid="PublishEvents",
            actions=["events:PutEvents"],
            resources=[event_bus.event_bus_arn],
        )
    ]


def _common_statements(
    settings: Settings,
    snapshots: dynamodb.ITable,
    dead_letters: DeadLetterStorage,
    secret_arn: str,
    token_secrets_arn: str,
) -> list[iam.PolicyStatement]:
    statements = [
        iam.PolicyStatement(
            sid="ReadSnapshots",
            actions=["dynamodb:BatchGetItem", "dynamodb:Query"],
            resources=[snapshots.table_arn],
        ),
        iam.PolicyStatement(
            sid="DeadLetter",
            actions=["sqs:SendMessage"],
            resources=[dead_letters.queue.queue_arn],
        ),
        iam.PolicyStatement(
            sid="DeadLetterFallback",
            # UpdateItem counts what the table took.
            actions=["dynamodb:PutItem", "dynamodb:UpdateItem"],
            resources=[dead_letters.table.table_arn],
        ),
    ]
    if settings.auth is not Auth.NONE:
        statements.append(
            iam.PolicyStatement(
                sid="CheckCallers",
                actions=["secretsmanager:GetSecretValue"],
                resources=[secret_arn],
            )
        )
    if token_secrets_arn:
        statements.append(
            iam.PolicyStatement(
                sid="VerifyTokens",
                actions=["secretsmanager:GetSecretValue"],
                resources=[token_secrets_arn],
            )
        )
    return statements


def traced_function(  # noqa: PLR0913 - what a function is made of, by name
    scope: Construct,
    construct_id: str,
    settings: Settings,
    *,
    code: lambda_.Code,
    handler: str,
    description: str,
    timeout: Duration,
    environment: Mapping[str, str],
    statements: Sequence[iam.PolicyStatement],
    key: kms.IKey | None,
    tracing: lambda_.Tracing = lambda_.Tracing.ACTIVE,
    reserved_concurrency: int | None = None,
) -> lambda_.Function:
    """Make a function with a log group and a role of its own."""
    logs = log_group(scope, f"{construct_id}Logs", settings, key)
    function = lambda_.Function(
        scope,
        construct_id,
        code=code,
        handler=handler,
        description=description,
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=_architecture(settings),
        memory_size=settings.memory_size,
        timeout=timeout,
        reserved_concurrent_executions=reserved_concurrency,
        role=execution_role(scope, f"{construct_id}Role", logs, statements),
        tracing=tracing,
        log_group=logs,
        # JSON, so that Lambda's own START, END and REPORT lines, which cost more than the metrics'
        # line of a hook, can be left out; what fails is still reported. The functions' lines are
        # JSON themselves and stay as they are. Metrics' lines have no level and count as INFO.
        # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
        logging_format=lambda_.LoggingFormat.JSON,
        system_log_level_v2=lambda_.SystemLogLevel.WARN,
        application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
        environment={
            "POWERTOOLS_SERVICE_NAME": settings.service_name,
            "POWERTOOLS_METRICS_NAMESPACE": settings.metric_namespace,
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_TRACE_DISABLED": "true",
            **environment,
        },
    )
    if tracing is not lambda_.Tracing.ACTIVE:
        acknowledge(
            function,
            "Serverless-LambdaTracing",
            reason="Lambda traces 5 % of all calls, which cannot be set, and that costs more than "
            "all logs of a hook. The setting tracing turns it on.",
        )
    for finding in ("AwsSolutions-L1", "Serverless-LambdaLatestVersion"):
        acknowledge(function, finding, reason="The functions are built and tested for Python 3.13.")
    acknowledge(
        function,
        "Serverless-LambdaDLQ",
        reason="It would take failed asynchronous calls, of which there are none: the gateway's "
        "calls are synchronous, and the stream has a destination for what fails.",
    )
    return function


def _architecture(settings: Settings) -> lambda_.Architecture:
    if settings.packaging is Packaging.HOST:
        arm = platform.machine() in {"aarch64", "arm64"}
    else:
        arm = settings.architecture is Architecture.ARM64
    return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64
