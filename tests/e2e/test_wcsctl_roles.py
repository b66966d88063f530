"""wcsctl as an editor and as an operator, whose rights the emulator's IAM enforces.

Each managed policy must allow exactly what the commands that it is for call: what is called is
recorded, so a permission that no command needs fails a test as one that is missing does.
"""

import contextlib
import dataclasses
import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import pytest
import yaml
from botocore.client import BaseClient

from tests.e2e.conftest import Deployed, wait_for_snapshots
from wcs_hooks.adapters.dynamo_dead_letters import DynamoDeadLetters
from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.limits import Budget, Held, Holder, WantedPlace
from wcs_hooks.core.methods import Category
from wcs_hooks.hook import dead_letter
from wcsctl import cli
from wcsctl.permissions import (
    EDITOR_ACTIONS,
    LIST_EDITOR_ACTIONS,
    OPERATOR_ACTIONS,
    Actions,
    Resource,
)

type Calls = set[tuple[Resource, str]]

_HOLDER: Final = Holder("n", "s", "mediaSessionId", "another")
_PREFIXES: Final = {"monitoring": "cloudwatch"}
_ACTIONS: Final = {
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "Invoke": "InvokeFunction",
}
"""IAM's names where the API's are others."""


_ALLOWED_TO_EVERYBODY: Final = frozenset({"GetCallerIdentity"})
"""Needs no permission, and no policy can refuse it:
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

_IN_BATCHES: Final = {
    "Effect": "Allow",
    "Action": "sqs:ChangeMessageVisibilityBatch",
    "Resource": "*",
}
"""IAM knows no such action and asks for sqs:ChangeMessageVisibility; the emulator does."""


def _unconditional(iam: Any, arn: str) -> list[dict[str, Any]]:
    """A managed policy's statements about items of some partition keys, as if of all of them.

    The emulator does not know `dynamodb:LeadingKeys`.
    """
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return [
        {name: value for name, value in statement.items() if name != "Condition"}
        for statement in document["Statement"]
        if "Condition" in statement
    ]


@dataclass(frozen=True)
class Person:
    """Somebody with keys of their own, who runs wcsctl.

    Attributes
    ----------
    called
        What their commands called so far.
    """

    deployed: Deployed
    environment: Mapping[str, str]
    directory: Path
    called: Calls = field(default_factory=set)

    def run(self, *words: object, local: bool = False, stdin: str = "") -> tuple[int, str]:
        """Run a command as it is run on AWS, by the stack's name; give its status and its words.

        Parameters
        ----------
        local
            Run it on `make local`'s deployment: hooks reach the emulator only so.
        """
        place = ["--local", "--local-directory", str(self.directory)] if local else []
        written = io.TextIOWrapper(io.BytesIO(), write_through=True)
        with (
            patch.object(sys, "argv", ["wcsctl", *place, *map(str, words)]),
            patch.object(sys, "stdin", io.StringIO(stdin)),
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(BaseClient, "_make_api_call", self._recorded()),
            contextlib.redirect_stdout(written),
            contextlib.redirect_stderr(written),
            pytest.raises(SystemExit) as ended,
        ):
            cli.main()
        written.seek(0)
        return int(ended.value.code or 0), written.read()

    def may(self, *words: object, status: int = 0, local: bool = False) -> str:
        """Run a command that must end so; give its words."""
        ended, written = self.run(*words, local=local)
        assert "not authorized" not in written, (words, written)
        assert "AccessDenied" not in written, (words, written)
        assert ended == status, (words, written)
        return written

    def may_not(self, *words: object, action: str, allowed: str) -> None:
        """Run a command that IAM must refuse, for an action that a policy would allow."""
        ended, written = self.run(*words)
        assert ended == 4, (words, written)
        assert f"This profile needs permission for {action}. " in written
        assert f"{allowed} allows it on" in written

    def _recorded(self) -> Callable[..., Any]:
        call_aws: Any = BaseClient._make_api_call  # type: ignore[attr-defined]  # not in the stubs

        def call(client: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
            if operation not in _ALLOWED_TO_EVERYBODY:
                self.called.update(self._calls(client, operation, parameters))
            return call_aws(client, operation, parameters)

        return call

    def _calls(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> Calls:
        service = client.meta.service_model.signing_name
        if operation == "TransactWriteItems":
            return {
                (self._resource(one["TableName"]), f"dynamodb:{name}Item")
                for item in parameters["TransactItems"]
                for name, one in item.items()
            }
        action = f"{_PREFIXES.get(service, service)}:{_ACTIONS.get(operation, operation)}"
        named = {"TableName", "QueueUrl", "SecretId", "FunctionName", "logGroupName", "StackName"}
        found = [parameters[name] for name in named & parameters.keys()]
        found += parameters.get("RequestItems", {})
        return {(self._resource(name), action) for name in found or ["*"]}

    def _resource(self, name: str) -> Resource:
        outputs = {value: key for key, value in self.deployed.deployment.outputs.items()}
        if name == "*":
            return Resource.ANY
        function, _, _alias = name.partition(":")
        if outputs.get(function, "").endswith("FunctionName"):
            return Resource.FUNCTIONS
        if name in outputs:
            return Resource(outputs[name])
        return Resource.STACK if name == "WcsHooks" else Resource.LOGS


@pytest.fixture
def person_with(deployed: Deployed, tmp_path: Path) -> Iterator[Callable[[str], Person]]:
    """Make somebody who has a managed policy of the stack's outputs, and nothing else."""
    iam = deployed.workspace.session().client("iam", endpoint_url=deployed.workspace.endpoint)
    with contextlib.ExitStack() as undo:

        def make(output: str) -> Person:
            arn = deployed.deployment.output(output)
            iam.create_user(UserName=output)
            undo.callback(iam.delete_user, UserName=output)
            iam.attach_user_policy(UserName=output, PolicyArn=arn)
            undo.callback(iam.detach_user_policy, UserName=output, PolicyArn=arn)
            statements = [_IN_BATCHES, *_unconditional(iam, arn)]
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_user_policy(UserName=output, PolicyName="emulator", PolicyDocument=document)
            undo.callback(iam.delete_user_policy, UserName=output, PolicyName="emulator")
            key = iam.create_access_key(UserName=output)["AccessKey"]
            undo.callback(iam.delete_access_key, UserName=output, AccessKeyId=key["AccessKeyId"])
            own = {
                "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            }
            directory = tmp_path / output
            directory.mkdir()
            (directory / "outputs.json").write_text(deployed.workspace.outputs.read_text())
            variables = deployed.workspace.aws_environment() | own
            lines = [f"export {name}={shlex.quote(each)}\n" for name, each in variables.items()]
            (directory / "env").write_text("".join(lines))
            environment = deployed.workspace.process_environment() | own
            return Person(deployed, environment, directory)

        yield make


def _policies(directory: Path, app: str, *policies: Mapping[str, Any]) -> Path:
    folder = directory / "policies" / app
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "policies.yaml").write_text(yaml.safe_dump(list(policies)))
    return folder.parent


