"""The alarms, and the topic that they notify."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_cloudwatch_actions import SnsAction
from constructs import Construct

from infra.metrics import MINUTE, Metrics
from infra.settings import Settings
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import Cause, Outcome, RestOnError
from wcs_hooks.telemetry.catalogue import COMPILER, Count

RUNBOOK: Final = "docs/operate/runbook.md"
"""Has an entry for each alarm, under its name."""

_AT_LEAST: Final = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
_BELOW: Final = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_HARMLESS: Final = cloudwatch.TreatMissingData.NOT_BREACHING
_ALARMING: Final = cloudwatch.TreatMissingData.BREACHING

_TEN_A_MINUTE: Final[Mapping[Count, str]] = {
    "ExpressionErrors": "Expressions cannot be evaluated for {category} hooks, ten times a minute "
    "or more. A deny policy then applies, any other is skipped, unless its whenError differs.",
    "LookupErrors": "Rows that policies look up for {category} hooks cannot be read or used, ten "
    "times a minute or more. The hooks fail or are denied, or the policies are skipped.",
    "LimitErrors": "Limits cannot be counted for {category} hooks, ten times a minute or more. The "
    "hooks fail, unless the policy has whenError: skip.",
    "DenySuppressed": "Policies deny {category} hooks that are echoed all the same, ten times a "
    "minute or more, because their sessions were never seen at connect.",
}
"""Metrics that may be above zero now and then but not for long, with their alarm's description."""

_NEVER: Final[frozenset[tuple[Count, Category]]] = frozenset(
    {
        # What has happened already cannot be limited.
        ("LimitErrors", Category.EVENT),
        # A connect makes its session known, so its denial is never held back.
        ("DenySuppressed", Category.CONNECT),
    }
)
"""Metrics that a category does not count."""


