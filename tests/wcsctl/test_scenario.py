"""`wcsctl scenario run`: what it puts into the table and removes, and what it prints."""

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from simulated_wcs.runner import Runner
from tests.support.operated_stack import OperatedStack, operated
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler
from wcsctl.commands import scenario as command
from wcsctl.deployment import Deployment
from wcsctl.errors import UsageError
from wcsctl.saved_contexts import STACK
from wcsctl.scenario_back_end import DeployedBackEnd, NotActiveError

_SCENARIO = """
name: Names are kept
description: One is refused.
app: house
policies:
  - {id: house-only, method: publishStream, action: deny, when: "body.name.startsWith('x-')"}
timeline:
  - {client: anna, does: connect}
  - client: anna
    does: publishStream
    stream: x-1
    expect: {outcome: continued, status: 403}
  - {client: anna, does: publishStream, stream: y-1}
"""


class _BackEnd(BaseHTTPRequestHandler):
    """Refuses names that begin with x-, and keeps what it was asked."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, Any]]

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        self.asked.append((self.path, body))
        refused = str(body.get("name", "")).startswith("x-")
        self.send_response(403 if refused else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@pytest.fixture
def asked() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def stack(asked: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Iterator[OperatedStack]:
    """A stack whose compiler runs whenever wcsctl waits."""
    handler = type("Handler", (_BackEnd,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with operated() as stack:
        stack.outputs["HooksUrl"] = f"http://127.0.0.1:{server.server_port}/"
        back_end = partial(DeployedBackEnd, sleep=lambda _: _compile(stack))
        monkeypatch.setattr(command, "DeployedBackEnd", back_end)
        yield stack
    server.shutdown()
    server.server_close()


def _compile(stack: OperatedStack) -> None:
    clock = SystemClock()
    store = DynamoPolicyStore(stack.aws.dynamodb, "Policies", "PolicySnapshots", 30, clock)
    for app in {item["app"]["S"] for item in _items(stack)} | _apps_in_force(stack):
        PolicyCompiler(store, clock).compile(app)


def _items(stack: OperatedStack) -> list[dict[str, Any]]:
    return list(stack.aws.dynamodb.scan(TableName="Policies")["Items"])


def _apps_in_force(stack: OperatedStack) -> set[str]:
    items = stack.aws.dynamodb.scan(TableName="PolicySnapshots")["Items"]
    return {item["app"]["S"] for item in items if item["item"]["S"] == "current"}


def _file(tmp_path: Path, text: str = _SCENARIO, name: str = "house.yaml") -> str:
    file = tmp_path / name
    file.write_text(text)
    return str(file)


def test_given_a_scenario_when_it_is_run_then_its_policies_came_into_force_and_are_gone(
    stack: OperatedStack, tmp_path: Path, asked: list[tuple[str, Any]]
) -> None:
    file = _file(tmp_path)

    said = stack.json("scenario", "run", file, file)

    assert said["ok"]
    apps = {one["app"] for one in said["scenarios"]}
    assert len(apps) == 2
    assert {body["appKey"] for _, body in asked} == apps
    assert [step["outcome"] for step in said["scenarios"][0]["steps"]] == [
        "accepted",
        "continued",
        "accepted",
    ]
    # One version that had its policy, and one without. Nothing of them is left for good.
    for app in apps:
        items = stack.aws.snapshot_items(app)
        assert {"v0000000001", "v0000000002"} <= items.keys()
        assert all("expiresAt" in item for item in items.values())
        assert "expiresAt" in stack.aws.snapshot_items("#apps")[app]
    assert _items(stack) == []


def test_given_something_comes_otherwise_then_it_fails_and_shows_the_exchange(
    stack: OperatedStack, tmp_path: Path
) -> None:
    file = _file(tmp_path, _SCENARIO.replace("continued", "aborted"))

    result = stack.run("scenario", "run", file)

    assert result.exit_code == 1
    assert "outcome: expected aborted, but it is continued" in result.output
    assert "/publishStream" in result.output
    assert "1 step was not played" in result.output
    assert _items(stack) == []


def test_given_ctrl_c_then_the_policies_are_removed_all_the_same(
    stack: OperatedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def interrupted(*_: Any, **__: Any) -> None:
        seen.append(len(_items(stack)))
        raise KeyboardInterrupt

    monkeypatch.setattr(Runner, "run", interrupted)

    result = stack.run("scenario", "run", _file(tmp_path))

    assert result.exit_code != 0
    assert seen == [2]
    assert _items(stack) == []


def test_given_a_policy_with_an_error_then_it_is_told_and_removed(
    stack: OperatedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wcsctl.scenario_back_end._SETTLED", 0.0)
    file = _file(tmp_path, _SCENARIO.replace("action: deny", "action: refuse"))

    result = stack.run("scenario", "run", file)

    assert isinstance(result.exception, NotActiveError)
    assert "house-only: action: 'refuse' is not among" in str(result.exception)
    assert _items(stack) == []


def test_given_an_app_then_it_is_played_as_it_is_and_nothing_is_written(
    stack: OperatedStack, tmp_path: Path, asked: list[tuple[str, Any]]
) -> None:
    said = stack.json("scenario", "run", "--app", "live", _file(tmp_path))

    assert said["ok"]
    assert {body["appKey"] for _, body in asked} == {"live"}
    assert _apps_in_force(stack) == set()


def test_given_an_app_when_a_scenario_edits_policies_then_it_is_turned_away(
    stack: OperatedStack, tmp_path: Path, asked: list[tuple[str, Any]]
) -> None:
    text = f"{_SCENARIO}  - policies: [{{id: a, method: call, action: echo}}]\n"

    result = stack.run("scenario", "run", "--app", "live", _file(tmp_path, text))

    assert isinstance(result.exception, UsageError)
    assert "--app does not allow" in str(result.exception)
    assert asked == []


def test_given_a_file_that_is_no_scenario_then_the_place_is_named(
    stack: OperatedStack, tmp_path: Path
) -> None:
    result = stack.run("scenario", "run", _file(tmp_path, f"{_SCENARIO}\nplicies: []\n"))

    assert isinstance(result.exception, UsageError)
    assert "'plicies'" in str(result.exception)


def test_given_policies_that_are_in_the_table_then_they_are_not_waited_for_again(
    stack: OperatedStack,
) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        _compile(stack)

    back_end = DeployedBackEnd(Deployment.stack(STACK, None, "us-east-1"), wait)
    policies = [{"app": "house", "id": "a", "method": "call", "action": "echo", "priority": 5}]
    back_end.activate_policies(policies)
    first = len(waits)

    back_end.activate_policies(policies)

    assert first > 0
    assert len(waits) == first
    assert "house" in _apps_in_force(stack)
