"""A marked secret in every place of the protocol's list: it comes out nowhere but where it must.

Of what the functions write and send, only two things may hold a secret of a hook: the reply, which
goes back to who sent the hook, and the dead letter, whose queue is encrypted.
"""

import base64
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

import boto3
import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import LEASES, POLICIES, SNAPSHOTS, Aws
from tests.support.compiler_function import CompilerFunction, records
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import (
    ENVIRONMENT,
    HookClient,
    HookReply,
    gateway_event,
    signature,
)
from tests.support.in_memory_dead_letters import InMemoryDeadLetters
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.support.marked_secrets import MarkedBody, marked_bodies
from tests.support.policy_items import configure, deny, override
from wcs_hooks.adapters.dynamo_policy_store import to_attributes
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.secrets import is_masked
from wcs_hooks.hook import errors
from wcs_hooks.hook.dead_letter import body_of

BUS: Final = "wcs-events"
KEY: Final = "MarkedKeyOfWcs"
BODIES: Final = marked_bodies(appKey="school", nodeId="node", status="FAILED")
SHOWN_FIELDS: Final = sorted(
    {name for body in BODIES for name in json.loads(body.raw) if not is_masked(name)}
)
OF_THE_KEY: Final = MarkedBody({}, {KEY: "the callers' secret"})
METHODS_OF_EACH_KIND: Final = ("connect", "playRTSP", "CallStatusEvent", "OnCallEvent", "newMethod")


@dataclass
class Written:
    """What came out of the functions in one test.

    Attributes
    ----------
    seen
        Log lines, metrics, events on the bus, texts of errors: no mark may be in any of it.
    """

    seen: list[str] = field(default_factory=list)

    def leaks(self, *bodies: MarkedBody) -> list[str]:
        assert self.seen, "nothing was looked at"
        return [leak for body in (*bodies, OF_THE_KEY) for leak in body.leaks("\n".join(self.seen))]


@dataclass
class Bench:
    """All that a path through the functions needs."""

    make_client: MakeClient
    snapshots: InMemorySnapshots
    calls: AwsCalls
    aws: Aws
    clock: FakeClock
    written: Written

    def hooks(self, **options: Any) -> HookClient:
        defaults = {
            "snapshots": self.snapshots,
            "ECHO_LOG_SAMPLE_RATE": "1",
            "EVENT_BUS_NAME": BUS,
            # All that lines and events may show.
            "LOGGED_FIELDS": ",".join(SHOWN_FIELDS),
            "EXPLAIN_DECISIONS": "true",
            "SUBJECT": "plain",
            "SUBJECT_EXPRESSION": "body.name",
            # None of this is about time, and the machine may be busy.
            "REPLY_TIMEOUT_SECONDS": "10",
            "POWERTOOLS_LOG_LEVEL": "DEBUG",
            "POWERTOOLS_LOGGER_LOG_EVENT": "true",
        }
        return self.make_client(**{**defaults, **options})

    def enforce(self, *policies: Mapping[str, Any]) -> None:
        self.snapshots.publish("school", *policies)

    def take(self, reply: HookReply) -> HookReply:
        """Look at what a hook left behind; at its reply, too, unless it is the hook itself."""
        self.written.seen += [reply.output, json.dumps(dict(reply.headers))]
        if reply.status != 200:
            self.written.seen.append(reply.body.decode())
        return reply


