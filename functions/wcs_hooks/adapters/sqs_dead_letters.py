"""Dead letters, in an SQS queue."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.aws_errors import unavailable
from wcs_hooks.adapters.deadlines import run_before
from wcs_hooks.clock import Deadline
from wcs_hooks.hook.dead_letter import to_text
from wcs_hooks.ports import Place

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient


class SqsDeadLetters:
    """Sends messages to a queue.

    Parameters
    ----------
    make_client
        Called when there is a first message: most functions never have one.
    queue_url
        The queue's.
    """

    def __init__(self, make_client: Callable[[], "SQSClient"], queue_url: str) -> None:
        self._make_client = make_client
        self._queue_url = queue_url
        self._client: SQSClient | None = None

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> Place:
        """Keep a message.

        Raises
        ------
        UnavailableError
            If the queue did not take it by the deadline.
        """
        text = to_text(dict(message))
        run_before(deadline, lambda: self._send(text), "the dead-letter queue")
        return Place.QUEUE

    def _send(self, text: str) -> None:
        try:
            if self._client is None:
                self._client = self._make_client()
            self._client.send_message(QueueUrl=self._queue_url, MessageBody=text)
        except (BotoCoreError, ClientError) as error:
            raise unavailable("the dead-letter queue refuses the message", error) from error
