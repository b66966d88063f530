"""What the policies in a deployment's table demand of restClientConfig."""

from collections.abc import Callable, Collection, Sequence
from itertools import chain

from wcs_hooks.adapters.dynamo_policy_store import read_records
from wcs_hooks.core.client_config import Demand
from wcs_hooks.core.policy import EVERY_APP
from wcsctl.deployment import Deployment


def demands_in_table(
    deployment: Deployment, besides: Collection[str]
) -> Callable[[str], Sequence[Demand]]:
    """Gives for an app what those that hold together with it demand, besides some apps.

    Each app's policies hold together with those of every app, and with no other's.
    """
    records = read_records(deployment.client("dynamodb"), deployment.output("SnapshotsTableName"))
    found = {app: record.demands for app, record in records.items() if app not in besides}

    def others(app: str) -> Sequence[Demand]:
        if app != EVERY_APP:
            return found.get(EVERY_APP, ())
        return list(chain.from_iterable(found.values()))

    return others
