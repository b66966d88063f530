"""The functions' environment variables become typed values, or one clear error."""

import pytest

from wcs_hooks.core.caller import Auth, RestApiCalls
from wcs_hooks.environment import (
    CompilerEnvironment,
    EnvironmentVariableError,
    HookEnvironment,
)

_HOOK = {
    "SNAPSHOTS_TABLE": "PolicySnapshots",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.invalid/dead-letters",
    "DEAD_LETTER_TABLE": "DeadLetters",
    "AUTH": "hmac",
    "SIGNATURE_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:s",
    "BASIC_USER": "wcs",
    "ALLOWED_SOURCES": "203.0.113.0/24, 2001:db8::/32",
    "TRUSTED_PROXIES": "198.51.100.0/24",
    "REPLY_TIMEOUT_SECONDS": "2",
    "SNAPSHOT_TTL_SECONDS": "0.5",
    "SESSIONS_TABLE": "Sessions",
    "SESSION_TTL_DAYS": "7",
    "LISTS_TABLE": "Lists",
    "LISTS_CACHE_SECONDS": "1.5",
    "LEASES_TABLE": "Leases",
    "KEEP_ALIVE_INTERVAL_SECONDS": "7.5",
    "CALL_LEASE_HOURS": "4",
    "SESSION_LEASE_HOURS": "24",
    "REST_API_CALLS": "never-deny",
    "TOKEN_SECRETS_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:t",
    "KEYS_STALE_HOURS": "12",
    "LOGGED_FIELDS": "name,callee",
    "EXPLAIN_DECISIONS": "true",
    "SUBJECT": "hash",
    "SUBJECT_EXPRESSION": "session.custom.login",
    "SUBJECT_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:u",
    "ECHO_LOG_SAMPLE_RATE": "0.01",
    "ECHO_METRICS_SECONDS": "5",
    "EVENT_BUS_NAME": "wcs-hooks",
    "EVENT_BUS_KEEP_ALIVE": "true",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
}
_COMPILER = {
    "POLICIES_TABLE": "Policies",
    "SNAPSHOTS_TABLE": "PolicySnapshots",
    "LEASES_TABLE": "Leases",
    "SNAPSHOT_RETENTION_DAYS": "30",
    "KEYS_STALE_HOURS": "24",
}


def test_given_what_the_stack_sets_when_a_hooks_function_reads_it_then_it_is_typed() -> None:
    assert HookEnvironment.read(_HOOK) == HookEnvironment(
        snapshots_table="PolicySnapshots",
        dead_letter_queue_url="https://sqs.invalid/dead-letters",
        dead_letter_table="DeadLetters",
        auth=Auth.HMAC,
        signature_secret_arn=_HOOK["SIGNATURE_SECRET_ARN"],
        basic_user="wcs",
        allowed_sources=("203.0.113.0/24", "2001:db8::/32"),
        trusted_proxies=("198.51.100.0/24",),
        reply_timeout=2.0,
        snapshot_ttl=0.5,
        sessions_table="Sessions",
        session_ttl=7 * 86_400,
        lists_table="Lists",
        lists_cache=1.5,
        leases_table="Leases",
        keep_alive_interval=7.5,
        call_lease=4 * 3600.0,
        session_lease=24 * 3600.0,
        rest_api_calls=RestApiCalls.NEVER_DENY,
        token_secrets_arn=_HOOK["TOKEN_SECRETS_ARN"],
        keys_stale=12 * 3600.0,
        logged_fields=("name", "callee"),
        explains_decisions=True,
        subject="hash",
        subject_expression="session.custom.login",
        subject_secret_arn=_HOOK["SUBJECT_SECRET_ARN"],
        echo_log_sample_rate=0.01,
        echo_metrics_seconds=5.0,
        event_bus="wcs-hooks",
        event_bus_keep_alive=True,
        memory_bytes=512 * 1024 * 1024,
    )


def test_given_what_the_stack_sets_when_the_compiler_reads_it_then_it_is_typed() -> None:
    assert CompilerEnvironment.read(_COMPILER) == CompilerEnvironment(
        policies_table="Policies",
        snapshots_table="PolicySnapshots",
        leases_table="Leases",
        retention_days=30.0,
        keys_stale=86_400.0,
        local_issuers=False,
    )
    assert CompilerEnvironment.read(_COMPILER | {"LOCAL_ISSUERS": "true"}).local_issuers


@pytest.mark.parametrize("sources", ["", " ", ","])
def test_given_no_sources_when_the_environment_is_read_then_any_may_call(sources: str) -> None:
    assert HookEnvironment.read(_HOOK | {"ALLOWED_SOURCES": sources}).allowed_sources == ()


def test_given_no_authentication_when_the_environment_is_read_then_no_secret_is_needed() -> None:
    optional = {
        *("SIGNATURE_SECRET_ARN", "BASIC_USER", "EVENT_BUS_NAME"),
        *("ALLOWED_SOURCES", "TRUSTED_PROXIES"),
    }
    variables = {name: value for name, value in _HOOK.items() if name not in optional}

    environment = HookEnvironment.read(variables | {"AUTH": "none"})

    assert environment.auth is Auth.NONE
    assert environment.allowed_sources == environment.trusted_proxies == ()


@pytest.mark.parametrize(
    "name",
    [
        "SNAPSHOTS_TABLE",
        "DEAD_LETTER_QUEUE_URL",
        "DEAD_LETTER_TABLE",
        "AUTH",
        "SESSIONS_TABLE",
        "SESSION_TTL_DAYS",
        "LISTS_TABLE",
        "LISTS_CACHE_SECONDS",
        "LEASES_TABLE",
        "KEEP_ALIVE_INTERVAL_SECONDS",
        "CALL_LEASE_HOURS",
        "SESSION_LEASE_HOURS",
        "REST_API_CALLS",
        "KEYS_STALE_HOURS",
        "REPLY_TIMEOUT_SECONDS",
        "SNAPSHOT_TTL_SECONDS",
        "ECHO_LOG_SAMPLE_RATE",
        "ECHO_METRICS_SECONDS",
    ],
)
def test_given_a_variable_is_missing_when_a_hooks_function_reads_it_then_it_is_named(
    name: str,
) -> None:
    without = {other: value for other, value in _HOOK.items() if other != name}

    for variables in (without, _HOOK | {name: ""}):
        with pytest.raises(EnvironmentVariableError, match=name):
            HookEnvironment.read(variables)


@pytest.mark.parametrize("name", list(_COMPILER))
def test_given_a_variable_is_missing_when_the_compiler_reads_it_then_it_is_named(name: str) -> None:
    with pytest.raises(EnvironmentVariableError, match=name):
        CompilerEnvironment.read(_COMPILER | {name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH", "HMAC"),
        ("AUTH", "oauth"),
        ("REST_API_CALLS", "sometimes"),
        ("SESSION_TTL_DAYS", "-1"),
        ("SNAPSHOT_TTL_SECONDS", "nan"),
        ("REPLY_TIMEOUT_SECONDS", "inf"),
        ("REPLY_TIMEOUT_SECONDS", "two"),
        ("SNAPSHOT_TTL_SECONDS", "2s"),
    ],
)
def test_given_a_variable_is_wrong_when_it_is_read_then_its_name_and_value_are_told(
    name: str, value: str
) -> None:
    with pytest.raises(EnvironmentVariableError, match=f"{name} is '{value}'"):
        HookEnvironment.read(_HOOK | {name: value})
