"""Patterns of ARNs in the managed policies for people."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.acknowledgement import acknowledge


def arn_pattern(scope: Construct, service: str, pattern: str, *, regional: bool = True) -> str:
    """The ARNs of a service's resources in the stack's account, as a pattern with wildcards."""
    stack = Stack.of(scope)
    region = stack.region if regional else ""
    return f"arn:{stack.partition}:{service}:{region}:{stack.account}:{pattern}"


def stack_pattern(scope: Construct) -> str:
    """The ARN of the scope's stack, whatever its id: calls name the stack without it."""
    return arn_pattern(scope, "cloudformation", f"stack/{Stack.of(scope).stack_name}/*")


def acknowledge_pattern(policy: iam.ManagedPolicy, pattern: str, reason: str) -> None:
    """Accept what cdk-nag finds about a pattern of `arn_pattern`."""
    parts = Stack.of(policy).resolve(pattern)["Fn::Join"][1]
    arn = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
    acknowledge(policy, f"AwsSolutions-IAM5[Resource::{arn}]", reason)


def acknowledge_stack_pattern(policy: iam.ManagedPolicy) -> None:
    """Accept what cdk-nag finds about `stack_pattern`."""
    reason = "Calls name the stack without its id, which is a new one each time it is created."
    acknowledge_pattern(policy, stack_pattern(policy), reason)
