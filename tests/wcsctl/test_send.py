import json
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from simulated_wcs.transport import HookTarget
from tests.support.hook_client import signature
from tests.support.operated_stack import SECRET, OperatedStack, operated
from wcsctl.deployment import Deployment
from wcsctl.errors import UnreachableError, UsageError
from wcsctl.hook_sender import as_of_client

REFUSAL = {"error": {"status": 403, "reason": "No calls today.", "policy": "no-calls"}}


class Endpoint(BaseHTTPRequestHandler):
    """Answers hooks as a test says, and remembers them."""

    hooks: ClassVar[list[tuple[str, dict[str, Any], bytes]]]
    refused: ClassVar[set[str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        method = self.path.rpartition("/")[2]
        self.hooks.append((method, dict(self.headers.items()), body))
        status, answer = (403, json.dumps(REFUSAL).encode())
        if method not in self.refused:
            status, answer = 200, body
        self.send_response(status)
        self.send_header("X-Decision-Id", f"decision-{len(self.hooks)}")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Endpoint]]:
    Endpoint.hooks, Endpoint.refused = [], set()
    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        target = HookTarget(f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setattr(Deployment, "target", target)
        yield Endpoint
        server.shutdown()
        thread.join()


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as stack:
        yield stack


def _bodies(endpoint: type[Endpoint]) -> list[tuple[str, Mapping[str, Any]]]:
    return [(method, json.loads(body)) for method, _, body in endpoint.hooks]


def test_given_fields_when_sent_then_a_client_connects_and_then_sends_them_signed(
    stack: OperatedStack, endpoint: type[Endpoint]
) -> None:
    done = stack.run(
        *("send", "publishStream", "name=lesson", "hasVideo:=true", "appKey=school"),
        *("--connect", "custom.role=teacher"),
    )

    assert done.exit_code == 0, done.output
    [(first, connect), (second, hook)] = _bodies(endpoint)
    assert (first, second) == ("connect", "publishStream")
    assert connect["custom"] == {"role": "teacher"}
    assert hook["name"] == "lesson"
    assert hook["hasVideo"] is True
    assert {connect[name] for name in ("sessionId", "nodeId", "appKey")} == {
        hook[name] for name in ("sessionId", "nodeId", "appKey")
    }
    assert hook["appKey"] == "school"
    for _, headers, body in endpoint.hooks:
        assert headers["Authorization"] == signature(body, SECRET)


def test_given_a_refused_connect_when_a_hook_is_to_follow_then_it_is_not_sent(
    stack: OperatedStack, endpoint: type[Endpoint]
) -> None:
    endpoint.refused = {"connect"}

    done = stack.run("send", "call", "callee=100")

    assert done.exit_code == 1
    assert [method for method, _, _ in endpoint.hooks] == ["connect"]
    assert "refused by policy no-calls: No calls today." in done.stderr
    assert "was not sent" in done.stderr


def test_given_a_refused_hook_when_sent_then_its_policy_reason_and_decision_are_shown(
    stack: OperatedStack, endpoint: type[Endpoint]
) -> None:
    endpoint.refused = {"call"}

    done = stack.run("send", "call", "callee=100")

    assert done.exit_code == 0
    assert "call: 403" in done.stderr
    assert "decision decision-2, refused by policy no-calls: No calls today." in done.stderr
    assert json.loads(done.stdout) == REFUSAL


def test_given_an_app_when_sent_then_connect_and_hook_are_that_apps(
    stack: OperatedStack, endpoint: type[Endpoint]
) -> None:
    done = stack.run("send", "call", "callee=100", "appKey=other", "--app", "school")

    assert done.exit_code == 0, done.output
    assert [body["appKey"] for _, body in _bodies(endpoint)] == ["school", "school"]


def test_given_a_reply_that_is_not_200_when_sent_then_the_command_that_explains_it_is_shown(
    stack: OperatedStack, endpoint: type[Endpoint]
) -> None:
    endpoint.refused = {"call"}

    refused = stack.run("send", "call", "callee=100")
    echoed = stack.run("send", "playHLS", "name=lesson")

    assert refused.stderr.splitlines()[-1] == "Why: wcsctl explain decision"
    assert "Why:" not in echoed.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("playHLS", "name=lesson"),
        ("connect", "custom.role=teacher"),
        ("StreamStatusEvent", "status=PUBLISHING"),
        ("call", "callee=100", "--no-connect"),
        ("call", "callee=100", "sessionId=s", "nodeId=n"),
    ],
)
def test_given_a_hook_that_has_its_session_or_needs_none_when_sent_then_nothing_connects_before(
    stack: OperatedStack, endpoint: type[Endpoint], words: tuple[str, ...]
) -> None:
    done = stack.run("send", *words)

    assert done.exit_code == 0, done.output
    assert [method for method, _, _ in endpoint.hooks] == [words[0]]


@pytest.mark.parametrize("body", [b'{"n": 1e0, "a":"\\u00e4"}', b"no JSON", b"[1]", b"\xff"])
def test_given_a_body_when_it_becomes_a_clients_then_what_it_has_stays_byte_for_byte(
    body: bytes,
) -> None:
    _, sent = as_of_client("call", body, None)

    assert sent.startswith(body.removesuffix(b"}"))


def test_given_json_output_when_sent_then_connect_and_hook_are_told_apart(
    stack: OperatedStack, endpoint: type[Endpoint]
) -> None:
    done = stack.run("--json", "send", "call", "callee=100")

    sent = json.loads(done.stdout)
    assert sent["connect"]["status"] == 200
    assert sent["hook"]["method"] == "call"
    assert sent["hook"]["decision"] == "decision-2"
    assert endpoint.hooks[1][2].decode() == sent["hook"]["sent"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("call", "callee"), "'callee' is not a field"),
        (("call", "=x"), "'=x' is not a field"),
        (("call", "n:=x"), "'x' is not JSON"),
        (("call", "a=1", "a.b=2"), "a has another value already"),
        (("call", "a=1", "--file", "x"), "not both"),
        (("call", "--no-connect", "--connect", "a=1"), "exclude each other"),
    ],
)
def test_given_words_that_do_not_fit_when_sent_then_one_line_says_what_would(
    stack: OperatedStack, words: tuple[str, ...], said: str
) -> None:
    done = stack.run("send", *words)

    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)


def test_given_nobody_answers_when_sent_then_one_line_says_so(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Deployment, "target", HookTarget("http://127.0.0.1:9/"))

    done = stack.run("send", "call", "callee=100")

    assert isinstance(done.exception, UnreachableError)
    assert "No answer to connect" in str(done.exception)
