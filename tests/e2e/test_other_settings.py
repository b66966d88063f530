"""What the settings change that `make local` does not set, on a second stack in the same emulator.

Its callers show HTTP Basic credentials and come from an allowed address, what the WCS REST API
starts is refused like anything else, and events go to a bus.
"""

import contextlib
import dataclasses
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from local import deployment
from local.workspace import Workspace
from simulated_wcs.transport import BasicCredentials, HookReply, Signature
from tests.e2e.conftest import Deployed, until
from tests.e2e.test_wcsctl_operations import wcsctl
from tests.support.marked_secrets import MarkedBody, marked_bodies
from wcs_hooks.core.methods import Category
from wcs_hooks.core.tokens.stream_key import Act, sign
from wcsctl.function_configuration import FUNCTIONS
from wcsctl.metrics import measured_in

SETTINGS: Final = {
    **deployment.SETTINGS,
    "stage": "other",
    "auth": "basic",
    "basicUser": "media",
    "allowedSources": "127.0.0.1/32",
    "restApiCalls": "as-client",
    "tokenSecrets": "true",
    "eventBus": "true",
    "echoLogSampleRate": "1",
    "loggedFields": "name",
    "explainDecisions": "true",
    "subject": "hash",
    "subjectExpression": "session.custom.login",
    "provisionedConcurrency": "connect=1",
    "reservedConcurrency": "event=50",
    "unknownMethodRateLimit": "5",
    "customerManagedKey": "create",
    "okNotifications": "true",
    "runbookUrl": "https://wiki.example.com/wcs",
}
USER: Final = SETTINGS["basicUser"]
BODIES: Final = marked_bodies(appKey="school", nodeId="node")


@dataclasses.dataclass(frozen=True)
class OtherStack:
    """The second stack."""

    stack: Deployed
    bus: str

    def post(self, method: str, body: bytes, password: str | None = None) -> HookReply:
        """Post a hook with credentials, by default the right ones."""
        password = self.stack.hooks.secret if password is None else password
        header = BasicCredentials(USER, password).header(body)
        return self.stack.hooks.post(method, body, authorization=header)

    def send(self, path: str, headers: Mapping[str, str]) -> int:
        """Post an empty object with these headers alone; return the status."""
        target = self.stack.hooks.target
        with contextlib.closing(target.connection(timeout=30)) as connection:
            connection.request("POST", path, b"{}", {"Host": target.host_header(), **headers})
            return connection.getresponse().status

    def logged(self) -> str:
        """Everything in the log groups of the stack's functions."""
        logs = self.stack.workspace.session().client(
            "logs", endpoint_url=self.stack.workspace.endpoint
        )
        pages = [
            logs.get_paginator("filter_log_events").paginate(
                logGroupName=self.stack.configurations.for_function(function).log_group
            )
            for function in FUNCTIONS
        ]
        return "\n".join(
            event["message"] for each in pages for page in each for event in page["events"]
        )


@pytest.fixture(scope="module")
def other(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OtherStack]:
    workspace = Workspace(tmp_path_factory.mktemp("other"), deployed.workspace.port)
    deployment.synthesise(workspace, SETTINGS)
    stack = Deployed.to(workspace)
    yield OtherStack(stack, stack.outputs.event_bus_name)
    cloudformation = workspace.session().client("cloudformation", endpoint_url=workspace.endpoint)
    cloudformation.delete_stack(StackName="WcsHooks-other")


@pytest.fixture(scope="module")
def received(other: OtherStack) -> Iterator["Any"]:
    """Somebody who listens to every event of the bus."""
    workspace = other.stack.workspace
    events = workspace.session().client("events", endpoint_url=workspace.endpoint)
    queues = workspace.session().client("sqs", endpoint_url=workspace.endpoint)
    queue = queues.create_queue(QueueName="of-the-bus")["QueueUrl"]
    attributes = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    events.put_rule(Name="all", EventBusName=other.bus, EventPattern='{"source":["wcs.hooks"]}')
    arn = attributes["Attributes"]["QueueArn"]
    events.put_targets(Rule="all", EventBusName=other.bus, Targets=[{"Id": "1", "Arn": arn}])
    taken: list[dict[str, Any]] = []

    def take(decision: str) -> list[dict[str, Any]]:
        answer = queues.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        taken.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
        return [event for event in taken if event["detail"]["decision"] == decision]

    yield take
    queues.delete_queue(QueueUrl=queue)


