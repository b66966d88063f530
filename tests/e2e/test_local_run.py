"""What ``make local`` does beyond deploying: the emulator's life, the examples, the table."""

import os
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from local import demonstration
from local.emulator import Emulator
from local.errors import PortInUseError
from local.progress import Steps
from local.workspace import REPOSITORY, Workspace
from tests.e2e.conftest import Deployed, wait_for_snapshots


@pytest.fixture(scope="module")
def shown(deployed: Deployed) -> Iterator[str]:
    """What a person sees."""
    out = StringIO()
    console = Console(file=out, width=200)
    with Steps(console) as steps:
        demonstration.load_examples(deployed.deployment, steps)
        answers = demonstration.post_hooks(deployed.deployment, steps)
    demonstration.show(console, deployed.deployment, answers)
    yield out.getvalue()
    # The examples hold for every app, so that the tests to come would meet them.
    examples = demonstration.examples()
    edited = datetime.now(UTC)
    deployed.policies.delete(examples)
    for app in {policy["app"] for policy in examples}:
        deployed.compiled(app, edited)
    wait_for_snapshots()


@pytest.mark.parametrize(
    ("hook", "decider", "status", "change"),
    [
        ('publishStream "private-lesson"', "*/deny-private-streams", "403", "private-"),
        (
            'publishStream "private-lesson", by the REST API',
            "*/deny-private-streams, but never connected",
            "200",
            "same bytes",
        ),
        ('playStream "public-lesson"', "*/hide-stream-names", "200", '-> "studio-7-public-lesson"'),
        ("call to 0900123456", "*/refuse-premium-numbers", "200", "same bytes"),
        ("publishStream, wrong signature", "caller check", "403", "signature"),
        ("a method yet to be invented", "no policy", "200", "same bytes"),
        ("sendStreamEvent", "no policy", "200", "same bytes"),
        ("connect-5", "derived from the policies", "200", "restClientConfig added"),
    ],
)
def test_given_the_examples_when_hooks_are_posted_then_the_table_tells_who_decided_what(
    shown: str, hook: str, decider: str, status: str, change: str
) -> None:
    [row] = [line for line in shown.splitlines() if f"│ {hook} " in line]

    cells = [cell.strip() for cell in row.split("│")[1:-1]]

    assert cells[0] == hook
    assert decider in cells[1]
    assert cells[2] == status
    assert change in cells[3]


def test_given_a_deployment_when_it_is_shown_then_url_secret_and_next_steps_are_there(
    deployed: Deployed, shown: str
) -> None:
    assert f"{deployed.deployment.url}\n" in shown
    assert f"{deployed.hooks.secret}\n" in shown
    assert 'aws dynamodb put-item --table-name "$POLICIES_TABLE"' in shown


def test_given_a_running_emulator_when_it_is_started_again_then_it_is_kept(
    deployed: Deployed,
) -> None:
    assert Emulator(deployed.workspace).start() is False


def test_given_a_busy_port_when_the_emulator_is_started_then_one_line_names_port_and_way_out(
    tmp_path: Path,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        with pytest.raises(PortInUseError) as refused:
            Emulator(Workspace(tmp_path, port)).start()

    message = str(refused.value)
    assert f"Port {port} is in use" in message
    assert "LOCAL_PORT=" in message
    assert "\n" not in message


def test_given_another_workspaces_emulator_when_its_port_is_wanted_then_it_is_left_alone(
    deployed: Deployed, tmp_path: Path
) -> None:
    stranger = Emulator(Workspace(tmp_path, deployed.workspace.port))

    with pytest.raises(PortInUseError, match="AWS emulator"):
        stranger.start()

    assert stranger.stop() is False
    assert deployed.post("connect", b"{}").status == 200


def test_given_a_shell_without_settings_when_make_sends_a_hook_then_it_is_answered(
    deployed: Deployed,
) -> None:
    body = '{"appKey": "nobody", "name": "$5 $(x) ${HOME}"}'

    done = _make_hook(deployed, "METHOD=call", f"BODY={body}")

    assert done.returncode == 0, done.stderr
    assert "connect: 200" in done.stderr
    # The session is added at the end.
    assert done.stdout.startswith(body.rstrip("}"))


def test_given_a_policy_on_the_clients_role_when_make_connects_with_it_then_it_decides(
    deployed: Deployed, app: str
) -> None:
    policy = {"app": app, "id": "no-pupils", "method": "call", "action": "deny"}
    edited = deployed.put_policy({**policy, "when": "session.custom.role == 'pupil'"})
    assert deployed.compiled(app, edited)["ok"]
    wait_for_snapshots()
    hook = ("METHOD=call", f'BODY={{"appKey": "{app}"}}')

    teacher = _make_hook(deployed, *hook, "CONNECT=custom.role=teacher custom.login=anna")
    pupil = _make_hook(deployed, *hook, "CONNECT=custom.role=pupil")

    assert "call: 200" in teacher.stderr
    assert "call: 403" in pupil.stderr
    assert "no-pupils" in pupil.stderr


def _make_hook(deployed: Deployed, *variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "WCSCTL_LOCAL": str(deployed.workspace.directory)}
    # Without `make setup`: everything is installed, or this test would not run.
    command = ["make", "--no-print-directory", "-o", "setup", "hook", *variables]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=environment,
        cwd=REPOSITORY,
        check=False,
    )
