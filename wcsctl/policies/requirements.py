"""What policies in a deployment's table require of restClientConfig, and how they use tokens."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Protocol

from wcs_hooks.adapters.dynamo_policy_store import read_pointer, read_records, read_requirements
from wcs_hooks.adapters.dynamo_snapshots import CURRENT, version_key
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.compilation import Others
from wcs_hooks.core.policy.reader import EVERY_APP
from wcs_hooks.core.policy.token_use import NO_TOKENS, TokenUse
from wcsctl.deployment import Deployment
from wcsctl.policies.history import read_items


class AboutOthers(Protocol):
    """What other apps need to know of an app's policies."""

    @property
    def requirements(self) -> Sequence[Requirement]:
        """What they require of restClientConfig."""
        ...

    @property
    def tokens(self) -> TokenUse:
        """What they are about tokens."""
        ...


def others_among(app: str, apps: Mapping[str, AboutOthers]) -> Others:
    """Return what is known of those policies among some apps' that hold together with an app's.

    Each app's policies hold together with those of every app, and with no other's.
    """
    names = [name for name in apps if (name == EVERY_APP) != (app == EVERY_APP)]
    return Others(
        list(chain.from_iterable(apps[name].requirements for name in names)),
        [apps[name].tokens for name in names if apps[name].tokens != NO_TOKENS],
    )


def others_in_table(deployment: Deployment, besides: Collection[str]) -> Callable[[str], Others]:
    """Return what gives for an app the `Others` in a deployment's table, besides some apps."""
    records = read_records(deployment.client("dynamodb"), deployment.output("SnapshotsTableName"))
    found = {app: record for app, record in records.items() if app not in besides}
    return lambda app: others_among(app, found)


def active_requirements(
    deployment: Deployment, apps: Iterable[str] | None = None
) -> dict[str, Sequence[Requirement]]:
    """Return what the active versions of apps require, by app.

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
    found = {manifest["app"]: read_requirements(manifest) for manifest in manifests}
    return {app: found.get(app, ()) for app in names}
