"""The table of lists that policies look up, and who may write rows."""

from typing import Final

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.managed_policies import READ_ITEMS, WRITE_ITEMS, editors_policy
from infra.settings import Settings
from infra.tables import table_of_items

_SYSTEM_LISTS: Final = "#*"
"""The names of lists that only the system writes."""


class ListTable(Construct):
    """Rows that the operator's other systems write: users, stream keys, bans.

    Attributes
    ----------
    table
        Keyed by the list's name and the row's key.
    editors
        A managed policy to attach to the people and systems that write rows.
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
        self.table = table_of_items(self, "Lists", settings, keys=("list", "key"), key=key)
        self.editors = editors_policy(
            self,
            "ListEditor",
            "Write the lists that policies for WCS hooks look up",
            [
                iam.PolicyStatement(
                    sid="EditLists",
                    actions=[*READ_ITEMS, *WRITE_ITEMS],
                    resources=[self.table.table_arn],
                    conditions={
                        "ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": [_SYSTEM_LISTS]},
                        # ForAllValues also holds for a request without any key.
                        "Null": {"dynamodb:LeadingKeys": "false"},
                    },
                ),
                iam.PolicyStatement(
                    sid="DescribeTable",
                    actions=["dynamodb:DescribeTable"],
                    resources=[self.table.table_arn],
                ),
            ],
            key=key,
        )
