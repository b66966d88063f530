"""What is deployed, as far as a decision depends on it: policies, sessions, and a setting."""

from typing import Final

from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.adapters.dynamo_sessions import DynamoSessions
from wcs_hooks.adapters.dynamo_snapshots import DynamoSnapshots
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.methods import Category
from wcs_hooks.core.payload import Payload
from wcs_hooks.core.policy.reader import EVERY_APP
from wcs_hooks.ports import SessionKey, SessionRecord
from wcsctl.deployment import Deployment
from wcsctl.errors import UnreachableError
from wcsctl.explanation import PolicySet
from wcsctl.function_configuration import FunctionConfigurations

_PATIENCE: Final = 30.0


class DeployedPolicies:
    """Reads what is active; writes nothing.

    Parameters
    ----------
    deployment
        The deployment.
    """

    def __init__(self, deployment: Deployment) -> None:
        client = deployment.client("dynamodb")
        snapshots = deployment.output("SnapshotsTableName")
        self._deployment = deployment
        self._snapshots = DynamoSnapshots(client, snapshots)
        self._store = DynamoPolicyStore(
            client, deployment.output("PoliciesTableName"), snapshots, 0, SystemClock()
        )
        self._client = client
        self._known: dict[str, PolicySet] = {}

    def policies_of(self, app: str) -> PolicySet:
        """What is active for an app, read once.

        Raises
        ------
        UnreachableError
            If a snapshot cannot be read.
        """
        if app not in self._known:
            apps = tuple(dict.fromkeys((app, EVERY_APP)))
            try:
                found = self._snapshots.pointers(apps)
                pointers = [found[name] for name in apps if name in found]
                snapshots = {one.app: self._snapshots.data(one) for one in pointers}
                items = {one.app: self._store.source(one.app, one.version) for one in pointers}
            except UnavailableError as error:
                raise UnreachableError(f"What is active cannot be read: {error}.") from error
            self._known[app] = PolicySet(snapshots, items)
        return self._known[app]

    def session(self, payload: Payload) -> SessionRecord | None:
        """What is recorded of a hook's session; none if it was not seen at connect.

        Raises
        ------
        UnreachableError
            If it cannot be read.
        """
        key = SessionKey.named_by(payload)
        if key is None:
            return None
        # With no lifetime to give, it never renews what it reads.
        clock = SystemClock()
        table = self._deployment.output("SessionsTableName")
        sessions = DynamoSessions(self._client, table, 0, clock)
        try:
            return sessions.read(key, Deadline(clock, _PATIENCE))
        except UnavailableError as error:
            raise UnreachableError(f"The session cannot be read: {error}.") from error

    def rest_api_calls(self) -> RestApiCalls:
        """The setting `restApiCalls`, as the functions have it.

        Raises
        ------
        NotFoundError
            If the function is gone.
        """
        variables = (
            FunctionConfigurations(self._deployment).for_function(Category.DIRECT).environment
        )
        return RestApiCalls(variables.get("REST_API_CALLS", RestApiCalls.NEVER_DENY))
