"""What the table holds and what of it is active, for people and for programs."""

from collections.abc import Mapping
from typing import Any

from strict_yaml import plain
from wcs_hooks.compiler.policy_compiler import InForceVersion
from wcs_hooks.core.policy.reader import DEFAULT_PRIORITY, Mode
from wcsctl.errors import NotFoundError
from wcsctl.policies.app_status import AppStatus
from wcsctl.policies.history import History
from wcsctl.policies.table import AppItems, PolicyTable


class Listing:
    """The policies of some apps.

    Parameters
    ----------
    apps
        As they are in the table.
    table, history
        Say what is active.
    """

    def __init__(self, apps: Mapping[str, AppItems], table: PolicyTable, history: History) -> None:
        self._apps = apps
        self._table = table
        self._history = history

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        policies: list[dict[str, Any]] = []
        apps: list[dict[str, Any]] = []
        for name, items in self._apps.items():
            pointer = self._table.pointer(name)
            now = self._in_force(items, pointer)
            policies += [
                {**_row(policy), "inForce": _standing(policy, now)}
                for _, policy in sorted(items.policies.items())
            ]
            apps.append(_status(items, pointer))
        return {"policies": policies, "apps": apps}

    def _in_force(self, items: AppItems, pointer: InForceVersion) -> Mapping[str, Any]:
        """The policies that are active, by id."""
        if not pointer.version:
            return {}
        plain_items = {name: plain(policy) for name, policy in items.policies.items()}
        if pointer.source == items.digest:
            return plain_items
        try:
            found = self._history.policies(items.app, pointer.version)
        except NotFoundError:
            return {}
        return {name: plain(policy) for name, policy in found.items()}


def _row(policy: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "app": policy["app"],
        "id": policy["id"],
        "method": policy.get("method", ""),
        "action": policy.get("action", ""),
        "priority": plain(policy.get("priority", DEFAULT_PRIORITY)),
        "mode": policy.get("mode", str(Mode.ENFORCE)),
    }


def _standing(policy: Mapping[str, Any], in_force: Mapping[str, Any]) -> str:
    now = in_force.get(policy["id"])
    if now is None:
        return "new"
    if now != plain(policy):
        return "edited"
    return "off" if policy.get("mode") == Mode.OFF else "yes"


def _status(items: AppItems, pointer: InForceVersion) -> dict[str, Any]:
    status = AppStatus.from_item(items.app, items.status)
    return {
        "app": items.app,
        "version": pointer.version,
        "policies": len(items.policies),
        "compiledAt": status.compiled_at,
        "ok": status.ok,
        "pinned": status.pinned,
        "errors": status.error_texts if items.status else ["not compiled yet"],
        "warnings": status.warning_count,
    }
