"""How a new version of a hook function takes over, and what is set aside for it."""

import pytest

from infra.settings import Concurrency, DeploymentStrategy, Settings
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from wcs_hooks.core.methods import Category

_CODEDEPLOY = "AWS::CodeDeploy::DeploymentGroup"


def alias(stack: SynthesisedStack, category: Category) -> Json:
    """The alias of a category's function, whole."""
    [found] = [
        each
        for each in stack.of_type("AWS::Lambda::Alias").values()
        if each["Properties"]["FunctionName"]
        == stack.output(f"{category.capitalize()}FunctionName")
    ]
    return found


def version(stack: SynthesisedStack, category: Category) -> str:
    """The logical id of the version that answers a category's hooks."""
    return stack.logical_id(alias(stack, category)["Properties"]["FunctionVersion"])


@pytest.mark.parametrize("category", Category)
def test_given_another_configuration_when_deployed_then_another_version_is_published(
    category: Category, stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    changed = stack_with(Settings(reply_timeout=1))
    unchanged = stack_with(Settings(alarm_email="ops@example.com"))

    assert version(changed, category) != version(stack, category)
    assert version(unchanged, category) == version(stack, category)


def test_given_all_at_once_when_deployed_then_nothing_stands_between_alias_and_version(
    stack: SynthesisedStack,
) -> None:
    assert not stack.of_type(_CODEDEPLOY)
    assert not any("UpdatePolicy" in alias(stack, category) for category in Category)


@pytest.mark.parametrize("category", Category)
def test_given_a_canary_when_its_alarms_go_off_then_the_alias_goes_back(
    category: Category, stack_with: Synthesise
) -> None:
    stack = stack_with(Settings(deployment=DeploymentStrategy.CANARY))

    policy = alias(stack, category)["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    group = stack.resource(policy["DeploymentGroupName"])["Properties"]
    assert stack.resource(policy["ApplicationName"])["Properties"]["ComputePlatform"] == "Lambda"
    assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert group["AlarmConfiguration"]["Enabled"] is True
    crashed, failed = (
        stack.resource(each["Name"])["Properties"] for each in group["AlarmConfiguration"]["Alarms"]
    )
    watched = {each["Name"]: each["Value"] for each in crashed["Dimensions"]}
    assert crashed["MetricName"] == "Errors"
    assert watched["FunctionName"] == stack.output(f"{category.capitalize()}FunctionName")
    assert failed["MetricName"] == "Failed"
    assert {"Name": "category", "Value": category} in failed["Dimensions"]


def test_given_a_canary_when_codedeploy_moves_an_alias_then_it_may_do_that_and_no_more(
    stack_with: Synthesise,
) -> None:
    stack = stack_with(Settings(deployment=DeploymentStrategy.CANARY))
    [group, *_] = stack.of_type(_CODEDEPLOY).values()
    role = stack.resource(group["Properties"]["ServiceRoleArn"])["Properties"]

    assert "ManagedPolicyArns" not in role
    [inline] = role["Policies"]
    moving, watching = inline["PolicyDocument"]["Statement"]
    assert moving["Action"] == [
        "lambda:GetAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "lambda:UpdateAlias",
    ]
    functions = {
        stack.logical_id(stack.output(f"{each.capitalize()}FunctionName")) for each in Category
    }
    assert {stack.logical_id(each) for each in moving["Resource"]} == functions
    assert (watching["Action"], watching["Resource"]) == ("cloudwatch:DescribeAlarms", "*")


def test_given_concurrency_by_category_when_deployed_then_no_other_function_has_it(
    stack: SynthesisedStack, stack_with: Synthesise
) -> None:
    given = stack_with(
        Settings(
            provisioned_concurrency=Concurrency(connect=2),
            reserved_concurrency=Concurrency(connect=50, event=100),
        )
    )

    reserved = {
        category: given.function(category).get("ReservedConcurrentExecutions")
        for category in (*Category, "compiler")
    }
    provisioned = {
        category: alias(given, category)["Properties"].get("ProvisionedConcurrencyConfig")
        for category in Category
    }
    assert reserved == {**dict.fromkeys(reserved), Category.CONNECT: 50, Category.EVENT: 100}
    assert provisioned == {
        **dict.fromkeys(provisioned),
        Category.CONNECT: {"ProvisionedConcurrentExecutions": 2},
    }
    for category in Category:
        assert "ReservedConcurrentExecutions" not in stack.function(category)
        assert "ProvisionedConcurrencyConfig" not in alias(stack, category)["Properties"]