# --- Who may call -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["connect", "publishStream", "StreamEvent", "OnCallEvent"])
def test_given_credentials_in_wcss_url_when_they_are_right_then_its_hooks_are_answered(
    other: OtherStack, method: str
) -> None:
    body = b'{"appKey": "school",  "name": "b4e7"}'

    reply = other.post(method, body)

    assert (reply.status, reply.body) == (200, body)


@pytest.mark.parametrize("password", ["", "wrong", "the right one and more"])
def test_given_wrong_credentials_when_a_hook_is_posted_then_it_is_rejected(
    other: OtherStack, password: str
) -> None:
    reply = other.post("call", b"{}", password)

    assert (reply.status, reply.error["policy"]) == (403, None)


def test_given_a_caller_who_signs_where_credentials_are_asked_for_then_it_is_rejected(
    other: OtherStack,
) -> None:
    header = Signature(other.stack.hooks.secret).header(b"{}")

    assert other.stack.hooks.post("call", b"{}", authorization=header).status == 403
    assert other.stack.hooks.post("call", b"{}", authorization=None).status == 403


def test_given_a_password_that_is_changed_then_both_are_right_until_the_old_one_is_removed(
    other: OtherStack,
) -> None:
    old = other.stack.hooks.secret
    arn = other.stack.outputs.signature_secret_arn

    def set_keys(**keys: str) -> None:
        other.stack.secrets.put_secret_value(SecretId=arn, SecretString=json.dumps(keys))

    set_keys(current="changed", previous=old)
    try:
        changed = until(
            lambda: other.post("call", b"{}", "changed"), lambda reply: reply.status == 200
        )
        assert (changed.status, other.post("call", b"{}", old).status) == (200, 200)
        set_keys(current="changed")
        # Who shows another one makes the function look again.
        refused = until(
            lambda: (other.post("call", b"{}", "wrong"), other.post("call", b"{}", old))[1],
            lambda reply: reply.status == 403,
        )
        assert refused.status == 403
    finally:
        set_keys(current=old)
        restored = until(lambda: other.post("call", b"{}"), lambda reply: reply.status == 200)
        assert restored.status == 200


@pytest.fixture
def allowed_elsewhere(other: OtherStack) -> Iterator[None]:
    """Let the direct function allow other addresses than this machine's, for one test.

    The emulator says 127.0.0.1 of every caller, so the setting has to move instead.
    """
    functions, name = other.stack.functions, other.stack.outputs.direct_function_name
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

    def allow(sources: str) -> None:
        other.stack.configure(Category.DIRECT, {**variables, "ALLOWED_SOURCES": sources})

    allow("203.0.113.0/24,2001:db8::/32")
    yield
    allow(variables["ALLOWED_SOURCES"])
    restored = until(lambda: other.post("call", b"{}"), lambda reply: reply.status == 200)
    assert restored.status == 200


@pytest.fixture
def behind_a_proxy(other: OtherStack) -> Iterator[None]:
    """Let the direct function take this machine for a proxy in front of WCS's addresses."""
    variables = dict(
        other.stack.functions.get_function_configuration(
            FunctionName=other.stack.function_of(Category.DIRECT)
        )["Environment"]["Variables"]
    )
    addresses = {"ALLOWED_SOURCES": "203.0.113.0/24", "TRUSTED_PROXIES": "127.0.0.1/32"}
    other.stack.configure(Category.DIRECT, variables | addresses)
    yield
    other.stack.configure(Category.DIRECT, variables)
    restored = until(lambda: other.post("call", b"{}"), lambda reply: reply.status == 200)
    assert restored.status == 200


@pytest.mark.usefixtures("allowed_elsewhere")
def test_given_an_address_that_is_not_allowed_when_it_shows_the_right_credentials_then_rejected(
    other: OtherStack,
) -> None:
    reply = until(lambda: other.post("call", b"{}"), lambda reply: reply.status == 403)

    assert reply.status == 403
    assert "address" in reply.error["reason"]
    # A function whose setting was not touched still lets it in.
    assert other.post("connect", b"{}").status == 200


# --- What the WCS REST API started --------------------------------------------------------------


def test_given_as_client_when_a_hook_of_a_session_never_seen_is_denied_then_it_is_refused(
    other: OtherStack, app: str, deployed: Deployed
) -> None:
    policy = {"app": app, "id": "no", "method": ["publishStream", "OnCallEvent"], "action": "deny"}
    for stack in (other.stack, deployed):
        edited = stack.put_policy(policy)
        assert stack.compiled(app, edited)["ok"]
    body = json.dumps({"appKey": app, "sessionId": "/never-seen"}).encode()

    for method in ("publishStream", "OnCallEvent"):
        refused = until(
            lambda method=method: other.post(method, body),  # type: ignore[misc]
            lambda reply: reply.status == 403,
        )
        assert refused.error["policy"] == "no"
        assert deployed.post(method, body).status == 200


