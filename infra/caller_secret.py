"""The secret that WCS signs its hooks with."""

import string
from typing import cast

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.retention import removal_policy
from infra.settings import Settings


class CallerSecret(Construct):
    """``{"current": "...", "previous": "..."}``, where ``previous`` is there during a rotation.

    Attributes
    ----------
    secret
        ``current`` is generated at the first deployment and never changed by a later one.
    arn
        The secret's ARN.
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
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="What WCS proves itself with; previous, if there, is accepted too",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - holds no secret, takes one
                generate_string_key="current",
                password_length=40,
                # It is typed into flashphoner.properties and into a shell.
                exclude_punctuation=True,
                # The same again, for emulators that know this property alone.
                exclude_characters=string.punctuation,
            ),
            removal_policy=removal_policy(settings),
            encryption_key=key,
        )
        # Not the Ref, which is the ARN too on AWS but the mere name on an emulator.
        resource = cast("secretsmanager.CfnSecret", self.secret.node.default_child)
        self.arn = resource.attr_id
        acknowledge(
            self.secret,
            "AwsSolutions-SMG4",
            reason="The other end of the secret is in WCS's own configuration, where no rotation "
            "function reaches; two secrets are valid at once so that people can rotate it.",
        )
