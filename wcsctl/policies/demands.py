"""What the policies in a deployment's table demand of restClientConfig."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from itertools import chain

from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore, read_records
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.policy.client_config import Demand
from wcs_hooks.core.policy.reader import EVERY_APP
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
    snapshots = deployment.output("SnapshotsTableName")
    store = DynamoPolicyStore(
        client, deployment.output("PoliciesTableName"), snapshots, 0, SystemClock()
    )
    names = read_records(client, snapshots) if apps is None else dict.fromkeys((*apps, EVERY_APP))
    found: dict[str, Sequence[Demand]] = {}
    for app in names:
        version = store.in_force(app).version
        # A pointer may name a version that is gone: `wcsctl status` reports that.
        with suppress(LookupError):
            found[app] = store.demands(app, version) if version else ()
    return found