@pytest.mark.usefixtures("behind_a_proxy")
def test_given_a_trusted_proxy_when_it_forwards_hooks_then_the_address_it_wrote_is_checked(
    other: OtherStack,
) -> None:
    credentials = BasicCredentials(USER, other.stack.hooks.secret).header(b"{}") or ""
    statuses = {
        forwarded_for: other.send(
            "/call", {"Authorization": credentials, "X-Forwarded-For": forwarded_for}
        )
        for forwarded_for in ("203.0.113.7", "203.0.113.7, 198.51.100.1", "127.0.0.1")
    }

    # From WCS, forged by a stranger, and of the proxy itself.
    assert list(statuses.values()) == [200, 403, 403]


# --- Two stages in one account ------------------------------------------------------------------


type Identity = tuple[str, str, frozenset[tuple[str, str]]]
"""A metric's namespace, name and dimensions: what is the same in all three is one metric."""


def counted_by(stack: Deployed, since_ms: int) -> set[Identity]:
    """What CloudWatch would make of the functions' lines since a moment."""
    return {
        (directive["Namespace"], name, frozenset(dimensions.items()))
        for function in FUNCTIONS
        for line in stack.records(function, since_ms)
        for directive in line.get("_aws", {}).get("CloudWatchMetrics", ())
        for name, dimensions, _ in measured_in(line, directive["Namespace"])
    }


def watched_by(stack: Deployed, name: str) -> set[Identity]:
    """What the alarms of the stack watch."""
    clients = stack.workspace.session()
    endpoint = stack.workspace.endpoint
    resources = (
        clients.client("cloudformation", endpoint_url=endpoint)
        .get_paginator("list_stack_resources")
        .paginate(StackName=name)
        .search(
            "StackResourceSummaries[?ResourceType=='AWS::CloudWatch::Alarm'].PhysicalResourceId"
        )
    )
    alarms = clients.client("cloudwatch", endpoint_url=endpoint).describe_alarms(
        AlarmNames=list(resources), MaxRecords=100
    )["MetricAlarms"]
    return {
        (
            alarm["Namespace"],
            alarm["MetricName"],
            frozenset((each["Name"], each["Value"]) for each in alarm["Dimensions"]),
        )
        for alarm in alarms
        if "MetricName" in alarm
    }


def test_given_two_stages_when_a_failure_ends_a_stream_in_one_then_no_figure_of_the_other_moves(
    other: OtherStack, app: str, deployed: Deployed, since_ms: int
) -> None:
    policy = {
        "app": app,
        "id": "cut",
        "method": "StreamKeepAliveEvent",
        "action": "deny",
        "when": "session.custom.role == 'guest'",
    }
    edited = other.stack.put_policy(policy)
    assert other.stack.compiled(app, edited)["ok"]
    assert deployed.post("StreamKeepAliveEvent", {"appKey": app, "sessionId": "/s"}).status == 200
    before = other.stack.restart(Category.EVENT, SESSIONS_TABLE="gone")
    try:
        body = json.dumps({"appKey": app, "sessionId": "/s", "nodeId": "n"}).encode()
        assert other.post("StreamKeepAliveEvent", body).status == 503
        counted = until(
            lambda: counted_by(other.stack, since_ms),
            lambda found: any(name == "RestErrors" for _, name, _ in found),
        )
    finally:
        other.stack.configure(Category.EVENT, before)

    alarmed = {name for _, name, _ in counted & watched_by(other.stack, "WcsHooks-other")}
    assert alarmed >= {"RestErrors", "Failed"}
    assert counted & watched_by(deployed, "WcsHooks") == set()
    assert counted & counted_by(deployed, 0) == set()
    assert {namespace for namespace, _, _ in counted_by(deployed, 0)} == {"WcsHooks"}


# --- Events -------------------------------------------------------------------------------------


def test_given_a_bus_when_an_event_is_posted_then_a_listener_has_it(
    other: OtherStack, received: Any
) -> None:
    body = {"appKey": "school", "sessionId": "/s", "name": "b4e7", "status": "PUBLISHING"}

    reply = other.post("StreamStatusEvent", json.dumps(body).encode())
    keep_alive = other.post("StreamKeepAliveEvent", json.dumps(body).encode())

    [event] = until(lambda: received(reply.decision), lambda events: len(events) > 0)
    assert (event["source"], event["detail-type"]) == ("wcs.hooks", "StreamStatusEvent")
    assert event["detail"]["body"] == {**body, "sessionId": "***"}
    assert received(keep_alive.decision) == []


