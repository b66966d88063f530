"""Recovery: what survives an upgrade, a lost table, another version's data, a deleted secret."""

import contextlib
import hashlib
import json
import re
import shutil
import subprocess
import threading
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest

from local import deployment
from local.workspace import REPOSITORY, Workspace
from simulated_wcs.transport import Signature
from tests.e2e.conftest import Deployed, until
from tests.support.documents import blocks
from verification.soak.balance import Balance, balance, letters_of
from verification.soak.stack import read_letters
from verification.soak.wire import Answer, Ledger, Pace, RecordingTransport
from wcs_hooks.core.methods import Category
from wcs_hooks.core.snapshot import FORMAT
from wcs_hooks.hook import dead_letter
from wcsctl.deployment import Deployment

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

NODE = "recovery"

_CALLERS = 3
_RATE = 25.0
_MOST_HOOKS = 3000


# --- an upgrade, and its roll-back ----------------------------------------------------------------


def test_given_hooks_in_flight_when_upgraded_and_rolled_back_then_none_is_lost_and_all_is_kept(
    deployed: Deployed, app: str, tmp_path: Path
) -> None:
    deny_private(deployed, app)
    sessions = [connect(deployed, app) for _ in range(3)]
    waiting = send_letter(deployed, "call", b"[]", "kept-before-the-upgrade")
    code_before = code_of(deployed)

    with Callers(deployed, app) as callers:
        deployment.deploy(upgraded(deployed.workspace, tmp_path), lambda _: None)
        code_after, variables = code_of(deployed), variables_of(deployed)
        in_between = callers.count()
        deployment.deploy(deployed.workspace, lambda _: None)
        until(callers.count, lambda count: count > in_between + 2 * _CALLERS)
    struck = callers.balance()

    assert code_after != code_before == code_of(deployed)
    assert variables["ECHO_LOG_SAMPLE_RATE"] == "0.02"
    # What went wrong is named: a hook without a letter, a letter without a hook.
    assert struck.problems == ()
    assert struck.adds_up, struck.equation
    assert struck.answered[Answer.PASSED] > 2 * _CALLERS
    assert [publish(deployed, app, session, "private-1") for session in sessions] == [403] * 3
    assert publish(deployed, app, sessions[0], "lesson") == 200
    assert waiting in {letter.decision for letter in read_letters(as_wcsctl(deployed))}


# --- tables that lost their items -----------------------------------------------------------------


