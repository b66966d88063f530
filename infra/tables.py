"""What all tables of the stack have in common."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.retention import removal_policy
from infra.settings import Settings


def table_of_items(  # noqa: PLR0913 - each by name
    scope: Construct,
    construct_id: str,
    settings: Settings,
    *,
    keys: tuple[str] | tuple[str, str],
    key: kms.IKey | None,
    ttl: str | None = "expiresAt",
    stream: dynamodb.StreamViewType | None = None,
) -> dynamodb.Table:
    """Make a table that is paid by request and can be restored to any moment of 35 days.

    Parameters
    ----------
    keys
        The attributes of its partition key and its sort key, if it has one: both texts.
    key
        The key that encrypts it; none for DynamoDB's own.
    ttl
        The attribute that says when an item expires, in seconds since the epoch; none if none does.
    stream
        What its stream shows of a change; none for no stream.
    """
    partition, *sort = (
        dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING) for name in keys
    )
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=partition,
        sort_key=sort[0] if sort else None,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute=ttl,
        stream=stream,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        removal_policy=removal_policy(settings),
        deletion_protection=settings.deletion_protection or None,
        encryption_key=key,
    )
