import pytest

from infra.settings import Settings, Tenant
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import SynthesisedStack

KINDS = {
    "HooksUrl": "AWS::ApiGatewayV2::Api",
    "PoliciesTableName": "AWS::DynamoDB::Table",
    "SnapshotsTableName": "AWS::DynamoDB::Table",
    "SessionsTableName": "AWS::DynamoDB::Table",
    "ListsTableName": "AWS::DynamoDB::Table",
    "LeasesTableName": "AWS::DynamoDB::Table",
    "DeadLetterQueueUrl": "AWS::SQS::Queue",
    "DeadLetterTableName": "AWS::DynamoDB::Table",
    "SignatureSecretArn": "AWS::SecretsManager::Secret",
    "PolicyEditorPolicyArn": "AWS::IAM::ManagedPolicy",
    "ListEditorPolicyArn": "AWS::IAM::ManagedPolicy",
    "OperatorPolicyArn": "AWS::IAM::ManagedPolicy",
    "DashboardUrl": "AWS::CloudWatch::Dashboard",
    "AlarmTopicArn": "AWS::SNS::Topic",
    "ConnectFunctionName": "AWS::Lambda::Function",
    "DirectFunctionName": "AWS::Lambda::Function",
    "EventFunctionName": "AWS::Lambda::Function",
    "IncomingFunctionName": "AWS::Lambda::Function",
    "CompilerFunctionName": "AWS::Lambda::Function",
}
OTHERS = {"FunctionAlias", "Version"}
"""What is not about one resource."""


def test_given_the_stack_when_deployed_then_it_tells_exactly_this(stack: SynthesisedStack) -> None:
    assert set(stack.template["Outputs"]) == {*KINDS, *OTHERS}


def test_given_an_event_bus_when_deployed_then_its_name_is_told_too(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(event_bus=True))

    assert set(stack.template["Outputs"]) == {*KINDS, *OTHERS, "EventBusName"}
    assert stack.resource(stack.output("EventBusName"))["Type"] == "AWS::Events::EventBus"


def test_given_secrets_of_tokens_when_deployed_then_their_arn_is_told_too(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(token_secrets=True))

    assert set(stack.template["Outputs"]) == {*KINDS, *OTHERS, "TokenSecretsArn"}
    secret = stack.resource(stack.output("TokenSecretsArn"))
    assert secret["Type"] == "AWS::SecretsManager::Secret"
    assert secret["DeletionPolicy"] == "RetainExceptOnCreate"
    # A value of the template's could be written again over what operators added.
    assert "SecretString" not in secret["Properties"]
    generated = secret["Properties"]["GenerateSecretString"]
    assert generated["GenerateStringKey"] == "stream-keys"
    assert generated["PasswordLength"] >= 32


def test_given_tenants_when_deployed_then_each_has_an_editors_policy_of_its_own(
    stack_with: Synthesise,
) -> None:
    tenants = (Tenant("Acme", ("acme-live",)), Tenant("Zeta", ("zeta-live",)))
    stack = stack_with(Settings(tenants=tenants))

    own = {"PolicyEditorPolicyArnAcme", "PolicyEditorPolicyArnZeta"}
    assert set(stack.template["Outputs"]) == {*KINDS, *OTHERS, *own}
    assert len({stack.logical_id(stack.output(name)) for name in own}) == 2


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_given_an_output_when_read_then_it_is_about_the_resource_that_it_names(
    name: str, kind: str, stack: SynthesisedStack
) -> None:
    assert stack.resource(stack.output(name))["Type"] == kind


def test_given_the_dashboard_url_when_opened_then_it_leads_to_the_region_deployed_to(
    stack: SynthesisedStack,
) -> None:
    parts = stack.output("DashboardUrl")["Fn::Join"][1]

    assert parts[0] == "https://"
    assert parts[1] == {"Ref": "AWS::Region"}
    assert parts[2] == "."
    assert parts[4] == "/cloudwatch/home?region="
    assert parts[6] == "#dashboards/dashboard/"


@pytest.mark.parametrize(
    ("partition", "domain"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
        ("aws-eusc", "console.amazonaws.eu"),
    ],
)
def test_given_a_partition_when_the_dashboard_url_is_opened_then_it_leads_to_its_console(
    partition: str, domain: str, stack: SynthesisedStack
) -> None:
    name, key, column = stack.output("DashboardUrl")["Fn::Join"][1][3]["Fn::FindInMap"]

    assert key == {"Ref": "AWS::Partition"}
    assert stack.template["Mappings"][name][partition][column] == domain


def test_given_an_emulator_without_bootstrap_roles_when_local_then_none_is_needed(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    local = stack_with(Settings(local=True))

    assert "BootstrapVersion" in stack.template["Parameters"]
    assert "BootstrapVersion" not in local.template.get("Parameters", {})
    assert local.template["Outputs"] == stack.template["Outputs"]
