"""The table of places that limits count."""

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.settings import Settings
from infra.tables import table_of_items


class LeaseTable(Construct):
    """Who holds which place of which limit, until it is given back or runs out.

    Attributes
    ----------
    table
        Keyed by one text.
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
        self.table = table_of_items(self, "Leases", settings, keys=("key",), key=key)
