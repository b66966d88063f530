"""What ``make local`` does beyond deploying: the emulator's life, the examples, the table.

And the next steps of README and of the first ten minutes, as they are typed.
"""

import json
import os
import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from local import demonstration
from local.emulator import Emulator
from local.errors import PortInUseError
from local.progress import Steps
from local.workspace import REPOSITORY, Workspace
from tests.e2e.conftest import IN_FORCE_SECONDS, Deployed, until, wait_for_snapshots
from tests.support.documents import blocks
from tests.support.shell import Typed, session
from tests.support.terminal import Terminal, terminal
from wcs_hooks.core.policy.vocabulary import EVERY_APP

_TEN_MINUTES = "docs/tutorials/first-ten-minutes.md"
_WHAT_THEY_ADD = (
    {"app": EVERY_APP, "id": "no-calls"},
    {"app": "school", "id": "teachers-publish"},
)
"""The policies that README and the first ten minutes write."""

_SAME: tuple[tuple[str, str], ...] = (
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\b[0-9a-f]{8}\b", "ID"),
    (r"\d\d? \w{3} \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"\b\d+ (?:s|min) ago|\b[\d.]+ m?s\b", "TIME"),
    (r"\* version \d+", "* version N"),
    (r"\s+", " "),
)
"""What differs from run to run, and where a terminal breaks lines."""


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
    added = [*demonstration.examples(), *_WHAT_THEY_ADD]
    edited = datetime.now(UTC)
    deployed.policies.delete(added)
    for app in {policy["app"] for policy in added}:
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


# --- As it is typed -----------------------------------------------------------------------------


@pytest.fixture
def beside_the_clone(deployed: Deployed, tmp_path: Path) -> Iterator[Terminal]:
    """A terminal after `make local`, in a directory that has what it needs of the clone."""
    place = {"directory": str(deployed.workspace.directory)}
    contexts = tmp_path / "config" / "wcsctl" / "contexts.json"
    contexts.parent.mkdir(parents=True)
    contexts.write_text(json.dumps({"selected": "local", "contexts": {"local": place}}))
    for name in ("Makefile", ".venv", "tests"):
        (tmp_path / name).symlink_to(REPOSITORY / name)
    (tmp_path / ".local").symlink_to(deployed.workspace.directory)
    environment = {
        "PATH": f"{REPOSITORY / '.venv' / 'bin'}:{os.environ['PATH']}",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "LOGNAME": "root",
    }
    with terminal(tmp_path, environment) as opened:
        yield opened


@pytest.mark.usefixtures("shown")
def test_given_the_first_ten_minutes_when_they_are_typed_then_the_terminal_shows_what_they_show(
    beside_the_clone: Terminal,
) -> None:
    ids: dict[str, str] = {}
    for step in _steps_after_the_start():
        page = "\n".join(step.output)
        command = " ".join(ids.get(word, word) for word in step.command.split(" "))

        shown = _typed(beside_the_clone, command, partial(_is_same, page))

        if command == "wcsctl status":
            # Other tests have apps and dead letters on this deployment.
            shown, page = _row_of_school(shown), _row_of_school(page)
        assert _is_same(page, shown), f"$ {command}\n{shown}"
        ids |= zip(_short_ids(page), _short_ids(shown), strict=True)


@pytest.mark.usefixtures("shown")
def test_given_the_edit_that_readme_tells_to_type_when_the_hook_is_sent_then_it_is_denied_so(
    beside_the_clone: Terminal,
) -> None:
    [block] = [block for block in blocks("sh") if "put-item" in block.text and "make" in block.text]
    edit, hook = re.split(r"^(?=make )", block.text, flags=re.MULTILINE)
    # Without `make setup`: everything is installed, or this test would not run.
    hook = hook.replace("make ", "make --no-print-directory -o setup ")

    put = beside_the_clone.type(edit)
    answered = _typed(beside_the_clone, hook, lambda shown: "call: 403" in shown)

    assert put == ""
    assert "refused by policy no-calls: No calls today." in _same(answered)


def _steps_after_the_start() -> list[Typed]:
    """The commands of the page after the start of the stack."""
    sessions = [block.text for block in blocks("console") if block.page == _TEN_MINUTES]
    steps = [step for text in sessions for step in session(text)]
    assert [step.command.split()[0] for step in steps[:2]] == [
        "make",
        'PATH="$PWD/.venv/bin:$PATH"',
    ]
    return steps[2:]


def _typed(at: Terminal, command: str, enough: Callable[[str], bool]) -> str:
    """Type a command, one that only asks again and again for as long as an edit may take."""
    only_asks = re.match(r"make |wcsctl (?:send|explain) ", command)
    return until(lambda: at.type(command), enough, IN_FORCE_SECONDS if only_asks else 0.0)


def _is_same(one: str, other: str) -> bool:
    return _same(one) == _same(other)


def _same(output: str) -> str:
    """An output without what differs from run to run."""
    for pattern, word in _SAME:
        output = re.sub(pattern, word, output)
    return output.strip()


def _short_ids(output: str) -> list[str]:
    return re.findall(r"\b([0-9a-f]{8})\b", output)


def _row_of_school(output: str) -> str:
    [row] = [line for line in output.splitlines() if " school " in line]
    return row
