"""Gradual deployment: CodeDeploy moves each hook function's alias to its new version."""

from collections.abc import Iterable, Mapping
from typing import Final

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.hook_functions import LIVE
from wcs_hooks.core.methods import Category

_ROLLBACK_ALARMS: Final = ("Errors", "Failed")
"""The function crashed or timed out, or its hooks failed on our side."""


class CanaryDeployment(Construct):
    """A tenth of the hooks for five minutes, then all; back if the category's alarms go off.

    Parameters
    ----------
    live
        The alias of each category's function.
    alarms
        The stack's alarms, among which are those that end a deployment.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        live: Mapping[Category, lambda_.Alias],
        alarms: Iterable[cloudwatch.Alarm],
    ) -> None:
        super().__init__(scope, construct_id)
        named = {alarm.node.id: alarm for alarm in alarms}
        application = codedeploy.LambdaApplication(self, "Application")
        role = self._role(live)
        for category, alias in live.items():
            name = category.capitalize()
            codedeploy.LambdaDeploymentGroup(
                self,
                name,
                application=application,
                alias=alias,
                role=role,
                deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
                alarms=[named[f"{name}{kind}"] for kind in _ROLLBACK_ALARMS],
                auto_rollback=codedeploy.AutoRollbackConfig(
                    failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
                ),
            )

    def _role(self, live: Mapping[Category, lambda_.Alias]) -> iam.IRole:
        """Allow what AWSCodeDeployRoleForLambdaLimited does, on these functions alone.

        https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCodeDeployRoleForLambdaLimited.html
        also has rights to S3 and to hooks of the deployment, neither of which is used.
        """
        functions = [alias.lambda_.function_arn for alias in live.values()]
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"),
            inline_policies={
                "Deployment": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(
                            sid="MoveAliases",
                            actions=[
                                "lambda:GetAlias",
                                "lambda:GetProvisionedConcurrencyConfig",
                                "lambda:UpdateAlias",
                            ],
                            # Not the alias's own ARN: its update needs this role first.
                            resources=[
                                *functions,
                                *(f"{function}:{LIVE}" for function in functions),
                            ],
                        ),
                        iam.PolicyStatement(
                            sid="WatchAlarms",
                            actions=["cloudwatch:DescribeAlarms"],
                            resources=["*"],
                        ),
                    ]
                )
            },
        )
        for finding in ("AwsSolutions-IAM5[Resource::*]", "Serverless-LambdaStarPermissions"):
            acknowledge(
                role, finding, reason="CodeDeploy asks for the alarms' states without their names."
            )
        return role.without_policy_updates()
