"""What the policies in a deployment's table demand of restClientConfig."""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain

from wcs_hooks.adapters.dynamo_policy_store import read_demands, read_pointer, read_records
from wcs_hooks.adapters.dynamo_snapshots import CURRENT, version_key
from wcs_hooks.core.policy.client_config import Demand
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.deployment import Deployment
from wcsctl.policies.history import read_items


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


def active_demands(
    deployment: Deployment, apps: Iterable[str] | None = None
) -> dict[str, Sequence[Demand]]:
    """Return what the active versions of apps demand, by app.

    Parameters
    ----------
    apps
        Whose, beside those for every app; all apps if none are given.
    """
    client = deployment.client("dynamodb")
    table = deployment.output("SnapshotsTableName")
    names = read_records(client, table) if apps is None else dict.fromkeys((*apps, EVERY_APP))
    pointers = read_items(client, table, ((app, CURRENT) for app in names))
    versions = {item["app"]: read_pointer(item).version for item in pointers}
    manifests = read_items(
        client, table, ((app, version_key(version)) for app, version in versions.items())
    )
    # A pointer may name a version that is gone: `wcsctl status` reports that.
    found = {manifest["app"]: read_demands(manifest) for manifest in manifests}
    return {app: found.get(app, ()) for app in names}
