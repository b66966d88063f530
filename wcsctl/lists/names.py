"""Which lists there are."""

from wcsctl.deployment import Deployment
from wcsctl.lists.bans import BANS
from wcsctl.policies.table import PolicyTable


def list_names(deployment: Deployment) -> list[str]:
    """The names of the lists that policies look up, and of that of bans.

    A list that no policy looks up is not among them: a table of DynamoDB can tell its partition
    keys only by being read whole.
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
