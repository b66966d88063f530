"""Where hooks go that could not be answered, and policy edits that could not be compiled."""

from aws_cdk import Duration
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.retention import removal_policy
from infra.settings import Settings
from infra.tables import table_of_items
from wcs_hooks.hook.dead_letter import MAX_MESSAGE_BYTES, RETENTION_SECONDS


class DeadLetterStorage(Construct):
    """What failed, whole, until somebody redrives it.

    Attributes
    ----------
    queue
        Encrypted, for a hook may carry personal data.
    table
        Where hooks go while the queue does not take them.
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
        self.queue = sqs.Queue(
            self,
            "Queue",
            encryption=(sqs.QueueEncryption.KMS if key else sqs.QueueEncryption.SQS_MANAGED),
            encryption_master_key=key,
            # An emulator is talked to without TLS, and enforces the policy that this makes.
            enforce_ssl=not settings.local,
            retention_period=Duration.seconds(RETENTION_SECONDS),
            # What the functions fit a hook into; stated, since it used to be a quarter of it.
            max_message_size_bytes=MAX_MESSAGE_BYTES,
            removal_policy=removal_policy(settings),
        )
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            acknowledge(
                self.queue,
                rule,
                reason="This queue is itself the dead-letter queue; nothing consumes it.",
            )
        self.table = table_of_items(self, "Table", settings, keys=("letter", "part"), key=key)
