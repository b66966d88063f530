import json

import pytest

from infra.hook_api import UNKNOWN_METHOD_PATH
from infra.settings import Settings
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from wcs_hooks.core.methods import METHODS, Category

SECRET_BEARERS = ("authorization", "header", "querystring", "authorizer")
_GATEWAY = "apigateway.amazonaws.com"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/c-1"


@pytest.fixture(scope="module")
def answered_by(stack: SynthesisedStack) -> dict[str, str]:
    """Which handler each route leads to, all references followed."""
    handlers = {}
    for route in stack.of_type("AWS::ApiGatewayV2::Route").values():
        properties = route["Properties"]
        integration = stack.resource(properties["Target"])["Properties"]
        assert integration["IntegrationType"] == "AWS_PROXY"
        assert integration["PayloadFormatVersion"] == "2.0"
        function = stack.called(integration["IntegrationUri"])
        handlers[properties["RouteKey"]] = function["Handler"]
    return handlers


@pytest.mark.parametrize("name", METHODS)
def test_given_a_known_method_when_wcs_posts_it_then_its_categorys_function_answers(
    name: str, answered_by: dict[str, str]
) -> None:
    handler = answered_by[f"POST /{name}"]

    assert handler == f"wcs_hooks.handlers.{METHODS[name].category}.handler"


def test_given_a_method_of_a_newer_wcs_when_it_is_posted_then_the_event_function_answers(
    answered_by: dict[str, str],
) -> None:
    assert answered_by[f"POST {UNKNOWN_METHOD_PATH}"] == "wcs_hooks.handlers.event.handler"


def test_given_the_known_methods_when_counted_then_there_is_no_route_beside_theirs(
    answered_by: dict[str, str],
) -> None:
    expected = {f"POST /{name}" for name in METHODS} | {"POST /{method}"}

    assert set(answered_by) == expected
    assert len(expected) == 48


def test_given_48_routes_when_deployed_then_each_function_needs_one_integration_and_permission(
    stack: SynthesisedStack,
) -> None:
    permitted = [
        stack.called(permission["Properties"]["FunctionName"])["Handler"]
        for permission in stack.of_type("AWS::Lambda::Permission").values()
        if permission["Properties"]["Principal"] == _GATEWAY
    ]
    integrated = [
        stack.called(integration["Properties"]["IntegrationUri"])["Handler"]
        for integration in stack.of_type("AWS::ApiGatewayV2::Integration").values()
    ]

    expected = sorted(f"wcs_hooks.handlers.{category}.handler" for category in Category)
    assert sorted(permitted) == expected
    assert sorted(integrated) == expected


def test_given_a_new_version_when_it_is_live_then_no_route_or_permission_passes_the_alias_by(
    stack: SynthesisedStack,
) -> None:
    called = [
        *(
            permission["Properties"]["FunctionName"]
            for permission in stack.of_type("AWS::Lambda::Permission").values()
            if permission["Properties"]["Principal"] == _GATEWAY
        ),
        *(
            integration["Properties"]["IntegrationUri"]
            for integration in stack.of_type("AWS::ApiGatewayV2::Integration").values()
        ),
    ]

    for integration in stack.of_type("AWS::ApiGatewayV2::Integration").values():
        needed = {stack.template["Resources"][each]["Type"] for each in integration["DependsOn"]}
        assert needed == {"AWS::Lambda::Permission"}
        assert len(integration["DependsOn"]) == len(Category)
    aliases = stack.of_type("AWS::Lambda::Alias")
    assert {stack.logical_id(each) for each in called} == set(aliases)
    assert {each["Properties"]["Name"] for each in aliases.values()} == {
        stack.output("FunctionAlias")
    }


