"""The table of sessions that WCS connected."""

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.retention import removal_policy
from infra.settings import Settings


class SessionTable(Construct):
    """What connect said of each session, until it disconnects or is forgotten.

    Attributes
    ----------
    table
        Keyed by the WCS node and the session's id.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.table = dynamodb.Table(
            self,
            "Sessions",
            partition_key=dynamodb.Attribute(name="node", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="session", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expiresAt",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=removal_policy(settings),
            deletion_protection=settings.deletion_protection or None,
            encryption_key=key,
        )
