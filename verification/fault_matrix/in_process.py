"""The scene in this process: the handlers as Lambda starts them, and an AWS that moto pretends."""

import io
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NamedTuple, Self
from unittest.mock import patch

import boto3
from moto import mock_aws

from tests.support.aws_tables import POLICIES as POLICIES_TABLE
from tests.support.aws_tables import SESSIONS, SNAPSHOTS, Aws
from tests.support.faulty_aws import Fault, FaultyAws
from tests.support.hook_client import SECRET, HookClient, HookReply
from tests.support.shifted_clock import ShiftedClock
from verification.fault_matrix.scene import (
    CONNECT,
    CUT_OFF,
    DENIED,
    DISCONNECTED,
    LOOKED_UP,
    POLICIES,
    PUBLISHING,
    Hook,
    Observed,
)
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.adapters.dynamo_snapshots import CURRENT, part_key
from wcs_hooks.clock import Clock, SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status

APP: Final = "live"
BUS: Final = "wcs-events"
SESSION: Final = "/192.168.1.102:4388/192.168.1.101:8443"
RETENTION_DAYS: Final = 30
_NO_HURRY: Final = 60.0


class Written(NamedTuple):
    """What was written."""

    out: str
    err: str


class _Sheet(io.TextIOBase):
    """Keeps what is written to it, by thread, so that lines stay whole."""

    def __init__(self) -> None:
        self._texts: dict[int, list[str]] = {}

    def write(self, text: str) -> int:
        self._texts.setdefault(threading.get_ident(), []).append(text)
        return len(text)

    def take(self) -> str:
        """What was written since the last time."""
        texts, self._texts = self._texts, {}
        return "".join("".join(of_thread) for of_thread in texts.values())


class Screen:
    """Takes what is written to standard output and standard error."""

    def __init__(self) -> None:
        self._out, self._err = _Sheet(), _Sheet()

    @contextmanager
    def taking(self) -> Iterator[Self]:
        """Take it from now on."""
        with patch.object(sys, "stdout", self._out), patch.object(sys, "stderr", self._err):
            yield self

    def readouterr(self) -> Written:
        """What was written since the last time."""
        return Written(self._out.take(), self._err.take())


