"""The deployment that `make local` made, as wcsctl finds it."""

import json
from pathlib import Path

import pytest

from wcsctl.deployment import Deployment

_ENDPOINT = "http://127.0.0.1:4599"
_VARIABLES = {
    "AWS_ENDPOINT_URL": _ENDPOINT,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    outputs = {"HooksUrl": "https://abc123.execute-api.eu-west-1.amazonaws.com/"}
    (tmp_path / "outputs.json").write_text(json.dumps({"WcsHooks-test": outputs}))
    lines = [f"export {name}={value}\n" for name, value in _VARIABLES.items()]
    (tmp_path / "env").write_text("".join(lines))
    return tmp_path


def test_given_a_stage_on_the_emulator_then_its_url_and_target_lead_there(directory: Path) -> None:
    deployment = Deployment.local(directory)

    assert deployment.url == f"{_ENDPOINT}/_aws/execute-api/abc123/$default"
    assert deployment.target.address == ("127.0.0.1", 4599)
    assert deployment.target.host_header() == "abc123.execute-api.localhost:4599"
    assert deployment.target.path("connect") == "/connect"


def test_given_a_shell_whose_aws_profile_is_missing_then_the_local_deployment_is_reached(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "gone")
    monkeypatch.setenv("AWS_REGION", "us-east-2")

    client = Deployment.local(directory).client("sqs")

    assert client.meta.endpoint_url == _ENDPOINT
    assert client.meta.region_name == "eu-west-1"
