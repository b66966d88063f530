"""`wcsctl try` and `wcsctl scenario` against the deployed stack."""

import json
import subprocess
from pathlib import Path
from typing import Any

from local.workspace import REPOSITORY
from tests.e2e.conftest import Deployed, until

_SCENARIO = """
name: Only the house publishes
description: The first step is refused, and takes effect.
app: house
policies:
  - {id: house-only, method: publishStream, action: deny, when: "body.name.startsWith('x-')"}
timeline:
  - {client: anna, does: connect}
  - client: anna
    does: publishStream
    stream: x-1
    expect: {outcome: aborted, status: 403, policy: house-only}
  - {client: anna, does: publishStream, stream: y-1, expect: {outcome: OUTCOME}}
"""


def _wcsctl(deployed: Deployed, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(REPOSITORY / ".venv" / "bin" / "wcsctl"), "--local"]
    directory = str(deployed.workspace.directory)
    return subprocess.run(
        [*command, "--local-directory", directory, "--json", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def _said(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_given_policies_in_force_when_a_hook_is_tried_then_it_tells_what_the_functions_answer(
    deployed: Deployed, app: str, tmp_path: Path
) -> None:
    edited = deployed.put_policy(
        {"app": app, "id": "no-x", "method": "publishStream", "action": "deny", "status": 451}
        | {"when": "body.name.startsWith('x-')"}
    )
    assert deployed.compiled(app, edited)["ok"]
    body = {"appKey": app, "nodeId": "n", "sessionId": app, "name": "x-1"}
    (tmp_path / "body.json").write_text(json.dumps(body))
    words = ("try", "publishStream", "-f", str(tmp_path / "body.json"))

    suppressed = _said(_wcsctl(deployed, *words, "--session", "recorded"))["inForce"]
    answered = until(
        lambda: deployed.post_connected("publishStream", body), lambda reply: reply.status == 451
    )
    tried = _said(_wcsctl(deployed, *words, "--session", "recorded"))["inForce"]

    assert (suppressed["answer"], suppressed["status"]) == ("suppressed", 200)
    assert (tried["answer"], tried["status"]) == ("deny", answered.status)
    assert tried["policies"] == [f"{app}/no-x"]
    assert tried["outcome"] == "aborted"


def test_given_a_scenario_when_it_is_run_then_its_policies_hold_for_it_and_are_gone_afterwards(
    deployed: Deployed, tmp_path: Path
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(_SCENARIO.replace("OUTCOME", "accepted"))
    bad.write_text(_SCENARIO.replace("OUTCOME", "aborted"))

    done = _wcsctl(deployed, "scenario", "run", str(good), str(bad))

    said = _said(done)
    assert done.returncode == 1, done.stderr
    assert [one["ok"] for one in said["scenarios"]] == [True, False]
    assert said["scenarios"][1]["steps"][-1]["differences"] == [
        "outcome: expected aborted, but it is accepted"
    ]
    assert "POST " in said["scenarios"][1]["exchange"]
    apps = {one["app"] for one in said["scenarios"]}
    assert len(apps) == 2
    assert not [item for item in _items(deployed) if item["app"]["S"] in apps]


def _items(deployed: Deployed) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = json.loads(deployed.aws("dynamodb", "scan"))["Items"]
    return items
