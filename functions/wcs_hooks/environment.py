"""The functions' environment variables, read once into typed values."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from wcs_hooks.core.caller import Auth, RestApiCalls

SECONDS_PER_HOUR: Final = 3_600
SECONDS_PER_DAY: Final = 86_400

_LEAST_MB: Final = "128"
"""The least memory that a Lambda function can have, where Lambda does not say."""


class EnvironmentVariableError(Exception):
    """A variable that is missing or wrong; the stack sets all of them."""


class HookEnvironment(NamedTuple):
    """What a category's function is configured with.

    Attributes
    ----------
    reply_timeout
        Seconds within which every reply is given.
    snapshot_ttl
        Seconds for which what is active is not asked for again.
    session_ttl
        Seconds for which a session is kept.
    lists_cache
        Seconds for which a row of a list is not read again; 0 for not at all.
    keep_alive_interval
        Seconds between two keep-alives of a stream.
    call_lease, session_lease
        Seconds for which a call and a session hold a place that a limit counts, unless renewed.
    token_secrets_arn
        The secret that tokens are signed with; empty for none.
    keys_stale
        Seconds for which an issuer's keys count after they were fetched.
    echo_log_sample_rate
        The share of plain echoes that are logged, 0 to 1.
    echo_metrics_seconds
        How long plain echoes are batched before they are counted together; 0 for not at all.
    event_bus
        The bus that events are published to; empty for none.
    event_bus_keep_alive
        Whether StreamKeepAliveEvent is published too.
    memory_bytes
        The function's memory, as Lambda itself says.
    logged_fields
        The fields of hooks that decision lines show.
    explains_decisions
        Whether decision lines name the policies that were passed over.
    subject
        In what form events and decision lines show who is behind a hook; empty for not at all.
    subject_expression
        Says who it is where no token proves it; empty for nobody.
    subject_secret_arn
        The secret that subjects are hashed with.
    """

    snapshots_table: str
    sessions_table: str
    dead_letter_queue_url: str
    dead_letter_table: str
    auth: Auth
    signature_secret_arn: str
    basic_user: str
    allowed_sources: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    reply_timeout: float
    snapshot_ttl: float
    session_ttl: float
    lists_table: str
    lists_cache: float
    leases_table: str
    keep_alive_interval: float
    call_lease: float
    session_lease: float
    rest_api_calls: RestApiCalls
    token_secrets_arn: str
    keys_stale: float
    echo_log_sample_rate: float
    echo_metrics_seconds: float
    event_bus: str
    event_bus_keep_alive: bool
    memory_bytes: int
    logged_fields: tuple[str, ...] = ()
    explains_decisions: bool = False
    subject: str = ""
    subject_expression: str = ""
    subject_secret_arn: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "HookEnvironment":
        """Read the variables.

        Raises
        ------
        EnvironmentVariableError
            Naming the variable that is missing or wrong.
        """
        return cls(
            snapshots_table=_text(variables, "SNAPSHOTS_TABLE"),
            dead_letter_queue_url=_text(variables, "DEAD_LETTER_QUEUE_URL"),
            dead_letter_table=_text(variables, "DEAD_LETTER_TABLE"),
            sessions_table=_text(variables, "SESSIONS_TABLE"),
            auth=_one_of(variables, "AUTH", Auth),
            signature_secret_arn=variables.get("SIGNATURE_SECRET_ARN", ""),
            basic_user=variables.get("BASIC_USER", ""),
            allowed_sources=_listed(variables, "ALLOWED_SOURCES"),
            trusted_proxies=_listed(variables, "TRUSTED_PROXIES"),
            reply_timeout=_number(variables, "REPLY_TIMEOUT_SECONDS"),
            snapshot_ttl=_number(variables, "SNAPSHOT_TTL_SECONDS"),
            session_ttl=_number(variables, "SESSION_TTL_DAYS") * SECONDS_PER_DAY,
            lists_table=_text(variables, "LISTS_TABLE"),
            lists_cache=_number(variables, "LISTS_CACHE_SECONDS"),
            leases_table=_text(variables, "LEASES_TABLE"),
            keep_alive_interval=_number(variables, "KEEP_ALIVE_INTERVAL_SECONDS"),
            call_lease=_number(variables, "CALL_LEASE_HOURS") * SECONDS_PER_HOUR,
            session_lease=_number(variables, "SESSION_LEASE_HOURS") * SECONDS_PER_HOUR,
            rest_api_calls=_one_of(variables, "REST_API_CALLS", RestApiCalls),
            token_secrets_arn=variables.get("TOKEN_SECRETS_ARN", ""),
            keys_stale=_number(variables, "KEYS_STALE_HOURS") * SECONDS_PER_HOUR,
            echo_log_sample_rate=_number(variables, "ECHO_LOG_SAMPLE_RATE"),
            echo_metrics_seconds=_number(variables, "ECHO_METRICS_SECONDS"),
            event_bus=variables.get("EVENT_BUS_NAME", ""),
            event_bus_keep_alive=variables.get("EVENT_BUS_KEEP_ALIVE") == "true",
            memory_bytes=int(variables.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", _LEAST_MB)) << 20,
            logged_fields=_listed(variables, "LOGGED_FIELDS"),
            explains_decisions=variables.get("EXPLAIN_DECISIONS") == "true",
            subject=variables.get("SUBJECT", ""),
            subject_expression=variables.get("SUBJECT_EXPRESSION", ""),
            subject_secret_arn=variables.get("SUBJECT_SECRET_ARN", ""),
        )


class CompilerEnvironment(NamedTuple):
    """What the compiler is configured with.

    Attributes
    ----------
    retention_days
        How long a version is kept after another took its place.
    keys_stale
        Seconds for which an issuer's keys count after they were fetched.
    local_issuers
        Whether keys may be fetched by http from loopback.
    """

    policies_table: str
    snapshots_table: str
    leases_table: str
    retention_days: float
    keys_stale: float
    local_issuers: bool

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "CompilerEnvironment":
        """Read the variables.

        Raises
        ------
        EnvironmentVariableError
            Naming the variable that is missing or wrong.
        """
        return cls(
            policies_table=_text(variables, "POLICIES_TABLE"),
            snapshots_table=_text(variables, "SNAPSHOTS_TABLE"),
            leases_table=_text(variables, "LEASES_TABLE"),
            retention_days=_number(variables, "SNAPSHOT_RETENTION_DAYS"),
            keys_stale=_number(variables, "KEYS_STALE_HOURS") * SECONDS_PER_HOUR,
            local_issuers=variables.get("LOCAL_ISSUERS") == "true",
        )


def _text(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "")
    if not value:
        raise EnvironmentVariableError(f"the environment variable {name} is not set")
    return value


def _listed(variables: Mapping[str, str], name: str) -> tuple[str, ...]:
    parts = (part.strip() for part in variables.get(name, "").split(","))
    return tuple(part for part in parts if part)


def _one_of[E: StrEnum](variables: Mapping[str, str], name: str, kind: type[E]) -> E:
    value = _text(variables, name)
    if value not in list(kind):
        raise EnvironmentVariableError(f"{name} is {value!r}; known are {', '.join(kind)}")
    return kind(value)


def _number(variables: Mapping[str, str], name: str) -> float:
    value = _text(variables, name)
    try:
        number = float(value)
    except ValueError as error:
        raise EnvironmentVariableError(f"{name} is {value!r}, which is not a number") from error
    if not 0 <= number < float("inf"):
        raise EnvironmentVariableError(f"{name} is {value!r}, which no such number can be")
    return number
