"""The rows of a deployment's lists, read with the operator's rights."""

from collections.abc import Collection, Mapping
from typing import Final

from wcs_hooks.adapters.dynamo_lists import DynamoLists
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.lists import Row, RowKey
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError, UnreachableError

_OUTPUT: Final = "ListsTableName"
"""The stack's output with the table of lists."""

_PATIENCE: Final = 30.0


def lists_table(deployment: Deployment) -> str:
    """The name of the table of lists.

    Raises
    ------
    NotFoundError
        If the stack has none.
    """
    if _OUTPUT not in deployment.outputs:
        raise NotFoundError(
            f"The stack {deployment.name} has no lists: it was deployed by an earlier version. "
            "Deploy it again."
        )
    return deployment.output(_OUTPUT)


class DeployedLists:
    """Reads rows, each once; writes nothing.

    Parameters
    ----------
    deployment
        Whose.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._lists: DynamoLists | None = None
        self._known: dict[RowKey, Row] = {}

    def rows(self, keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        """The rows of keys, as the functions see them.

        Raises
        ------
        NotFoundError
            If the stack has no lists.
        UnreachableError
            If they cannot be read.
        """
        missing = [key for key in keys if key not in self._known]
        if missing:
            self._known |= self._read(missing)
        return {key: self._known[key] for key in keys}

    def _read(self, keys: Collection[RowKey]) -> Mapping[RowKey, Row]:
        clock = SystemClock()
        if self._lists is None:
            client = self._deployment.client("dynamodb")
            table = lists_table(self._deployment)
            self._lists = DynamoLists(client, table, 0, clock)
        try:
            return self._lists.rows(keys, Deadline(clock, _PATIENCE))
        except UnavailableError as error:
            raise UnreachableError(
                f"Rows of lists cannot be read: {error}. "
                "Does this profile have permission to read them?"
            ) from error