def test_given_a_limit_for_unknown_methods_when_deployed_then_no_known_method_has_it(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    limited = stack_with(Settings(unknown_method_rate_limit=5, unknown_method_burst_limit=20))
    [stage] = limited.of_type("AWS::ApiGatewayV2::Stage").values()

    assert stage["Properties"]["RouteSettings"] == {
        "POST /{method}": {"ThrottlingRateLimit": 5, "ThrottlingBurstLimit": 20}
    }
    routes = limited.of_type("AWS::ApiGatewayV2::Route")
    [route] = stage["DependsOn"]
    assert routes[route]["Properties"]["RouteKey"] == "POST /{method}"
    assert "RouteSettings" not in stack.the("AWS::ApiGatewayV2::Stage")


def test_given_a_domain_when_deployed_then_it_is_the_only_way_to_the_api(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    own = stack_with(Settings(domain_name="hooks.example.com", certificate_arn=CERTIFICATE))

    [(domain_id, domain)] = own.of_type("AWS::ApiGatewayV2::DomainName").items()
    [api] = own.of_type("AWS::ApiGatewayV2::Api")
    [stage] = own.of_type("AWS::ApiGatewayV2::Stage")
    assert domain["Properties"]["DomainName"] == "hooks.example.com"
    [configuration] = domain["Properties"]["DomainNameConfigurations"]
    assert configuration == {
        "CertificateArn": CERTIFICATE,
        "EndpointType": "REGIONAL",
        "SecurityPolicy": "TLS_1_2",
    }
    assert own.the("AWS::ApiGatewayV2::ApiMapping") == {
        "ApiId": {"Ref": api},
        "DomainName": {"Ref": domain_id},
        "Stage": {"Ref": stage},
    }
    assert own.the("AWS::ApiGatewayV2::Api")["DisableExecuteApiEndpoint"] is True
    assert own.output("HooksUrl") == "https://hooks.example.com"
    assert own.output("DomainTarget") == {"Fn::GetAtt": [domain_id, "RegionalDomainName"]}
    assert own.output("DomainTargetHostedZoneId") == {
        "Fn::GetAtt": [domain_id, "RegionalHostedZoneId"]
    }
    assert "DisableExecuteApiEndpoint" not in stack.the("AWS::ApiGatewayV2::Api")


def test_given_another_api_when_it_calls_a_function_then_no_permission_lets_it(
    stack: SynthesisedStack,
) -> None:
    api = stack.logical_id(stack.output("HooksUrl"))

    others = []
    for permission in stack.of_type("AWS::Lambda::Permission").values():
        if permission["Properties"]["Principal"] == _GATEWAY:
            assert {"Ref": api} in permission["Properties"]["SourceArn"]["Fn::Join"][1]
        else:
            others.append(permission["Properties"])
    # Beside the gateway only the schedules of this stack call a function: the compiler's.
    rules = stack.of_type("AWS::Events::Rule")
    assert len(rules) == len(others) == 2
    for rule, schedule in zip(rules, others, strict=True):
        assert schedule["Principal"] == "events.amazonaws.com"
        assert schedule["SourceArn"] == {"Fn::GetAtt": [rule, "Arn"]}
        compiler = stack.resource(schedule["FunctionName"])["Properties"]["Handler"]
        assert compiler == "wcs_hooks.handlers.compiler.handler"


def test_given_a_hook_when_it_is_logged_then_nothing_that_carries_a_secret_is(
    stack: SynthesisedStack,
) -> None:
    stage = stack.the("AWS::ApiGatewayV2::Stage")

    logged: dict[str, str] = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"requestId", "sourceIp", "path", "status", "integrationError"} <= set(logged)
    assert not [
        variable
        for variable in logged.values()
        if any(bearer in variable.lower() for bearer in SECRET_BEARERS)
    ]


def test_given_a_new_route_when_deployed_then_the_default_stage_serves_it_at_once(
    stack: SynthesisedStack,
) -> None:
    stage = stack.the("AWS::ApiGatewayV2::Stage")

    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True


def test_given_the_gateway_refuses_by_rate_when_it_logs_that_then_a_metric_counts_it(
    stack: SynthesisedStack,
) -> None:
    counted: Json = stack.the("AWS::Logs::MetricFilter")
    stage = stack.the("AWS::ApiGatewayV2::Stage")

    assert counted["LogGroupName"] == {
        "Ref": stack.logical_id(stage["AccessLogSettings"]["DestinationArn"])
    }
    assert counted["FilterPattern"] == '{ $.status = "429" }'
    assert "status" in json.loads(stage["AccessLogSettings"]["Format"])


def test_given_an_account_with_many_apis_when_deployed_then_its_resource_policy_is_left_alone(
    stack: SynthesisedStack,
) -> None:
    stage = stack.the("AWS::ApiGatewayV2::Stage")
    group = stack.resource(stage["AccessLogSettings"]["DestinationArn"])

    prefix, *parts = group["Properties"]["LogGroupName"]["Fn::Join"][1]
    assert prefix == "/aws/vendedlogs/"
    # A stack of the same name that comes later must find its own name free.
    assert [
        *(part for part in parts if "Ref" in part),
        *(part["Fn::Select"][1]["Fn::Split"][1] for part in parts if "Fn::Select" in part),
    ] == [{"Ref": "AWS::StackName"}, {"Ref": "AWS::StackId"}]
