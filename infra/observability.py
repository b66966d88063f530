"""What operators see of the stack: its dashboard, and its alarms with the topic they notify."""

from collections.abc import Mapping

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.alarms import Alarms
from infra.dashboard import Dashboard
from infra.hook_api import HookApi
from infra.metrics import MINUTE, Metrics
from infra.settings import Settings
from wcs_hooks.core.methods import Category


class Observability(Construct):
    """Shows on one page what happens to hooks, and notifies operators when it goes wrong.

    Attributes
    ----------
    dashboard_url
        The dashboard in the CloudWatch console.
    alarms
        Every alarm.
    topic
        Where alarms are published; subscribe to it, or give the setting ``alarmEmail``.
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        hooks: HookApi,
        functions: Mapping[Category, lambda_.Function],
        live: Mapping[Category, lambda_.Alias],
        compiler: lambda_.Function,
        edits_id: str,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        metrics = Metrics(settings)
        throttled_requests = self._count_throttled_requests(
            settings, hooks.access_logs, hooks.api.api_id
        )
        alarms = Alarms(
            self,
            "Alarms",
            settings,
            metrics=metrics,
            functions=live,
            compiler=compiler,
            edits_id=edits_id,
            dead_letters=dead_letters,
            throttled_requests=throttled_requests,
        )
        self.topic = alarms.topic
        self.alarms = alarms.all
        self.dashboard_url = Dashboard(
            self,
            "Dashboard",
            metrics=metrics,
            alarms=alarms.all,
            hooks=hooks,
            functions=functions,
            live=live,
            compiler=compiler,
            dead_letters=dead_letters,
            throttled_requests=throttled_requests,
        ).url

    def _count_throttled_requests(
        self, settings: Settings, access_logs: logs.LogGroup, api_id: str
    ) -> cloudwatch.Metric:
        """Count the gateway's 429 replies, which an HTTP API has no metric for."""
        return access_logs.add_metric_filter(
            "ThrottledRequests",
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
            metric_namespace=settings.metric_namespace,
            metric_name="ThrottledRequests",
            metric_value="1",
            dimensions={"api": "$.apiId"},
        ).metric(dimensions_map={"api": api_id}, statistic="Sum", period=MINUTE)
