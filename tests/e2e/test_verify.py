"""`wcsctl verify`: an intact stack passes, what is broken fails at its line, nothing is left."""

import hashlib
import io
import json
import signal
import subprocess
import zipfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pytest

from local.demonstration import examples
from local.workspace import REPOSITORY
from tests.e2e.conftest import Deployed, attribute_value, until, wait_for_snapshots
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.reader import EVERY_APP
from wcsctl.stack_alarms import alarm_names
from wcsctl.verification.cleaning import RunEntries
from wcsctl.verification.run import PREFIX, RunName
from wcsctl.verification.verifier import CHECKS

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

_IDLE: Final = "6"
"""Seconds, just more than the five within which an edit has to be enforced."""

_NOT_HERE: Final = {"event bus", "removed signature", "log events", "log queries", "metrics"}
"""What an emulator, the settings of `make local` or a short run cannot show."""

_DENIABLE: Final = ("connect", "@direct", "@incoming", "StreamKeepAliveEvent")

_STOPPED_CLOCK: Final = """
_STOPPED = time.time(), time.perf_counter()
SystemClock.now = staticmethod(lambda: _STOPPED[0])
SystemClock.monotonic = staticmethod(lambda: _STOPPED[1])
"""


def command(deployed: Deployed, *words: str) -> list[str]:
    place = ("--local", "--local-directory", str(deployed.workspace.directory))
    return [str(REPOSITORY / ".venv" / "bin" / "wcsctl"), *place, *words]


def verify(deployed: Deployed) -> tuple[int, dict[str, dict[str, str]]]:
    """The exit status, and the checks by name."""
    done = subprocess.run(
        command(deployed, "--json", "verify", "--idle", _IDLE),
        env=deployed.workspace.process_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode in {0, 1}, done.stderr
    report = json.loads(done.stdout)
    assert report["leftovers"]["remaining"] == []
    assert left_by(deployed, report["run"]) == []
    return done.returncode, {check["check"]: check for check in report["checks"]}


def named(checks: Mapping[str, Mapping[str, str]], result: str) -> set[str]:
    return {name for name, check in checks.items() if check["result"] == result}


def left_by(deployed: Deployed, run: str) -> list[Any]:
    """What a run made and is still there."""
    client = deployed.deployment.client("dynamodb")
    name = RunName(run)
    found = [
        item["id"]["S"]
        for app in (PREFIX, *name.apps)
        for item in client.query(
            TableName=deployed.outputs.policies_table_name,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app}},
        )["Items"]
    ]
    found += client.query(
        TableName=deployed.outputs.sessions_table_name,
        KeyConditionExpression="#node = :node",
        ExpressionAttributeNames={"#node": "node"},
        ExpressionAttributeValues={":node": {"S": run}},
    )["Items"]
    secret = deployed.secrets.get_secret_value(SecretId=deployed.outputs.signature_secret_arn)
    return [*found, *(name for name in json.loads(secret["SecretString"]) if name == "previous")]


# --- Ways to break a stack ----------------------------------------------------------------------


@contextmanager
def changed_environment(deployed: Deployed, category: Category, **variables: str) -> Iterator[None]:
    before = deployed.restart(category, **variables)
    try:
        yield
    finally:
        deployed.configure(category, before)


@contextmanager
def missing_permission(deployed: Deployed, category: Category, action: str) -> Iterator[None]:
    iam: IAMClient = deployed.deployment.client("iam")
    configuration = deployed.functions.get_function_configuration(
        FunctionName=deployed.function_of(category)
    )
    policy = {"RoleName": configuration["Role"].rpartition("/")[2], "PolicyName": "missing"}
    statement = {"Effect": "Deny", "Action": action, "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    iam.put_role_policy(**policy, PolicyDocument=json.dumps(document))
    try:
        yield
    finally:
        iam.delete_role_policy(**policy)


@contextmanager
def removed_alarm(deployed: Deployed, name: str) -> Iterator[None]:
    client: Any = deployed.deployment.client("cloudwatch")
    [alarm] = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    made_of = client.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    client.delete_alarms(AlarmNames=[name])
    try:
        yield
    finally:
        client.put_metric_alarm(**{one: value for one, value in alarm.items() if one in made_of})


@contextmanager
def stopped_clock(deployed: Deployed, category: Category) -> Iterator[None]:
    """A function whose code is the deployed one, but for a clock that stands still."""
    packages = [path.read_bytes() for path in deployed.workspace.assembly.glob("asset.*.zip")]
    [package] = [one for one in packages if digest(one) == deployed.deployment.output("CodeSha256")]
    deploy_code(deployed, category, with_stopped_clock(package))
    try:
        yield
    finally:
        deploy_code(deployed, category, package)


def digest(package: bytes) -> str:
    """The digest of a package, as Lambda reports it."""
    return b64encode(hashlib.sha256(package).digest()).decode()


def with_stopped_clock(package: bytes) -> bytes:
    changed = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(package)) as before,
        zipfile.ZipFile(changed, "w", zipfile.ZIP_STORED) as after,
    ):
        for entry in before.infolist():
            content = before.read(entry)
            if entry.filename == "wcs_hooks/clock.py":
                content += _STOPPED_CLOCK.encode()
            # Python would take the byte code without a look at the source.
            if not entry.filename.startswith("wcs_hooks/__pycache__/clock."):
                after.writestr(entry, content)
    return changed.getvalue()


