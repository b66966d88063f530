"""The function that turns edited policies into an active snapshot."""

import json
from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.acknowledgement import acknowledge
from infra.encryption import use_of
from infra.hook_functions import traced_function
from infra.policy_store import PolicyTables
from infra.settings import Settings
from wcs_hooks.core.policy.vocabulary import STATUS_ID


class CompilerFunction(Construct):
    """The compiler function, run by the Policies table's stream and by a schedule.

    Attributes
    ----------
    function
        The compiler.
    edits_id
        The ID of the mapping that leads the Policies table's stream to it.
    """

    def __init__(  # noqa: PLR0913 - what it works with, by name
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        code: lambda_.Code,
        store: PolicyTables,
        leases: dynamodb.ITable,
        dead_letters: sqs.IQueue,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = traced_function(
            self,
            "Compiler",
            settings,
            code=code,
            handler="wcs_hooks.handlers.compiler.handler",
            description="Compiles edited policies into the active snapshot",
            # A batch may name many apps, each of which takes some thirty calls to DynamoDB.
            timeout=Duration.minutes(5),
            environment={
                "POLICIES_TABLE": store.policies.table_name,
                "SNAPSHOTS_TABLE": store.snapshots.table_name,
                "LEASES_TABLE": leases.table_name,
                "SNAPSHOT_RETENTION_DAYS": str(settings.snapshot_retention_days),
                "KEYS_STALE_HOURS": str(settings.keys_stale_hours),
                "LOCAL_ISSUERS": str(settings.local).lower(),
            },
            key=key,
            statements=[
                iam.PolicyStatement(
                    sid="ReadPoliciesAndTellStatus",
                    # PutItem is for the item #status; IAM cannot restrict sort keys.
                    actions=["dynamodb:PutItem", "dynamodb:Query"],
                    resources=[store.policies.table_arn],
                ),
                iam.PolicyStatement(
                    sid="PublishSnapshots",
                    actions=[
                        "dynamodb:GetItem",
                        "dynamodb:PutItem",
                        "dynamodb:Query",
                        "dynamodb:UpdateItem",
                    ],
                    resources=[store.snapshots.table_arn],
                ),
                iam.PolicyStatement(
                    sid="AskForKeepAlives",
                    actions=["dynamodb:GetItem"],
                    resources=[leases.table_arn],
                ),
                iam.PolicyStatement(
                    sid="FollowEdits",
                    actions=[
                        "dynamodb:DescribeStream",
                        "dynamodb:GetRecords",
                        "dynamodb:GetShardIterator",
                    ],
                    resources=[store.edits_arn],
                ),
                iam.PolicyStatement(
                    sid="FindStream",
                    actions=["dynamodb:ListStreams"],
                    resources=["*"],
                ),
                iam.PolicyStatement(
                    sid="DeadLetter",
                    actions=["sqs:SendMessage"],
                    resources=[dead_letters.queue_arn],
                ),
                *use_of(key),
            ],
        )
        # Not DynamoEventSource: it would add grants of its own to the role.
        edits = lambda_.CfnEventSourceMapping(
            self,
            "Edits",
            function_name=self.function.function_name,
            event_source_arn=store.edits_arn,
            starting_position="TRIM_HORIZON",
            # The most that Lambda allows; it ends a batch at 6 MB. An app is compiled once a batch,
            # however many of its policies were edited: what is edited during a bulk edit waits for
            # the compilation that is under way, not for one per hundred policies.
            batch_size=10_000,
            # A record that cannot be handled is singled out and given up, so that the edits behind
            # it are not held up until it expires.
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=3,
            # Counts what was polled, 0 included: no figure at all means that nobody polls.
            metrics_config=lambda_.CfnEventSourceMapping.MetricsConfigProperty(
                metrics=["EventCount"]
            ),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=dead_letters.queue_arn
                )
            ),
            # What the compiler itself writes is not an edit.
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[
                    lambda_.CfnEventSourceMapping.FilterProperty(
                        pattern=json.dumps(
                            {"dynamodb": {"Keys": {"id": {"S": [{"anything-but": [STATUS_ID]}]}}}},
                            separators=(",", ":"),
                        )
                    )
                ]
            ),
        )
        self.edits_id = edits.ref
        # Windows close without an edit, and a compiler may be killed more often than it is retried.
        self._schedule(
            "Look",
            "Has the compiler look whether a #status is still true",
            minutes=5,
            event={},
        )
        self._schedule(
            "RefreshKeys",
            "Has the compiler fetch the keys of token issuers again",
            minutes=settings.keys_refresh_minutes,
            event={"refreshKeys": True},
        )

    def _schedule(
        self, construct_id: str, description: str, *, minutes: int, event: Mapping[str, object]
    ) -> None:
        """Call the compiler with an event every so many minutes."""
        rule = events.CfnRule(
            self,
            construct_id,
            description=description,
            schedule_expression=f"rate({minutes} {'minute' if minutes == 1 else 'minutes'})",
            targets=[
                events.CfnRule.TargetProperty(
                    id="compiler",
                    arn=self.function.function_arn,
                    input=json.dumps(event),
                    # Another one follows soon enough.
                    retry_policy=events.CfnRule.RetryPolicyProperty(
                        maximum_event_age_in_seconds=60, maximum_retry_attempts=1
                    ),
                )
            ],
        )
        acknowledge(
            rule,
            "Serverless-EventBusDLQ",
            reason="What was not done this time is left for the next time, minutes later.",
        )
        lambda_.CfnPermission(
            self,
            f"May{construct_id}",
            action="lambda:InvokeFunction",
            function_name=self.function.function_name,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )
