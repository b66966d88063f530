"""What becomes of the stack's data when the stack goes."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Removal, Settings


def removal_policy(settings: Settings) -> RemovalPolicy:
    """Tell what deleting the stack does to its tables, queue, secret and logs."""
    if settings.removal is Removal.DESTROY:
        return RemovalPolicy.DESTROY
    return RemovalPolicy.RETAIN


def log_group(scope: Construct, construct_id: str, settings: Settings) -> logs.LogGroup:
    """Make a log group that keeps its events for as long as the settings say."""
    # RetentionDays is an enumeration whose values jsii maps from names, and CloudFormation takes
    # the number, so the number is set where CloudFormation reads it.
    group = logs.LogGroup(scope, construct_id, removal_policy=removal_policy(settings))
    resource = group.node.default_child
    assert isinstance(resource, logs.CfnLogGroup)
    resource.retention_in_days = settings.log_retention_days
    return group
