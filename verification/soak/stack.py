"""The deployment under test: an emulator of its own, the stack in it, and what is done to them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from local import deployment
from local.emulator import Emulator
from local.workspace import REPOSITORY, Workspace
from simulated_wcs.transport import HookTarget
from verification.soak.balance import Letter, Logged
from verification.soak.faults import Place
from verification.soak.proxy import FaultyProxy
from verification.soak.wire import digest
from wcs_hooks.core.methods import Category
from wcs_hooks.hook import dead_letter
from wcs_hooks.ports import Place as KeptIn
from wcs_hooks.telemetry.catalogue import TIMES
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.dead_letters import DeadLetter, LetterKind, WaitingDeadLetters
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import CATEGORIES, FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.metrics import measured_in
from wcsctl.policies.dynamodb_json import key_of, raw_of
from wcsctl.policies.table import PolicyTable
from wcsctl.scenario_back_end import DeployedBackEnd

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

    from wcs_hooks.adapters.lease_items import Attributes

SETTINGS: Final[Mapping[str, str]] = {
    **deployment.SETTINGS,
    "eventBus": "true",
    # Batched echoes would go uncounted with each worker that is killed.
    "echoMetricsSeconds": "0",
}
CHANGED_SETTING: Final[Mapping[str, str]] = {"echoLogSampleRate": "0.02"}
"""What a redeployment in the middle of the traffic changes: harmless, but all functions get it."""

_COMMAND_PATIENCE: Final = 900.0
_LOG_SLICE_MS: Final = 20_000
"""The emulator gives 10,000 log events at a time, and no way to the next ones: four to a hook."""

_WORKER: Final = "_worker.py"
_GROWN_UP: Final = 15.0
"""Seconds after which a worker has started for sure. One that is killed while it starts makes the
emulator end all workers of its function, and what they are doing with them."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Times(NamedTuple):
    """Percentiles, in milliseconds, of so many values."""

    calls: int
    p50: float
    p99: float
    most: float

    @classmethod
    def from_values(cls, values: Sequence[float]) -> "Times":
        """Those of some values; noughts if there are none."""
        if not values:
            return NO_TIMES
        ranked = sorted(values)
        last = len(ranked) - 1
        return cls(len(ranked), ranked[round(last * 0.5)], ranked[round(last * 0.99)], ranked[last])


NO_TIMES: Final = Times(0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class FunctionReport:
    """What the functions logged in all.

    Attributes
    ----------
    service_times
        ServiceTime, in milliseconds, of each call.
    """

    logged: Logged
    service_times: Sequence[float]


class SoakStack:
    """The stack in its emulator, behind a proxy.

    Parameters
    ----------
    workspace
        Where it is.
    proxy
        Through which the functions reach AWS.
    emulator
        Of the deployment.
    made
        The deployment, as wcsctl sees it.
    """

    def __init__(
        self, workspace: Workspace, proxy: FaultyProxy, emulator: Emulator, made: Deployment
    ) -> None:
        self.workspace = workspace
        self.proxy = proxy
        self.deployment = made
        self.policies = PolicyTable(made)
        self._dynamodb: DynamoDBClient = made.client("dynamodb")
        self._emulator = emulator
        self.killed: Counter[str] = Counter()

    @property
    def target(self) -> HookTarget:
        """Where WCS sends its hooks."""
        return self.deployment.target

    def secret(self) -> str:
        """The callers' current secret."""
        return CallerSecretStore(self.deployment).read().current

    def activate_policies(self, items: Sequence[dict[str, Any]]) -> None:
        """Put policies into the table and wait until they are active."""
        DeployedBackEnd(self.deployment).activate_policies(items)

    def put_policy(self, policy: Mapping[str, Any]) -> None:
        """Put a policy into the table, as one edits it without wcsctl."""
        table = self.deployment.output("PoliciesTableName")
        self._dynamodb.put_item(TableName=table, Item=raw_of(policy))

    def delete_policy(self, policy: Mapping[str, Any]) -> None:
        """Remove a policy from the table."""
        table = self.deployment.output("PoliciesTableName")
        self._dynamodb.delete_item(TableName=table, Key=key_of(policy["app"], policy["id"]))

    def wcsctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the installed command, as an operator does."""
        place = ("--local", "--local-directory", str(self.workspace.directory), "--json")
        return subprocess.run(
            [REPOSITORY / ".venv" / "bin" / "wcsctl", *place, *words],
            env=self.workspace.process_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_PATIENCE,
        )

    def redeploy(self, settings: Mapping[str, str]) -> None:
        """Deploy again, with other settings."""
        deployment.synthesise(self.workspace, {**SETTINGS, **settings})
        deployment.deploy(self.workspace, lambda _: None)

    def kill_workers(self, category: Category | None = None, most: int | None = None) -> int:
        """Kill workers of the functions that answer hooks, whatever they are doing.

        Only children of this workspace's own emulator are looked at.

        Parameters
        ----------
        category
            Whose; all four functions' if none is given.
        most
            How many at the most.
        """
        functions = [self.deployment.function(one) for one in Category if category in {None, one}]
        killed = 0
        for pid, directory in workers_of(self._emulator.running_pid()):
            if killed == most:
                break
            if any(f"ministack-lambda-{name}-" in directory for name in functions):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
        self.killed["all" if category is None else category] += killed
        return killed

    def letters(self) -> list[Letter]:
        """The dead letters of both places, which stay there."""
        return read_letters(self.deployment)

    def session_keys(self) -> set[tuple[str, str]]:
        """The keys of the Sessions table's items: node, and the session's hash."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.deployment.output("SessionsTableName"), ConsistentRead=True
        )
        return {
            (item["node"]["S"], item["session"]["S"])
            for page in pages
            for item in page["Items"]
            # Of sessions alone: an item of another kind has no body.
            if "body" in item
        }

    def leases(self) -> "list[Attributes]":
        """The items of the Leases table."""
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self.deployment.output("LeasesTableName"), ConsistentRead=True
        )
        return [item for page in pages for item in page["Items"]]

    def report(self, since: float, until: float) -> FunctionReport:
        """Read the functions' logs; moments are seconds since the epoch."""
        configurations = FunctionConfigurations(self.deployment)
        namespace = configurations.for_function(Category.EVENT).metric_namespace
        logs = FunctionLogs(self.deployment, configurations)
        counts: Counter[tuple[str, str]] = Counter()
        times: list[float] = []
        lost: set[str] = set()
        start, end = int(since * 1000), int(until * 1000)
        for begin in range(start, end, _LOG_SLICE_MS):
            last = min(begin + _LOG_SLICE_MS, end) - 1
            for record in logs.records(CATEGORIES, begin, last):
                if record.fields.get("deadLettered") is False:
                    lost.add(str(record.fields["decision"]))
                for name, dimensions, values in measured_in(record.fields, namespace):
                    if dimensions.keys() != {"service", "category"}:
                        continue
                    if name not in TIMES:
                        counts[name, dimensions["category"]] += round(sum(values))
                    elif name == "ServiceTime":
                        times += values
        return FunctionReport(Logged(counts, frozenset(lost)), times)