def test_given_policies_that_were_lost_when_the_table_is_restored_then_they_are_in_force_again(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    session = connect(deployed, app)
    refuses(deployed, app, session)

    with restored(deployed, deployed.outputs.policies_table_name) as backup:
        lose(deployed, deployed.outputs.policies_table_name, app)
        opened = until(
            lambda: publish(deployed, app, session, "private-1"), lambda status: status == 200
        )
        run_script(deployed, "restore_table.py", backup, deployed.outputs.policies_table_name)
        refuses(deployed, app, session)

    assert opened == 200
    status = deployed.policies.status(app)
    assert status["ok"]


def test_given_sessions_that_were_lost_when_the_table_is_restored_then_they_are_known_again(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    session = connect(deployed, app)
    refuses(deployed, app, session)
    table = deployed.outputs.sessions_table_name

    with restored(deployed, table) as backup:
        lose(deployed, table, NODE)
        forgotten = publish(deployed, app, session, "private-1")
        since = connect(deployed, app)
        run_script(deployed, "restore_table.py", backup, table, "--keep")

    # What was never seen at connect may be the REST API's, and is not refused.
    assert forgotten == 200
    assert publish(deployed, app, session, "private-1") == 403
    assert publish(deployed, app, since, "private-1") == 403


def test_given_snapshots_that_were_lost_when_compiled_again_then_policies_are_in_force_again(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    session = connect(deployed, app)
    refuses(deployed, app, session)

    lose(deployed, deployed.outputs.snapshots_table_name, app)
    opened = until(
        lambda: publish(deployed, app, session, "private-1"), lambda status: status == 200
    )
    compile_again(deployed, app)

    assert opened == 200
    refuses(deployed, app, session)
    status = deployed.policies.status(app)
    assert (status["ok"], status["version"]) == (True, 1)


# --- data of another version ----------------------------------------------------------------------


def test_given_a_snapshot_of_another_format_when_cold_then_hooks_are_kept_until_it_is_compiled(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    change_format(deployed, app)

    failed = deployed.post("StreamStatusEvent", hook(app, "s-cold", status="PUBLISHING"))
    compile_again(deployed, app)
    healed = until(
        lambda: deployed.post("StreamStatusEvent", hook(app, "s-cold", status="PUBLISHING")).status,
        lambda status: status == 200,
    )

    assert failed.status == 503
    assert healed == 200
    session = connect(deployed, app)
    refuses(deployed, app, session)
    assert redrive(deployed, failed.decision) == "done"


def test_given_a_snapshot_of_another_format_when_warm_then_the_one_in_memory_stays_in_force(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    session = connect(deployed, app)
    refuses(deployed, app, session)

    change_format(deployed, app)
    time.sleep(2.0)  # until it is asked for again
    stale = publish(deployed, app, session, "private-1")
    compile_again(deployed, app)

    assert stale == 403
    refuses(deployed, app, session)


def test_given_a_dead_letter_of_schema_1_when_redriven_then_its_session_is_recorded(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    session = uuid.uuid4().hex
    body = json.dumps(hook(app, session)).encode()
    decision = send_letter(deployed, "connect", body, f"{uuid.uuid4()}", schema=1)

    assert publish(deployed, app, session, "private-1") == 200
    assert redrive(deployed, decision) == "done"
    assert publish(deployed, app, session, "private-1") == 403


def test_given_a_connect_that_came_days_ago_when_redriven_then_its_session_connected_then(
    deployed: Deployed, app: str
) -> None:
    when = "connectedAt < timestamp('2026-03-01T12:00:01Z')"
    policy = {"app": app, "id": "long-ago", "method": "publishStream", "action": "deny"}
    assert deployed.compiled(app, deployed.put_policy({**policy, "when": when}))["ok"]
    session = uuid.uuid4().hex
    body = json.dumps(hook(app, session)).encode()

    assert redrive(deployed, send_letter(deployed, "connect", body, f"{uuid.uuid4()}")) == "done"
    assert publish(deployed, app, session, "stream") == 403


def test_given_a_dead_letter_of_a_newer_schema_when_redriven_then_it_stays_and_says_why(
    deployed: Deployed, app: str
) -> None:
    body = json.dumps(hook(app, "s-newer")).encode()
    newer = dead_letter.SCHEMA + 1
    decision = send_letter(deployed, "connect", body, f"{uuid.uuid4()}", schema=newer)

    assert redrive(deployed, decision) == "failed"
    assert decision in {letter.decision for letter in read_letters(as_wcsctl(deployed))}


def test_given_a_session_that_a_newer_version_recorded_when_read_then_it_is_known(
    deployed: Deployed, app: str
) -> None:
    deny_private(deployed, app)
    session = connect(deployed, app)
    client = dynamodb(deployed)
    key = {"node": {"S": NODE}, "session": {"S": hashlib.sha256(session.encode()).hexdigest()}}

    client.update_item(
        TableName=deployed.outputs.sessions_table_name,
        Key=key,
        UpdateExpression="SET inventedLater = :value",
        ConditionExpression="attribute_exists(body)",
        ExpressionAttributeValues={":value": {"M": {"of": {"S": "another version"}}}},
    )

    assert publish(deployed, app, session, "private-1") == 403


# --- the secret -----------------------------------------------------------------------------------


def test_given_a_deleted_secret_when_it_is_restored_then_it_is_the_same(
    deployed: Deployed, app: str
) -> None:
    arn = deployed.outputs.signature_secret_arn
    warm = deployed.post("call", hook(app, "s")).status
    deployed.secrets.delete_secret(SecretId=arn, RecoveryWindowInDays=7)
    try:
        meanwhile = deployed.post("call", hook(app, "s")).status
    finally:
        deployed.secrets.restore_secret(SecretId=arn)

    assert (warm, meanwhile) == (200, 200)
    value = deployed.secrets.get_secret_value(SecretId=arn)["SecretString"]
    assert json.loads(value)["current"] == deployed.hooks.secret


# --- hooks ----------------------------------------------------------------------------------------


class Callers:
    """WCS servers at work, until the block ends: connect, event, direct and incoming hooks."""

    def __init__(self, deployed: Deployed, app: str) -> None:
        self._deployed = deployed
        self._app = app
        self._ledger = Ledger()
        self._ledger.phase = "upgrade"
        self._stop = threading.Event()
        self._pace = Pace(_RATE, _MOST_HOOKS)
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(_CALLERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def count(self) -> int:
        return len(self._ledger.hooks())

    def balance(self) -> Balance:
        hooks = self._ledger.hooks()
        letters = letters_of(hooks, read_letters(as_wcsctl(self._deployed)))
        # SQS delivers at least once: the SDK sends a letter again that is not answered in time.
        sends = dict.fromkeys((hook.decision for hook in hooks), 2)
        return balance("upgrade", hooks, letters, frozenset(), sends)

    def _call(self) -> None:
        poster = self._deployed.hooks
        transport = RecordingTransport(
            poster.target, Signature(poster.secret), self._pace, self._ledger
        )
        while not (self._stop.is_set() or self._pace.spent):
            session = uuid.uuid4().hex
            for method in ("connect", "publishStream", "StreamStatusEvent", "OnCallEvent"):
                transport.send(method, json.dumps(hook(self._app, session)).encode())
        transport.close()


def hook(app: str, session: str, **more: Any) -> dict[str, Any]:
    return {"nodeId": NODE, "appKey": app, "sessionId": session, "name": "lesson", **more}


def connect(deployed: Deployed, app: str) -> str:
    session = uuid.uuid4().hex
    assert deployed.post("connect", hook(app, session)).status == 200
    return session


def publish(deployed: Deployed, app: str, session: str, name: str) -> int:
    return deployed.post("publishStream", hook(app, session, name=name)).status


def deny_private(deployed: Deployed, app: str) -> None:
    policy = {
        "app": app,
        "id": "private",
        "method": "publishStream",
        "action": "deny",
        "match": {"name": "private-1"},
    }
    assert deployed.compiled(app, deployed.put_policy(policy))["ok"]


def refuses(deployed: Deployed, app: str, session: str) -> None:
    """Wait until the policy is active."""
    assert (
        until(lambda: publish(deployed, app, session, "private-1"), lambda status: status == 403)
        == 403
    )


# --- what is done to the deployment ---------------------------------------------------------------


def upgraded(workspace: Workspace, directory: Path) -> Workspace:
    """The same deployment with other code and another setting, ready to be deployed."""
    other = Workspace(directory, workspace.port)
    shutil.copytree(workspace.assembly, other.assembly)
    manifest, stack = (
        (other.assembly / f"WcsHooks.{kind}.json").read_text() for kind in ("assets", "template")
    )
    packages = set(re.findall(r'"S3Key": "(\w+)\.zip"', stack))
    [template] = re.findall(r'"(\w+)": \{\s+"displayName": "WcsHooks Template"', manifest)
    changed = {key: hashlib.sha256(key.encode()).hexdigest() for key in (*packages, template)}
    for package in packages:
        archive = other.assembly / f"asset.{package}.zip"
        with zipfile.ZipFile(archive, "a") as functions:
            functions.writestr("wcs_hooks/upgraded.py", '"""Code of a version to come."""\n')
        archive.rename(other.assembly / f"asset.{changed[package]}.zip")
    for file in other.assembly.glob("*.json"):
        text = file.read_text()
        for old, new in changed.items():
            text = text.replace(old, new)
        if file.name == "WcsHooks.template.json":
            text, count = re.subn(r'("ECHO_LOG_SAMPLE_RATE": )"[^"]*"', r'\g<1>"0.02"', text)
            assert count == len(Category)
            # As the CDK does for other code or another configuration.
            text, count = re.subn(r"(HookFunctions\w+CurrentVersion\w+?)\w{32}\b", r"\1other", text)
            assert count == 2 * len(Category)
        file.write_text(text)
    return other


def code_of(deployed: Deployed) -> set[str]:
    return {live(deployed, category)["CodeSha256"] for category in Category}


def variables_of(deployed: Deployed) -> Mapping[str, str]:
    return live(deployed, Category.DIRECT)["Environment"]["Variables"]


def live(deployed: Deployed, category: Category) -> "FunctionConfigurationResponseTypeDef":
    """The configuration of the version that answers a category's hooks."""
    return deployed.functions.get_function_configuration(
        FunctionName=deployed.function_of(category), Qualifier=deployed.deployment.alias
    )


def dynamodb(deployed: Deployed) -> Any:
    workspace = deployed.workspace
    return workspace.session().client("dynamodb", endpoint_url=workspace.endpoint)


@contextlib.contextmanager
def restored(deployed: Deployed, table: str) -> Iterator[str]:
    """A table as point-in-time recovery makes it: the emulator takes the present for any time."""
    client = dynamodb(deployed)
    target = f"{table}-restored"
    client.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=target, UseLatestRestorableTime=True
    )
    client.get_waiter("table_exists").wait(TableName=target)
    yield target
    client.delete_table(TableName=target)


def lose(deployed: Deployed, table: str, partition: str) -> None:
    """Delete all items of a partition."""
    workspace = deployed.workspace
    resource = workspace.session().resource("dynamodb", endpoint_url=workspace.endpoint)
    victim = resource.Table(table)
    names = [key["AttributeName"] for key in victim.key_schema]
    found = victim.query(
        KeyConditionExpression="#partition = :partition",
        ExpressionAttributeNames={"#partition": names[0]},
        ExpressionAttributeValues={":partition": partition},
    )
    assert found["Items"]
    with victim.batch_writer() as batch:
        for item in found["Items"]:
            batch.delete_item(Key={name: item[name] for name in names})


def run_script(deployed: Deployed, name: str, *arguments: str) -> None:
    """Run a script of the document unchanged."""
    [script] = [block.text for block in blocks("python") if block.file == name]
    done = subprocess.run(
        [str(REPOSITORY / ".venv" / "bin" / "python"), "-c", script, *arguments],
        env=deployed.workspace.process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def compile_again(deployed: Deployed, app: str) -> None:
    before = deployed.policies.status(app)
    assert before
    run_script(deployed, "compile_again.py", deployed.outputs.policies_table_name)
    until(
        lambda: deployed.policies.status(app),
        lambda status: status["compiledAt"] > before["compiledAt"],
    )


def change_format(deployed: Deployed, app: str) -> None:
    """Let the app's snapshot be one that a version with another format has compiled."""
    client = dynamodb(deployed)
    table = deployed.outputs.snapshots_table_name
    current = {"app": {"S": app}, "item": {"S": "current"}}
    part = {"app": {"S": app}, "item": {"S": "v0000000001#part#000"}}
    document = json.loads(
        zlib.decompress(client.get_item(TableName=table, Key=part)["Item"]["data"]["B"])
    )
    data = zlib.compress(json.dumps(document | {"format": FORMAT + 1}).encode())
    set_attribute(client, table, part, "data", {"B": data})
    set_attribute(client, table, current, "digest", {"S": hashlib.sha256(data).hexdigest()})
    # The digest of the sources covers the format, so that the same policies are compiled again.
    set_attribute(client, table, current, "source", {"S": "of another format"})


def set_attribute(client: Any, table: str, key: Any, name: str, value: Any) -> None:
    client.update_item(
        TableName=table,
        Key=key,
        UpdateExpression="SET #name = :value",
        ConditionExpression="attribute_exists(#name)",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": value},
    )


# --- dead letters ---------------------------------------------------------------------------------


def send_letter(
    deployed: Deployed, method: str, body: bytes, decision: str, schema: int = dead_letter.SCHEMA
) -> str:
    letter = {
        "schema": schema,
        "decision": decision,
        "category": Category.CONNECT if method == "connect" else Category.DIRECT,
        "method": method,
        "error": {"kind": "UnavailableError", "message": "the policy store does not answer"},
        "firstSeen": "2026-03-01T12:00:00+00:00",
        "attempts": 1,
        "body": body.decode(),
    }
    deployed.queues.send_message(
        QueueUrl=deployed.outputs.dead_letter_queue_url, MessageBody=dead_letter.to_text(letter)
    )
    return decision


def as_wcsctl(deployed: Deployed) -> Deployment:
    return Deployment.local(deployed.workspace.directory)


def redrive(deployed: Deployed, decision: str) -> str:
    place = ("--local", "--local-directory", str(deployed.workspace.directory), "--json")
    done = subprocess.run(
        [str(REPOSITORY / ".venv" / "bin" / "wcsctl"), *place, "dead-letter", "redrive", decision],
        env=deployed.workspace.process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    [result] = json.loads(done.stdout)
    outcome: str = result["result"]
    return outcome


@pytest.fixture(autouse=True)
def _queue(deployed: Deployed) -> Iterator[Callable[[], None]]:
    """A dead-letter queue with nothing of other tests in it, before and after."""

    def purge() -> None:
        deployed.queues.purge_queue(QueueUrl=deployed.outputs.dead_letter_queue_url)

    purge()
    yield purge
    purge()