class LocalScene:
    """A session, the functions, and the AWS that they talk to.

    Attributes
    ----------
    aws
        As the operator sees it: none of its calls goes wrong.
    wire
        What the functions' calls go over.
    """

    app = APP
    session_id = SESSION

    def __init__(self, aws: Aws, wire: FaultyAws, screen: Screen, **variables: str) -> None:
        self.aws = aws
        self.wire = wire
        self.screen = screen
        self._clock = ShiftedClock()
        self._variables = variables
        self._others = self.functions()
        self.hooks = self.functions(self._clock)

    @classmethod
    @contextmanager
    def set_up(cls, reply_timeout: float = 2.0, **variables: str) -> Iterator[Self]:
        """The scene for the duration of a `with` block."""
        _load_everything()
        with cls._raised(reply_timeout, **variables) as scene:
            yield scene

    @classmethod
    @contextmanager
    def _raised(cls, reply_timeout: float, **variables: str) -> Iterator[Self]:
        with Screen().taking() as screen, mock_aws():
            aws = Aws.set_up(SECRET)
            boto3.client("events").create_event_bus(Name=BUS)
            aws.put_policies(APP, *POLICIES)
            compile_app(APP, ShiftedClock())
            with FaultyAws().watching() as wire:
                timeout = f"{reply_timeout:g}"
                yield cls(aws, wire, screen, REPLY_TIMEOUT_SECONDS=timeout, **variables)

    def functions(self, clock: Clock | None = None, **variables: str) -> HookClient:
        """Functions that know nothing yet."""
        settings: dict[str, Any] = {
            "DEAD_LETTER_QUEUE_URL": self.aws.queue_url,
            "SIGNATURE_SECRET_ARN": self.aws.secret_arn,
            "SNAPSHOT_TTL_SECONDS": "1",
            "REST_API_CALLS": "never-deny",
            "EVENT_BUS_NAME": BUS,
        }
        return HookClient(self.screen, clock=clock, **settings | self._variables | variables)

    def compiler(self) -> PolicyCompiler:
        """A compiler, over the functions' wire."""
        return _compiler(SystemClock())

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        """The policies that a version was made from."""
        return _store(SystemClock()).source(app, version)

    def fail(self, fault: Fault, *operations: str) -> None:
        self.wire.fail(fault, *operations)

    def recover(self) -> None:
        self.wire.recover()

    def pass_time(self, seconds: float) -> None:
        self._clock.advance(seconds)

    def connect(self) -> None:
        body = CONNECT.body(APP, SESSION)
        assert self._others.post(CONNECT.method, body).status == 200
        self.wire.calls.clear()
        self.wire.attempts.clear()

    def post(self, hook: Hook, authorization: str | None = "") -> Observed:
        body = hook.body(APP, SESSION)
        reply = self.hooks.post(hook.method, body, authorization=authorization)
        return observation(
            reply, hook.method, body, self.aws.dead_letters(), self.aws.letters_in_table()
        )

    def publish(self) -> None:
        self.aws.put_policies(APP, {**POLICIES[0], "note": "edited"})
        compile_app(APP, self._clock)

    def pointer(self) -> dict[str, Any]:
        return self.aws.snapshot_items(APP)[CURRENT]

    def put_pointer(self, pointer: Mapping[str, Any] | None) -> None:
        if pointer is None:
            self.aws.delete_item(SNAPSHOTS, {"app": APP, "item": CURRENT})
        else:
            self.aws.put_item(SNAPSHOTS, pointer)

    def damage_version(self) -> None:
        part = part_key(self.pointer()["version"], "part", 0)
        self.aws.put_item(SNAPSHOTS, {"app": APP, "item": part, "data": b"damaged"})

    def session(self) -> dict[str, Any]:
        [item] = self.aws.items(SESSIONS)
        return item

    def put_session(self, item: Mapping[str, Any]) -> None:
        self.aws.put_item(SESSIONS, item)

    def put_row(self, attributes: Mapping[str, Any]) -> None:
        self.aws.put_row("bans", f"{APP}/watched", **attributes)

    def put_secret(self, text: str) -> None:
        self.aws.secrets_manager.put_secret_value(SecretId=self.aws.secret_arn, SecretString=text)


@cache
def _load_everything() -> None:
    """Let this process import what it imports late, such as each of moto's services.

    It takes seconds, which a hook would seem to take.
    """
    with LocalScene._raised(_NO_HURRY) as scene:
        for hook in (CONNECT, DENIED, LOOKED_UP, PUBLISHING, DISCONNECTED, CUT_OFF):
            scene.post(hook)


def observation(
    reply: HookReply,
    method: str,
    body: bytes,
    letters: Sequence[Mapping[str, Any]],
    in_table: Sequence[Mapping[str, Any]] = (),
) -> Observed:
    """What came of a hook."""
    errors = [line for line in reply.metrics if "restOnError" in line]
    return Observed(
        status=reply.status,
        counted=frozenset(reply.counted),
        levels=tuple(str(line["level"]) for line in reply.log),
        letters=tuple(letters),
        in_table=tuple(in_table),
        decision=reply.headers["X-Decision-Id"],
        error_outcome=(errors[0]["restOnError"], errors[0]["outcome"]) if errors else None,
        seconds=reply.seconds,
        method=method,
        body=body,
        answer=reply.body,
    )


def compile_app(app: str, clock: Clock) -> Status:
    """Compile an app's policies, which must be in order, over clients made now."""
    status = _compiler(clock).compile(app)
    assert status.ok, status.errors
    return status


def _compiler(clock: Clock) -> PolicyCompiler:
    return PolicyCompiler(_store(clock), clock)


def _store(clock: Clock) -> DynamoPolicyStore:
    client = Clients(10).dynamodb()
    return DynamoPolicyStore(client, POLICIES_TABLE, SNAPSHOTS, RETENTION_DAYS, clock)