@pytest.mark.parametrize("body", BODIES, ids=lambda body: len(body.marks))
def test_given_secrets_in_every_place_of_an_event_when_a_listener_has_it_then_none_is_in_it(
    other: OtherStack, received: Any, body: MarkedBody
) -> None:
    reply = other.post("CallStatusEvent", body.raw)

    assert reply.body == body.raw
    [event] = until(lambda: received(reply.decision), lambda events: len(events) > 0)
    assert body.leaks(json.dumps(event)) == []


def test_given_secrets_in_hooks_of_all_kinds_when_they_were_answered_then_no_log_has_one(
    other: OtherStack,
) -> None:
    last = other.stack.hooks
    for body in BODIES:
        for method in ("connect", "playRTSP", "CallStatusEvent", "OnCallEvent", "newMethod"):
            assert other.post(method, body.raw).status == 200
            assert other.post(method, body.raw[:-1]).status == 400
            header = f"Basic {next(iter(body.marks))}"
            assert last.post(method, body.raw, authorization=header).status == 403
    last_one = other.post("publishStream", b"{}").decision

    logged = until(other.logged, lambda text: last_one in text)

    assert last_one in logged
    assert [leak for body in BODIES for leak in body.leaks(logged)] == []
    assert other.stack.hooks.secret not in logged
    own = BasicCredentials(USER, other.stack.hooks.secret).header(b"") or ""
    assert own.removeprefix("Basic ") not in logged


# --- Who it was ---------------------------------------------------------------------------------


def test_given_a_user_who_is_denied_when_an_operator_looks_then_log_event_and_explanation_say_why(
    other: OtherStack, received: Any, app: str
) -> None:
    stack, session = other.stack, {"appKey": app, "nodeId": "node", "sessionId": f"/{app}"}
    user, hall = f"ben-{app}", {"app": app, "id": "hall", "method": "publishStream"}
    stack.put_policy({**hall, "action": "echo", "match": {"name": "hall"}, "priority": 1})
    pupils = {"app": app, "id": "pupils", "method": "publishStream", "action": "deny"}
    when = "session.custom.role == 'pupil'"
    edited = stack.put_policy({**pupils, "when": when, "reason": "Only teachers."})
    assert stack.compiled(app, edited)["ok"]

    def post(method: str, **fields: Any) -> HookReply:
        return other.post(method, json.dumps({**session, **fields}).encode())

    post("connect", custom={"login": user, "role": "pupil"})
    before = until(lambda: post("publishStream", name="lesson"), lambda reply: reply.status == 403)
    published = post("StreamStatusEvent", name="lesson", status="FAILED")
    assert wcsctl(stack, "secret", "rotate", "--subject").returncode == 0
    stack.restart(Category.DIRECT)
    after = post("publishStream", name="lesson?secret=1")

    def found() -> list[dict[str, Any]]:
        words = ("--user", user, "--where", "name=lesson", "--denied", "--since", "10m")
        done = wcsctl(stack, "--json", "decisions", *words)
        return [json.loads(line) for line in done.stdout.splitlines()]

    lines = until(found, lambda lines: {after.decision} <= {one["decision"] for one in lines})
    by_id = {one["decision"]: one for one in lines}
    assert {before.decision, after.decision} <= by_id.keys()
    hashes = [by_id[reply.decision]["subject"]["hash"] for reply in (before, after)]
    assert len(set(hashes)) == 2
    [event] = until(lambda: received(published.decision), lambda events: len(events) > 0)
    assert event["detail"]["subject"] == {"hash": hashes[0], "unverified": True}
    assert user not in other.logged()

    explained = json.loads(wcsctl(stack, "--json", "explain", before.decision).stdout)
    assert [(one["policy"], one["outcome"]) for one in explained["considered"]] == [
        ("hall", "match"),
        ("pupils", "applied"),
    ]
    assert explained["reason"] == "Only teachers."
    assert wcsctl(stack, "secret", "finish", "--subject", "--yes").returncode == 0


# --- Who may publish ----------------------------------------------------------------------------


@pytest.mark.parametrize("category", Category)
def test_given_a_bus_when_the_functions_roles_are_looked_at_then_only_that_of_events_names_it(
    other: OtherStack, category: Category
) -> None:
    workspace = other.stack.workspace
    function = other.stack.functions.get_function_configuration(
        FunctionName=other.stack.function_of(category)
    )
    iam = workspace.session().client("iam", endpoint_url=workspace.endpoint)
    role = function["Role"].rpartition("/")[2]
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]

    assert documents
    assert ("events:PutEvents" in json.dumps(documents)) == (category is Category.EVENT)


