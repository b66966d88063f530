"""The tables of policies and of their compiled snapshots, and who may edit policies."""

from typing import cast

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.retention import removal_policy
from infra.settings import Settings

_STRING = dynamodb.AttributeType.STRING


class PolicyTables(Construct):
    """Policies as people edit them, and the versions that functions enforce.

    Attributes
    ----------
    policies
        One item per policy.
    edits_arn
        The stream of edited policies, which starts the compiler.
    snapshots
        Immutable versions and each app's pointer to the current one.
    editors
        A managed policy to attach to the people who edit policies.
    """

    def __init__(self, scope: Construct, construct_id: str, settings: Settings) -> None:
        super().__init__(scope, construct_id)
        self.policies = dynamodb.Table(
            self,
            "Policies",
            partition_key=dynamodb.Attribute(name="app", type=_STRING),
            sort_key=dynamodb.Attribute(name="id", type=_STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
            point_in_time_recovery_specification=_recoverable(),
            removal_policy=removal_policy(settings),
        )
        self.edits_arn = cast("str", self.policies.table_stream_arn)
        self.snapshots = dynamodb.Table(
            self,
            "PolicySnapshots",
            partition_key=dynamodb.Attribute(name="app", type=_STRING),
            sort_key=dynamodb.Attribute(name="item", type=_STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expiresAt",
            point_in_time_recovery_specification=_recoverable(),
            removal_policy=removal_policy(settings),
        )
        self.editors = iam.ManagedPolicy(
            self,
            "PolicyEditor",
            description="Edit the policies for WCS hooks, and read what was in force before",
            statements=[
                iam.PolicyStatement(
                    sid="EditPolicies",
                    # Scan is what the DynamoDB console lists items with.
                    actions=[
                        "dynamodb:BatchGetItem",
                        "dynamodb:BatchWriteItem",
                        "dynamodb:ConditionCheckItem",
                        "dynamodb:DeleteItem",
                        "dynamodb:DescribeTable",
                        "dynamodb:GetItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:Scan",
                        "dynamodb:UpdateItem",
                    ],
                    resources=[self.policies.table_arn],
                ),
                iam.PolicyStatement(
                    sid="ReadSnapshots",
                    actions=[
                        "dynamodb:BatchGetItem",
                        "dynamodb:DescribeTable",
                        "dynamodb:GetItem",
                        "dynamodb:Query",
                        "dynamodb:Scan",
                    ],
                    resources=[self.snapshots.table_arn],
                ),
                iam.PolicyStatement(
                    sid="FindTablesInTheConsole",
                    actions=["dynamodb:ListTables"],
                    resources=["*"],
                ),
            ],
        )
        acknowledge(
            self.editors,
            "AwsSolutions-IAM5[Resource::*]",
            reason="ListTables, which the console starts with, knows no resources: IAM accepts *.",
        )


def _recoverable() -> dynamodb.PointInTimeRecoverySpecification:
    return dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True)
