"""What of the stack costs money, read from its template as CloudFormation will read it."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aws_cdk import App
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from infra.settings import Settings
from infra.wcs_hooks_stack import WcsHooksStack

ROOT: Final = Path(__file__).resolve().parents[2]

_FUNCTION: Final = "AWS::Lambda::Function"


@dataclass(frozen=True, slots=True)
class DeployedStack:
    """The stack's costly facts.

    Attributes
    ----------
    memory_mb
        Of the functions that answer hooks.
    traced
        Whether they trace actively.
    system_log_level
        Of which level Lambda's own log lines are, empty where the log format is text.
    environment
        The environment variables of the event function that are plain text.
    access_log
        The access log's fields, by name, with the variable that each shows.
    alarms, dashboards, log_metrics, secrets, keys, buses
        How many there are. ``log_metrics`` are counted by CloudWatch in the logs.
    """

    memory_mb: int
    traced: bool
    system_log_level: str
    environment: Mapping[str, str]
    access_log: Mapping[str, str]
    alarms: int
    dashboards: int
    log_metrics: int
    secrets: int
    keys: int
    buses: int

    @property
    def snapshot_ttl(self) -> float:
        """Seconds for which a function uses a snapshot before it looks for a newer one."""
        return float(self.environment["SNAPSHOT_TTL_SECONDS"])

    @property
    def echo_log_sample_rate(self) -> float:
        """The share of plain echoes that are logged."""
        return float(self.environment["ECHO_LOG_SAMPLE_RATE"])

    @property
    def echo_metrics_seconds(self) -> float:
        """For how long an environment gathers the counts of plain echoes."""
        return float(self.environment["ECHO_METRICS_SECONDS"])


def deployed_stack(settings: Settings | None = None) -> DeployedStack:
    """Synthesise the stack with its settings' defaults, or with others, and read it."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as code:
        # What is in the package is no matter here.
        (Path(code) / "handler.py").touch()
        stack = WcsHooksStack(
            App(context=context, builtin_cloud_formation_validation=False),
            settings or Settings(),
            lambda_.Code.from_asset(code),
        )
        return read_template(Template.from_stack(stack).to_json())


def read_template(template: Mapping[str, Any]) -> DeployedStack:
    """Read a template."""
    resources = template["Resources"]

    def of_type(kind: str) -> list[dict[str, Any]]:
        return [each["Properties"] for each in resources.values() if each["Type"] == kind]

    [event] = [
        each for each in of_type(_FUNCTION) if each["Handler"] == "wcs_hooks.handlers.event.handler"
    ]
    logging = event.get("LoggingConfig", {})
    variables = event["Environment"]["Variables"]
    [stage] = of_type("AWS::ApiGatewayV2::Stage")
    return DeployedStack(
        memory_mb=event["MemorySize"],
        traced=event.get("TracingConfig", {}).get("Mode") == "Active",
        system_log_level=logging.get("SystemLogLevel", "INFO")
        if logging.get("LogFormat") == "JSON"
        else "",
        environment={name: value for name, value in variables.items() if isinstance(value, str)},
        access_log=json.loads(stage["AccessLogSettings"]["Format"]),
        alarms=len(of_type("AWS::CloudWatch::Alarm")),
        dashboards=len(of_type("AWS::CloudWatch::Dashboard")),
        log_metrics=len(of_type("AWS::Logs::MetricFilter")),
        secrets=len(of_type("AWS::SecretsManager::Secret")),
        keys=len(of_type("AWS::KMS::Key")),
        buses=len(of_type("AWS::Events::EventBus")),
    )
