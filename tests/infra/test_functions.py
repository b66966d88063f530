import json
import platform
from typing import Final

import pytest

from infra.settings import Architecture, Packaging, Settings, SubjectForm, Tracing
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import SynthesisedStack
from tests.infra.test_permissions import role_permissions
from wcs_hooks.core.caller import Auth, RestApiCalls
from wcs_hooks.core.methods import Category
from wcs_hooks.environment import HookEnvironment

FUNCTIONS: Final = (*Category, "compiler")

POWERTOOLS: Final = {
    "POWERTOOLS_SERVICE_NAME": "wcs-hooks",
    "POWERTOOLS_METRICS_NAMESPACE": "WcsHooks",
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "POWERTOOLS_TRACE_DISABLED": "true",
}

OTHER_SETTINGS: Final = Settings(
    auth=Auth.BASIC,
    basic_user="node",
    allowed_sources=("203.0.113.0/24", "2001:db8::/32"),
    trusted_proxies=("198.51.100.0/24", "192.0.2.1/32"),
    reply_timeout=2.1,
    snapshot_ttl=0.5,
    echo_log_sample_rate=0.25,
    echo_metrics_seconds=2.5,
    session_ttl_days=3,
    lists_cache_seconds=0.5,
    keep_alive_interval=12.5,
    call_lease_hours=2,
    session_lease_hours=48,
    rest_api_calls=RestApiCalls.AS_CLIENT,
    keys_stale_hours=36,
    token_secrets=True,
    logged_fields=("name", "callee"),
    explain_decisions=True,
    subject=SubjectForm.HASH,
    subject_expression="session.custom.login",
)
"""Other environment variables of the functions."""