# --- Tokens -------------------------------------------------------------------------------------


def test_given_secrets_of_tokens_when_deployed_then_the_one_of_stream_keys_is_generated(
    other: OtherStack,
) -> None:
    arn = other.stack.outputs.token_secrets_arn

    secrets = json.loads(other.stack.secrets.get_secret_value(SecretId=arn)["SecretString"])

    assert list(secrets) == ["stream-keys"]
    assert len(secrets["stream-keys"]) == 64


def test_given_a_signed_stream_key_when_an_encoder_publishes_then_only_its_own_stream_is_accepted(
    other: OtherStack, app: str
) -> None:
    trust = {
        "app": app,
        "id": "encoders",
        "action": "trust",
        "form": "key",
        "keys": "secret:stream-keys",
        "method": "publishStream",
        "tokenIn": ["custom.key", "name?key"],
        "required": True,
    }
    edited = other.stack.put_policy(trust)
    assert other.stack.compiled(app, edited)["ok"]
    arn = other.stack.outputs.token_secrets_arn
    secret = json.loads(other.stack.secrets.get_secret_value(SecretId=arn)["SecretString"])
    signing = secret["stream-keys"].encode()
    in_an_hour = int(time.time()) + 3600
    key = sign(signing, app, Act.PUBLISH, "lesson", expiry=in_an_hour, user="anna")

    def publish(name: str, **custom: str) -> HookReply:
        body = {"appKey": app, "sessionId": "/encoder", "name": name, "custom": custom}
        return other.post("publishStream", json.dumps(body).encode())

    missing = until(lambda: publish("lesson"), lambda reply: reply.status == 401)
    assert missing.error["reason"] == "no valid token: none"
    assert publish("lesson", key=key).status == 200
    assert publish(f"lesson?key={key}").status == 200
    assert publish("exam", key=key).error["reason"] == "no valid token: bad-signature"
    play = sign(signing, app, Act.PLAY, "lesson", expiry=in_an_hour)
    assert publish("lesson", key=play).error["reason"] == "no valid token: wrong-audience"
    over = publish("lesson", key=sign(signing, app, Act.PUBLISH, "lesson", expiry=1))
    assert over.error["reason"] == "no valid token: expired"
    logged = until(other.logged, lambda text: over.decision in text)
    assert key not in logged
    assert key.rpartition(".")[2] not in logged


def test_given_the_compiler_when_it_is_asked_to_refresh_keys_then_it_says_what_came_of_it(
    other: OtherStack,
) -> None:
    answer = other.stack.functions.invoke(
        FunctionName=other.stack.outputs.compiler_function_name, Payload=b'{"refreshKeys": true}'
    )

    assert json.load(answer["Payload"]) == {"keys": []}


def test_given_a_stream_key_that_wcsctl_signed_when_it_is_shown_then_it_opens_its_stream_alone(
    other: OtherStack, app: str
) -> None:
    stack = other.stack
    policy = {
        "app": app,
        "id": "encoders",
        "action": "trust",
        "method": "publishStream",
        "form": "key",
        "keys": "secret:stream-keys",
        "required": True,
    }
    assert stack.compiled(app, stack.put_policy(policy))["ok"]
    of_stream = ("--app", app, "--stream", "lesson")

    key = wcsctl(stack, "token", "sign", *of_stream, "--publish", "--user", "anna").stdout.strip()
    checked = json.loads(wcsctl(stack, "--json", "token", "check", key, *of_stream).stdout)

    def published(name: str) -> HookReply:
        body = {"appKey": app, "sessionId": "/s", "name": name, "custom": {"key": key}}
        return other.post("publishStream", json.dumps(body).encode())

    refused = until(lambda: published("other"), lambda reply: reply.status == 401)
    assert refused.error["reason"] == "no valid token: bad-signature"
    assert published("lesson").status == 200
    assert (checked["status"], checked["claims"]["sub"]) == ("valid", "anna")
    assert key not in other.logged()


def test_given_no_addresses_of_keys_when_wcsctl_refreshes_them_then_that_is_all_it_says(
    other: OtherStack,
) -> None:
    done = wcsctl(other.stack, "token", "keys", "--refresh")

    assert (done.returncode, done.stdout) == (
        0,
        "No keys are fetched: no policy names an address of keys.\n",
    )
