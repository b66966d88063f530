"""The callers' secrets, in Secrets Manager: `{"current": "…", "previous": "…"}`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.core.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager.client import SecretsManagerClient


def read_secrets(client: "SecretsManagerClient", arn: str) -> Sequence[str]:
    """The current secret, then the previous one where there is one.

    Raises
    ------
    UnavailableError
        If Secrets Manager does not answer, or the secret's value has another form.
    """
    try:
        value = client.get_secret_value(SecretId=arn)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError("the secret store does not answer") from error
    try:
        secret = json.loads(value)
        valid = [secret["current"], secret.get("previous")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Without the cause: its text could quote the secret.
        raise UnavailableError('the secret is not of the form {"current": "…"}') from (
            None if isinstance(error, ValueError) else error
        )
    secrets = [text for text in valid if isinstance(text, str) and text]
    if not secrets:
        raise UnavailableError("the secret holds no key")
    return secrets