def _allowed(actions: Actions) -> Calls:
    return {(resource, action) for resource, allowed in actions.items() for action in allowed}


def test_given_an_editor_when_they_use_each_policy_command_then_their_policy_allows_just_that(
    person_with: Callable[[str], Person], app: str, tmp_path: Path
) -> None:
    editor = person_with("PolicyEditorPolicyArn")
    closed = {"id": "closed", "method": "publishStream", "action": "deny", "reason": "closed"}
    opened = {"id": "open", "method": "playStream", "action": "echo"}
    directory = _policies(tmp_path, app, closed)
    more = tmp_path / "more.yaml"
    more.write_text(yaml.safe_dump({"app": app, **opened}))
    editing = {"EDITOR": "sed -i s/playStream/call/"}

    editor.may("policy", "diff", directory, status=1)
    editor.may("policy", "apply", directory, "--yes")
    editor.may("policy", "put", more)
    with_editor = dataclasses.replace(editor, environment={**editor.environment, **editing})
    with_editor.may("policy", "edit", app, "open")
    editor.may("policy", "delete", app, "open", "--yes")
    editor.may("policy", "list")
    editor.may("policy", "list", "--app", app)
    editor.may("policy", "get", app, "closed")
    editor.may("policy", "export", tmp_path / "exported")
    editor.may("policy", "history", app)
    editor.may("policy", "show", app, 1)
    editor.may("policy", "rollback", app, 2, "--yes")
    editor.may("policy", "pin", app, 1)
    editor.may("policy", "unpin", app)

    assert editor.called == _allowed(EDITOR_ACTIONS)
    for words, action in (
        ("secret show", "secretsmanager:GetSecretValue"),
        ("dead-letter list", "dynamodb:Scan"),
        ("decisions", "lambda:GetFunctionConfiguration"),
    ):
        editor.may_not(*words.split(), action=action, allowed="OperatorPolicyArn")


def test_given_a_list_editor_when_they_use_each_list_command_then_their_policy_allows_just_that(
    person_with: Callable[[str], Person], app: str, tmp_path: Path
) -> None:
    editor = person_with("ListEditorPolicyArn")
    rows = tmp_path / "rows.csv"
    rows.write_text("key,plan\nanna,pro\nboris,free\n")

    editor.may("list", "import", app, rows)
    editor.may("list", "put", app, "cleo", "plan=pro")
    editor.may("list", "get", app, "cleo")
    editor.may("list", "export", app, tmp_path / "exported.csv")
    editor.may("list", "delete", app, "cleo")
    editor.may("ban", app)
    editor.may("bans")
    editor.may("unban", app)

    # What a ban ends, and how late, is shown to those who may read policies and settings as well.
    more = {Resource.POLICIES, Resource.SNAPSHOTS, Resource.FUNCTIONS}
    reach = {each for each in editor.called if each[0] in more}
    assert editor.called - reach == _allowed(LIST_EDITOR_ACTIONS)
    editor.may_not("policy", "list", action="dynamodb:Scan", allowed="PolicyEditorPolicyArn")


