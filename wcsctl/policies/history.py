"""The versions of an app's policies, as the compiler keeps them."""

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import batched
from typing import TYPE_CHECKING, Any, Final

from strict_yaml import exact
from wcs_hooks.adapters.dynamo_policy_store import from_attributes, read_pointer
from wcs_hooks.adapters.dynamo_snapshots import CURRENT, last_version, read_parts, version_key
from wcs_hooks.compiler.policy_compiler import NOTHING
from wcs_hooks.core.errors import UnavailableError
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_BATCH: Final = 100
_GAP: Final = 1_000
"""After so many numbers without a version, older ones are taken to have expired."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version.

    Attributes
    ----------
    policies
        How many it has.
    changed
        `added`, `removed` and `modified` to the number of policies and the first of their names.
    in_force, pinned
        Whether it is, and whether it is held.
    by, message
        Who made it by wcsctl, and why; empty where it was made otherwise.
    """

    version: int
    compiled_at: str
    policies: int
    changed: dict[str, Any]
    in_force: bool
    pinned: bool
    by: str = ""
    message: str = ""

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "version": self.version,
            "compiledAt": self.compiled_at,
            "policies": self.policies,
            "changed": self.changed,
            "inForce": self.in_force,
            "pinned": self.pinned,
            "by": self.by,
            "message": self.message,
        }


class History:
    """The versions that are kept of each app.

    Parameters
    ----------
    deployment
        Whose.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._client: DynamoDBClient = deployment.client("dynamodb")
        self._table = deployment.output("SnapshotsTableName")

    def versions(self, app: str, most: int) -> list[Version]:
        """The latest versions, newest first, and the active one however old.

        Raises
        ------
        NotFoundError
            If the app never had one.
        """
        pointer = next(map(read_pointer, self._manifests(app, [CURRENT])), NOTHING)
        last = last_version(self._client, self._table, app)
        if not last:
            raise NotFoundError(f"No policies of app {app} were ever active.")
        found: list[dict[str, Any]] = []
        upper = last
        while upper > 0 and len(found) < most and (found or upper > last - _GAP):
            numbers = range(upper, max(upper - _BATCH, 0), -1)
            batch = self._manifests(app, [version_key(number) for number in numbers])
            if not batch and found and upper < found[-1]["version"] - _GAP:
                break
            found += sorted(batch, key=lambda manifest: -manifest["version"])
            upper -= _BATCH
        found = found[:most]
        current = pointer.version
        if current and all(manifest["version"] != current for manifest in found):
            found += self._manifests(app, [version_key(current)])
        return [
            Version(
                manifest["version"],
                manifest["compiledAt"],
                manifest["policies"],
                manifest["changed"],
                manifest["version"] == current,
                manifest["version"] == current and pointer.pinned,
                manifest.get("by", ""),
                manifest.get("message", ""),
            )
            for manifest in found
        ]

    def before_current(self, app: str) -> int:
        """The version that is kept and came last before the active one.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        current = next(map(read_pointer, self._manifests(app, [CURRENT])), NOTHING).version
        for upper in range(current - 1, max(current - 1 - _GAP, 0), -_BATCH):
            numbers = range(upper, max(upper - _BATCH, 0), -1)
            found = self._manifests(app, [version_key(number) for number in numbers])
            if found:
                return max(int(manifest["version"]) for manifest in found)
        raise NotFoundError(
            f"Before version {current} of the policies of app {app} none is kept: "
            f"`wcsctl policy history {app}` lists those that are."
            if current
            else f"No policies of app {app} are active."
        )

    def check(self, app: str, version: int) -> None:
        """Make sure that there is such a version.

        Raises
        ------
        NotFoundError
            If there is none, or none any more.
        """
        if not self._manifests(app, [version_key(version)]):
            raise NotFoundError(
                f"There is no version {version} of the policies of app {app}: "
                f"`wcsctl policy history {app}` lists those that are kept."
            )

    def policies(self, app: str, version: int) -> dict[str, dict[str, Any]]:
        """The policies that a version was made from, by id.

        Raises
        ------
        NotFoundError
            If there is no such version, or none any more. DynamoDB deletes the items of one that
            has expired one by one, in any order, within days.
        """
        self.check(app, version)
        try:
            data = read_parts(self._client, self._table, app, version, "source")
        except UnavailableError as error:
            # What the command line reports of AWS errors is in the cause.
            raise error.__cause__ or error from None
        try:
            text = zlib.decompress(data)
        except zlib.error:
            raise NotFoundError(
                f"Version {version} of the policies of app {app} has expired, and is not whole "
                f"any more: `wcsctl policy history {app}` lists later ones."
            ) from None
        items = json.loads(text, parse_float=lambda text: exact(Decimal(text)))
        return {item["id"]: item for item in items}

    def _manifests(self, app: str, keys: Sequence[str]) -> list[dict[str, Any]]:
        return read_items(self._client, self._table, [(app, key) for key in keys])


def read_items(
    client: "DynamoDBClient", table: str, keys: Iterable[tuple[str, str]]
) -> list[dict[str, Any]]:
    """Those of some items of PolicySnapshots that there are, in JSON's types and any order.

    Parameters
    ----------
    keys
        Different ones, each an app and a sort key.
    """
    found: list[dict[str, Any]] = []
    for batch in batched(keys, _BATCH):
        asked: Any = {
            table: {
                "Keys": [{"app": {"S": app}, "item": {"S": key}} for app, key in batch],
                "ConsistentRead": True,
            }
        }
        while asked:
            answer = client.batch_get_item(RequestItems=asked)
            found += map(from_attributes, answer["Responses"].get(table, []))
            asked = answer.get("UnprocessedKeys")
    return found
