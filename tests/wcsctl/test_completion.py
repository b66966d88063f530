"""What a shell completes: commands and options at once, names out of a short-lived cache."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from tests.support.operated_stack import OperatedStack, operated
from tests.support.policy_items import deny, policy
from wcsctl import cli, completion, saved_contexts
from wcsctl.command_line.completion_index import fitting, index_of
from wcsctl.saved_contexts import DeploymentPlace, SavedContexts

INDEX = index_of(get_command(cli.app))
LETTER = {
    "schema": 1,
    "decision": "0c61aaaa-1111",
    "category": "direct",
    "method": "call",
    "error": {"kind": "UnavailableError", "message": "the policy store does not answer"},
    "firstSeen": "2026-03-01T12:00:00+00:00",
    "attempts": 1,
    "body": "{}",
}


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def _completed(line: str) -> list[str]:
    """What fits where a line ends."""
    *words, incomplete = line.split(" ")
    return fitting(INDEX, words[1:], incomplete)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("wcsctl de", ["decisions", "dead-letter"]),
        ("wcsctl policy ro", ["rollback"]),
        ("wcsctl --json policy unp", ["unpin"]),
        ("wcsctl decisions --deni", ["--denied"]),
        ("wcsctl decisions --denied --outp", ["--output"]),
        ("wcsctl decisions -o j", ["json"]),
        ("wcsctl decisions --output = y", ["yaml"]),
        ("wcsctl decisions --method publishS", ["publishStream"]),
        ("wcsctl -o json send publishS", ["publishStream"]),
        ("wcsctl nonsense ", []),
        ("wcsctl send publishStream name=", []),
    ],
)
def test_given_a_line_then_what_fits_is_completed(line: str, words: list[str]) -> None:
    assert _completed(line) == words


def test_given_contexts_then_their_names_are_completed() -> None:
    saved_contexts.save(SavedContexts({"prod": DeploymentPlace("A"), "test": DeploymentPlace("B")}))

    assert _completed("wcsctl context use ") == ["prod", "test"]
    assert _completed("wcsctl status --context pr") == ["prod"]


def test_given_a_deployment_then_its_apps_policies_and_versions_are_completed(
    stack: OperatedStack,
) -> None:
    stack.enforce("school", deny("teachers-only"), policy("tests"))
    stack.enforce("*", deny("no-calls"))

    assert sorted(_completed("wcsctl policy get ")) == ["every-app", "school"]
    assert _completed("wcsctl policy get school te") == ["teachers-only", "tests"]
    assert _completed("wcsctl policy delete every-app ") == ["no-calls"]
    assert _completed("wcsctl policy rollback school ") == ["1"]


def test_given_names_that_were_read_then_they_are_read_again_only_after_a_minute(
    stack: OperatedStack, tmp_path: Path
) -> None:
    stack.enforce("school", deny("a"))
    assert _completed("wcsctl policy list --app ") == ["school"]
    stack.enforce("zoo", deny("a"))

    assert _completed("wcsctl policy list --app ") == ["school"]
    assert _completed("wcsctl policy list --region eu-west-1 --app ") == []
    for file in (tmp_path / "cache" / "wcsctl").iterdir():
        os.utime(file, (file.stat().st_atime, file.stat().st_mtime - 61))

    assert _completed("wcsctl policy list --app ") == ["school", "zoo"]


def test_given_a_deployment_that_refuses_then_nothing_is_completed(stack: OperatedStack) -> None:
    stack.refused.add("Query")

    assert _completed("wcsctl policy get ") == []


def test_given_dead_letters_then_those_that_were_listed_are_completed_and_the_queue_is_left_alone(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.send(LETTER)
    assert _completed("wcsctl dead-letter show ") == []
    assert stack.run("dead-letter", "list").exit_code == 0
    monkeypatch.setattr(completion, "_fetch", None)

    assert _completed("wcsctl dead-letter show ") == ["0c61aaaa"]


def test_given_a_shell_that_asks_again_then_no_command_and_no_aws_library_is_imported() -> None:
    line = "wcsctl decisions --deni"
    asked = {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    asked |= {"COMP_WORDS": line, "COMP_CWORD": "2", "PYTHONPATH": os.pathsep.join(sys.path)}
    program = (
        "import atexit, sys; from wcsctl.cli import main; sys.argv = ['wcsctl'];"
        "heavy = {'boto3', 'rich', 'pydantic', 'wcsctl.deployment'};"
        "atexit.register(lambda: print(*sorted(heavy & set(sys.modules))));"
        "main()"
    )
    # The first answer makes the index.
    imported = {}
    for number, shell in enumerate(["bash", "bash", "zsh", "fish"]):
        environment = {**os.environ, **asked, "_WCSCTL_COMPLETE": f"complete_{shell}"}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "--denied" in done.stdout
        imported[number] = done.stdout.splitlines()[-1]

    assert "boto3" in imported.pop(0)
    assert imported == {1: "", 2: "", 3: ""}