def _letter(app: str, decision: str, body: str = "") -> dict[str, Any]:
    return {
        "schema": dead_letter.SCHEMA,
        "decision": decision,
        "category": Category.DIRECT,
        "method": "call",
        "error": {"kind": "UnavailableError", "message": "the policy store does not answer"},
        "firstSeen": "2026-03-01T12:00:00+00:00",
        "attempts": 1,
        "body": body or json.dumps({"appKey": app}),
    }


def _keep_letters(deployed: Deployed, app: str, *names: str) -> None:
    """Let a letter wait in the queue and one in the table, under each name, and two that differ.

    One is of policy edits, which the compiler is called for; one fails again and is kept.
    """
    clock = SystemClock()
    session = deployed.workspace.session()
    table = DynamoDeadLetters(
        session.client("dynamodb", endpoint_url=deployed.workspace.endpoint),
        deployed.outputs.dead_letter_table_name,
        clock,
    )
    lost_edits = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {"shardId": "s", "startSequenceNumber": "1", "batchSize": 1},
    }
    unanswerable = _letter(app, "unanswerable-letter", body="[]")
    for content in (json.dumps(lost_edits), dead_letter.to_text(unanswerable)):
        deployed.queues.send_message(
            QueueUrl=deployed.outputs.dead_letter_queue_url, MessageBody=content
        )
    for name in names:
        deployed.queues.send_message(
            QueueUrl=deployed.outputs.dead_letter_queue_url,
            MessageBody=dead_letter.to_text(_letter(app, f"{name}-in-the-queue")),
        )
        table.send(_letter(app, f"{name}-in-the-table"), Deadline(clock, 10))


def _take_a_place(deployed: Deployed, budget: Budget) -> Budget:
    clock = SystemClock()
    session = deployed.workspace.session()
    leases = DynamoLeases(
        session.client("dynamodb", endpoint_url=deployed.workspace.endpoint),
        deployed.outputs.leases_table_name,
        LeaseSeconds(90, 90, 90),
        clock,
    )
    leases.take([WantedPlace(budget, 2, Held.STREAM, 0, _HOLDER)], Deadline(clock, 10))
    return budget


@pytest.mark.usefixtures("former_secret")
def test_given_an_operator_when_they_use_each_command_then_their_policy_allows_just_that(
    deployed: Deployed, person_with: Callable[[str], Person], app: str, tmp_path: Path
) -> None:
    operator = person_with("OperatorPolicyArn")
    policy = {
        "id": "closed",
        "method": "publishStream",
        "action": "deny",
        "lookup": {"guest": {"list": app, "key": "app"}},
        "when": "rows.guest == null",
        "reason": "closed",
    }
    limited = {
        "id": "two-viewers",
        "method": "playStream",
        "action": "deny",
        "limit": {"by": "app", "most": 2, "holds": "stream"},
    }
    directory = _policies(tmp_path, app, policy, limited)
    deployed.put_policy({"app": app, **limited})
    deployed.compiled(app, deployed.put_policy({"app": app, **policy}))
    wait_for_snapshots()
    body, connect = tmp_path / "body.json", tmp_path / "connect.json"
    hook = {"appKey": app, "nodeId": "n", "sessionId": "/1.2.3.4:5/6:7", "mediaSessionId": "m"}
    body.write_text(json.dumps(hook))
    connect.write_text("{}")
    budget = _take_a_place(deployed, Budget(app, "two-viewers", app))
    _keep_letters(deployed, app, "first-letter")

    operator.may("send", "publishStream", "--file", body, local=True)
    status, written = operator.run("--json", "status")
    assert "not authorized" not in written
    # Only on the emulator: no name server knows the address of the stack's own URL.
    assert status == 1
    for words in (["outcomes"], ["stats"], ["decisions"], ["policy", "list"]):
        operator.may(*words)
    operator.may("policy", "list", "--app", app)
    operator.may("policy", "diff", directory)
    operator.may("policy", "history", app)
    operator.may("policy", "show", app, 1)
    operator.may("try", "publishStream", "--file", body)
    operator.may("try", "publishStream", "--file", body, "--session", "recorded")
    tried = operator.may("try", "playStream", "--file", body, "--session", connect)
    assert "1 of 2 held" in tried
    operator.may("limits", "list")
    operator.may("limits", "show", budget.key)
    operator.may("limits", "release", budget.key, _HOLDER.key, "--yes")
    operator.may("try", "--replay", "dead-letters", "--candidate", directory)
    operator.may("wcs-setup", app, "--reveal")
    operator.may("dead-letter", "list")
    operator.may("dead-letter", "show", "first-letter-in-the-table")
    operator.may("dead-letter", "redrive", "--yes", "first-letter-in-the-table")
    operator.may("dead-letter", "redrive", "--yes", status=1)
    _keep_letters(deployed, app, "last-letter")
    operator.may("dead-letter", "purge", "--all", "--yes")
    operator.may("secret", "show")
    operator.may("secret", "rotate")
    operator.may("secret", "finish", "--yes")

    assert operator.called == _allowed(OPERATOR_ACTIONS)
    operator.may_not(
        *("policy", "delete", app, "closed", "--yes"),
        action="dynamodb:DeleteItem",
        allowed="PolicyEditorPolicyArn",
    )
