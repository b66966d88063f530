"""The deployment as the simulated WCS and its scenarios see it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from simulated_wcs.scenario import PolicyItem
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcsctl.caller_authentication import caller_authentication
from wcsctl.decision_log import DecisionLog, Filter
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.policies.app_status import AppStatus
from wcsctl.policies.diff import same
from wcsctl.policies.dynamodb_json import key_of, raw_of
from wcsctl.policies.table import AppItems, PolicyTable

PATIENCE_SECONDS: Final = 30.0
"""After which what has not come is given up."""

_BATCH: Final = 25
_POLL: Final = 0.2
_MARGIN: Final = 0.3
_SETTLED: Final = 2.0
_LOOK_BACK: Final = 600.0


class NotActiveError(WcsctlError):
    """Policies of a scenario did not become active."""


class DeployedBackEnd:
    """A deployment, whose table holds the policies of scenarios for a while.

    Parameters
    ----------
    deployment
        Which one.
    sleep
        Waits some seconds.
    """

    def __init__(self, deployment: Deployment, sleep: Callable[[float], None] = time.sleep) -> None:
        self._deployment = deployment
        self._sleep = sleep
        self._client = deployment.client("dynamodb")
        self._policies = deployment.output("PoliciesTableName")
        self._table = PolicyTable(deployment)
        self._configurations = FunctionConfigurations(deployment)
        self._edited: dict[str, None] = {}
        self.target = deployment.target
        self.authentication = caller_authentication(deployment, self._configurations)

    @property
    def edited(self) -> tuple[str, ...]:
        """The apps that have policies of scenarios."""
        return tuple(self._edited)

    def activate_policies(self, policies: Sequence[PolicyItem]) -> None:
        """Put those policies that the table does not hold, and wait until they are active.

        Raises
        ------
        NotActiveError
            If they have errors, or are not compiled in time.
        """
        apps = dict.fromkeys(str(policy["app"]) for policy in policies)
        # Remembered first: whatever comes of the rest, they are removed in the end.
        self._edited |= apps
        before = {app: self._table.read(app) for app in apps}
        changed = [policy for policy in policies if not _holds(before[policy["app"]], policy)]
        self._write([{"PutRequest": {"Item": raw_of(policy)}} for policy in changed])
        # The compiler says nothing about an app that nobody edited.
        self._wait({policy["app"]: before[policy["app"]] for policy in changed})

    def policies_behind(self, decisions: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The policies behind decisions, as `app/id`, as far as the decision log shows in time."""
        log = DecisionLog(FunctionLogs(self._deployment, self._configurations), Filter())
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            lines = {
                str(record.fields["decision"]): tuple(record.fields.get("policies", ()))
                for record in log.decisions(time.time() - _LOOK_BACK)
            }
            found = {name: lines[name] for name in decisions if name in lines}
            if len(found) == len(set(decisions)) or time.monotonic() > deadline:
                return found
            self._sleep(_POLL)

    def remove_policies(self) -> None:
        """Remove what was put into the table, and what the compiler reported about it.

        Raises
        ------
        NotActiveError
            If the compiler does not take note of it in time.
        """
        before = {app: self._table.read(app) for app in self._edited}
        self._write(
            [
                {"DeleteRequest": {"Key": key_of(app, item_id)}}
                for app, items in before.items()
                for item_id in items.raw
            ]
        )
        self._wait({app: items for app, items in before.items() if items.raw})
        for app in tuple(self._edited):
            key = key_of(app, STATUS_ID)
            self._client.delete_item(TableName=self._policies, Key=key)
            del self._edited[app]

    def _write(self, requests: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(requests), _BATCH):
            left: Any = {self._policies: requests[start : start + _BATCH]}
            while left:
                left = self._client.batch_write_item(RequestItems=left).get("UnprocessedItems")
                if left:
                    self._sleep(_POLL)

    def _wait(self, before: Mapping[str, AppItems]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        for app, items in before.items():
            self._wait_for(app, items, deadline)
        if before:
            # Until no function goes on with the snapshot that it has.
            self._sleep(self._snapshot_ttl() + _MARGIN)

    def _wait_for(self, app: str, before: AppItems, deadline: float) -> None:
        compiled_before = before.status.get("compiledAt")
        refused_since: float | None = None
        while True:
            now = self._table.read(app)
            pointer, status = self._table.pointer(app), now.status
            is_compiled = status.get("compiledAt") != compiled_before
            if is_compiled and pointer.version and pointer.source == now.digest:
                return
            # Nothing is active, and nothing shall be: then only #status says so, if it ever did.
            if not pointer.version and not now.raw and (is_compiled or not status):
                return
            if status.get("errors") and is_compiled:
                # One about half of what was written would soon be replaced.
                refused_since = refused_since or time.monotonic()
                if time.monotonic() - refused_since > _SETTLED:
                    error = AppStatus.from_item(app, status).error_texts[0]
                    raise NotActiveError(f"The policies of {app} are not active: {error}")
            if time.monotonic() > deadline:
                raise NotActiveError(
                    f"The policies of {app} were not compiled within {PATIENCE_SECONDS:.0f} s: "
                    "see `wcsctl status`."
                )
            self._sleep(_POLL)

    def _snapshot_ttl(self) -> float:
        variables = self._configurations.for_function(Category.DIRECT).environment
        return float(variables.get("SNAPSHOT_TTL_SECONDS", 2))


def _holds(items: AppItems, policy: PolicyItem) -> bool:
    return same(items.policies.get(str(policy["id"])), dict(policy))
