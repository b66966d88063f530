"""What the stack keeps: tables, queue, secret, logs."""

import pytest

from infra.settings import Removal, Settings
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import SynthesisedStack
from wcs_hooks.hook.dead_letter import MAX_MESSAGE_BYTES

STATEFUL = {
    "AWS::DynamoDB::Table": 6,
    "AWS::SQS::Queue": 1,
    "AWS::SecretsManager::Secret": 1,
    "AWS::Logs::LogGroup": 6,
}


@pytest.mark.parametrize(
    ("table", "partition_key", "sort_key", "ttl"),
    [
        ("Policies", "app", "id", None),
        ("Snapshots", "app", "item", "expiresAt"),
        ("Sessions", "node", "session", "expiresAt"),
        ("Lists", "list", "key", "expiresAt"),
        ("Leases", "key", None, "expiresAt"),
        ("DeadLetter", "letter", "part", "expiresAt"),
    ],
)
def test_given_a_table_when_read_by_key_then_these_are_its_keys_and_its_expiry(
    table: str, partition_key: str, sort_key: str | None, ttl: str | None, stack: SynthesisedStack
) -> None:
    properties = stack.table(table)["Properties"]

    keys = [(partition_key, "HASH"), *([(sort_key, "RANGE")] if sort_key else [])]
    assert properties["KeySchema"] == [
        {"AttributeName": name, "KeyType": kind} for name, kind in keys
    ]
    assert {kind["AttributeType"] for kind in properties["AttributeDefinitions"]} == {"S"}
    expiry = properties.get("TimeToLiveSpecification")
    assert expiry == (ttl and {"AttributeName": ttl, "Enabled": True})


@pytest.mark.parametrize(
    "table", ["Policies", "Snapshots", "Sessions", "Lists", "Leases", "DeadLetter"]
)
def test_given_a_table_when_damaged_or_busy_then_it_can_be_restored_and_it_scales(
    table: str, stack: SynthesisedStack
) -> None:
    properties = stack.table(table)["Properties"]

    recovery = properties["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_given_an_edit_when_the_stream_tells_then_it_has_the_old_and_the_new_policy(
    stack: SynthesisedStack,
) -> None:
    streams = {
        table: stack.table(table)["Properties"].get("StreamSpecification")
        for table in ("Policies", "Snapshots", "Sessions", "Lists", "Leases", "DeadLetter")
    }

    assert streams == {
        "Policies": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        "Snapshots": None,
        "Sessions": None,
        "Lists": None,
        "Leases": None,
        "DeadLetter": None,
    }


@pytest.mark.parametrize(
    ("removal", "deleted", "replaced"),
    [
        # What a first deployment made that failed has no data: that alone goes.
        (Removal.RETAIN, "RetainExceptOnCreate", "Retain"),
        (Removal.DESTROY, "Delete", "Delete"),
    ],
)
@pytest.mark.parametrize("kind", STATEFUL)
def test_given_the_stack_is_deleted_when_it_held_data_then_the_setting_decides(
    kind: str, removal: Removal, deleted: str, replaced: str, stack_with: Synthesise
) -> None:
    resources = stack_with(Settings(removal=removal)).of_type(kind).values()

    assert len(resources) == STATEFUL[kind]
    assert {each["DeletionPolicy"] for each in resources} == {deleted}
    assert {each["UpdateReplacePolicy"] for each in resources} == {replaced}


def test_given_a_dead_letter_when_it_waits_then_it_is_encrypted_and_kept_as_long_as_sqs_can(
    stack: SynthesisedStack,
) -> None:
    queue = stack.the("AWS::SQS::Queue")

    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_given_a_large_hook_when_it_becomes_a_dead_letter_then_the_queue_takes_it(
    stack: SynthesisedStack,
) -> None:
    queue = stack.the("AWS::SQS::Queue")

    assert queue["MaximumMessageSize"] == MAX_MESSAGE_BYTES == 1024 * 1024


def test_given_an_unencrypted_connection_when_it_reaches_for_dead_letters_then_it_is_denied(
    stack: SynthesisedStack,
) -> None:
    policy = stack.the("AWS::SQS::QueuePolicy")

    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == [stack.output("DeadLetterQueueUrl")]
    assert statement["Effect"] == "Deny"
    assert statement["Action"] == "sqs:*"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_given_an_emulator_without_tls_when_local_then_functions_can_still_send_dead_letters(
    stack_with: Synthesise,
) -> None:
    assert not stack_with(Settings(local=True)).of_type("AWS::SQS::QueuePolicy")


def test_given_the_first_deployment_when_the_secret_is_made_then_it_fits_into_wcs_settings(
    stack: SynthesisedStack,
) -> None:
    generated = stack.the("AWS::SecretsManager::Secret")["GenerateSecretString"]

    assert generated["SecretStringTemplate"] == "{}"
    assert generated["GenerateStringKey"] == "current"
    assert generated["PasswordLength"] == 40
    assert generated["ExcludePunctuation"] is True


def test_given_a_log_retention_when_deployed_then_every_log_group_has_it(
    stack_with: Synthesise,
) -> None:
    groups = stack_with(Settings(log_retention_days=400)).of_type("AWS::Logs::LogGroup").values()

    assert {group["Properties"]["RetentionInDays"] for group in groups} == {400}
