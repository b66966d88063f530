"""wcsctl as the editor of one tenant's apps, by the deployed policy's own statements.

No emulator evaluates `dynamodb:LeadingKeys`, so each call is held against them here, as IAM does:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.settings import Settings, Tenant
from tests.infra.conftest import Synthesise
from tests.infra.synthesis import Json, SynthesisedStack
from tests.support.aws_tables import POLICIES, SNAPSHOTS, Aws
from tests.support.policy_items import deny
from tests.wcsctl.policy_commands import Commands, Ran, write_files

type Request = tuple[str, str, set[str]]
"""An action, a table, and the partition keys that the call names."""


@pytest.fixture(scope="module")
def statements(stack_with: Synthesise) -> list[Json]:
    stack = stack_with(Settings(tenants=(Tenant("Acme", ("acme-live", "acme-test")),)))
    tables = {
        stack.logical_id(stack.output("PoliciesTableName")): POLICIES,
        stack.logical_id(stack.output("SnapshotsTableName")): SNAPSHOTS,
    }
    editor = stack.resource(stack.output("PolicyEditorPolicyArnAcme"))["Properties"]
    return [
        statement | {"Tables": _tables(stack, statement, tables)}
        for statement in editor["PolicyDocument"]["Statement"]
    ]


def _tables(stack: SynthesisedStack, statement: Json, tables: Mapping[str, str]) -> set[str]:
    resources = statement["Resource"]
    listed = resources if isinstance(resources, list) else [resources]
    return {tables[stack.logical_id(each)] for each in listed if "Fn::GetAtt" in each}


class TenantsCommands(Commands):
    """Runs policy commands as a tenant's editor; the compiler has rights of its own.

    Attributes
    ----------
    is_editor
        Whether the editor is calling AWS.
    """

    is_editor = False

    def __call__(self, *arguments: object, typed: str | None = None) -> Ran:
        self.is_editor = True
        try:
            return super().__call__(*arguments, typed=typed)
        finally:
            self.is_editor = False

    def _pause(self, seconds: float) -> None:
        self.is_editor = False
        super()._pause(seconds)
        self.is_editor = True


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, statements: list[Json]) -> Iterator[TenantsCommands]:
    call_aws: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs
    with mock_aws():
        commands = TenantsCommands(Aws.set_up("s" * 40), monkeypatch)

        def call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            for request in _requests(operation, parameters):
                if commands.is_editor and not _is_allowed(request, statements):
                    message = f"not authorized to perform: dynamodb:{request[0]}"
                    denial: Any = {"Code": "AccessDeniedException", "Message": message}
                    raise ClientError({"Error": denial}, operation)
            return call_aws(client, operation, parameters)

        with patch.object(BaseClient, "_make_api_call", call):
            yield commands


def _requests(operation: str, parameters: Mapping[str, Any]) -> Iterator[Request]:
    match parameters:
        case {"TransactItems": items}:
            for item in items:
                for name, one in item.items():
                    key = one.get("Key") or one["Item"]
                    yield f"{name}Item", one["TableName"], {key["app"]["S"]}
        case {"RequestItems": tables}:
            for table, one in tables.items():
                yield operation, table, {key["app"]["S"] for key in one["Keys"]}
        case {"TableName": table, "KeyConditionExpression": _}:
            values = parameters["ExpressionAttributeValues"]
            condition = parameters["KeyConditionExpression"].split()
            yield operation, table, {values[condition[2]]["S"]}
        case {"TableName": table}:
            item = parameters.get("Key") or parameters.get("Item") or {}
            yield operation, table, {each["S"] for name, each in item.items() if name == "app"}


def _is_allowed(request: Request, statements: list[Json]) -> bool:
    action, table, keys = request
    return any(
        f"dynamodb:{action}" in statement["Action"]
        and table in statement["Tables"]
        and _holds(statement.get("Condition", {}), keys)
        for statement in statements
    )


def _holds(condition: Json, keys: set[str]) -> bool:
    if not condition:
        return True
    assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
    return bool(keys) and keys <= set(
        condition["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]
    )


def test_given_a_tenants_editor_when_they_edit_their_own_app_then_every_command_works(
    run: TenantsCommands, tmp_path: Path
) -> None:
    write_files(tmp_path / "apply", {"acme-live/a.yaml": deny("closed")})
    write_files(tmp_path / "put", {"acme-live/b.yaml": deny("other")})

    for words, said in (
        (("apply", tmp_path / "apply", "--yes"), "version 1 is active"),
        (("put", tmp_path / "put/acme-live/b.yaml"), "version 2 is active"),
        (("list", "--app", "acme-live"), "other"),
        (("get", "acme-live", "closed"), "deny"),
        (("export", tmp_path / "exported", "--app", "acme-live"), ""),
        (("history", "acme-live"), "2"),
        (("show", "acme-live", 1), "closed"),
        (("rollback", "acme-live", 1, "--yes"), "version 3 is active"),
        (("diff", tmp_path / "apply"), ""),
        (("pin", "acme-live", 2), "pinned"),
        (("unpin", "acme-live"), "active"),
        (("delete", "acme-live", "closed", "--yes"), ""),
        (("list", "--app", "*"), ""),
    ):
        ran = run(*words)
        assert said in ran.out, (words, ran)


@pytest.mark.parametrize("app", ["zeta-live", "_every_app"])
def test_given_a_tenants_editor_when_they_edit_another_app_then_nothing_is_written(
    run: TenantsCommands, tmp_path: Path, app: str
) -> None:
    write_files(tmp_path, {f"{app}/a.yaml": deny("closed")})

    with pytest.raises(ClientError, match="AccessDenied"):
        run("apply", tmp_path, "--yes")

    assert run.ids(app) == run.ids("*") == []


def test_given_a_tenants_editor_when_they_list_every_app_then_it_is_refused(
    run: TenantsCommands,
) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        run("list")