class Alarms(Construct):
    """Alarms that notify operators when hooks are not answered as they should be.

    Each alarm watches one metric of one category: a sum of several would cost the same, would not
    say which kind of hook suffers, and would rest on how CloudWatch adds up missing values.

    Attributes
    ----------
    topic
        Where alarms are published; subscribe to it, or give the setting ``alarmEmail``.
    all
        The alarms.
    """

    def __init__(  # noqa: PLR0913 - what it watches, by name
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        metrics: Metrics,
        functions: Mapping[Category, lambda_.IFunction],
        compiler: lambda_.IFunction,
        edits_id: str,
        dead_letters: sqs.IQueue,
        throttled_requests: cloudwatch.IMetric,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._metrics = metrics
        self.topic = self._topic()
        self.all = [
            *(
                alarm
                for category, function in functions.items()
                for alarm in self._of_category(category, function)
            ),
            self._alarm(
                "StreamsEnded",
                "Streams were cut because a StreamKeepAliveEvent failed on our side and its "
                "restOnError is FAIL. See the event function's log.",
                metrics.rest_errors(
                    (Category.EVENT, RestOnError.FAIL, Outcome.STREAM_ENDED), Cause.FAILURE
                ),
            ),
            *self._of_compiler(compiler),
            *self._of_edits(compiler, edits_id),
            self._alarm(
                "ThrottledRequests",
                "The gateway rejects hooks with 429: the account's request rate is used up, or "
                "unknownMethodRateLimit.",
                throttled_requests,
            ),
            *self._of_dead_letters(dead_letters),
        ]

    def _topic(self) -> sns.Topic:
        alarms = iam.ServicePrincipal(
            "cloudwatch.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
        # A key of our own, since the policy of SNS's own key keeps CloudWatch's alarms out.
        key = kms.Key(
            self,
            "TopicKey",
            description="Encrypts the alarm messages of WCS hooks",
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
        topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=not self._settings.local)
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

    def _of_category(
        self, category: Category, function: lambda_.IFunction
    ) -> list[cloudwatch.Alarm]:
        name = category.capitalize()
        return [
            self._alarm(
                f"{name}Failed",
                f"{category} hooks failed on our side, so WCS does what restOnError says. See the "
                "function's log and the dead letters.",
                self._metrics.in_category("Failed", category),
            ),
            self._alarm(
                f"{name}DeadLetterFallback",
                f"{category} hooks failed, and the dead-letter queue did not take them. They are "
                "in the dead-letter table. If that fails too, hooks are lost.",
                self._metrics.in_category("DeadLetterFallback", category),
            ),
            self._alarm(
                f"{name}DeadLetterLost",
                f"{category} hooks failed and are lost, except for the lines in the function's "
                "log. Neither the dead-letter queue nor the dead-letter table took them, or the "
                "table's space for the day is used up.",
                self._metrics.in_category("DeadLetterLost", category),
            ),
            *self._of_function(
                category,
                function,
                "WCS got an error from the gateway and does what restOnError says. See its log.",
            ),
            self._alarm(
                f"{name}Slow",
                f"One in a hundred {category} hooks takes more than half of replyTimeout.",
                self._metrics.in_category("ServiceTime", category, "p99"),
                threshold=self._settings.reply_timeout * 1000 / 2,
                minutes=5,
            ),
            self._alarm(
                f"{name}Rejected",
                f"Callers of {category} hooks did not prove to be WCS: WCS's secret differs from "
                "ours, or the callers are not WCS.",
                self._metrics.in_category("Rejected", category),
                threshold=10,
            ),
            self._alarm(
                f"{name}Stale",
                f"{category} hooks are answered by policies that may be outdated, because "
                "PolicySnapshots cannot be read.",
                self._metrics.in_category("StaleSnapshot", category),
                minutes=3,
            ),
            *(
                self._alarm(
                    f"{name}{metric}",
                    description.format(category=category),
                    self._metrics.in_category(metric, category),
                    threshold=10,
                    minutes=3,
                )
                for metric, description in _TEN_A_MINUTE.items()
                if (metric, category) not in _NEVER
            ),
        ]

    def _of_compiler(self, compiler: lambda_.IFunction) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(
                "CompileErrors",
                "A policy edit is not active. If it is wrong, the app's item #status says why; "
                "otherwise see the compiler's log.",
                self._metrics.in_category("CompileErrors", COMPILER),
            ),
            self._alarm(
                "KeysStale",
                "Fetching the keys of a token issuer failed twice. The known keys are used "
                "until they are keysStaleHours old. The app's #status and the compiler's log say "
                "why.",
                self._metrics.in_category("KeysStale", COMPILER).with_(
                    period=Duration.minutes(self._settings.keys_refresh_minutes)
                ),
                minutes=3,
                datapoints=2,
            ),
            *self._of_function(COMPILER, compiler, "Policy edits may not be active. See its log."),
        ]

    def _of_edits(self, compiler: lambda_.IFunction, edits_id: str) -> list[cloudwatch.Alarm]:
        polled = cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name="PolledEventCount",
            dimensions_map={"EventSourceMappingUUID": edits_id},
            statistic="SampleCount",
            period=MINUTE,
        )
        return [
            self._alarm(
                "EditsLate",
                "Policy edits wait for the compiler for a minute or longer.",
                compiler.metric("IteratorAge", statistic="Maximum", period=MINUTE),
                threshold=Duration.minutes(1).to_milliseconds(),
                minutes=3,
            ),
            self._alarm(
                "EditsNotPolled",
                "Lambda does not read the edits of the Policies table: the event source mapping is "
                "disabled or deleted, or may not read the stream. Edits have no effect, and no "
                "error says so.",
                polled,
                must_be_there=True,
                minutes=15,
            ),
        ]

    def _of_function(
        self, name: str, function: lambda_.IFunction, consequence: str
    ) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(
                f"{name.capitalize()}Errors",
                f"The {name} function crashed or timed out. {consequence}",
                function.metric_errors(period=MINUTE),
            ),
            self._alarm(
                f"{name.capitalize()}Throttles",
                f"The {name} function is throttled: the account's concurrency is used up.",
                function.metric_throttles(period=MINUTE),
            ),
        ]

    def _of_dead_letters(self, queue: sqs.IQueue) -> list[cloudwatch.Alarm]:
        return [
            self._alarm(
                "DeadLetters",
                "Hooks or policy edits that could not be handled wait in the dead-letter queue.",
                queue.metric_approximate_number_of_messages_visible(
                    period=MINUTE, statistic="Maximum"
                ),
            ),
            self._alarm(
                "DeadLettersAge",
                "The oldest dead letter is ten days old. SQS deletes it after fourteen.",
                queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum"),
                threshold=Duration.days(10).to_seconds(),
            ),
        ]

    def _alarm(  # noqa: PLR0913 - what makes an alarm, by name
        self,
        construct_id: str,
        description: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float = 1,
        minutes: int = 1,
        datapoints: int | None = None,
        must_be_there: bool = False,
    ) -> cloudwatch.Alarm:
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            alarm_description=(
                f"{description} Runbook: {self._settings.runbook_url or RUNBOOK}"
                f"#{construct_id.lower()}"
            ),
            metric=metric,
            threshold=threshold,
            comparison_operator=_BELOW if must_be_there else _AT_LEAST,
            evaluation_periods=minutes,
            datapoints_to_alarm=datapoints,
            # Most metrics have no data when nothing was counted.
            treat_missing_data=_ALARMING if must_be_there else _HARMLESS,
        )
        alarm.add_alarm_action(SnsAction(self.topic))
        if self._settings.ok_notifications:
            alarm.add_ok_action(SnsAction(self.topic))
        return alarm
