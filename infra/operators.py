"""Who may operate the stack: redrive dead letters, rotate the secret, read logs and metrics."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.dead_letters import DeadLetterStorage
from infra.encryption import use_of
from infra.managed_policies import (
    acknowledge_pattern,
    acknowledge_stack_pattern,
    arn_pattern,
    stack_pattern,
)
from infra.policy_store import PolicyTables
from wcs_hooks.core.methods import Category
from wcsctl.permissions import OPERATOR_ACTIONS, SUBJECT_ACTIONS, TOKEN_ACTIONS, Actions, Resource

_IN_THE_CONSOLE: Final[Actions] = MappingProxyType(
    {
        Resource.LOGS: ("logs:GetQueryResults", "logs:StartQuery"),
        Resource.DASHBOARDS: ("cloudwatch:GetDashboard",),
        Resource.ANY: (
            "cloudwatch:DescribeAlarmHistory",
            "cloudwatch:ListDashboards",
            "cloudwatch:ListMetrics",
            "logs:DescribeLogGroups",
            "logs:StopQuery",
        ),
    }
)
"""What the runbook asks for beyond wcsctl."""


class Operators(Construct):
    """The people who operate the stack.

    Attributes
    ----------
    policy
        A managed policy to attach to them. With it `wcsctl` has what it needs but to edit policies,
        and the console what the runbook asks for.
    """

    def __init__(  # noqa: PLR0913 - what they work with, by name
        self,
        scope: Construct,
        construct_id: str,
        *,
        store: PolicyTables,
        sessions: dynamodb.ITable,
        lists: dynamodb.ITable,
        leases: dynamodb.ITable,
        dead_letters: DeadLetterStorage,
        secret_arn: str,
        token_secrets_arn: str,
        subject_secret_arn: str,
        functions: Mapping[Category, lambda_.Function],
        live: Mapping[Category, lambda_.Alias],
        compiler: lambda_.Function,
        access_logs: logs.ILogGroup,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        dashboards = arn_pattern(self, "cloudwatch", "dashboard/*", regional=False)
        every_function = [*functions.values(), compiler]
        # What belongs to a group is named with a colon after its name, the group itself without.
        log_groups = [
            arn_pattern(self, "logs", f"log-group:{group.log_group_name}*")
            for group in (*(function.log_group for function in every_function), access_logs)
        ]
        resources: dict[Resource, list[str]] = {
            Resource.POLICIES: [store.policies.table_arn],
            Resource.SNAPSHOTS: [store.snapshots.table_arn],
            Resource.SESSIONS: [sessions.table_arn],
            Resource.LISTS: [lists.table_arn],
            Resource.LEASES: [leases.table_arn],
            Resource.DEAD_LETTER_QUEUE: [dead_letters.queue.queue_arn],
            Resource.DEAD_LETTER_TABLE: [dead_letters.table.table_arn],
            Resource.SECRET: [secret_arn],
            Resource.FUNCTIONS: [
                function.function_arn for function in (*every_function, *live.values())
            ],
            Resource.LOGS: log_groups,
            Resource.DASHBOARDS: [dashboards],
            Resource.STACK: [stack_pattern(self)],
            Resource.ANY: ["*"],
        }
        if token_secrets_arn:
            resources[Resource.TOKEN_SECRETS] = [token_secrets_arn]
        if subject_secret_arn:
            resources[Resource.SUBJECT_SECRET] = [subject_secret_arn]
        allowed = {**OPERATOR_ACTIONS, **TOKEN_ACTIONS, **SUBJECT_ACTIONS}
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            description="Operate the back-end of WCS hooks: dead letters, secret, logs, metrics",
            statements=[
                *(
                    iam.PolicyStatement(
                        actions=[*allowed.get(kind, ()), *_IN_THE_CONSOLE.get(kind, ())],
                        resources=arns,
                    )
                    for kind, arns in resources.items()
                ),
                *use_of(key),
            ],
        )
        acknowledge(
            self.policy,
            "AwsSolutions-IAM5[Resource::*]",
            reason="Metrics and log groups know no resources, and alarms are listed before one is "
            "chosen.",
        )
        acknowledge_pattern(
            self.policy, dashboards, "The console lists all of an account before one is chosen."
        )
        for group in log_groups:
            acknowledge_pattern(self.policy, group, "It is one group, and the streams in it.")
        acknowledge_stack_pattern(self.policy)
