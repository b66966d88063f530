"""The table of sessions that WCS connected."""

from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.settings import Settings
from infra.tables import table_of_items


class SessionTable(Construct):
    """What connect said of each session, until it disconnects or is forgotten.

    Attributes
    ----------
    table
        Keyed by the WCS node and the session's id.
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
        self.table = table_of_items(self, "Sessions", settings, keys=("node", "session"), key=key)
