"""What the functions wrote: JSON lines of their log groups."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations

_PAGE: Final = 10_000
"""How many events FilterLogEvents gives at once."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One JSON line.

    Attributes
    ----------
    key
        Distinguishes it from every other, also when it is read a second time.
    at
        When it was written, in milliseconds since the epoch.
    function
        Whose log it is in: a category, or `compiler`.
    fields
        What it says.
    """

    key: str
    at: int
    function: str
    fields: Mapping[str, Any]


class FunctionLogs:
    """Reads the log groups of a deployment's functions.

    Parameters
    ----------
    deployment
        Whose.
    configurations
        Say where the logs are.
    """

    def __init__(self, deployment: Deployment, configurations: FunctionConfigurations) -> None:
        self._client = deployment.client("logs")
        self._configurations = configurations
        # CloudWatch picks lines faster than it sends them. On the emulator one event can hold
        # several lines, which no pattern fits.
        self._picks = deployment.endpoint is None

    def records(
        self, functions: Iterable[str], since: int, until: int | None = None, *, pattern: str = ""
    ) -> Iterator[LogRecord]:
        """The JSON lines of some functions, one log after the other, each in order.

        Parameters
        ----------
        since, until
            Milliseconds since the epoch.
        pattern
            CloudWatch's filter pattern, with which it may send fewer lines; others come, too.
        """
        for function in functions:
            group = self._configurations.for_function(function).log_group
            for event in self._events(group, since, until, pattern):
                yield from records_in(function, event)

    def _events(
        self, group: str, since: int, until: int | None, pattern: str
    ) -> Iterator[Mapping[str, Any]]:
        request: dict[str, Any] = {"logGroupName": group, "startTime": since}
        if until is not None:
            request["endTime"] = until
        if pattern and self._picks:
            request["filterPattern"] = pattern
        while True:
            try:
                page = self._client.filter_log_events(**request)
            except self._client.exceptions.ResourceNotFoundException:
                # Nothing was ever written.
                return
            events = page["events"]
            yield from events
            if page.get("nextToken"):
                request["nextToken"] = page["nextToken"]
            elif len(events) >= _PAGE and events[-1]["timestamp"] > request["startTime"]:
                # The emulator cuts off there, and gives no token to go on with.
                request["startTime"] = events[-1]["timestamp"] + 1
            else:
                return


def records_in(function: str, event: Mapping[str, Any]) -> Iterator[LogRecord]:
    """The JSON lines of an event of a function's log."""
    for number, line in enumerate(event.get("message", "").splitlines()):
        if not line.startswith("{"):
            continue
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(fields, dict):
            key = f"{function}/{event.get('logStreamName')}/{event.get('eventId')}/{number}"
            yield LogRecord(key, int(event["timestamp"]), function, fields)
