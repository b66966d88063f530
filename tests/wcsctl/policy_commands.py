"""Runs policy commands on an AWS that moto pretends, with a compiler that comes when waited for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from typer.testing import CliRunner

from tests.support.aws_tables import POLICIES, SNAPSHOTS, Aws
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.clock import SystemClock
from wcs_hooks.compiler.policy_compiler import PolicyCompiler
from wcsctl.cli import app
from wcsctl.deployment import Deployment
from wcsctl.errors import WcsctlError
from wcsctl.policies import apply as policy_apply

DEPLOYMENT_OUTPUTS = {"PoliciesTableName": POLICIES, "SnapshotsTableName": SNAPSHOTS}


@dataclass(frozen=True)
class Ran:
    """What became of a command."""

    status: int
    out: str
    aside: str
    error: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Commands:
    """Runs commands.

    Attributes
    ----------
    compiles
        Whether the compiler comes when it is waited for.
    """

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        self.aws = aws
        self.compiles = True
        store = DynamoPolicyStore(Clients(10).dynamodb(), POLICIES, SNAPSHOTS, 30, SystemClock())
        self._compiler = PolicyCompiler(store, SystemClock())
        deployment = Deployment("test", boto3.Session(), None, DEPLOYMENT_OUTPUTS)
        monkeypatch.setattr(Deployment, "stack", lambda *_: deployment)
        monkeypatch.setattr(policy_apply, "pause", self._pause)

    def __call__(self, *arguments: object, typed: str | None = None) -> Ran:
        words = [str(argument) for argument in arguments]
        before = words[:1] if words[0] == "--json" else []
        words = [*before, "policy", *words[len(before) :]]
        result = CliRunner().invoke(app, words, input=typed)
        error = result.exception
        if isinstance(error, WcsctlError):
            return Ran(error.status, result.stdout, result.stderr, str(error))
        if error is not None and not isinstance(error, SystemExit):
            raise error
        return Ran(result.exit_code, result.stdout, result.stderr, "")

    def enforce(self, app_key: str, *policies: Any) -> None:
        """Edit policies as another person does, and compile them."""
        self.aws.put_policies(app_key, *policies)
        assert self._compiler.compile(app_key).ok

    def ids(self, app_key: str) -> list[str]:
        """The policies in the table."""
        items = self.aws.dynamodb.query(
            TableName=POLICIES,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app_key}},
        )["Items"]
        return [item["id"]["S"] for item in items if not item["id"]["S"].startswith("#")]

    def _pause(self, seconds: float) -> None:
        del seconds
        if self.compiles:
            items = self.aws.dynamodb.scan(TableName=POLICIES, ProjectionExpression="app")
            for app_key in {item["app"]["S"] for item in items["Items"]}:
                self._compiler.compile(app_key)


def write_files(directory: Path, files: Mapping[str, Any]) -> Path:
    """Write files, by their paths, as YAML texts or as values."""
    for path, content in files.items():
        file = directory / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return directory
