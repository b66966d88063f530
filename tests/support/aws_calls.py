"""The calls that reach AWS, counted, and made to fail."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError

_SERVICES = ("dynamodb", "sqs", "secrets-manager")


@dataclass(frozen=True)
class _Answer:
    """All that botocore reads of a response that is not the network's."""

    status_code: int


class AwsCalls:
    """Watches every client that is made from boto3's default session from now on.

    Attributes
    ----------
    made
        The operations that were called, such as `BatchGetItem`, in order.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self._errors: dict[str, str] = {}
        self._unreachable: set[str] = set()
        self._skip: dict[str, int] = {}
        boto3.setup_default_session()
        session = boto3.DEFAULT_SESSION
        assert session is not None
        for service in _SERVICES:
            session.events.register(f"before-call.{service}", self._before_call)

    def fail(self, operation: str, code: str, *, after: int = 0) -> None:
        """Let an operation fail with AWS's error code from now on, or after some more calls."""
        self._errors[operation] = code
        self._skip[operation] = after

    def cut_off(self, *operations: str) -> None:
        """Let operations find nobody at the other end."""
        self._unreachable.update(operations)

    def recover(self) -> None:
        self._errors.clear()
        self._unreachable.clear()

    def _before_call(self, model: Any, **_: Any) -> Any:
        operation: str = model.name
        self.made.append(operation)
        if operation in self._unreachable:
            raise EndpointConnectionError(endpoint_url="https://nowhere.invalid")
        if operation not in self._errors:
            return None
        if self._skip[operation] > 0:
            self._skip[operation] -= 1
            return None
        error = {"Error": {"Code": self._errors[operation], "Message": "a fault of the test's"}}
        return _Answer(400), error
