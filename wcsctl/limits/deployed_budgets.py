"""The budgets of a deployment, with the operator's rights."""

from collections.abc import Iterable
from typing import Final

from wcs_hooks.adapters.lease_items import SHARD_PLACES, budget_item, shard_count
from wcs_hooks.adapters.lease_search import Found, Search
from wcs_hooks.adapters.lease_table import LeaseStore
from wcs_hooks.core.limits import WantedPlace
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError
from wcsctl.limits.counting import Counted
from wcsctl.limits.stored_budgets import StoredBudgets

LEASES_TABLE: Final = "LeasesTableName"
"""The stack's output with the table of leases."""


def stored_budgets(deployment: Deployment) -> StoredBudgets:
    """Return the budgets of a deployment.

    Raises
    ------
    NotFoundError
        If the stack is older than limits.
    """
    return StoredBudgets(deployment.client("dynamodb"), _leases_table(deployment))


class PlaceCounter:
    """Counts places as somebody would find them who took one; takes none.

    Parameters
    ----------
    deployment
        Whose.

    Raises
    ------
    NotFoundError
        If the stack is older than limits.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._name = _leases_table(deployment)
        self._store = LeaseStore(deployment.client("dynamodb"), self._name)

    def count(self, wanted: Iterable[WantedPlace], now: float) -> list[Counted]:
        """How the budgets stand that places are wanted of.

        Parameters
        ----------
        now
            The moment that counts, in seconds since the epoch.

        Raises
        ------
        UnavailableError
            If DynamoDB does not answer.
        """
        return [self._counted(place, now) for place in wanted]

    def _counted(self, place: WantedPlace, now: float) -> Counted:
        keys = [budget_item(place.budget.key, n) for n in range(shard_count(place.most))]
        items = self._store.read_all(keys)
        # It writes nothing, so that it does not matter how long places are held.
        search = Search(self._name, place, 0, 0, SHARD_PLACES)
        for shard, key in enumerate(keys):
            search.learn(shard, items.get(key))
        return Counted(place, search.full(now), search.next_step(now) is not Found.FULL)


def _leases_table(deployment: Deployment) -> str:
    if LEASES_TABLE not in deployment.outputs:
        raise NotFoundError(
            f"The stack {deployment.name} has no limits: it was deployed by an earlier version. "
            "Deploy it again."
        )
    return deployment.output(LEASES_TABLE)
