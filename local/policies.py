"""Edits the Policies table as an operator does, and waits until the edits are in force."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from local.deployment import StackOutputs
from local.errors import NotInForceError, PolicyFileError
from local.workspace import REPOSITORY, Workspace
from wcsctl.policies import yaml as policy_yaml

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

EXAMPLES: Final = REPOSITORY / "policies" / "examples"
SNAPSHOT_TTL: Final = 1.0
"""Seconds for which a function may go on with the snapshot that it has: the default setting."""

STATUS_ID: Final = "#status"
_POLL: Final = 0.1
_MARGIN: Final = 0.2

type Policy = dict[str, Any]
"""The attributes of one policy, as they stand in the table."""


@dataclass(frozen=True, slots=True)
class AppStatus:
    """What the compiler says about an app's policies, in the item ``#status``.

    Attributes
    ----------
    ok
        Whether the policies as they stand are in force.
    version
        The snapshot that is in force.
    compiled_at
        When the compiler came to this.
    errors
        One text for each mistake.
    """

    ok: bool
    version: int
    compiled_at: datetime
    errors: tuple[str, ...]


class PolicyTable:
    """The deployed Policies table."""

    def __init__(self, workspace: Workspace, outputs: StackOutputs) -> None:
        dynamodb = workspace.session().resource("dynamodb", endpoint_url=workspace.endpoint)
        self._table: Table = dynamodb.Table(outputs.policies_table_name)

    def put(self, policies: Iterable[Policy]) -> None:
        """Write policies in one request, as far as the service allows."""
        with self._table.batch_writer() as batch:
            for policy in policies:
                batch.put_item(Item=policy)

    def delete(self, policies: Iterable[Policy]) -> None:
        """Remove policies by their keys."""
        with self._table.batch_writer() as batch:
            for policy in policies:
                batch.delete_item(Key=_key(policy))

    def differing(self, policies: Iterable[Policy]) -> list[Policy]:
        """Return those policies that the table does not hold just so."""
        return [
            policy
            for policy in policies
            if self._table.get_item(Key=_key(policy), ConsistentRead=True).get("Item") != policy
        ]

    def status(self, app: str) -> AppStatus | None:
        """Return what the compiler says about an app, None before its first word."""
        key = {"app": app, "id": STATUS_ID}
        found = self._table.get_item(Key=key, ConsistentRead=True)
        item: dict[str, Any] | None = found.get("Item")
        if item is None:
            return None
        compiled_at = datetime.fromisoformat(item["compiledAt"])
        return AppStatus(
            ok=item["ok"],
            version=int(item.get("version") or 0),
            compiled_at=compiled_at if compiled_at.tzinfo else compiled_at.replace(tzinfo=UTC),
            errors=tuple(map(_finding_text, item.get("errors", ()))),
        )

    def wait_for_compilation(self, app: str, edited: datetime, timeout: float) -> AppStatus:
        """Wait until the compiler has dealt with an edit.

        Parameters
        ----------
        app
            The app that was edited.
        edited
            When the edit was made.
        timeout
            Seconds to wait.

        Raises
        ------
        NotInForceError
            The compiler said nothing in time.
        """
        deadline = time.monotonic() + timeout
        while True:
            status = self.status(app)
            if status is not None and status.compiled_at >= edited:
                return status
            if time.monotonic() > deadline:
                raise NotInForceError(
                    f"The policies of app {app} were not compiled within {timeout:.0f} s: "
                    "the compiler function's log says why (.local/emulator.log)."
                )
            time.sleep(_POLL)


def load(directory: Path = EXAMPLES) -> list[Policy]:
    """Read every policy of a directory of YAML files, each with one policy or a list of them.

    Raises
    ------
    PolicyFileError
        A file holds something else.
    """
    return [policy for file in sorted(directory.glob("*.yaml")) for policy in load_file(file)]


def put_in_force(
    table: PolicyTable, policies: Sequence[Policy], timeout: float
) -> dict[str, AppStatus]:
    """Put those policies that differ from the table's, and wait until they are in force.

    Returns
    -------
    dict
        Each app that was edited, with what the compiler said about it.

    Raises
    ------
    NotInForceError
        The compiler refused them, or said nothing in time.
    """
    changed = table.differing(policies)
    if not changed:
        return {}
    edited = datetime.now(UTC)
    table.put(changed)
    statuses: dict[str, AppStatus] = {}
    for app in sorted({policy["app"] for policy in changed}):
        statuses[app] = status = table.wait_for_compilation(app, edited, timeout)
        if not status.ok:
            raise NotInForceError(
                f"The policies of app {app} are not in force:\n  " + "\n  ".join(status.errors)
            )
    wait_for_snapshots()
    return statuses


def wait_for_snapshots() -> None:
    """Wait until no function goes on with a snapshot older than the one now in force."""
    time.sleep(SNAPSHOT_TTL + _MARGIN)


def load_file(file: Path) -> list[Policy]:
    """Read the policies of one YAML file: one of them, or a list.

    Raises
    ------
    PolicyFileError
        It holds something else.
    """
    try:
        content = policy_yaml.read(file.read_text(), str(file))
    except policy_yaml.PolicyYamlError as error:
        raise PolicyFileError(str(error)) from None
    policies = content if isinstance(content, list) else [content]
    for policy in policies:
        if not (isinstance(policy, dict) and {"app", "id"} <= policy.keys()):
            raise PolicyFileError(f"{file} holds something that is no policy: {policy!r:.80}")
    return policies


def _key(policy: Policy) -> dict[str, Any]:
    return {"app": policy["app"], "id": policy["id"]}


def _finding_text(finding: object) -> str:
    if isinstance(finding, Mapping):
        return ", ".join(f"{name} {value}" for name, value in finding.items())
    return str(finding)