def test_given_the_stack_when_counted_then_there_are_these_five_functions(
    stack: SynthesisedStack,
) -> None:
    handlers = sorted(
        function["Properties"]["Handler"]
        for function in stack.of_type("AWS::Lambda::Function").values()
    )

    assert handlers == sorted(f"wcs_hooks.handlers.{name}.handler" for name in FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_given_a_function_when_deployed_then_nothing_of_it_is_left_to_defaults(
    name: str, stack: SynthesisedStack
) -> None:
    function = stack.function(name)

    assert function["Handler"] == f"wcs_hooks.handlers.{name}.handler"
    assert function["Runtime"] == "python3.13"
    assert function["Architectures"] == ["arm64"]
    assert function["MemorySize"] == 1024
    # Of what is called for each hook traces would cost more than all else of ours.
    assert function["TracingConfig"] == {"Mode": "Active" if name == "compiler" else "PassThrough"}
    assert function["LoggingConfig"]["LogFormat"] == "JSON"
    assert function["LoggingConfig"]["SystemLogLevel"] == "WARN"
    # Metrics' lines have no level and count as INFO: above that they would be dropped.
    assert function["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    log_group = stack.resource(function["LoggingConfig"]["LogGroup"])
    assert log_group["Properties"]["RetentionInDays"] == 30


def test_given_tracing_is_asked_for_when_deployed_then_every_function_is_traced(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(tracing=Tracing.ACTIVE))

    assert {stack.function(name)["TracingConfig"]["Mode"] for name in FUNCTIONS} == {"Active"}


def test_given_all_functions_when_they_log_then_each_has_a_log_group_of_its_own(
    stack: SynthesisedStack,
) -> None:
    groups = {stack.logical_id(stack.function(name)["LoggingConfig"]) for name in FUNCTIONS}

    assert len(groups) == len(FUNCTIONS)


@pytest.mark.parametrize(("reply_timeout", "seconds"), [(0.5, 5), (2.0, 6), (2.1, 7), (10.0, 14)])
def test_given_a_reply_timeout_when_hooks_are_slow_then_lambda_ends_after_it_and_before_wcs_does(
    reply_timeout: float, seconds: int, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(reply_timeout=reply_timeout))

    timeouts = {stack.function(category)["Timeout"] for category in Category}
    assert timeouts == {seconds}
    assert seconds < 15
    assert stack.function("compiler")["Timeout"] == 300


@pytest.mark.parametrize("category", Category)
def test_given_settings_when_a_category_function_starts_then_its_environment_tells_them(
    category: Category, stack_with: Synthesise
) -> None:
    stack = stack_with(OTHER_SETTINGS)
    of_events = {"EVENT_BUS_NAME": "", "EVENT_BUS_KEEP_ALIVE": "false"}

    assert stack.function(category)["Environment"]["Variables"] == POWERTOOLS | {
        "SNAPSHOTS_TABLE": stack.output("SnapshotsTableName"),
        "SESSIONS_TABLE": stack.output("SessionsTableName"),
        "LISTS_TABLE": stack.output("ListsTableName"),
        "LEASES_TABLE": stack.output("LeasesTableName"),
        "KEEP_ALIVE_INTERVAL_SECONDS": "12.5",
        "CALL_LEASE_HOURS": "2",
        "SESSION_LEASE_HOURS": "48",
        "DEAD_LETTER_QUEUE_URL": stack.output("DeadLetterQueueUrl"),
        "DEAD_LETTER_TABLE": stack.output("DeadLetterTableName"),
        "SIGNATURE_SECRET_ARN": stack.output("SignatureSecretArn"),
        "TOKEN_SECRETS_ARN": stack.output("TokenSecretsArn"),
        "KEYS_STALE_HOURS": "36",
        "AUTH": "basic",
        "BASIC_USER": "node",
        "ALLOWED_SOURCES": "203.0.113.0/24,2001:db8::/32",
        "TRUSTED_PROXIES": "198.51.100.0/24,192.0.2.1/32",
        "REPLY_TIMEOUT_SECONDS": "2.1",
        "SNAPSHOT_TTL_SECONDS": "0.5",
        "SESSION_TTL_DAYS": "3",
        "LISTS_CACHE_SECONDS": "0.5",
        "REST_API_CALLS": "as-client",
        "ECHO_LOG_SAMPLE_RATE": "0.25",
        "ECHO_METRICS_SECONDS": "2.5",
        "LOGGED_FIELDS": "name,callee",
        "EXPLAIN_DECISIONS": "true",
        "SUBJECT": "hash",
        "SUBJECT_EXPRESSION": "session.custom.login",
        "SUBJECT_SECRET_ARN": stack.output("SubjectSecretArn"),
        **(of_events if category is Category.EVENT else {}),
    }


@pytest.mark.parametrize("name", FUNCTIONS)
def test_given_hashed_subjects_when_functions_run_then_those_that_answer_hooks_may_read_the_secret(
    name: str, stack_with: Synthesise
) -> None:
    stack = stack_with(OTHER_SETTINGS)

    reading = {each for each in role_permissions(stack, name) if each[1] == "secret of subjects"}

    allowed = {("secretsmanager:GetSecretValue", "secret of subjects")}
    assert reading == (set() if name == "compiler" else allowed)


@pytest.mark.parametrize("keep_alive", [False, True])
def test_given_an_event_bus_when_the_event_function_starts_then_it_is_told_where_and_what(
    *, keep_alive: bool, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(event_bus=True, event_bus_keep_alive=keep_alive))

    variables = stack.function("event")["Environment"]["Variables"]
    assert variables["EVENT_BUS_NAME"] == stack.output("EventBusName")
    assert variables["EVENT_BUS_KEEP_ALIVE"] == str(keep_alive).lower()
    for category in set(Category) - {Category.EVENT}:
        assert not [
            name for name in stack.function(category)["Environment"]["Variables"] if "BUS" in name
        ]


@pytest.mark.parametrize("rest_api_calls", RestApiCalls)
@pytest.mark.parametrize("category", Category)
def test_given_a_category_function_when_it_reads_its_environment_then_it_understands_all_of_it(
    category: Category, rest_api_calls: RestApiCalls, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(rest_api_calls=rest_api_calls))
    variables = stack.function(category)["Environment"]["Variables"]
    # References take on their values at a deployment.
    deployed = {
        name: value if isinstance(value, str) else "deployed" for name, value in variables.items()
    }

    understood = HookEnvironment.read(deployed)
    assert understood.sessions_table == "deployed"
    assert understood.session_ttl == Settings().session_ttl_days * 24 * 3600
    assert understood.rest_api_calls.value == rest_api_calls.value


def test_given_settings_when_the_compiler_starts_then_its_environment_tells_them(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(snapshot_retention_days=90, keys_stale_hours=48))

    assert stack.function("compiler")["Environment"]["Variables"] == POWERTOOLS | {
        "POLICIES_TABLE": stack.output("PoliciesTableName"),
        "SNAPSHOTS_TABLE": stack.output("SnapshotsTableName"),
        "LEASES_TABLE": stack.output("LeasesTableName"),
        "SNAPSHOT_RETENTION_DAYS": "90",
        "KEYS_STALE_HOURS": "48",
        "LOCAL_ISSUERS": "false",
    }


def test_given_two_stages_in_one_account_when_they_count_then_their_metrics_stay_apart(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(stage="test"))

    services = {
        stack.function(name)["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
        for name in FUNCTIONS
    }
    assert services == {"wcs-hooks-test"}


@pytest.mark.parametrize(
    ("settings", "architecture"),
    [
        (Settings(architecture=Architecture.X86_64), "x86_64"),
        (
            Settings(packaging=Packaging.HOST),
            "arm64" if platform.machine() in {"aarch64", "arm64"} else "x86_64",
        ),
    ],
)
def test_given_where_functions_run_when_deployed_then_their_architecture_fits_their_wheels(
    settings: Settings, architecture: str, stack_with: Synthesise
) -> None:
    stack = stack_with(settings)

    assert all(stack.function(name)["Architectures"] == [architecture] for name in FUNCTIONS)


def test_given_an_edited_policy_when_its_stream_tells_then_the_compiler_runs_and_retries_briefly(
    stack: SynthesisedStack,
) -> None:
    mapping = stack.the("AWS::Lambda::EventSourceMapping")

    assert mapping["FunctionName"] == stack.output("CompilerFunctionName")
    policies = stack.logical_id(stack.output("PoliciesTableName"))
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [policies, "StreamArn"]}
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BatchSize"] == 10_000
    assert "MaximumBatchingWindowInSeconds" not in mapping
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 3


def test_given_an_edit_that_cannot_be_handled_when_given_up_then_it_is_a_dead_letter(
    stack: SynthesisedStack,
) -> None:
    mapping = stack.the("AWS::Lambda::EventSourceMapping")

    queue = stack.logical_id(stack.output("DeadLetterQueueUrl"))
    assert mapping["DestinationConfig"] == {
        "OnFailure": {"Destination": {"Fn::GetAtt": [queue, "Arn"]}}
    }


def test_given_the_compilers_own_status_item_when_written_then_it_does_not_start_the_compiler(
    stack: SynthesisedStack,
) -> None:
    mapping = stack.the("AWS::Lambda::EventSourceMapping")

    (only,) = mapping["FilterCriteria"]["Filters"]
    assert only == {"Pattern": '{"dynamodb":{"Keys":{"id":{"S":[{"anything-but":["#status"]}]}}}}'}


@pytest.mark.parametrize(("minutes", "refreshing"), [(5, "rate(5 minutes)"), (1, "rate(1 minute)")])
def test_given_time_passes_without_an_edit_then_the_compiler_looks_and_refreshes_keys(
    minutes: int, refreshing: str, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(keys_refresh_minutes=minutes))
    compiler = stack.logical_id(stack.output("CompilerFunctionName"))
    rules = stack.of_type("AWS::Events::Rule")
    schedules = []
    for rule in rules.values():
        (target,) = rule["Properties"]["Targets"]
        assert target["Arn"] == {"Fn::GetAtt": [compiler, "Arn"]}
        schedules.append((rule["Properties"]["ScheduleExpression"], json.loads(target["Input"])))

    # No records: the compiler's handler takes it for a look.
    assert schedules == [("rate(5 minutes)", {}), (refreshing, {"refreshKeys": True})]
    permissions = [
        each["Properties"]
        for each in stack.of_type("AWS::Lambda::Permission").values()
        if each["Properties"]["Principal"] == "events.amazonaws.com"
    ]
    assert [each["FunctionName"] for each in permissions] == [{"Ref": compiler}] * 2
    assert [each["SourceArn"] for each in permissions] == [
        {"Fn::GetAtt": [rule_id, "Arn"]} for rule_id in rules
    ]
