"""What becomes of the stack's data when the stack goes."""

from typing import cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Removal, Settings


def removal_policy(settings: Settings) -> RemovalPolicy:
    """Return what deleting the stack does to its tables, queue, secret and logs."""
    if settings.removal is Removal.DESTROY:
        return RemovalPolicy.DESTROY
    # Not plain RETAIN, which would also leave behind what a first deployment that failed had made.
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def log_group(
    scope: Construct, construct_id: str, settings: Settings, key: kms.IKey | None
) -> logs.LogGroup:
    """Make a log group that keeps its events for as long as the settings say."""
    group = logs.LogGroup(
        scope, construct_id, removal_policy=removal_policy(settings), encryption_key=key
    )
    # The construct takes a member of an enumeration, which a number of days does not lead to.
    resource = cast("logs.CfnLogGroup", group.node.default_child)
    resource.retention_in_days = settings.log_retention_days
    return group
