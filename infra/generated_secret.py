"""A secret whose first value Secrets Manager generates."""

import string
from typing import cast

from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.retention import removal_policy
from infra.settings import Settings


class GeneratedSecret(Construct):
    """A JSON object of texts by name, one of which is generated at the first deployment.

    What people change or add, a later deployment leaves as it is.

    Parameters
    ----------
    description
        What the secret is for, as the console shows it.
    generated
        The member that is generated.
    length
        How many characters it has: letters and digits, as people type it into configuration files
        and shells.
    other_end
        Where the secret is used too, so that no rotation function can reach it.

    Attributes
    ----------
    secret
        The secret.
    arn
        The secret's ARN.
    """

    def __init__(  # noqa: PLR0913 - each by name
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        key: kms.IKey | None,
        description: str,
        generated: str,
        length: int,
        other_end: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.secret = secretsmanager.Secret(
            self,
            "Secret",
            description=description,
            # Not a value of ours: CloudFormation could write it again over what people changed.
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - holds no secret, takes one
                generate_string_key=generated,
                password_length=length,
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
            reason=f"The other end of the secret is in {other_end}, where no rotation function "
            "reaches; two secrets are valid at once so that people can rotate it.",
        )
