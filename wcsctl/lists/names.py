"""The names of lists."""

from wcsctl.deployment import Deployment
from wcsctl.lists.bans import BANS
from wcsctl.policies.table import PolicyTable


def list_names(deployment: Deployment) -> list[str]:
    """Return the names of the lists that policies look up, and of the list of bans.

    Lists that no policy looks up are missing: DynamoDB can list partition keys only by a scan of
    the whole table.
    """
    named = {
        lookup["list"]
        for items in PolicyTable(deployment).read_all().values()
        for policy in items.policies.values()
        for lookup in _values(policy.get("lookup"))
        if isinstance(lookup, dict) and isinstance(lookup.get("list"), str)
    }
    return sorted({BANS, *named})


def _values(lookups: object) -> list[object]:
    return list(lookups.values()) if isinstance(lookups, dict) else []
