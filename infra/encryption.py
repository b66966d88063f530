"""The customer-managed key that tables, queue, secret and logs are encrypted with, if any."""

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.retention import removal_policy
from infra.settings import Settings

CREATED = "create"
"""The value of the setting ``customerManagedKey`` that has the stack make the key."""


def data_key(scope: Construct, construct_id: str, settings: Settings) -> kms.IKey | None:
    """Make or import the key that the setting ``customerManagedKey`` asks for.

    A key that is made outlives the stack as its data does: without it they cannot be read.
    """
    if not settings.customer_managed_key:
        return None
    if settings.customer_managed_key != CREATED:
        return kms.Key.from_key_arn(scope, construct_id, settings.customer_managed_key)
    key = kms.Key(
        scope,
        construct_id,
        description="Encrypts the tables, dead letters, secret and logs of WCS hooks",
        enable_key_rotation=True,
        removal_policy=removal_policy(settings),
    )
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="Logs",
            actions=[
                "kms:Decrypt",
                "kms:Encrypt",
                "kms:GenerateDataKey*",
                "kms:ReEncrypt*",
            ],
            principals=[iam.ServicePrincipal(f"logs.{Aws.REGION}.{Aws.URL_SUFFIX}")],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": (
                        f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:*"
                    )
                }
            },
        )
    )
    return key


def use_of(key: kms.IKey | None) -> list[iam.PolicyStatement]:
    """List what a principal needs beside its rights on what the key encrypts.

    DynamoDB, SQS and Secrets Manager use the key with the rights of their caller.
    """
    if key is None:
        return []
    return [
        iam.PolicyStatement(
            sid="UseDataKey",
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[key.key_arn],
        )
    ]
