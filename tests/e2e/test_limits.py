"""Limits on the deployment: who gets in, who does not, and what gives a place back."""

import contextlib
import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from local.emulator import Emulator
from simulated_wcs.transport import HookReply
from tests.e2e.conftest import Deployed, until
from verification.soak.stack import workers_of
from wcs_hooks.core.methods import Category
from wcsctl.errors import UnreachableError
from wcsctl.scenario_back_end import DeployedBackEnd

ISSUER: Final = "https://issuer.example"
PLACES: Final = 10
THREADS: Final = int(os.environ.get("CROWD", "16"))
"""How many come at once: each needs a function of its own, so that 64 take minutes to start."""

DELIVERIES: Final = 3


@dataclass(frozen=True)
class Site:
    """An app whose users have limits, by what their tokens say and by what they do."""

    deployed: Deployed
    app: str
    key: ECKey

    def policies(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            {
                "id": "issuer",
                "action": "trust",
                "issuer": ISSUER,
                "keys": self.key.as_dict(private=False) | {"alg": "ES256"},
            },
            {
                "id": "streams",
                "method": "publishStream",
                "when": "claims != null",
                "limit": {"by": "claims.sub", "most": "claims.maxStreams", "holds": "stream"},
                "reason": "no stream left",
            },
            {
                "id": "viewers",
                "method": "playStream",
                "limit": {"by": "stream", "most": PLACES, "holds": "stream"},
            },
            {
                "id": "calls",
                "method": "call",
                "limit": {"by": "body.caller", "most": 1, "holds": "call"},
            },
            {
                "id": "calls-per-hour",
                "method": "call",
                "when": "connectedAt <= now",
                "limit": {"by": "body.caller", "most": 2, "holds": "1h"},
            },
            {
                "id": "sessions",
                "method": "connect",
                "match": {"custom.mode": "single"},
                "limit": {"by": "body.custom.login", "most": 1, "holds": "session"},
            },
            {
                "id": "shadow",
                "method": "OnDataEvent",
                "mode": "shadow",
                "limit": {"by": "app", "most": 1, "holds": "60s"},
            },
        ]
        return [{"app": self.app, "action": "deny", **item} for item in items]

    def connect(self, session: str, **custom: Any) -> HookReply:
        return self.post("connect", session, custom=custom)

    def connect_as(self, user: str, session: str, **claims: object) -> HookReply:
        token = jwt.encode(
            {"alg": "ES256"},
            {"iss": ISSUER, "sub": user, "exp": int(time.time()) + 600, **claims},
            self.key,
        )
        return self.connect(session, token=token)

    def post(self, method: str, session: str, **fields: Any) -> HookReply:
        body = {
            "appKey": self.app,
            "nodeId": "node",
            "sessionId": f"/192.0.2.1:1/{self.app}-{session}",
            **fields,
        }
        return self.deployed.post(method, body)

    def publish(self, session: str, stream: str) -> HookReply:
        return self.post("publishStream", session, mediaSessionId=stream, name="lesson")

    def play(self, session: str, viewer: str, stream: str) -> HookReply:
        return self.post("playStream", session, mediaSessionId=viewer, name=stream)

    def end(self, session: str, stream: str) -> HookReply:
        return self.post(
            "StreamStatusEvent", session, mediaSessionId=stream, name="lesson", status="UNPUBLISHED"
        )

    def call(self, session: str, call: str) -> HookReply:
        return self.post("call", session, callId=call, caller="anna", callee="100")

    def holders_of(self, policy: str, by: str) -> int:
        """How many places the table says are held, whatever the functions think."""
        return sum(
            name.startswith("x")
            for item in self.items()
            if (item.get("app"), item.get("policy"), item.get("by")) == (self.app, policy, by)
            for name in item
        )

    def items(self) -> Sequence[dict[str, Any]]:
        session, workspace = self.deployed.workspace.session(), self.deployed.workspace
        dynamodb = session.resource("dynamodb", endpoint_url=workspace.endpoint)
        table = dynamodb.Table(self.deployed.outputs.leases_table_name)
        found: list[dict[str, Any]] = table.scan(ConsistentRead=True)["Items"]
        return found


@pytest.fixture(scope="module")
def site(deployed: Deployed) -> Iterator[Site]:
    made = Site(deployed, f"limits-{uuid.uuid4().hex[:8]}", ECKey.generate_key("P-256"))
    DeployedBackEnd(deployed.deployment).activate_policies(made.policies())
    yield made
    deployed.policies.delete(made.policies())


def test_given_a_users_plan_in_their_token_then_they_get_so_many_streams_and_others_theirs(
    site: Site,
) -> None:
    site.connect_as("anna", "a1", maxStreams=2)
    site.connect_as("anna", "a2", maxStreams=2)
    site.connect_as("ben", "b1", maxStreams=1)

    answers = [
        site.publish("a1", "s1").status,
        site.publish("a2", "s2").status,
        site.publish("a1", "s1").status,
        site.publish("a2", "s3").status,
        site.publish("b1", "s4").status,
        site.end("a1", "s1").status,
        site.publish("a2", "s3").status,
    ]

    assert answers == [200, 200, 200, 403, 200, 200, 200]
    refused = site.publish("a1", "s5")
    assert (refused.error["policy"], refused.error["reason"]) == ("streams", "no stream left")


