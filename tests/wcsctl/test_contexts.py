"""Which deployment a command is about: options, the environment, and the user's contexts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import local.__main__ as local_run
from local.workspace import Workspace
from wcsctl import cli, saved_contexts
from wcsctl.errors import NotFoundError, UsageError
from wcsctl.saved_contexts import DeploymentPlace, SavedContexts, place_of

PROD = DeploymentPlace("WcsHooks", "prod", "eu-central-1")


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of contexts, which is not there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "wcsctl" / "contexts.json"


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, list(words))


def _json(*words: str) -> Any:
    result = _run(*words, "-o", "json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


def test_given_a_stack_when_it_is_named_then_it_is_listed_and_selected() -> None:
    _run("context", "use", "prod", "--stack", "A", "--profile", "prod", "--region", "eu-west-1")
    _run("context", "use", "test", "--region", "eu-west-1")

    _run("context", "use", "prod")

    assert _json("context", "list") == [
        {
            "name": "prod",
            "selected": True,
            "stack": "A",
            "profile": "prod",
            "region": "eu-west-1",
        },
        {"name": "test", "selected": False, "region": "eu-west-1"},
    ]
    assert place_of({}) == DeploymentPlace("A", "prod", "eu-west-1")


def test_given_the_local_deployment_when_it_is_named_then_it_is_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    _run("context", "use", "local", "--local")

    assert place_of({}) == DeploymentPlace(directory=tmp_path / ".local")


def test_given_a_context_when_it_is_deleted_then_none_is_selected() -> None:
    saved_contexts.save(SavedContexts({"prod": PROD}, "prod"))

    _run("context", "delete", "prod")

    assert _json("context", "list") == []
    assert place_of({}) == DeploymentPlace()


LOCAL = DeploymentPlace(directory=Path("/clone/.local"))


@pytest.mark.parametrize(
    ("options", "environment", "place"),
    [
        ({}, {}, PROD),
        ({"context_name": "local"}, {}, LOCAL),
        ({}, {"WCSCTL_CONTEXT": "local"}, LOCAL),
        ({"context_name": "prod"}, {"WCSCTL_CONTEXT": "local"}, PROD),
        ({}, {"WCSCTL_STACK": "Other"}, DeploymentPlace("Other")),
        ({}, {"WCSCTL_STACK": "Other", "WCSCTL_CONTEXT": "local"}, LOCAL),
        ({"stack": "New"}, {"WCSCTL_STACK": "Other"}, DeploymentPlace("New")),
        ({"region": "us-west-2"}, {}, DeploymentPlace("WcsHooks", "prod", "us-west-2")),
        ({"stack": "New"}, {"WCSCTL_CONTEXT": "local"}, DeploymentPlace("New")),
        ({"local": True}, {}, DeploymentPlace(directory=Path(".local"))),
        ({"local": True}, {"WCSCTL_LOCAL": "/x"}, DeploymentPlace(directory=Path("/x"))),
        ({"local": True, "local_directory": "/y"}, {}, DeploymentPlace(directory=Path("/y"))),
    ],
    ids=str,
)
def test_given_options_environment_and_a_selected_context_then_the_nearest_holds(
    options: Mapping[str, Any],
    environment: Mapping[str, str],
    place: DeploymentPlace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saved_contexts.save(SavedContexts({"prod": PROD, "local": LOCAL}, "prod"))
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert place_of(options) == place


@pytest.mark.parametrize(
    ("name", "message"),
    [("local", "`make local` makes it"), ("x", "there are prod; `wcsctl context use x --stack")],
)
def test_given_a_context_that_is_not_there_then_the_error_says_how_to_make_it(
    name: str, message: str
) -> None:
    saved_contexts.save(SavedContexts({"prod": PROD}, "prod"))

    result = _run("status", "--context", name)

    assert isinstance(result.exception, NotFoundError)
    assert message in str(result.exception)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", 'it must be {"selected": NAME'),
        ("[" * 100_000, "is damaged"),
        ("\udcff", "can't decode byte"),
        ('{"contexts": {"a": 5}}', "context 'a' must be an object"),
        ('{"contexts": {"a": {"stak": "x"}}}', "unknown attribute 'stak'"),
        ('{"contexts": {"a": {"stack": 5}}}', "stack must be a string, not 5"),
        ('{"contexts": {"a": {"directory": "x", "stack": "y"}}}', "has only its directory"),
        ('{"contexts": {}, "selected": "a"}', "'a' is not among its contexts"),
        ('{"contexts": {}, "selected": []}', "selected must be a name"),
    ],
    ids=["JSON", "list", "deep", "encoding", "context", "typo", "type", "both", "gone", "name"],
)
def test_given_a_damaged_file_then_the_error_names_it_and_the_way_out(
    config: Path, text: str, message: str
) -> None:
    config.parent.mkdir()
    config.write_bytes(text.encode(errors="surrogateescape"))

    result = _run("status")

    assert isinstance(result.exception, UsageError)
    assert f"{config} is damaged: " in str(result.exception)
    assert message in str(result.exception)
    assert "Correct or delete it" in str(result.exception)
    # What names its deployment by itself does not need the file.
    assert place_of({"local": True}) == DeploymentPlace(directory=Path(".local"))


def test_given_make_local_then_wcsctl_is_about_it_from_then_on_until_it_is_stopped(
    tmp_path: Path,
) -> None:
    saved_contexts.save(SavedContexts({"prod": PROD}, "prod"))
    workspace, other = Workspace(tmp_path / ".local", 4566), Workspace(tmp_path / "other", 4567)

    local_run.select_context(workspace)

    assert place_of({}) == DeploymentPlace(directory=tmp_path / ".local")
    local_run.deselect_context(other)
    assert place_of({}) == DeploymentPlace(directory=tmp_path / ".local")
    local_run.deselect_context(workspace)
    assert place_of({}) == DeploymentPlace()
    assert place_of({"context_name": "prod"}) == PROD


def test_given_a_damaged_file_when_make_local_ran_then_it_says_that_the_option_is_needed(
    config: Path, tmp_path: Path
) -> None:
    config.parent.mkdir()
    config.write_text("{")

    assert "wcsctl needs --local" in local_run.select_context(Workspace(tmp_path, 4566))
