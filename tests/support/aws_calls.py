"""The calls that reach AWS, counted, and made to fail."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import EndpointConnectionError
from botocore.handlers import BUILTIN_HANDLERS

_SERVICES = ("dynamodb", "eventbridge", "sqs", "secrets-manager")


@dataclass(frozen=True)
class _Answer:
    """All that botocore reads of a response that is not the network's."""

    status_code: int


class AwsCalls:
    """Watches the clients of every session that is made from now on.

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
        self._handlers = [(f"before-call.{service}", self._before_call) for service in _SERVICES]
        BUILTIN_HANDLERS.extend(self._handlers)

    def stop_watching(self) -> None:
        """Leave the sessions alone that are made from now on."""
        for handler in self._handlers:
            BUILTIN_HANDLERS.remove(handler)

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
