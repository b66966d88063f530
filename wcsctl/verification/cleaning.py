"""Removes what a run made, its own or that of a run which was killed.

Each run is entered in the Policies table before it makes anything: item `#run-…` of the app
`wcsctl-verify`, which the compiler takes for no policy. The entry goes last.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcs_hooks.hook import dead_letter
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.dead_letters import DeadLetter, WaitingDeadLetters
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.local_user import local_user
from wcsctl.policies.dynamodb_json import key_of, raw_of
from wcsctl.policies.table import PolicyTable
from wcsctl.verification.run import PREFIX, RunName

LETTERS_LOOKED_AT: Final = 1_000
"""How many dead letters are received at the most in search of a run's own."""

_ENTRY: Final = "#run-"
_COMPILED_SECONDS: Final = 10.0
_UNKNOWN_SECONDS: Final = 3.0
_MARGIN_SECONDS: Final = 120.0
_POLL: Final = 0.2


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run that is entered in the table.

    Attributes
    ----------
    by, host
        Whose it is, and on which machine.
    pid
        Its process there.
    until
        When it is over at the latest, in seconds since the epoch.
    """

    name: RunName
    by: str
    host: str
    pid: int
    until: float

    def is_under_way(self) -> bool:
        """Whether it may still be running."""
        if self.host == socket.gethostname():
            return _is_running(self.pid)
        return time.time() < self.until


class RunEntries:
    """The runs that made something and have not removed it.

    Parameters
    ----------
    deployment
        Where they look.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._client = deployment.client("dynamodb")
        self._table = deployment.output("PoliciesTableName")

    def add(self, name: RunName, timeout: float) -> None:
        """Enter a run.

        Parameters
        ----------
        timeout
            How long it takes at the most, in seconds.
        """
        item = {
            "app": PREFIX,
            "id": _id_of(name),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "by": local_user(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "until": int(time.time() + timeout + _MARGIN_SECONDS),
        }
        self._client.put_item(TableName=self._table, Item=raw_of(item))

    def remove(self, name: RunName) -> None:
        """Remove a run's entry."""
        self._client.delete_item(TableName=self._table, Key=key_of(PREFIX, _id_of(name)))

    def __iter__(self) -> Iterator[RunEntry]:
        """Read all entries."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="app = :app AND begins_with(id, :entry)",
            ExpressionAttributeValues={":app": {"S": PREFIX}, ":entry": {"S": _ENTRY}},
        )
        for page in pages:
            for raw in page["Items"]:
                item = from_attributes(raw)
                name = RunName(f"{PREFIX}-{item['id'].removeprefix(_ENTRY)}")
                yield RunEntry(name, item["by"], item["host"], int(item["pid"]), item["until"])


class RunCleaning:
    """Removes everything that a run made.

    Parameters
    ----------
    deployment
        Where it was made.
    name
        The run's.
    """

    def __init__(self, deployment: Deployment, name: RunName) -> None:
        self._deployment = deployment
        self._name = name

    def __call__(self) -> list[str]:
        """Remove it, as much as is possible, and return what could not be removed, and why."""
        steps: list[tuple[str, Callable[[], object]]] = [
            ("the previous secret", self._remove_secret),
            ("its rule and queue of events", self._remove_listener),
            ("its policies", self._remove_policies),
            ("its sessions", self._remove_sessions),
            ("its dead letters", self._remove_letters),
        ]
        left = []
        for what, step in steps:
            try:
                step()
            except (WcsctlError, ClientError, BotoCoreError) as error:
                left.append(f"{what}: {error}")
        if not left:
            RunEntries(self._deployment).remove(self._name)
        return left

    def _remove_secret(self) -> None:
        if "SignatureSecretArn" in self._deployment.outputs:
            store = CallerSecretStore(self._deployment)
            if store.read().previous.startswith(self._name.previous_secret):
                store.finish()

    def _remove_listener(self) -> None:
        if "EventBusName" in self._deployment.outputs:
            remove_listener(self._deployment, self._name)

    def _remove_policies(self) -> None:
        client = self._deployment.client("dynamodb")
        table_name = self._deployment.output("PoliciesTableName")
        table = PolicyTable(self._deployment)
        edited = []
        for app in self._name.apps:
            items = table.read(app)
            for item_id in (*items.raw, *(one for one in items.system if one != STATUS_ID)):
                client.delete_item(TableName=table_name, Key=key_of(app, item_id))
            if items.raw or items.system:
                edited.append(app)
        began = time.monotonic()
        for app in edited:
            # Else the compiler writes one more #status, which nobody would remove.
            while _is_to_be_compiled(table, app, time.monotonic() - began):
                time.sleep(_POLL)
            client.delete_item(TableName=table_name, Key=key_of(app, STATUS_ID))

    def _remove_sessions(self) -> None:
        client = self._deployment.client("dynamodb")
        table = self._deployment.output("SessionsTableName")
        found = client.query(
            TableName=table,
            KeyConditionExpression="#node = :node",
            ExpressionAttributeNames={"#node": "node", "#session": "session"},
            ExpressionAttributeValues={":node": {"S": self._name.name}},
            ProjectionExpression="#node, #session",
        )
        for key in found["Items"]:
            client.delete_item(TableName=table, Key=key)

    def _remove_letters(self) -> None:
        with WaitingDeadLetters(self._deployment) as waiting:
            # To receive messages takes seconds, and counts against them.
            if not waiting.waiting():
                return
            for letter in waiting.letters(LETTERS_LOOKED_AT):
                if is_of_run(letter, self._name):
                    waiting.delete(letter)


def is_of_run(letter: DeadLetter, name: RunName) -> bool:
    """Whether a dead letter is a hook of a run: then its body has the run's name."""
    try:
        return name.name.encode() in dead_letter.body_of(letter.content)
    except dead_letter.IncompleteMessageError:
        return False


def remove_listener(deployment: Deployment, name: RunName) -> None:
    """Remove the rule and the queue by which a run listens to the event bus, if they are there."""
    events, queues = deployment.client("events"), deployment.client("sqs")
    rule: dict[str, Any] = {"EventBusName": deployment.output("EventBusName")}
    with suppress(events.exceptions.ResourceNotFoundException):
        events.remove_targets(Rule=name.name, Ids=["queue"], **rule)
        events.delete_rule(Name=name.name, **rule)
    with suppress(queues.exceptions.QueueDoesNotExist):
        queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName=name.name)["QueueUrl"])


def _is_to_be_compiled(table: PolicyTable, app: str, waited: float) -> bool:
    """Whether the compiler may yet have to see that an app's policies are gone.

    Parameters
    ----------
    waited
        Seconds since they went.
    """
    status = table.status(app)
    if not status:
        # Perhaps they were never compiled: then nothing says when it has.
        return waited < _UNKNOWN_SECONDS
    return bool(status.get("policies", 0) > 0) and waited < _COMPILED_SECONDS


def _id_of(name: RunName) -> str:
    return f"{_ENTRY}{name.name.removeprefix(f'{PREFIX}-')}"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
