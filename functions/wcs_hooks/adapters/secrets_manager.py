"""The secrets in Secrets Manager: of callers, and those that tokens are signed with.

The callers' secret is `{"current": "…", "previous": "…"}`. The secrets of tokens are one secret,
which has such an object for each name, or the current secret alone as a text.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
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
    value = _value(client, arn)
    try:
        secret = json.loads(value)
        valid = [secret["current"], secret.get("previous")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # Without the cause: its text could quote the secret.
        raise UnavailableError('the secret is not of the form {"current": "…"}') from (
            None if isinstance(error, ValueError) else error
        )
    secrets = _texts(valid)
    if not secrets:
        raise UnavailableError("the secret holds no key")
    return secrets


def read_token_secrets(client: "SecretsManagerClient", arn: str) -> Mapping[str, Sequence[str]]:
    """The secrets that tokens are signed with, by name: the current one, then the previous.

    A name whose value has another form is left out, so that it does not take the others with it.

    Raises
    ------
    UnavailableError
        If Secrets Manager does not answer, or the value is not a JSON object.
    """
    try:
        named = json.loads(_value(client, arn))
    except ValueError:
        # Without the cause: its text could quote a secret.
        named = None
    if not isinstance(named, dict):
        raise UnavailableError("the secrets of tokens are not a JSON object")
    found = {name: _texts(_current_and_previous(value)) for name, value in named.items()}
    return {name: secrets for name, secrets in found.items() if secrets}


def _value(client: "SecretsManagerClient", arn: str) -> str:
    try:
        return client.get_secret_value(SecretId=arn)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise unavailable("the secret store does not answer", error) from error


def _current_and_previous(value: object) -> Sequence[Any]:
    match value:
        case {"current": str(current), **rest}:
            return [current, rest.get("previous")]
        case str():
            return [value]
        case _:
            return []


def _texts(values: Sequence[Any]) -> Sequence[str]:
    return [text for text in values if isinstance(text, str) and text]
