"""What of the stack can be reached, by whom, and what protects what it keeps.

Each test holds with every setting that adds or changes resources.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import pytest

from infra.settings import Removal, Settings
from tests.infra.conftest import HARDENED, Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.core.caller import Auth, RestApiCalls

SETTINGS: Final = {
    "as it is": Settings(),
    "with a bus": Settings(event_bus=True, event_bus_keep_alive=True),
    "with secrets of tokens": Settings(token_secrets=True),
    "with credentials": Settings(auth=Auth.BASIC, rest_api_calls=RestApiCalls.AS_CLIENT),
    "without authentication": Settings(auth=Auth.NONE, allowed_sources=("203.0.113.0/24",)),
    "hardened": HARDENED,
    "to be deleted": Settings(removal=Removal.DESTROY, alarm_email="ops@example.com", stage="test"),
}

ENCRYPTED_BY_AWS: Final = {
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/EncryptionAtRest.html
    "AWS::DynamoDB::Table": "always, with a key of AWS's own unless SSESpecification names another",
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    "AWS::Logs::LogGroup": "always, by CloudWatch Logs itself",
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
    "AWS::SecretsManager::Secret": "always, with aws/secretsmanager unless KmsKeyId names a key",
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption.html
    "AWS::Events::EventBus": "always, with a key of AWS's own unless given another",
    # https://docs.aws.amazon.com/lambda/latest/dg/security-encryption-at-rest.html
    "AWS::Lambda::Function": "always: the code, and its environment variables",
    "AWS::Lambda::Version": "as the function",
}
ENCRYPTED_BY_US: Final = {"AWS::SQS::Queue", "AWS::SNS::Topic"}
"""What AWS does not encrypt by default."""

WITHOUT_DATA: Final = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Logs::MetricFilter",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::CDK::Metadata",
}

POLICIES_OF_RESOURCES: Final = {
    "AWS::IAM::Role": "AssumeRolePolicyDocument",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
"""Where it says who may, rather than what somebody may."""


@pytest.fixture(params=SETTINGS.values(), ids=list(SETTINGS))
def stack(request: pytest.FixtureRequest, stack_with: Synthesise) -> SynthesisedStack:
    return stack_with(request.param)


def statements(value: Json) -> Iterator[Json]:
    """Every statement of every policy in a piece of a template."""
    match value:
        case {"Statement": list(found), **rest}:
            yield from found
            yield from statements(rest)
        case dict():
            for part in value.values():
                yield from statements(part)
        case list():
            for part in value:
                yield from statements(part)


def listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [value]


# --- Reached ------------------------------------------------------------------------------------


def test_given_the_stack_when_its_resources_are_counted_then_each_kind_is_one_looked_at_here(
    stack: SynthesisedStack,
) -> None:
    kinds = {resource["Type"] for resource in stack.template["Resources"].values()}

    # A function's URL, a bucket, a policy of another resource: each would be a kind of its own.
    assert kinds <= ENCRYPTED_BY_AWS.keys() | ENCRYPTED_BY_US | WITHOUT_DATA


def test_given_the_internet_when_it_calls_then_nothing_but_the_api_answers(
    stack: SynthesisedStack,
) -> None:
    callers: dict[str, list[Json]] = {}
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        sources = callers.setdefault(permission["Properties"]["Principal"], [])
        sources.append(permission["Properties"]["SourceArn"])

    # The other ones are the compiler's schedules, and no other rule.
    assert callers.keys() == {"apigateway.amazonaws.com", "events.amazonaws.com"}
    rules = stack.of_type("AWS::Events::Rule")
    assert len(rules) == 2
    assert callers["events.amazonaws.com"] == [{"Fn::GetAtt": [rule, "Arn"]} for rule in rules]
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        assert permission["Properties"]["Action"] == "lambda:InvokeFunction"
        assert "FunctionUrlAuthType" not in permission["Properties"]
    for function in stack.of_type("AWS::Lambda::Function").values():
        assert "VpcConfig" not in function["Properties"]
    [api] = stack.of_type("AWS::ApiGatewayV2::Api").values()
    assert "CorsConfiguration" not in api["Properties"], "no browser has business with it"
    assert {each["Properties"]["RouteKey"].split()[0] for each in routes(stack)} == {"POST"}


def routes(stack: SynthesisedStack) -> list[Json]:
    return list(stack.of_type("AWS::ApiGatewayV2::Route").values())


def test_given_a_policy_that_allows_then_it_names_who_and_what(stack: SynthesisedStack) -> None:
    allowed = [
        each for each in statements(stack.template["Resources"]) if each["Effect"] == "Allow"
    ]

    assert len(allowed) > 20
    for statement in allowed:
        assert not {"NotAction", "NotResource", "NotPrincipal"} & statement.keys(), statement
        principal = statement.get("Principal", {})
        assert principal != "*", statement
        assert "*" not in listed(principal.get("AWS", [])), statement


def test_given_a_resource_with_a_policy_of_its_own_when_it_lets_somebody_in_then_it_is_known_here(
    stack: SynthesisedStack,
) -> None:
    found = {
        (resource["Type"], name)
        for resource in stack.template["Resources"].values()
        for name, value in resource["Properties"].items()
        if any("Principal" in statement for statement in statements(value))
    }

    assert found <= set(POLICIES_OF_RESOURCES.items())


def test_given_a_service_of_aws_when_it_is_let_in_then_only_on_behalf_of_this_account(
    stack: SynthesisedStack,
) -> None:
    services = [
        (resource["Type"], statement)
        for resource in stack.template["Resources"].values()
        for statement in statements(resource["Properties"])
        if statement["Effect"] == "Allow" and "Service" in statement.get("Principal", {})
    ]

    assert services
    for kind, statement in services:
        if kind == "AWS::IAM::Role":
            # Only Lambda, and only for functions of the account that may pass the role; CodeDeploy
            # only where it deploys.
            assumed_by = {"lambda.amazonaws.com"} | (
                {"codedeploy.amazonaws.com"}
                if stack.of_type("AWS::CodeDeploy::Application")
                else set()
            )
            assert statement["Principal"].keys() == {"Service"}
            assert statement["Principal"]["Service"] in assumed_by
            assert statement["Action"] == "sts:AssumeRole"
        elif statement.get("Sid") == "Logs":
            [context] = statement["Condition"]["ArnLike"].values()
            assert statement["Principal"]["Service"]["Fn::Join"][1][0] == "logs."
            assert {"Ref": "AWS::AccountId"} in context["Fn::Join"][1]
        else:
            assert statement["Condition"] == {
                "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
            }


def test_given_a_role_or_an_editor_when_allowed_something_then_never_all_of_a_service(
    stack: SynthesisedStack,
) -> None:
    for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
        for resource in stack.of_type(kind).values():
            for statement in statements(resource["Properties"]):
                assert not [each for each in listed(statement["Action"]) if "*" in each], statement


# --- Kept ---------------------------------------------------------------------------------------


def test_given_the_queue_and_the_topic_when_they_hold_something_then_it_is_encrypted(
    stack: SynthesisedStack,
) -> None:
    queues = stack.of_type("AWS::SQS::Queue").values()
    topics = stack.of_type("AWS::SNS::Topic").values()

    assert len(queues) == len(topics) == 1
    for queue in queues:
        ours = queue["Properties"].get("KmsMasterKeyId")
        if ours:
            assert stack.resource(ours)["Properties"]["EnableKeyRotation"] is True
        else:
            assert queue["Properties"]["SqsManagedSseEnabled"] is True
    for topic in topics:
        key = stack.resource(topic["Properties"]["KmsMasterKeyId"])
        assert key["Properties"]["EnableKeyRotation"] is True


def test_given_what_aws_encrypts_by_itself_when_it_is_deployed_then_nothing_says_otherwise(
    stack: SynthesisedStack,
) -> None:
    for table in stack.of_type("AWS::DynamoDB::Table").values():
        assert table["Properties"].get("SSESpecification", {"SSEEnabled": True})["SSEEnabled"]
    for group in stack.of_type("AWS::Logs::LogGroup").values():
        assert group["Properties"].get("LogGroupClass", "STANDARD") == "STANDARD"


def test_given_a_function_when_it_is_configured_then_no_secret_stands_in_its_variables(
    stack: SynthesisedStack,
) -> None:
    secret = stack.of_type("AWS::SecretsManager::Secret").keys()
    for function in stack.of_type("AWS::Lambda::Function").values():
        for name, value in function["Properties"]["Environment"]["Variables"].items():
            assert "{{resolve:" not in json.dumps(value), name
            if any(each in json.dumps(value) for each in secret):
                assert name in {"SIGNATURE_SECRET_ARN", "TOKEN_SECRETS_ARN"}


# --- On the way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"])
def test_given_a_connection_without_tls_when_it_reaches_for_queue_or_topic_then_it_is_denied(
    kind: str, stack: SynthesisedStack
) -> None:
    [policy] = stack.of_type(kind).values()

    denied = [each for each in statements(policy["Properties"]) if each["Effect"] == "Deny"]
    assert [each["Condition"] for each in denied] == [{"Bool": {"aws:SecureTransport": "false"}}]
    assert [each["Principal"] in ("*", {"AWS": "*"}) for each in denied] == [True]


def test_given_the_address_that_wcs_is_told_when_it_calls_then_by_tls(
    stack: SynthesisedStack,
) -> None:
    # execute-api listens on 443 only; a name of one's own could allow old TLS.
    domains = stack.of_type("AWS::ApiGatewayV2::DomainName").values()
    if not domains:
        assert stack.output("HooksUrl")["Fn::GetAtt"][1] == "ApiEndpoint"
    for domain in domains:
        [configuration] = domain["Properties"]["DomainNameConfigurations"]
        assert configuration["SecurityPolicy"] == "TLS_1_2"
        assert stack.output("HooksUrl") == f"https://{domain['Properties']['DomainName']}"


def test_given_the_functions_when_they_call_aws_then_by_tls(stack: SynthesisedStack) -> None:
    clients = Clients(1)
    made = (clients.dynamodb, clients.event_bridge, clients.secrets_manager, clients.sqs)

    assert all(make().meta.endpoint_url.startswith("https://") for make in made)
    for function in stack.of_type("AWS::Lambda::Function").values():
        names = function["Properties"]["Environment"]["Variables"]
        assert not [name for name in names if re.search("ENDPOINT|SSL|CA_BUNDLE|PROXY", name)]


def test_given_a_function_when_it_logs_then_no_library_is_made_to_tell_all_it_sends(
    stack: SynthesisedStack,
) -> None:
    # In Lambda's JSON format a level of DEBUG would hold for botocore, too, and its debug lines
    # have every request and every answer: dead letters, the callers' secret.
    for function in stack.of_type("AWS::Lambda::Function").values():
        assert function["Properties"]["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
        variables = function["Properties"]["Environment"]["Variables"]
        assert variables["POWERTOOLS_LOG_LEVEL"] == "INFO"
        assert not {"POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEBUG"} & variables.keys()