@pytest.fixture
def written(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """Also takes down every library's own log, and the text of every error that is answered."""
    caplog.set_level(logging.INFO)
    written = Written()
    refuse = errors.refusal_of

    def refusing(error: Exception) -> Any:
        if not isinstance(error, QuotingError):
            written.seen.append("".join(traceback.format_exception(error)))
        return refuse(error)

    monkeypatch.setattr(errors, "refusal_of", refusing)
    yield written
    written.seen.append(caplog.text)


@pytest.fixture
def bench(
    make_client: MakeClient, calls: AwsCalls, aws: Aws, clock: FakeClock, written: Written
) -> Bench:
    aws.set_secret(KEY)
    boto3.client("events").create_event_bus(Name=BUS)
    return Bench(make_client, InMemorySnapshots(), calls, aws, clock, written)


class QuotingError(Exception):
    """A bug whose error quotes what it was about, as many of Python's own do."""


def post(bench: Bench, hooks: HookClient, method: str, raw: bytes) -> HookReply:
    return bench.take(hooks.post(method, raw, authorization=signature(raw, KEY)))


# --- Paths --------------------------------------------------------------------------------------

type Path = Callable[[Bench, str, MarkedBody], None]


def echoed(bench: Bench, method: str, body: MarkedBody) -> None:
    assert post(bench, bench.hooks(), method, body.raw).body == body.raw


def overridden(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.enforce(override("o", "*", set={"name": "public"}))
    post(bench, bench.hooks(), method, body.raw)


def computed_from_secrets(bench: Bench, method: str, body: MarkedBody) -> None:
    names = [name for name in body.fields if name.isidentifier()]
    bench.enforce(override("o", "*", compute={f"seen{name}": f"body.{name}" for name in names}))
    reply = post(bench, bench.hooks(), method, body.raw)
    assert reply.status == 200
    assert ("Overridden" in reply.counted) == (method in METHODS)


def denied(bench: Bench, method: str, body: MarkedBody) -> None:
    known = METHODS.get(method)
    if known is None or (known.category is Category.EVENT):
        method = "StreamKeepAliveEvent"
    bench.enforce(deny("d", method, reason="Not you.", when="size(string(body.appKey)) > 0"))
    assert post(bench, bench.hooks(), method, body.raw).status == 403


def suppressed(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.enforce(deny("d", ["publishStream", "OnCallEvent"]))
    method = method if method == "OnCallEvent" else "publishStream"
    reply = post(bench, bench.hooks(REST_API_CALLS="never-deny"), method, body.raw)
    assert "DenySuppressed" in reply.counted


def in_shadow(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.enforce(
        override("o", "*", mode="shadow", compute={"name": "string(body.appKey)"}),
        deny("d", ["@connect", "@direct", "@incoming"], mode="shadow"),
    )
    post(bench, bench.hooks(), method, body.raw)


def expression_that_quotes(bench: Bench, method: str, body: MarkedBody) -> None:
    names = [name for name in body.fields if name.isidentifier()]
    quoting = {name: f"{{'a': 'b'}}[body.{name}]" for name in names}
    bench.enforce(
        *(override(f"c-{name}", "*", compute={name: quoting[name]}) for name in names),
        *(override(f"w-{name}", "*", when=f"{quoting[name]} == 'b'") for name in names),
        deny("d", ["@connect", "@direct", "@incoming"], when=f"{quoting[names[-1]]} == 'b'"),
    )
    reply = post(bench, bench.hooks(), method, body.raw)
    assert ("ExpressionErrors" in reply.counted) == (method in METHODS)


def broken_json(bench: Bench, method: str, body: MarkedBody) -> None:
    hooks = bench.hooks()
    text = body.raw
    mark = next(iter(body.marks)).encode()
    for raw in (
        text[:-1],
        text[1:],
        text + text,
        b"[" + text + b"]",
        json.dumps(text.decode()).encode(),
        text.replace(mark, mark + b"\\x"),
        text.replace(mark, mark + b"\n"),
        text.replace(mark, b"\xff" + mark),
        text.replace(mark + b'"', mark),
        text.replace(b'"' + mark, mark),
        text.replace(b'": "' + mark, b'" "' + mark),
        text[:-1] + b', "a": ' + b"[" * 70 + b"]" * 70 + b"}",
        text[:-1] + b', "a": NaN}',
        text + b" " * 1_048_576,
        mark,
    ):
        if raw != text:
            assert post(bench, hooks, method, raw).status in {400, 413}, raw


def no_policies_to_be_had(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.snapshots.refuse()
    reply = post(bench, bench.hooks(), method, body.raw)
    assert reply.status == (503 if method in METHODS else 200)


def stale_policies(bench: Bench, method: str, body: MarkedBody) -> None:
    hooks = bench.hooks()
    post(bench, hooks, method, body.raw)
    bench.snapshots.throttle()
    bench.clock.advance(10)
    reply = post(bench, hooks, method, body.raw)
    assert ("StaleSnapshot" in reply.counted) == (method in METHODS)


def a_bug_that_quotes(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.snapshots.break_with(QuotingError(body.raw.decode(), KEY))
    reply = post(bench, bench.hooks(), method, body.raw)
    assert reply.status == (500 if method in METHODS else 200)


def a_bug_besides_the_reply(bench: Bench, method: str, body: MarkedBody) -> None:
    where = (
        "wcs_hooks.adapters.dynamo_sessions.DynamoSessions.record"
        if method == "connect"
        else "wcs_hooks.adapters.event_bus.EventBridgeBus.publish"
    )
    with patch(where, side_effect=QuotingError(body.raw.decode(), KEY)):
        assert post(bench, bench.hooks(), method, body.raw).status == 200


def no_sessions_to_be_had(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.enforce(deny("d", ["playRTSP", "OnCallEvent"], when="session.custom.role == 'x'"))
    hooks = bench.hooks(SESSIONS_TABLE="Missing")
    post(bench, hooks, method, body.raw)
    post(bench, hooks, "ConnectionStatusEvent", body.raw)


def no_bus(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.calls.fail("PutEvents", code="ThrottlingException")
    post(bench, bench.hooks(), method, body.raw)


def no_secret_to_be_had(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.calls.cut_off("GetSecretValue")
    assert post(bench, bench.hooks(), method, body.raw).status == 503


def a_secret_that_is_broken(bench: Bench, method: str, body: MarkedBody) -> None:
    for value in (KEY, f'"{KEY}"', f'{{"key": "{KEY}"}}', f'{{"current": ["{KEY}"]}}', f"{{{KEY}"):
        bench.aws.secrets_manager.put_secret_value(
            SecretId=bench.aws.secret_arn, SecretString=value
        )
        assert post(bench, bench.hooks(), method, body.raw).status == 503


def a_secret_that_cannot_be_encoded(bench: Bench, method: str, body: MarkedBody) -> None:
    value = f'{{"current": "\\ud800{KEY}"}}'
    bench.aws.secrets_manager.put_secret_value(SecretId=bench.aws.secret_arn, SecretString=value)
    for auth in ("hmac", "basic"):
        hooks = bench.hooks(AUTH=auth)
        assert bench.take(hooks.post(method, body.raw, authorization=f"{scheme(auth)} 00")).status


def only_the_table_keeps(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.calls.cut_off("SendMessage")
    hooks = bench.hooks()
    assert "DeadLetterFallback" in post(bench, hooks, method, body.raw[:-1]).counted


def nothing_can_be_kept(bench: Bench, method: str, body: MarkedBody) -> None:
    bench.calls.cut_off("SendMessage", "UpdateItem")
    bench.snapshots.refuse()
    reply = post(bench, bench.hooks(), method, body.raw)
    assert ("DeadLetterLost" in reply.counted) == (method in METHODS)
    assert "DeadLetterLost" in post(bench, bench.hooks(), method, body.raw[:-1]).counted


def a_bug_in_keeping(bench: Bench, method: str, body: MarkedBody) -> None:
    dead_letters = InMemoryDeadLetters()
    dead_letters.break_with(QuotingError(body.raw.decode()))
    hooks = bench.hooks(dead_letters=dead_letters, second_place=dead_letters)
    assert "DeadLetterLost" in post(bench, hooks, method, body.raw[:-1]).counted


def rejected(bench: Bench, method: str, body: MarkedBody) -> None:
    for auth in ("hmac", "basic"):
        hooks = bench.hooks(AUTH=auth)
        for mark in (*body.marks, KEY):
            for header in (f"{scheme(auth)} {mark}", f"Bearer {mark}", mark):
                reply = hooks.post(method, body.raw, authorization=header)
                assert bench.take(reply).status == 403


def let_in_with_credentials(bench: Bench, method: str, body: MarkedBody) -> None:
    hooks = bench.hooks(AUTH="basic")
    credentials = base64.b64encode(f"wcs:{KEY}".encode()).decode()
    header = f"Basic {credentials}"
    assert bench.take(hooks.post(method, body.raw, authorization=header)).status == 200
    assert bench.take(hooks.post(method, body.raw[:-1], authorization=header)).status == 400
    assert credentials not in "\n".join(bench.written.seen)


def redriven(bench: Bench, method: str, body: MarkedBody) -> None:
    category = METHODS[method].category if method in METHODS else Category.EVENT
    letter = {"schema": 1, "method": method, "body": body.raw.decode(), "attempts": 1}
    bench.take(bench.hooks().hand_over(category, {"redrive": letter}))
    bench.take(bench.hooks().hand_over(category, {"redrive": {**letter, "unverified": True}}))
    malformed = {**letter, "body": body.raw[:-1].decode()}
    bench.take(bench.hooks().hand_over(category, {"redrive": malformed}))
    bench.snapshots.break_with(QuotingError(body.raw.decode()))
    bench.take(bench.hooks().hand_over(category, {"redrive": letter}))


def scheme(auth: str) -> str:
    return "WCS" if auth == "hmac" else "Basic"


PATHS: Final[tuple[Path, ...]] = (
    echoed,
    overridden,
    computed_from_secrets,
    denied,
    suppressed,
    in_shadow,
    expression_that_quotes,
    broken_json,
    no_policies_to_be_had,
    stale_policies,
    a_bug_that_quotes,
    a_bug_besides_the_reply,
    no_sessions_to_be_had,
    no_bus,
    no_secret_to_be_had,
    a_secret_that_is_broken,
    a_secret_that_cannot_be_encoded,
    only_the_table_keeps,
    nothing_can_be_kept,
    a_bug_in_keeping,
    rejected,
    let_in_with_credentials,
    redriven,
)


@pytest.mark.parametrize("method", METHODS_OF_EACH_KIND)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.__name__)
def test_given_secrets_in_every_place_when_a_hook_takes_a_path_then_none_of_them_comes_out(
    bench: Bench, path: Path, method: str
) -> None:
    # Only of events is the body passed on, masked: only there does each writing matter.
    bodies = BODIES if method == "CallStatusEvent" else BODIES[:1]
    for body in bodies:
        path(bench, method, body)
        # Each begins with a world in which nothing is out.
        bench.calls.recover()
        bench.snapshots.recover()
        bench.aws.set_secret(KEY)
        bench.clock.advance(100)

    # A dead letter has the whole hook, and a bug's error as it is; nothing else of either.
    bench.written.seen += [
        json.dumps({**letter, "body": "", "bodyZlib": ""})
        for letter in iter_letters(bench.aws)
        if letter["error"]["kind"] != QuotingError.__name__
    ]
    published = zip(bench.calls.made, bench.calls.requests, strict=True)
    bench.written.seen += [str(request) for name, request in published if name == "PutEvents"]
    assert bench.written.leaks(*BODIES) == []


def iter_letters(aws: Aws) -> Iterator[dict[str, Any]]:
    while letters := aws.dead_letters():
        yield from letters


# --- That all this would be seen ----------------------------------------------------------------


def test_given_the_marked_hooks_when_they_are_echoed_then_every_mark_is_seen_in_the_replies(
    bench: Bench,
) -> None:
    hooks = bench.hooks()
    for body in BODIES:
        reply = post(bench, hooks, "publishStream", body.raw)

        assert len(body.leaks(reply.body.decode())) == len(body.marks)


@pytest.mark.parametrize("shift", range(3))
@pytest.mark.parametrize("encode", [bytes.hex, lambda raw: base64.b64encode(raw).decode()])
def test_given_a_mark_in_another_notation_then_it_is_seen_as_well(
    encode: Callable[[bytes], str], shift: int
) -> None:
    assert OF_THE_KEY.leaks(encode(b"x" * shift + KEY.encode() + b"y"))


def test_given_a_hook_that_failed_when_it_is_kept_then_the_dead_letter_has_all_of_it(
    bench: Bench,
) -> None:
    bench.snapshots.refuse()
    for body in BODIES:
        post(bench, bench.hooks(), "publishStream", body.raw)

        [letter] = bench.aws.dead_letters()
        assert body_of(letter) == body.raw
        assert KEY not in json.dumps(letter)
        assert signature(body.raw, KEY).removeprefix("WCS ") not in json.dumps(letter)


# --- Errors that reach Lambda's own log ---------------------------------------------------------

MARK: Final = "MarkedSecret000"
OF_EVENTS: Final = MarkedBody({}, {MARK: "an event"})


def _without(event: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


_GATEWAY: Final = gateway_event("call", json.dumps({"token": MARK}).encode(), MARK, "192.0.2.7")


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(_without(_GATEWAY, "routeKey"), id="no route"),
        pytest.param(_without(_GATEWAY, "requestContext"), id="no context"),
        pytest.param({**_GATEWAY, "body": {"token": MARK}}, id="a body that is not a text"),
        pytest.param({**_GATEWAY, "body": f"\ud800{MARK}"}, id="a lone surrogate"),
        pytest.param({**_GATEWAY, "body": f"☃{MARK}", "isBase64Encoded": True}, id="no base64"),
        pytest.param({**_GATEWAY, "body": f"{MARK}=a", "isBase64Encoded": True}, id="odd base64"),
        pytest.param({**_GATEWAY, "headers": MARK}, id="no headers"),
        pytest.param({"redrive": MARK}, id="a redrive of a text"),
        pytest.param({"redrive": {"body": MARK}}, id="a redrive without a method"),
        pytest.param({"redrive": {"method": "call", "body": [MARK]}}, id="a redrive of a list"),
        pytest.param({"redrive": {"method": "call", "bodyZlib": MARK}}, id="not compressed"),
        pytest.param({"redrive": {"method": [MARK], "body": "{}"}}, id="a method that is a list"),
    ],
)
def test_given_an_event_that_nobody_sends_when_the_function_crashes_then_its_error_quotes_nothing(
    bench: Bench, event: dict[str, Any]
) -> None:
    try:
        bench.take(bench.hooks().hand_over(Category.DIRECT, event))
    except Exception as error:  # noqa: BLE001 - whatever it is, Lambda writes it down
        # Lambda's runtime takes str(error) and the lines of the traceback; causes are beyond that.
        bench.written.seen += traceback.format_exception(error)

    assert bench.written.leaks(OF_EVENTS) == []


# --- The compiler -------------------------------------------------------------------------------

OF_POLICIES: Final = MarkedBody(
    {},
    {
        "MarkedSecret900": "set",
        "MarkedSecret901": "match",
        "MarkedSecret902": "reason",
        "MarkedSecret903": "note",
        "MarkedSecret904": "an expression",
    },
)
ACCOUNT: Final = override(
    "account",
    "connect",
    match={"custom.token": ["MarkedSecret901"]},
    set={"sipPassword": "MarkedSecret900"},
    compute={"sipLogin": "'MarkedSecret904' + body.appKey"},
    note="MarkedSecret903",
)


REST: Final = {"item_id": "rest", "method": "call", "clientExclude": "sipLogin"}
COMPILERS_ENVIRONMENT: Final = {
    "POLICIES_TABLE": POLICIES,
    "SNAPSHOTS_TABLE": SNAPSHOTS,
    "LEASES_TABLE": LEASES,
    "SNAPSHOT_RETENTION_DAYS": "30",
    "KEYS_STALE_HOURS": "24",
}


@pytest.fixture
def compile_edits(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Edit policies and run the compiler's function; what it wrote is looked at, and `#status`."""
    for name, value in {**ENVIRONMENT, **COMPILERS_ENVIRONMENT}.items():
        monkeypatch.setenv(name, value)

    def compile_them(*policies: Any) -> str:
        for policy in policies:
            item: Any = to_attributes({"app": "school", **policy})
            bench.aws.dynamodb.put_item(TableName=POLICIES, Item=item)
        try:
            CompilerFunction()(records(*(("school", each["id"]) for each in policies)))
        except Exception as error:  # noqa: BLE001 - whatever it is, Lambda writes it down
            bench.written.seen += traceback.format_exception(error)
        written = capsys.readouterr()
        bench.written.seen += [written.out, written.err]
        return json.dumps(bench.aws.policy_item("school", "#status"), default=str)

    return compile_them


@pytest.mark.parametrize(
    "mistake",
    [
        {},
        {"method": ["connect", "@nonsense"]},
        {"priority": "first"},
        {"when": "body.name =="},
        {"set": {"restClientConfig": "MarkedSecret900", "sipPassword": "MarkedSecret900"}},
        {"match": {"custom..token": "MarkedSecret901"}},
        {"match": "MarkedSecret901"},
        {"set": ["MarkedSecret900"]},
        {"status": 403},
    ],
    ids=lambda mistake: ", ".join(mistake) or "none",
)
def test_given_secrets_in_policies_when_they_are_compiled_then_no_status_and_no_log_quotes_them(
    bench: Bench, compile_edits: Callable[..., str], mistake: dict[str, Any]
) -> None:
    status = compile_edits(
        {**ACCOUNT, **mistake}, deny("no", "call", reason="MarkedSecret902"), configure(**REST)
    )

    bench.written.seen.append(status)
    assert json.loads(status)["ok"] == (not mistake)
    assert bench.written.leaks(OF_POLICIES) == []


@pytest.mark.parametrize(
    ("policy", "attribute"),
    [
        (override("o", compute={"name": "'MarkedSecret904' +"}), "compute.name"),
        (deny("d", when="body.token == 'MarkedSecret904' ++"), "when"),
        (deny("d", note={"MarkedSecret903": 1}), "note"),
        (deny("d", mode="MarkedSecret903"), "mode"),
        (override("o", set={"sipPassword": b"MarkedSecret900"}), "set.sipPassword"),
        (deny("d", match={"token": [b"MarkedSecret901"]}), "match.token"),
    ],
)
def test_given_a_mistake_when_it_is_pointed_at_then_the_status_beside_it_may_quote_it_and_no_log(
    bench: Bench, compile_edits: Callable[..., str], policy: Any, attribute: str
) -> None:
    # Whoever reads #status reads the policy, too: it is an item of the same table.
    status = compile_edits(policy)

    assert [error["attribute"] for error in json.loads(status)["errors"]] == [attribute]
    assert OF_POLICIES.leaks(status)
    assert bench.written.leaks(OF_POLICIES) == []
