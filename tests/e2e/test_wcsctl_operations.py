"""`wcsctl`, the installed command, on a real deployment: what an operator looks at and does."""

import base64
import hashlib
import json
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.workspace import REPOSITORY
from tests.e2e.conftest import Deployed, until
from tests.e2e.deployed_scene import DeployedScene, activate_policies
from tests.support.faulty_aws import BROKEN
from tests.support.faulty_endpoint import FaultyEndpoint
from tests.support.local_stack import HookPoster
from wcs_hooks.core.methods import Category
from wcs_hooks.hook import dead_letter
from wcsctl.dead_letters import WaitingDeadLetters
from wcsctl.deployment import Deployment


def wcsctl(deployed: Deployed, *words: str) -> subprocess.CompletedProcess[str]:
    # As `make local` does.
    place = ("--local", "--local-directory", str(deployed.workspace.directory))
    command = [str(REPOSITORY / ".venv" / "bin" / "wcsctl"), *place, *words]
    environment = deployed.workspace.process_environment()
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def json_of(deployed: Deployed, *words: str) -> Any:
    done = wcsctl(deployed, "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def queue(deployed: Deployed) -> Iterator[None]:
    """No dead letters of other tests, before and after."""
    waiting = WaitingDeadLetters(Deployment.local(deployed.workspace.directory))
    waiting.purge()
    yield
    waiting.purge()


def send(deployed: Deployed, method: str, body: bytes, category: Category, decision: str) -> None:
    """Let a hook wait that a function kept."""
    letter = {
        "schema": dead_letter.SCHEMA,
        "decision": decision,
        "category": category,
        "method": method,
        "error": {"kind": "UnavailableError", "message": "the policy store does not answer"},
        "firstSeen": "2026-03-01T12:00:00+00:00",
        "attempts": 1,
        "body": body.decode(),
    }
    deployed.queues.send_message(
        QueueUrl=deployed.outputs.dead_letter_queue_url, MessageBody=dead_letter.to_text(letter)
    )


@pytest.mark.usefixtures("queue")
def test_given_a_new_policy_when_it_denies_then_status_decisions_outcomes_and_stats_tell(
    deployed: Deployed, app: str
) -> None:
    policy = {"app": app, "id": "closed", "method": "publishStream", "action": "deny"}
    deployed.compiled(app, deployed.put_policy(policy))
    refused = until(
        lambda: deployed.post_connected("publishStream", {"appKey": app, "name": "room"}),
        lambda reply: reply.status == 403,
    )
    assert refused.status == 403

    words = ("--json", "decisions", "--denied", "--id", refused.decision)
    logged = until(lambda: wcsctl(deployed, *words), lambda done: bool(done.stdout))
    [decided] = logged.stdout.splitlines()
    # Apps that other tests left broken, and policies that they took away, are reported too.
    status = json.loads(wcsctl(deployed, "--json", "status").stdout)
    cells = json_of(deployed, "outcomes")
    stats = json_of(deployed, "stats")

    assert json.loads(decided)["policies"] == [f"{app}/closed"]
    assert {"ok": True, "version": 1}.items() <= next(
        one for one in status["apps"] if one["app"] == app
    ).items()
    checks = {check["check"]: check["ok"] for check in status["checks"]}
    assert checks["endpoint"]
    assert checks["dead letters"]
    assert checks["alarms"]
    assert any(
        (cell["category"], cell["outcome"], cell["cause"]) == ("direct", "aborted", "policy")
        for cell in cells
    )
    assert stats["methods"]["publishStream"]["Denied"] >= 1
    assert stats["categories"]["direct"]["ServiceTime"]["p99"] > 0


@pytest.mark.usefixtures("queue")
def test_given_dead_letters_when_redriven_then_the_functions_answer_and_only_the_hopeless_stay(
    deployed: Deployed, app: str
) -> None:
    body = json.dumps({"appKey": app, "sipPassword": "hunter2"}).encode()
    send(deployed, "connect", body, Category.CONNECT, "kept-decision-1")
    malformed = deployed.post("call", b"[]")

    listed = json_of(deployed, "dead-letter", "list")
    shown = wcsctl(deployed, "dead-letter", "show", "kept-dec", "--body")
    redriven = wcsctl(deployed, "--json", "dead-letter", "redrive", "--yes")

    assert {one["id"] for one in listed} == {"kept-decision-1", malformed.decision}
    assert "sipPassword" in shown.stdout
    assert "hunter2" not in shown.stdout
    assert redriven.returncode == 1
    results = {one["id"]: one["result"] for one in json.loads(redriven.stdout)}
    assert results == {"kept-decision-1": "done", malformed.decision: "hopeless"}
    [left] = json_of(deployed, "dead-letter", "list")
    assert left["id"] == malformed.decision


@pytest.mark.usefixtures("queue")
def test_given_the_queue_refuses_when_a_large_hook_fails_then_it_is_redriven_out_of_the_table(
    deployed: Deployed, app: str
) -> None:
    activate_policies(deployed, app)
    noise = base64.b64encode(hashlib.shake_256().digest(450_000)).decode()
    body = json.dumps({"appKey": app, "sessionId": "s", "nodeId": "n", "sdp": noise}).encode()
    with (
        FaultyEndpoint(deployed.workspace.port).serving() as endpoint,
        DeployedScene.set_up(deployed, endpoint, Category.DIRECT, app) as scene,
    ):
        scene.fail(BROKEN, "BatchGetItem", "SendMessage")
        since_ms = int(time.time() * 1000)
        failed = deployed.post("publishStream", body)
        [metrics] = deployed.emf(Category.DIRECT, since_ms, bool)

    status = json.loads(wcsctl(deployed, "--json", "status").stdout)
    [listed] = json_of(deployed, "dead-letter", "list")
    shown = json_of(deployed, "dead-letter", "show", failed.decision, "--reveal")
    redriven = json_of(deployed, "dead-letter", "redrive", "--yes")

    assert failed.status == 503
    assert (metrics["DeadLettered"], metrics["DeadLetterFallback"]) == ([1], [1])
    assert (listed["id"], listed["place"]) == (failed.decision, "table")
    assert shown["body"].encode() == body
    [letters] = [check for check in status["checks"] if check["check"] == "dead letters"]
    assert (letters["ok"], letters["count"], letters["inTable"]) == (False, 1, 1)
    assert [one["result"] for one in redriven] == ["done"]
    assert json_of(deployed, "dead-letter", "list") == []


def test_given_a_rotation_then_no_hook_is_rejected_until_it_is_finished(
    deployed: Deployed,
) -> None:
    old = deployed.hooks
    try:
        assert wcsctl(deployed, "secret", "rotate").returncode == 0
        new = HookPoster(old.target, json_of(deployed, "secret", "show", "--reveal")["current"])
        again = wcsctl(deployed, "secret", "rotate")
        statuses = [one.post("call", b"{}").status for one in (new, old, new, old)]
        lines = json_of(deployed, "wcs-setup", "school", "--reveal")["properties"]

        assert new.secret != old.secret
        assert again.returncode == 3
        assert statuses == [200, 200, 200, 200]
        assert f"rest_hook_secret_key={new.secret}" in lines

        assert wcsctl(deployed, "secret", "finish", "--yes").returncode == 0
        assert new.post("call", b"{}").status == 200
        assert not json_of(deployed, "secret", "show")["rotating"]
    finally:
        value = json.dumps({"current": old.secret})
        arn = deployed.outputs.signature_secret_arn
        deployed.secrets.put_secret_value(SecretId=arn, SecretString=value)
        # A function that remembers other keys looks again when it meets one it does not know.
        until(lambda: old.post("call", b"{}").status, lambda status: status == 200)
