"""From an edit to its enforcement, on a deployment of its own, as an operator and WCS see it.

An edit is an item put into the Policies table; it is enforced when a hook that is posted to the
deployment's URL is refused with the reason that the edit gave. The stack is the real one, in an AWS
emulator, deployed as ``make local`` deploys it. The developer's interpreter runs this: it has what
a deployment needs.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from socket import AF_INET, SOCK_STREAM, socket
from typing import TYPE_CHECKING, Any, Final

from local import deployment
from local.emulator import Emulator
from local.workspace import Workspace
from simulated_wcs.transport import Authentication, HookReply, HookTarget
from wcsctl.caller_authentication import caller_authentication
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.hook_sender import send_alone
from wcsctl.policies.dynamodb_json import raw_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

EDITS: Final = 200

_METHOD: Final = "playHLS"
"""Players never connect: whether the hook is refused depends on the policy alone."""

_APP: Final = "bench"
_HOOK: Final = json.dumps({"appKey": _APP, "name": "b4e7"}).encode()
_BETWEEN_HOOKS: Final = 0.02
_LONGEST_PAUSE: Final = 1.5
"""Seconds: longer than the TTL of what is active, so that edits come at any moment of it."""

_PATIENCE: Final = 30.0
_WARM_UP: Final = 3


class NotEnforcedError(Exception):
    """An edit that was not enforced within the time that anybody would wait."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployment, and what is needed of it."""

    dynamodb: "DynamoDBClient"
    table: str
    target: HookTarget
    authentication: Authentication

    def put(self, policy: Mapping[str, Any]) -> None:
        """Edit a policy, as an operator does without wcsctl."""
        self.dynamodb.put_item(TableName=self.table, Item=raw_of(policy))

    def post(self) -> HookReply:
        """Post the hook."""
        return send_alone(self.target, self.authentication, _METHOD, _HOOK)


def main() -> int:
    """Edit so many times; print the seconds that each edit took, as JSON."""
    edits = int(sys.argv[1]) if len(sys.argv) > 1 else EDITS
    with tempfile.TemporaryDirectory() as directory, deployed(Path(directory)) as stack:
        for number in range(_WARM_UP):
            seconds_until_enforced(stack, f"warm-up {number}")
        pauses = Random(edits)  # noqa: S311 - the same pauses each time
        seconds = []
        for number in range(edits):
            sys.stderr.write(f"edit {number + 1} of {edits}\n")
            # Else each edit would come just after a refresh, which is what enforced the last one.
            post_hooks_for(stack, pauses.uniform(0, _LONGEST_PAUSE))
            seconds.append(seconds_until_enforced(stack, f"edit {number}"))
    json.dump(seconds, sys.stdout)
    return 0


@contextmanager
def deployed(directory: Path) -> Iterator[Deployed]:
    """Deploy to an emulator of its own while this lasts."""
    workspace = Workspace(directory, _free_port())
    emulator = Emulator(workspace)
    try:
        with ThreadPoolExecutor() as threads:
            synthesis = threads.submit(deployment.synthesise, workspace)
            emulator.start()
            deployment.bootstrap(workspace)
            synthesis.result()
        made = deployment.deploy(workspace, lambda _: None)
        yield Deployed(
            made.client("dynamodb"),
            made.output("PoliciesTableName"),
            made.target,
            caller_authentication(made, FunctionConfigurations(made)),
        )
    finally:
        emulator.stop()


def seconds_until_enforced(stack: Deployed, reason: str) -> float:
    """Edit a policy's reason, and post hooks until one is refused with it.

    Returns
    -------
    float
        Seconds from the moment when the edit was sent until a hook was answered by it.

    Raises
    ------
    NotEnforcedError
        If that takes longer than anybody would wait.
    """
    policy = {"app": _APP, "id": "edited", "method": _METHOD, "action": "deny", "reason": reason}
    began = time.monotonic()
    stack.put(policy)
    while time.monotonic() < began + _PATIENCE:
        if stack.post().error.get("reason") == reason:
            return time.monotonic() - began
        time.sleep(_BETWEEN_HOOKS)
    raise NotEnforcedError(f"{reason} was not enforced within {_PATIENCE:.0f} s")


def post_hooks_for(stack: Deployed, seconds: float) -> None:
    """Post hooks for so many seconds, as WCS does whatever is edited."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stack.post()
        time.sleep(_BETWEEN_HOOKS)


def _free_port() -> int:
    with socket(AF_INET, SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
