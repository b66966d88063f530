"""The secret that WCS proves itself with, and its rotation.

Two are valid at once: `current`, and during a rotation `previous`
(`wcs_hooks.adapters.secrets_manager`). So WCS can be given the new one while the old one is still
valid, and no hook is rejected meanwhile.
"""

import json
import secrets
import string
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from wcsctl.deployment import Deployment
from wcsctl.errors import ConflictError, NotFoundError, WcsctlError

LENGTH: Final = 40
"""Of a generated secret, in characters; as the stack's own."""

_ALPHABET: Final = string.ascii_letters + string.digits


class SecretFormError(WcsctlError):
    """The secret's value is not of the form that the functions read."""


@dataclass(frozen=True, slots=True)
class CallerSecrets:
    """What is valid.

    Attributes
    ----------
    previous
        Empty outside a rotation.
    """

    current: str = field(repr=False)
    previous: str = field(default="", repr=False)


class CallerSecretStore:
    """The stack's secret, in Secrets Manager.

    Parameters
    ----------
    deployment
        Whose.
    """

    _output: ClassVar = "SignatureSecretArn"
    _under_way: ClassVar = (
        "A rotation is under way: give WCS the current secret, then end it with "
        "`wcsctl secret finish`."
    )

    def __init__(self, deployment: Deployment) -> None:
        self._client: Any = deployment.client("secretsmanager")
        self._arn = deployment.output(self._output)

    def read(self) -> CallerSecrets:
        """What is valid now.

        Raises
        ------
        NotFoundError
            If the secret is gone.
        SecretFormError
            If it is of another form.
        """
        try:
            text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        except self._client.exceptions.ResourceNotFoundException:
            raise NotFoundError(
                f"There is no secret {self._arn}: deploy the stack again."
            ) from None
        try:
            value = json.loads(text)
            current, previous = value["current"], value.get("previous") or ""
        except (ValueError, KeyError, TypeError, AttributeError):
            current = previous = None
        if not isinstance(current, str) or not current or not isinstance(previous, str):
            # Without a cause: its text could quote the secret.
            raise SecretFormError(
                f'The secret {self._arn} is not of the form {{"current": "..."}}: '
                "put it right in Secrets Manager."
            ) from None
        return CallerSecrets(current, previous)

    def rotate(self) -> CallerSecrets:
        """Make a new one current and the current one previous; gives both.

        Raises
        ------
        ConflictError
            If a rotation is under way: the previous one may still be needed.
        """
        before = self.read()
        if before.previous:
            raise ConflictError(self._under_way)
        new = "".join(secrets.choice(_ALPHABET) for _ in range(LENGTH))
        after = CallerSecrets(new, before.current)
        self._write(after)
        return after

    def accept_too(self, secret: str) -> None:
        """Accept another secret beside the current one, as `previous`, until `finish`.

        Raises
        ------
        ConflictError
            If a rotation is under way.
        """
        before = self.read()
        if before.previous:
            raise ConflictError("A rotation is under way: end it with `wcsctl secret finish`.")
        self._write(CallerSecrets(before.current, secret))

    def finish(self) -> None:
        """Let the previous one be valid no more.

        Raises
        ------
        ConflictError
            If no rotation is under way.
        """
        now = self.read()
        if not now.previous:
            raise ConflictError("No rotation is under way: `wcsctl secret rotate` begins one.")
        self._write(CallerSecrets(now.current))

    def _write(self, value: CallerSecrets) -> None:
        content = {"current": value.current}
        if value.previous:
            content["previous"] = value.previous
        self._client.put_secret_value(SecretId=self._arn, SecretString=json.dumps(content))


class SubjectSecretStore(CallerSecretStore):
    """The secret that subjects are hashed with, where the setting `subject` is hash.

    Functions hash with the current one alone. The previous one is kept to find what was hashed
    before the rotation.
    """

    _output = "SubjectSecretArn"
    _under_way = (
        "A rotation is under way: what was hashed with the previous secret can be found until "
        "`wcsctl secret finish --subject`. End it when those lines of the log have expired."
    )

    def __init__(self, deployment: Deployment) -> None:
        if self._output not in deployment.outputs:
            raise NotFoundError(
                "This stack has no secret for subjects: deploy it with the setting subject=hash."
            )
        super().__init__(deployment)
