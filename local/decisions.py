"""Reads the functions' decision log, which tells the policies behind an answer."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from local.deployment import StackOutputs
from local.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient

_LOOK_BACK_MS: Final = 10 * 60 * 1000


class DecisionLog:
    """The log groups of the four functions that answer hooks."""

    def __init__(self, workspace: Workspace, outputs: StackOutputs) -> None:
        session = workspace.session()
        self._logs: CloudWatchLogsClient = session.client("logs", endpoint_url=workspace.endpoint)
        self._functions: LambdaClient = session.client("lambda", endpoint_url=workspace.endpoint)
        self._names = (
            outputs.connect_function_name,
            outputs.direct_function_name,
            outputs.event_function_name,
            outputs.incoming_function_name,
        )

    def lines(self, decisions: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        """Return the log lines about some decisions, as far as there are any.

        Plain echoes are logged now and then only: of most there is nothing to tell.
        """
        wanted = set(decisions)
        since_ms = int(time.time() * 1000) - _LOOK_BACK_MS
        return {
            record["decision"]: record
            for name in self._names
            for record in self.records(name, since_ms)
            if record.get("decision") in wanted
        }

    def records(self, function: str, since_ms: int) -> Iterator[Mapping[str, Any]]:
        """Yield the JSON objects that a function logged since a time, in order."""
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.log_group(function), startTime=since_ms
        )
        for page in pages:
            for event in page["events"]:
                for line in event.get("message", "").splitlines():
                    if line.startswith("{"):
                        yield json.loads(line)

    def log_group(self, function: str) -> str:
        """Return the name of a function's log group."""
        configuration = self._functions.get_function_configuration(FunctionName=function)
        group = configuration.get("LoggingConfig", {}).get("LogGroup")
        return group or f"/aws/lambda/{function}"
