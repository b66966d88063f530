"""Events, on an EventBridge bus: `source` `wcs.hooks`, `detail-type` the method."""

from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.deadlines import CircuitBreaker
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.payload import encode

if TYPE_CHECKING:
    from mypy_boto3_events.client import EventBridgeClient

SOURCE: Final = "wcs.hooks"

MAX_DETAIL_BYTES: Final = 250_000
"""EventBridge takes entries of up to 256 KB, the names included."""


class EventBridgeBus:
    """Publishes events.

    Parameters
    ----------
    client
        With time-outs.
    name
        The bus's name.
    clock
        By which it goes how long a bus that hung is left alone.
    """

    def __init__(self, client: "EventBridgeClient", name: str, clock: Clock) -> None:
        self._client = client
        self._name = name
        self._breaker = CircuitBreaker("the event bus", clock)

    def publish(self, method: str, detail: dict[str, Any], deadline: Deadline) -> None:
        """Publish an event; one that is too large goes without its body, `bodyOmitted` saying so.

        Raises
        ------
        UnavailableError
            If the bus did not take it by the deadline.
        """
        text = encode(detail)
        if len(text.encode()) > MAX_DETAIL_BYTES:
            text = encode({**detail, "body": None, "bodyOmitted": True})
        self._breaker.run_before(deadline, lambda: self._publish(method, text))

    def _publish(self, method: str, detail: str) -> None:
        try:
            answer = self._client.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": SOURCE,
                        "DetailType": method,
                        "Detail": detail,
                    }
                ]
            )
        except (BotoCoreError, ClientError) as error:
            raise unavailable("the event bus does not answer", error) from error
        if answer["FailedEntryCount"]:
            code = answer["Entries"][0].get("ErrorCode", "")
            raise UnavailableError(f"the event bus refused the event: {code}")
