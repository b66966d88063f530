"""Execution roles that allow what is written out, and nothing that a construct adds unseen."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgement import acknowledge


def execution_role(
    scope: Construct,
    construct_id: str,
    log_group: logs.ILogGroup,
    statements: Sequence[iam.PolicyStatement],
) -> iam.IRole:
    """Make a function's role: its own log group, traces, and the statements given.

    Neither the managed AWSLambdaBasicExecutionRole (it allows every log group) nor the CDK's grants
    (broader than what the functions call) are used: the role that is returned takes no additions.
    """
    role = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={
            "Execution": iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        sid="Logs",
                        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                        resources=[log_group.log_group_arn],
                    ),
                    iam.PolicyStatement(
                        sid="Traces",
                        actions=["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                        resources=["*"],
                    ),
                    *statements,
                ]
            )
        },
    )
    for finding in ("AwsSolutions-IAM5[Resource::*]", "Serverless-LambdaStarPermissions"):
        acknowledge(
            role,
            finding,
            reason="The actions that X-Ray writes with, and the one that lists streams, know no "
            "resources: IAM accepts * alone for them.",
        )
    return role.without_policy_updates()
