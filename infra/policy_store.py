"""The tables of policies and of their compiled snapshots, and who may edit policies."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.managed_policies import READ_ITEMS, WRITE_ITEMS, editors_policy
from infra.settings import Settings, Tenant
from infra.tables import table_of_items
from wcs_hooks.adapters.dynamo_snapshots import APPS
from wcs_hooks.core.policy.vocabulary import EVERY_APP


class PolicyTables(Construct):
    """Policies as people edit them, and the versions that functions enforce.

    Attributes
    ----------
    policies
        One item per policy.
    edits_arn
        The stream of edited policies, which starts the compiler.
    snapshots
        Immutable versions and each app's pointer to the current one.
    editors
        A managed policy to attach to the people who edit policies.
    tenant_editors
        A managed policy for the people who edit the policies of one tenant's apps, by tenant.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: Settings,
        *,
        key: kms.IKey | None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.policies = table_of_items(
            self,
            "Policies",
            settings,
            keys=("app", "id"),
            key=key,
            ttl=None,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
        )
        self.edits_arn = cast("str", self.policies.table_stream_arn)
        self.snapshots = table_of_items(
            self, "PolicySnapshots", settings, keys=("app", "item"), key=key
        )
        self.editors = editors_policy(
            self,
            "PolicyEditor",
            "Edit the policies for WCS hooks, and read what was active before",
            [
                iam.PolicyStatement(
                    sid="EditPolicies",
                    # Scan is what the DynamoDB console lists items with.
                    actions=[*READ_ITEMS, *WRITE_ITEMS, "dynamodb:DescribeTable", "dynamodb:Scan"],
                    resources=[self.policies.table_arn],
                ),
                iam.PolicyStatement(
                    sid="ReadSnapshots",
                    actions=[*READ_ITEMS, "dynamodb:DescribeTable", "dynamodb:Scan"],
                    resources=[self.snapshots.table_arn],
                ),
            ],
            key=key,
        )
        self.tenant_editors: dict[str, iam.ManagedPolicy] = {
            tenant.name: editors_policy(
                self,
                f"PolicyEditor{tenant.name}",
                f"Edit the policies for WCS hooks of the apps of {tenant.name}",
                self._tenant_statements(tenant),
                key=key,
            )
            for tenant in settings.tenants
        }

    def _tenant_statements(self, tenant: Tenant) -> list[iam.PolicyStatement]:
        """What edits the tenant's apps, and reads beyond them only what decides their hooks too.

        No Scan: it names no partition key, so it cannot be limited to some apps.
        """
        return [
            iam.PolicyStatement(
                sid="EditPolicies",
                actions=[*READ_ITEMS, *WRITE_ITEMS],
                resources=[self.policies.table_arn],
                conditions=_only_of(tenant.apps),
            ),
            iam.PolicyStatement(
                sid="ReadPolicies",
                actions=list(READ_ITEMS),
                resources=[self.policies.table_arn],
                conditions=_only_of([EVERY_APP]),
            ),
            iam.PolicyStatement(
                sid="ReadSnapshots",
                actions=list(READ_ITEMS),
                resources=[self.snapshots.table_arn],
                # Under APPS stands what each app's policies require of the others'.
                conditions=_only_of([*tenant.apps, EVERY_APP, APPS]),
            ),
            iam.PolicyStatement(
                sid="DescribeTables",
                actions=["dynamodb:DescribeTable"],
                resources=[self.policies.table_arn, self.snapshots.table_arn],
            ),
        ]


def _only_of(apps: Sequence[str]) -> Mapping[str, Any]:
    """Limit an action on items to those of some apps.

    ForAllValues also holds for a request without any key, hence Null:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
    """
    return {
        "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": list(apps)},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
