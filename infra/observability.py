"""The dashboard, and the alarms with the topic that tells of them.

Widgets and alarms are written out: a library of ready-made ones knows AWS's own metrics, while
nearly all that matters here are the functions' own.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_cloudwatch_actions import SnsAction
from constructs import Construct

from infra.hook_api import HookApi
from infra.hook_functions import METRICS_NAMESPACE
from infra.settings import Settings
from wcs_hooks.core.methods import Category

COMPILER: Final = "compiler"
"""The compiler's ``category`` among the metrics."""

_MINUTE = Duration.minutes(1)
_WIDTH = 8
"""Three graphs to a row."""

_HEIGHT = 6


class Observability(Construct):
    """What happens to hooks, on one page, and who is told when it goes wrong.

    Attributes
    ----------
    dashboard_url
        The dashboard in the CloudWatch console.
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
        functions: Mapping[Category, lambda_.IFunction],
        compiler: lambda_.IFunction,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._hooks = hooks
        self._functions = functions
        self._compiler = compiler
        self._dead_letters = dead_letters
        self._throttled_requests = self._count_throttled_requests(hooks.access_logs)
        self.topic = self._topic()
        dashboard = self._dashboard(self._alarms())
        self.dashboard_url = (
            f"https://{Aws.REGION}.console.aws.amazon.com/cloudwatch/home"
            f"?region={Aws.REGION}#dashboards/dashboard/{dashboard.dashboard_name}"
        )

    def _topic(self) -> sns.Topic:
        alarms = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
        # A key of our own, since the policy of SNS's own key keeps CloudWatch's alarms out.
        key = kms.Key(
            self,
            "TopicKey",
            description="Encrypts what alarms on WCS hooks say",
            enable_key_rotation=True,
            # It guards nothing that outlives the topic.
            removal_policy=RemovalPolicy.DESTROY,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                principals=[alarms],
                resources=["*"],
            )
        )
        topic = sns.Topic(self, "Alarms", master_key=key, enforce_ssl=not self._settings.local)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="Alarms",
                actions=["sns:Publish"],
                principals=[alarms],
                resources=[topic.topic_arn],
            )
        )
        if self._settings.alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(self._settings.alarm_email))
        return topic

    def _count_throttled_requests(self, access_logs: logs.LogGroup) -> cloudwatch.Metric:
        """Count the gateway's 429 replies, which an HTTP API has no metric for."""
        return access_logs.add_metric_filter(
            "ThrottledRequests",
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
            metric_namespace=METRICS_NAMESPACE,
            metric_name="ThrottledRequests",
            metric_value="1",
            dimensions={"api": "$.apiId"},
        ).metric(dimensions_map={"api": self._hooks.api.api_id}, statistic="Sum", period=_MINUTE)

    # Metrics

    def _own(self, name: str, category: str, statistic: str = "Sum") -> cloudwatch.Metric:
        """One of the functions' own metrics, for a category."""
        return cloudwatch.Metric(
            namespace=METRICS_NAMESPACE,
            metric_name=name,
            dimensions_map={"service": self._settings.service_name, "category": category},
            statistic=statistic,
            period=_MINUTE,
        )

    def _by_category(self, name: str) -> list[cloudwatch.IMetric]:
        return [self._own(name, category).with_(label=category) for category in Category]

    def _percentiles(self, name: str) -> list[cloudwatch.IMetric]:
        return [
            self._own(name, category, statistic).with_(label=f"{category} {statistic}")
            for category in Category
            for statistic in ("p50", "p99")
        ]

    def _in_all(self, name: str) -> cloudwatch.MathExpression:
        return _sum(self._by_category(name), label=name)

    def _by_method(self, name: str) -> cloudwatch.MathExpression:
        search = (
            f"{{{METRICS_NAMESPACE},service,category,method}} "
            f'MetricName="{name}" service="{self._settings.service_name}"'
        )
        return cloudwatch.MathExpression(
            expression=f"SEARCH('{search}', 'Sum')",
            using_metrics={},
            label="",
            period=_MINUTE,
        )

    def _every_function(self) -> dict[str, lambda_.IFunction]:
        return {
            **{str(name): each for name, each in self._functions.items()},
            COMPILER: self._compiler,
        }

    # Alarms. Each watches one metric of one category: a sum of several would cost the same, would
    # not say which kind of hook suffers, and would rest on how CloudWatch adds up missing values.

    def _alarms(self) -> list[cloudwatch.Alarm]:
        return [
            *(alarm for category in Category for alarm in self._category_alarms(category)),
            self._alarm(
                "CompileErrors",
                "A policy edit is wrong and not in force; the app's item #status says why.",
                self._own("CompileErrors", COMPILER),
            ),
            *self._function_alarms(
                COMPILER, self._compiler, "Policy edits may not be in force. Look into its log."
            ),
            self._alarm(
                "ThrottledRequests",
                "The gateway refuses hooks: the account's rate of requests is used up.",
                self._throttled_requests,
            ),
            self._alarm(
                "DeadLetters",
                "A hook or a policy edit could not be handled and waits in the dead-letter queue.",
                self._dead_letters.metric_approximate_number_of_messages_visible(
                    period=_MINUTE, statistic="Maximum"
                ),
            ),
            self._alarm(
                "DeadLettersAge",
                "Dead letters are ten days old; SQS drops them after fourteen.",
                self._dead_letters.metric_approximate_age_of_oldest_message(
                    period=_MINUTE, statistic="Maximum"
                ),
                threshold=Duration.days(10).to_seconds(),
            ),
        ]

    def _category_alarms(self, category: Category) -> list[cloudwatch.Alarm]:
        name = category.capitalize()
        return [
            self._alarm(
                f"{name}Failed",
                f"{category} hooks failed on our side: WCS does what restOnError says. Look into "
                "the function's log and the dead letters.",
                self._own("Failed", category),
            ),
            *self._function_alarms(
                category,
                self._functions[category],
                "Hooks got no answer of ours: WCS does what restOnError says. Look into its log.",
            ),
            self._alarm(
                f"{name}Slow",
                f"One in a hundred {category} hooks takes more than half of replyTimeout.",
                self._own("ServiceTime", category, "p99"),
                threshold=self._settings.reply_timeout * 1000 / 2,
                minutes=5,
            ),
            self._alarm(
                f"{name}Rejected",
                f"Callers of {category} hooks did not prove to be WCS: its secret differs from "
                "ours, or they are not WCS.",
                self._own("Rejected", category),
                threshold=10,
            ),
            self._alarm(
                f"{name}Stale",
                f"{category} hooks are answered by policies that may be outdated: "
                "PolicySnapshots cannot be read.",
                self._own("StaleSnapshot", category),
                minutes=3,
            ),
        ]

    def _function_alarms(
        self, name: str, function: lambda_.IFunction, consequence: str
    ) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(
                f"{name.capitalize()}Errors",
                f"The {name} function crashed or took too long. {consequence}",
                function.metric_errors(period=_MINUTE),
            ),
            self._alarm(
                f"{name.capitalize()}Throttles",
                f"The {name} function is throttled: the account's concurrency is used up.",
                function.metric_throttles(period=_MINUTE),
            ),
        ]

    def _alarm(
        self,
        construct_id: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float = 1,
        minutes: int = 1,
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=description,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=minutes,
            # Nothing is published when nothing was counted.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        return alarm

    # Dashboard

    def _dashboard(self, alarms: Sequence[cloudwatch.IAlarm]) -> cloudwatch.Dashboard:
        gateway = self._hooks.api
        every = self._every_function()
        queue = self._dead_letters
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(3))
        dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(alarms=list(alarms), title="Alarms", width=24, height=3)
        )
        for row in (
            (
                _graph("Calls by category", self._by_category("Calls"), stacked=True),
                _graph(
                    "What was answered",
                    [
                        self._in_all(name)
                        for name in (
                            *("Echoed", "Overridden", "Denied", "DenySuppressed"),
                            *("Failed", "Rejected", "Malformed", "UnknownMethod"),
                        )
                    ],
                ),
            ),
            (
                _graph("Denied, by category", self._by_category("Denied")),
                _graph("Denied, by method", [self._by_method("Denied")]),
                _graph("Overridden, by method", [self._by_method("Overridden")]),
            ),
            (
                _graph(
                    "Shadow policies: what they would do",
                    [self._in_all("ShadowDenied"), self._in_all("ShadowOverridden")],
                ),
                _graph(
                    "What WCS reports as failed, by method", [self._by_method("ReportedFailures")]
                ),
                _graph("Expressions that failed", self._by_category("ExpressionErrors")),
            ),
            (
                _graph("Time to answer (ms)", self._percentiles("ServiceTime")),
                _graph("Time to decide (µs)", self._percentiles("DecisionTime")),
                _graph(
                    "Gateway latency (ms)",
                    [
                        gateway.metric_latency(statistic=statistic, period=_MINUTE, label=statistic)
                        for statistic in ("p50", "p99")
                    ],
                ),
            ),
            (
                _graph(
                    "Dead letters",
                    [
                        queue.metric_approximate_number_of_messages_visible(
                            statistic="Maximum", period=_MINUTE, label="waiting"
                        ),
                        self._in_all("DeadLettered"),
                    ],
                    right=[
                        queue.metric_approximate_age_of_oldest_message(
                            statistic="Maximum", period=_MINUTE, label="oldest (s)"
                        )
                    ],
                ),
                _graph("Answered by a stale snapshot", self._by_category("StaleSnapshot")),
                _graph(
                    "Compiler",
                    [
                        self._own(name, COMPILER).with_(label=name)
                        for name in ("Compiled", "CompileErrors")
                    ],
                ),
            ),
            (
                _graph(
                    "Gateway",
                    [
                        gateway.metric_count(statistic="Sum", period=_MINUTE, label="requests"),
                        gateway.metric_client_error(statistic="Sum", period=_MINUTE, label="4xx"),
                        gateway.metric_server_error(statistic="Sum", period=_MINUTE, label="5xx"),
                        self._throttled_requests.with_(label="429"),
                    ],
                ),
                _graph(
                    "Functions: errors and throttles",
                    [
                        metric
                        for name, each in every.items()
                        for metric in (
                            each.metric_errors(period=_MINUTE, label=f"{name} errors"),
                            each.metric_throttles(period=_MINUTE, label=f"{name} throttles"),
                        )
                    ],
                ),
                _graph(
                    "Cold starts",
                    [
                        *self._by_category("ColdStart"),
                        self._own("ColdStart", COMPILER).with_(label=COMPILER),
                    ],
                ),
            ),
        ):
            dashboard.add_widgets(*row)
        return dashboard


def _sum(metrics: Sequence[cloudwatch.IMetric], *, label: str) -> cloudwatch.MathExpression:
    """Add metrics up, counting one that was not published as zero."""
    # CloudWatch wants the names to begin in lower case and to be unique within a graph.
    named = {f"{label.lower()}{number}": metric for number, metric in enumerate(metrics)}
    terms = ",".join(f"FILL({name},0)" for name in named)
    return cloudwatch.MathExpression(
        expression=f"SUM([{terms}])", using_metrics=named, label=label, period=_MINUTE
    )


def _graph(
    title: str,
    left: Sequence[cloudwatch.IMetric],
    *,
    right: Iterable[cloudwatch.IMetric] = (),
    stacked: bool = False,
) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        left=list(left),
        right=list(right),
        stacked=stacked,
        width=_WIDTH,
        height=_HEIGHT,
    )
