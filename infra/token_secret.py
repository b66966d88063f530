"""The secrets that tokens and stream keys are signed with."""

import string
from typing import cast

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.retention import removal_policy
from infra.settings import Settings


class TokenSecret(Construct):
    """``{"stream-keys": "...", "<name>": {"current": "...", "previous": "..."}}``.

    Policies name one as ``secret:<name>``.

    Attributes
    ----------
    secret
        ``stream-keys`` is generated at the first deployment; what operators add, a later deployment
        leaves as it is.
    arn
        The secret's ARN.
    """

    def __init__(
        self, scope: Construct, construct_id: str, settings: Settings, *, key: kms.IKey | None
    ) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description="What tokens and stream keys for WCS are signed with, by name",
            # Not a value of ours: CloudFormation could write it again over what operators added.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - holds no secret, takes one
                generate_string_key="stream-keys",
                password_length=64,
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
            reason="The other end of each secret is in the programs that sign tokens, where no "
            "rotation function reaches; two are valid at once so that people can rotate them.",
        )
