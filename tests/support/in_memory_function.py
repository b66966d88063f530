"""A category's whole Lambda function in this process, with nothing but AWS itself replaced.

`HookClient` needs moto for what it does not replace; this needs a hundredth of its time, for those
who post hooks by the hundred thousand.
"""

import io
import json
import logging
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from tests.support.fake_clock import FakeClock
from tests.support.hook_client import ENVIRONMENT, SECRET, forget_logger
from tests.support.in_memory_snapshots import InMemorySnapshots
from wcs_hooks.core.methods import Category
from wcs_hooks.handlers import wiring


class InMemoryAws:
    """The services that the functions call, as `Clients` gives them, without any limit or fault.

    Attributes
    ----------
    letters
        The bodies of the messages that were sent to the queue.
    events
        The details of those that were put on the bus.
    """

    def __init__(self) -> None:
        self.letters: list[str] = []
        self.events: list[str] = []
        self._items: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def sessions(self) -> list[dict[str, Any]]:
        """The items of the Sessions table."""
        return list(self._items.values())

    def forget(self) -> None:
        """Start again."""
        self.letters.clear()
        self.events.clear()
        self._items.clear()

    # --- what `Clients` gives -------------------------------------------------------------------

    def dynamodb(self) -> Any:
        return self

    def event_bridge(self) -> Any:
        return self

    def secrets_manager(self) -> Any:
        return self

    def sqs(self) -> Any:
        return self

    # --- what is called of it -------------------------------------------------------------------

    def get_item(self, *, Key: Any, **_rest: Any) -> dict[str, Any]:  # noqa: N803 - AWS's name
        item = self._items.get(_key(Key))
        return {} if item is None else {"Item": item}

    def put_item(self, *, Item: Any, **_rest: Any) -> None:  # noqa: N803 - as AWS names it
        self._items[_key(Item)] = Item

    def delete_item(self, *, Key: Any, **_rest: Any) -> None:  # noqa: N803 - as AWS names it
        self._items.pop(_key(Key), None)

    def get_secret_value(self, **_rest: Any) -> dict[str, str]:
        return {"SecretString": json.dumps({"current": SECRET, "previous": "the-one-before"})}

    def put_events(self, *, Entries: Any) -> dict[str, int]:  # noqa: N803 - as AWS names it
        self.events += [entry["Detail"] for entry in Entries]
        return {"FailedEntryCount": 0}

    def send_message(self, *, MessageBody: str, **_rest: Any) -> None:  # noqa: N803 - as AWS names it
        self.letters.append(MessageBody)


class InMemoryFunction:
    """A function, once it is started.

    Parameters
    ----------
    category
        Which of the four.
    snapshots
        What is active.
    aws
        What it calls.
    variables
        Environment variables that differ from `ENVIRONMENT`.
    """

    def __init__(
        self,
        category: Category,
        snapshots: InMemorySnapshots,
        aws: InMemoryAws,
        **variables: str,
    ) -> None:
        replaced: dict[str, Any] = {
            "SystemClock": FakeClock,
            "Clients": lambda _time_limit: aws,
            "DynamoSnapshots": lambda _client, _table: snapshots,
        }
        environment = {**ENVIRONMENT, "EVENT_BUS_NAME": "bus", **variables}
        self._written = io.StringIO()
        forget_logger()
        with (
            patch.multiple(wiring, **replaced),
            patch.dict(os.environ, environment),
            redirect_stdout(self._written),
        ):
            self._handler = wiring.hook_handler(category)
        self._logger = logging.getLogger(ENVIRONMENT["POWERTOOLS_SERVICE_NAME"])

    def invoke(self, event: Mapping[str, Any], request_id: str) -> tuple[dict[str, Any], str]:
        """What the function gives back, and what it writes."""
        self._written.seek(0)
        self._written.truncate()
        for handler in self._logger.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.stream = self._written
        with redirect_stdout(self._written):
            response = self._handler(dict(event), SimpleNamespace(aws_request_id=request_id))
        return response, self._written.getvalue()


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["node"]["S"], item["session"]["S"]