@contextmanager
def deployed(directory: Path) -> Iterator[SoakStack]:
    """Deploy to an emulator of its own, behind a proxy; both end with the block."""
    port, proxy_port = free_ports(2)
    workspace = Workspace(directory, port)
    directory.mkdir(parents=True, exist_ok=True)
    with FaultyProxy(workspace, proxy_port) as proxy:
        emulator = Emulator(workspace, proxy.environment)
        emulator.stop()
        try:
            with ThreadPoolExecutor() as threads:
                synthesis = threads.submit(deployment.synthesise, workspace, SETTINGS)
                emulator.start()
                deployment.bootstrap(workspace)
                synthesis.result()
            made = deployment.deploy(workspace, lambda _: None)
            proxy.know_tables(
                {
                    Place.SNAPSHOTS: made.output("SnapshotsTableName"),
                    Place.SESSIONS: made.output("SessionsTableName"),
                    Place.LETTERS: made.output("DeadLetterTableName"),
                }
            )
            yield SoakStack(workspace, proxy, emulator, made)
        finally:
            emulator.stop()


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on, all different."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def wait_until_quiet(stack: SoakStack, patience: float) -> None:
    """Wait until no more letters come: some are sent by threads that outlast their hook."""
    deadline = time.monotonic() + patience
    before = -1
    while time.monotonic() < deadline:
        with WaitingDeadLetters(stack.deployment) as waiting:
            now = waiting.waiting()
        if now == before:
            return
        before = now
        time.sleep(2.5)


def read_letters(of: Deployment) -> list[Letter]:
    """The dead letters of a deployment's both places, which stay there."""
    with WaitingDeadLetters(of) as waiting:
        return [_letter(one) for one in waiting.letters()]


def _letter(message: DeadLetter) -> Letter:
    content = message.content
    try:
        body = digest(dead_letter.body_of(content))
    except dead_letter.IncompleteMessageError:
        body = ""
    error = content.get("error")
    return Letter(
        str(content.get("decision", "")),
        str(content.get("method", "")),
        body,
        str(error.get("kind", "")) if isinstance(error, dict) else "",
        tuple(content.get("pending") or ()),
        of_edits=message.kind is LetterKind.EDITS,
        in_table=message.place is KeptIn.TABLE,
    )


def workers_of(emulator: int | None) -> Iterator[tuple[int, str]]:
    """The emulator's children that run functions, each with its working directory."""
    up = time.clock_gettime(time.CLOCK_BOOTTIME)
    for entry in Path("/proc").iterdir() if emulator is not None else ():
        if not entry.name.isdecimal():
            continue
        try:
            status = (entry / "stat").read_text().rpartition(")")[2].split()
            parent, started = int(status[1]), int(status[19]) / _TICKS
            command = (entry / "cmdline").read_text()
            if parent == emulator and _WORKER in command and up - started > _GROWN_UP:
                yield int(entry.name), str((entry / "cwd").readlink())
        except (OSError, IndexError, ValueError):
            # It has ended meanwhile.
            continue


def parsed_output(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command of wcsctl printed, as JSON."""
    return json.loads(done.stdout)
