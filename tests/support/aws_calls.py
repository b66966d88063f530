"""The calls that reach AWS, counted, and made to fail."""

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import EndpointConnectionError

_SERVICES = ("dynamodb", "eventbridge", "sqs", "secrets-manager")


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
    requests
        What they were called with: the body of each.
    """

    def __init__(self) -> None:
        self.made: list[str] = []
        self.requests: list[bytes] = []
        self._errors: dict[str, str] = {}
        self._unreachable: set[str] = set()
        self._grace = 0
        if boto3.DEFAULT_SESSION is None:
            boto3.setup_default_session()
        assert boto3.DEFAULT_SESSION is not None
        self._events = boto3.DEFAULT_SESSION.events
        for service in _SERVICES:
            self._events.register(f"before-call.{service}", self._before_call)

    def stop_watching(self) -> None:
        """Leave the clients alone that are made from now on."""
        for service in _SERVICES:
            self._events.unregister(f"before-call.{service}", self._before_call)

    def fail(self, *operations: str, code: str = "InternalServerError", after: int = 0) -> None:
        """Let operations fail with AWS's error code, from now on or after some more of them."""
        self._errors.update(dict.fromkeys(operations, code))
        self._grace = after

    def cut_off(self, *operations: str) -> None:
        """Let operations find nobody at the other end."""
        self._unreachable.update(operations)

    def recover(self) -> None:
        self._errors.clear()
        self._unreachable.clear()

    def _before_call(self, model: Any, params: Any, **_: Any) -> Any:
        operation: str = model.name
        self.made.append(operation)
        self.requests.append(params["body"])
        if operation in self._unreachable:
            raise EndpointConnectionError(endpoint_url="https://nowhere.invalid")
        if operation not in self._errors:
            return None
        if self._grace > 0:
            self._grace -= 1
            return None
        error = {"Error": {"Code": self._errors[operation], "Message": "a fault of the test's"}}
        return _Answer(400), error
