"""What of the stack costs money, read from its template as CloudFormation reads it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.settings import Settings
from tools.synthesis import template_of


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedStack:
    """The stack's costly facts.

    Attributes
    ----------
    memory_mb
        Of the functions that answer hooks.
    traced
        Whether they trace actively.
    platform_log
        Lambda's own log lines: ``text``, or their level in the log format JSON.
    snapshot_ttl, echo_log_sample_rate, echo_metrics_seconds
        As the settings with these names.
    environment
        The environment variables of the event function that are plain text.
    access_log
        The access log's fields, by name, with the variable that each shows.
    resources
        Number of resources of each type, as ``AWS::KMS::Key``.
    """

    memory_mb: int
    traced: bool
    platform_log: str
    snapshot_ttl: float
    echo_log_sample_rate: float
    echo_metrics_seconds: float
    environment: Mapping[str, str]
    access_log: Mapping[str, str]
    resources: Mapping[str, int]


def deployed_stack() -> DeployedStack:
    """Synthesise the stack with its settings' defaults, and read it."""
    return _read(template_of(Settings())["Resources"].values())


def _read(resources: list[dict[str, Any]]) -> DeployedStack:
    [event] = [
        each["Properties"]
        for each in resources
        if each.get("Properties", {}).get("Handler") == "wcs_hooks.handlers.event.handler"
    ]
    [stage] = [each for each in resources if each["Type"] == "AWS::ApiGatewayV2::Stage"]
    logging = event.get("LoggingConfig", {})
    is_json = logging.get("LogFormat") == "JSON"
    variables = event["Environment"]["Variables"]
    return DeployedStack(
        memory_mb=event["MemorySize"],
        traced=event.get("TracingConfig", {}).get("Mode") == "Active",
        platform_log=logging.get("SystemLogLevel", "INFO") if is_json else "text",
        snapshot_ttl=float(variables["SNAPSHOT_TTL_SECONDS"]),
        echo_log_sample_rate=float(variables["ECHO_LOG_SAMPLE_RATE"]),
        echo_metrics_seconds=float(variables["ECHO_METRICS_SECONDS"]),
        environment={name: value for name, value in variables.items() if isinstance(value, str)},
        access_log=json.loads(stage["Properties"]["AccessLogSettings"]["Format"]),
        resources=Counter(each["Type"] for each in resources),
    )