def test_given_a_session_that_ends_then_its_streams_and_calls_give_their_places_back(
    site: Site,
) -> None:
    site.connect_as("cleo", "c1", maxStreams=1)
    site.connect_as("cleo", "c2", maxStreams=1)

    before = [site.publish("c1", "t1").status, site.publish("c2", "t2").status]
    site.post("ConnectionStatusEvent", "c1", status="DISCONNECTED")

    assert before == [200, 403]
    assert site.publish("c2", "t2").status == 200


def test_given_one_call_at_a_time_and_two_an_hour_then_each_limit_refuses_in_its_turn(
    site: Site,
) -> None:
    site.connect("calls")

    def finish(call: str) -> None:
        site.post("CallStatusEvent", "calls", callId=call, status="FINISH")

    first, busy = site.call("calls", "1"), site.call("calls", "2")
    finish("1")
    second = site.call("calls", "3")
    finish("3")
    third = site.call("calls", "4")

    assert [reply.status for reply in (first, busy, second, third)] == [200, 403, 200, 403]
    assert (busy.error["policy"], third.error["policy"]) == ("calls", "calls-per-hour")


def test_given_one_session_an_account_then_a_second_device_is_declined_until_the_first_is_gone(
    site: Site,
) -> None:
    def connect(session: str) -> int:
        return site.connect(session, mode="single", login="dora").status

    answers = [connect("d1"), connect("d1"), connect("d2")]
    site.post("ConnectionStatusEvent", "d1", status="DISCONNECTED")
    answers.append(connect("d2"))

    assert answers == [200, 200, 403, 200]


def test_given_a_session_that_never_connected_then_it_is_neither_counted_nor_refused(
    site: Site,
) -> None:
    answers = [site.play("unknown", f"v{number}", "rest").status for number in range(PLACES + 2)]

    assert set(answers) == {200}
    assert site.holders_of("viewers", "rest") == 0


def test_given_a_limit_in_shadow_then_nobody_is_refused_and_the_log_says_who_would_be(
    site: Site, deployed: Deployed
) -> None:
    site.connect("shadow")
    replies = [site.post("OnDataEvent", "shadow", operationId=str(n)) for n in range(2)]

    assert [reply.status for reply in replies] == [200, 200]
    last = replies[-1].decision
    line = until(lambda: deployed.logged([last]), bool)[last]
    assert line["shadowDenied"] == [f"{site.app}/shadow"]
    assert line["limit"].startswith(f"{site.app}/shadow: 1 of 1 held by ")


def test_given_streams_that_are_limited_when_no_keep_alive_came_then_the_status_warns_of_it(
    site: Site, deployed: Deployed
) -> None:
    warnings = deployed.policies.status(site.app)["warnings"]

    about = {warning["policy"] for warning in warnings if warning["attribute"] == "limit.holds"}
    assert about == {"streams", "viewers"}


@pytest.mark.parametrize("kills", [0, 2])
def test_given_a_crowd_when_each_hook_comes_three_times_then_exactly_ten_get_in(
    site: Site, deployed: Deployed, kills: int
) -> None:
    stream = f"crowd-{kills}"
    site.connect("crowd")
    together = Barrier(THREADS + 1)

    def viewer(number: int) -> list[int]:
        together.wait(timeout=30)
        return [_play(site, f"{stream}-{number}", stream) for _ in range(DELIVERIES)]

    with ThreadPoolExecutor(THREADS) as threads:
        asked = [threads.submit(viewer, number) for number in range(THREADS)]
        together.wait(timeout=30)
        _kill_functions(deployed, kills)
        statuses = Counter(status for future in asked for status in future.result())

    # Who got no answer, or a failure, asks again as WCS does; the place may be taken already.
    again = [_answer_to(site, f"{stream}-{number}", stream) for number in range(THREADS)]
    assert Counter(again) == {200: PLACES, 403: THREADS - PLACES}
    assert statuses[200] <= PLACES * DELIVERIES
    assert site.holders_of("viewers", stream) == PLACES


def _answer_to(site: Site, viewer: str, stream: str) -> int:
    return until(lambda: _play(site, viewer, stream), lambda status: status in {200, 403})


def _play(site: Site, viewer: str, stream: str) -> int:
    """The status of the answer; 0 if none came."""
    try:
        return site.play("crowd", viewer, stream).status
    except UnreachableError:
        return 0


def _kill_functions(deployed: Deployed, most: int) -> None:
    name = deployed.function_of(Category.DIRECT)
    emulator = Emulator(deployed.workspace)
    deadline, killed = time.monotonic() + 10, 0
    while killed < most and time.monotonic() < deadline:
        for pid, directory in workers_of(emulator.running_pid()):
            if killed < most and f"ministack-lambda-{name}-" in directory:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
    assert killed == most