def deploy_code(deployed: Deployed, category: Category, package: bytes) -> None:
    name = deployed.function_of(category)
    deployed.functions.update_function_code(FunctionName=name, ZipFile=package)
    deployed.release(name)


@contextmanager
def stopped_compiler(deployed: Deployed) -> Iterator[None]:
    name = deployed.outputs.compiler_function_name
    [mapping] = deployed.functions.list_event_source_mappings(FunctionName=name)[
        "EventSourceMappings"
    ]
    deployed.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        deployed.functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


@pytest.fixture
def guarded(deployed: Deployed) -> Iterator[None]:
    """The examples of `make local`, and a policy of `*` that denies what can be denied."""
    nobody: Any = {"app": EVERY_APP, "id": "nobody", "action": "deny", "method": list(_DENIABLE)}
    policies = [*examples(), nobody]
    edited = max([deployed.put_policy(policy) for policy in policies])
    assert deployed.compiled(EVERY_APP, edited)["ok"]
    yield
    edited = datetime.now(UTC)
    for policy in policies:
        key = {name: attribute_value(policy[name]) for name in ("app", "id")}
        deployed.aws("dynamodb", "delete-item", "--key", json.dumps(key))
    deployed.compiled(EVERY_APP, edited)
    wait_for_snapshots()


# --- What it shows ------------------------------------------------------------------------------


@pytest.mark.usefixtures("guarded")
def test_given_an_intact_stack_then_each_check_passes_or_says_why_it_cannot_here(
    deployed: Deployed,
) -> None:
    status, checks = verify(deployed)

    assert [*checks] == [check.name for check in CHECKS]
    assert named(checks, "failed") == set(), checks
    assert named(checks, "not possible here") == _NOT_HERE
    assert all(check["seen"] and check["expected"] for check in checks.values())
    assert status == 0


def test_given_a_stack_that_is_broken_in_four_places_then_each_fails_at_its_line_alone(
    deployed: Deployed,
) -> None:
    alarm = next(name for name in alarm_names(deployed.deployment) if "StreamsEnded" in name)
    with ExitStack() as broken:
        broken.enter_context(changed_environment(deployed, Category.INCOMING, AUTH="none"))
        broken.enter_context(missing_permission(deployed, Category.DIRECT, "sqs:SendMessage"))
        broken.enter_context(stopped_clock(deployed, Category.EVENT))
        broken.enter_context(removed_alarm(deployed, alarm))
        status, checks = verify(deployed)

    assert status == 1
    failed = {name: checks[name]["seen"] for name in named(checks, "failed")}
    expected = {
        "wrong signature": "answered incoming 200",
        "absent signature": "answered incoming 200",
        "dead letter": "in the dead-letter table: the queue did not take it",
        "alarms": f"{alarm} is gone: deploy the stack again",
        "code": "other code in event: somebody changed it manually",
        # The clock: neither the secrets nor the policies of that function ever grow old.
        "previous signature": "answered event 403",
        "edit while idle": "former policies after the edit: event 6 s",
    }
    assert failed == expected


def test_given_a_stopped_compiler_then_its_edits_fail_and_what_needs_them_says_so(
    deployed: Deployed,
) -> None:
    with stopped_compiler(deployed):
        status, checks = verify(deployed)

    assert status == 1
    assert named(checks, "failed") == {"deny", "override"}
    assert "the compiler's event source mapping is Disabled" in checks["deny"]["seen"]
    needing = {"derived configuration", "expressions", "session", "edit while idle"}
    assert named(checks, "not possible here") == _NOT_HERE | needing | {"decision log"}


# --- What it leaves -----------------------------------------------------------------------------


def test_given_a_killed_run_then_the_next_one_removes_what_it_left_and_one_that_ends_leaves_nothing(
    deployed: Deployed,
) -> None:
    with running(deployed) as first:
        killed = with_policies(deployed)
        first.send_signal(signal.SIGKILL)
    assert left_by(deployed, killed)

    with running(deployed) as second:
        ended = with_policies(deployed)
        assert left_by(deployed, killed) == left_by(deployed, ended)[:1]
        second.send_signal(signal.SIGTERM)
        _, said = second.communicate(timeout=60)

    assert second.returncode == 128 + signal.SIGTERM
    assert f"removed what {killed} left" in said
    assert (left_by(deployed, killed), left_by(deployed, ended)) == ([], [])


@contextmanager
def running(deployed: Deployed) -> Iterator["subprocess.Popen[str]"]:
    with subprocess.Popen(
        command(deployed, "verify", "--idle", "60"),
        env=deployed.workspace.process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def with_policies(deployed: Deployed) -> str:
    """The run that is entered, once it has put its policies."""
    found = until(
        lambda: [
            entry.name.name
            for entry in RunEntries(deployed.deployment)
            if entry.is_under_way() and deployed.policies.status(entry.name.idle_app)
        ],
        bool,
    )
    return found[0]
