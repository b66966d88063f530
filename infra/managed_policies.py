"""The managed policies for people: those of editors, and patterns of ARNs."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.encryption import use_of
from wcsctl.permissions import EDITOR_ACTIONS, Resource


def arn_pattern(scope: Construct, service: str, pattern: str, *, regional: bool = True) -> str:
    """The ARNs of a service's resources in the stack's account, as a pattern with wildcards."""
    stack = Stack.of(scope)
    region = stack.region if regional else ""
    return f"arn:{stack.partition}:{service}:{region}:{stack.account}:{pattern}"


def stack_pattern(scope: Construct) -> str:
    """The ARN of the scope's stack, whatever its id: calls name the stack without it."""
    return arn_pattern(scope, "cloudformation", f"stack/{Stack.of(scope).stack_name}/*")


READ_ITEMS: Final = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
WRITE_ITEMS: Final = (
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)
"""What reads and writes a table's items by their keys. Scan is not among these: it names no
partition key, so it cannot be limited to some."""


def editors_policy(
    scope: Construct,
    construct_id: str,
    description: str,
    statements: Sequence[iam.PolicyStatement],
    *,
    key: kms.IKey | None,
) -> iam.ManagedPolicy:
    """Make the policy of people who edit a table's items, in the console or by wcsctl."""
    policy = iam.ManagedPolicy(
        scope,
        construct_id,
        description=description,
        statements=[
            *statements,
            iam.PolicyStatement(
                sid="FindTablesInTheConsole",
                actions=["dynamodb:ListTables"],
                resources=["*"],
            ),
            iam.PolicyStatement(
                sid="FindTheStack",
                actions=list(EDITOR_ACTIONS[Resource.STACK]),
                resources=[stack_pattern(scope)],
            ),
            *use_of(key),
        ],
    )
    acknowledge(
        policy,
        "AwsSolutions-IAM5[Resource::*]",
        reason="ListTables, which the console starts with, knows no resources: IAM accepts *.",
    )
    acknowledge_stack_pattern(policy)
    return policy


def acknowledge_pattern(policy: iam.ManagedPolicy, pattern: str, reason: str) -> None:
    """Accept what cdk-nag finds about a pattern of `arn_pattern`."""
    parts = Stack.of(policy).resolve(pattern)["Fn::Join"][1]
    arn = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
    acknowledge(policy, f"AwsSolutions-IAM5[Resource::{arn}]", reason)


def acknowledge_stack_pattern(policy: iam.ManagedPolicy) -> None:
    """Accept what cdk-nag finds about `stack_pattern`."""
    reason = "Calls name the stack without its id, which is a new one each time it is created."
    acknowledge_pattern(policy, stack_pattern(policy), reason)
