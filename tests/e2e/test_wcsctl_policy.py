"""wcsctl policy on a deployment: from files to what WCS is answered, and back."""

import json
import os
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.workspace import REPOSITORY
from tests.e2e.conftest import Deployed, wait_for_snapshots
from wcsctl.local_user import local_user

type Wcsctl = Callable[..., subprocess.CompletedProcess[str]]

_MANY = 10_000


@pytest.fixture
def wcsctl(deployed: Deployed) -> Wcsctl:

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        directory = str(deployed.workspace.directory)
        program = str(REPOSITORY / ".venv" / "bin" / "wcsctl")
        return subprocess.run(
            [program, "--local", "--local-directory", directory, *map(str, arguments)],
            env={"PATH": os.environ["PATH"], "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def _write(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content))


def test_given_files_when_applied_edited_manually_and_rolled_back_then_wcs_is_answered_so(
    deployed: Deployed, wcsctl: Wcsctl, app: str, tmp_path: Path
) -> None:
    denial = {"id": "closed", "method": "publishStream", "action": "deny", "reason": "closed"}
    _write(tmp_path / app / "open.yaml", {"id": "open", "method": "playStream", "action": "echo"})
    first = wcsctl("policy", "apply", tmp_path, "--yes")
    _write(tmp_path / app / "closed.yaml", denial)

    applied = wcsctl("policy", "apply", tmp_path, "--yes", "-m", "closed for the holidays")

    assert first.returncode == 0, first.stderr
    assert f"{app}: version 2 is active" in applied.stdout, applied.stderr
    wait_for_snapshots()
    refused = deployed.post_connected("publishStream", {"appKey": app, "name": "x"})
    assert refused.status == 403

    deployed.compiled(app, deployed.put_policy({"app": app, **denial, "reason": "manually"}))
    differing = wcsctl("policy", "diff", tmp_path)
    assert differing.returncode == 1
    assert "- reason: manually\n    + reason: closed" in differing.stdout

    manual = wcsctl("policy", "diff", app, 2, 3)
    assert "- reason: closed\n    + reason: manually" in manual.stdout

    rolled_back = wcsctl("policy", "rollback", app, 1, "--yes")
    assert f"{app}: version 4 is active" in rolled_back.stdout, rolled_back.stderr
    wait_for_snapshots()
    assert deployed.post_connected("publishStream", {"appKey": app, "name": "x"}).status == 200

    pinned = wcsctl("policy", "pin", app, 2)
    assert "version 2 is pinned and active" in pinned.stdout, pinned.stderr
    released = wcsctl("policy", "unpin", app)
    assert "version 5 is active" in released.stdout, released.stderr
    history = json.loads(wcsctl("--json", "policy", "history", app).stdout)
    assert [(one["version"], one["inForce"]) for one in history][:2] == [(5, True), (4, False)]
    said = {one["version"]: (one["by"], one["message"]) for one in history}
    assert said[2] == (local_user(), "closed for the holidays")
    assert said[3] == ("", "")
    assert said[4] == (local_user(), "Roll back to version 1")


def test_given_two_people_when_both_apply_at_once_then_one_is_in_conflict_and_nothing_is_lost(
    wcsctl: Wcsctl, app: str, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        policy = {"id": name, "method": "call", "action": "deny", "match": {"a": [1, 1.5]}}
        _write(tmp_path / name / app / "a.yaml", policy)

    with ThreadPoolExecutor(2) as people:
        applying = [
            people.submit(wcsctl, "policy", "apply", tmp_path / name, "--yes", "--no-delete")
            for name in ("one", "two")
        ]
    ended = sorted(one.result().returncode for one in applying)

    # Both may also have come one after the other, where one was late.
    listed = json.loads(wcsctl("--json", "policy", "list", "--app", app).stdout)
    assert ended in ([0, 3], [0, 0]), [one.result().stderr for one in applying]
    assert len(listed["policies"]) == ended.count(0)


def test_given_ten_thousand_policies_when_linted_applied_and_listed_then_it_takes_seconds(
    deployed: Deployed, wcsctl: Wcsctl, app: str, tmp_path: Path
) -> None:
    policies = [
        {
            "id": f"p{number:05}",
            "method": "publishStream",
            "action": "deny",
            "match": {"name": f"stream-{number}"},
            "reason": "no",
        }
        for number in range(_MANY)
    ]
    _write(tmp_path / app / "all.yaml", policies)
    took: dict[str, float] = {}
    said = ""
    for command in (["lint", tmp_path], ["apply", tmp_path, "--yes"], ["list", "--app", app]):
        began = time.monotonic()
        done = wcsctl("policy", *command)
        took[str(command[0])] = time.monotonic() - began
        assert done.returncode == 0, done.stderr
        said = done.stdout

    print("10,000 policies took", took)  # noqa: T201 - -s shows the measurement
    assert took["lint"] < 10
    assert took["apply"] < 60
    assert took["list"] < 10
    assert "10,000 policies, ok" in said

    (tmp_path / app / "all.yaml").write_text("[]")
    emptied = wcsctl("policy", "apply", tmp_path, "--yes")
    assert emptied.returncode == 0, emptied.stderr
    # Another app does not wait until the compiler has seen all ten thousand edits.
    other = f"{app}-next"
    edited = deployed.put_policy({"app": other, "id": "e", "method": "call", "action": "echo"})
    deployed.compiled(other, edited)
