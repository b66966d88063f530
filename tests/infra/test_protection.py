"""Whose key encrypts what is kept, and what keeps it from being deleted."""

from typing import Final

import pytest
from aws_cdk import App

from infra.settings import Removal, Settings
from infra.wcs_hooks_stack import WcsHooksStack
from tests.infra.conftest import NewCode, Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from wcs_hooks.core.methods import Category

FOREIGN: Final = "arn:aws:kms:eu-west-1:123456789012:key/k-1"
EDITORS: Final = ("PolicyEditorPolicyArn", "ListEditorPolicyArn")
KEY_NAMES: Final = {
    "AWS::DynamoDB::Table": "KMSMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::Logs::LogGroup": "KmsKeyId",
}


def keys_of(stack: SynthesisedStack) -> list[Json]:
    """What each table, queue, secret and log group names as its key."""
    return [
        resource["Properties"].get("SSESpecification", resource["Properties"]).get(name)
        for kind, name in KEY_NAMES.items()
        for resource in stack.of_type(kind).values()
    ]


def test_given_a_key_of_the_stacks_when_deployed_then_all_that_is_kept_is_encrypted_by_it(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    own = stack_with(Settings(customer_managed_key="create"))

    [key] = {own.logical_id(each) for each in keys_of(own)}
    made = own.template["Resources"][key]
    assert made["Type"] == "AWS::KMS::Key"
    assert made["Properties"]["EnableKeyRotation"] is True
    assert made["DeletionPolicy"].startswith("Retain")
    assert len(keys_of(stack)) == 14
    assert set(keys_of(stack)) == {None}


def test_given_a_key_that_exists_when_deployed_then_it_is_used_and_none_is_made(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    foreign = stack_with(Settings(customer_managed_key=FOREIGN))

    assert set(keys_of(foreign)) == {FOREIGN}
    assert foreign.of_type("AWS::KMS::Key").keys() == stack.of_type("AWS::KMS::Key").keys()


def test_given_data_that_goes_with_the_stack_when_it_is_deleted_then_so_does_the_key(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(customer_managed_key="create", removal=Removal.DESTROY))

    [key] = {stack.logical_id(each) for each in keys_of(stack)}
    assert stack.template["Resources"][key]["DeletionPolicy"] == "Delete"


@pytest.mark.parametrize("name", [*Category, "compiler", *EDITORS])
def test_given_a_key_when_somebody_uses_what_it_encrypts_then_that_key_is_all_it_may_use(
    name: str, stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    using = {
        "Sid": "UseDataKey",
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
        "Resource": FOREIGN,
    }

    assert kms_statements(stack_with(Settings(customer_managed_key=FOREIGN)), name) == [using]
    assert kms_statements(stack, name) == []


def kms_statements(stack: SynthesisedStack, name: str) -> list[Json]:
    """What a function's role, or a policy of editors, says of keys."""
    if name in EDITORS:
        document = stack.resource(stack.output(name))["Properties"]
        statements = document["PolicyDocument"]["Statement"]
    else:
        role = stack.resource(stack.function(name)["Role"])["Properties"]
        statements = role["Policies"][0]["PolicyDocument"]["Statement"]
    return [each for each in statements if "kms:" in str(each["Action"])]


@pytest.mark.parametrize("protected", [False, True])
def test_given_deletion_protection_when_deployed_then_tables_and_stack_refuse_to_go(
    *, protected: bool, stack_with: Synthesise, new_code: NewCode
) -> None:
    settings = Settings(deletion_protection=protected)
    tables = stack_with(settings).of_type("AWS::DynamoDB::Table").values()

    on = {each["Properties"].get("DeletionProtectionEnabled", False) for each in tables}
    assert on == {protected}
    made = WcsHooksStack(App(), settings, new_code())
    assert bool(made.termination_protection) is protected
