"""The Lambda Runtime API, as a runtime client meets it."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bench.runtime_api import INIT_ERROR, NEXT, FunctionError, RuntimeApi

type Handler = Callable[[Any], Any]
type Background = Callable[[Callable[[], object]], None]


class Client:
    """A runtime client: asks for invocations, and answers by a handler."""

    def __init__(self, address: str) -> None:
        self.connection = http.client.HTTPConnection(address, timeout=10)
        self.headers: list[dict[str, str]] = []

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        self.connection.request(method, path, body)
        response = self.connection.getresponse()
        if path == NEXT:
            self.headers.append({name.lower(): value for name, value in response.getheaders()})
        return response.status, response.read()

    def answer_one(self, handler: Handler, kind: str = "response") -> None:
        _, event = self.request("GET", NEXT)
        request_id = self.headers[-1]["lambda-runtime-aws-request-id"]
        body = json.dumps(handler(json.loads(event))).encode()
        status, _ = self.request(
            "POST", f"/2018-06-01/runtime/invocation/{request_id}/{kind}", body
        )
        assert status == 202

    def wait_until_let_go(self) -> None:
        with pytest.raises((http.client.HTTPException, OSError)):
            self.request("GET", NEXT)


@pytest.fixture
def in_background() -> Iterator[Background]:
    """Runs what a function would do meanwhile."""
    threads: list[threading.Thread] = []

    def run(target: Callable[[], object]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        threads.append(thread)

    yield run
    for thread in threads:
        thread.join(10)


@pytest.fixture
def api(in_background: Background) -> Iterator[RuntimeApi]:
    del in_background  # it waits for its threads, which this lets go before
    with RuntimeApi() as running:
        yield running


def test_given_an_invocation_when_the_function_asks_then_it_gets_event_and_headers(
    api: RuntimeApi, in_background: Background
) -> None:
    client = Client(api.address)

    def function() -> None:
        client.answer_one(lambda event: {"got": event["body"]})
        client.answer_one(lambda event: event["body"])
        client.wait_until_let_go()

    in_background(function)

    assert json.loads(api.invoke(b'{"body": "a"}')) == {"got": "a"}
    assert json.loads(api.invoke(b'{"body": "b"}')) == "b"
    first, second = client.headers[:2]
    assert first["lambda-runtime-aws-request-id"] != second["lambda-runtime-aws-request-id"]
    assert int(first["lambda-runtime-deadline-ms"]) > time.time() * 1000
    assert first["lambda-runtime-invoked-function-arn"].startswith("arn:aws:lambda:")
    assert first["lambda-runtime-trace-id"].startswith("Root=")


def test_given_a_function_asks_when_it_began_to_wait_then_that_moment_is_told(
    api: RuntimeApi, in_background: Background
) -> None:
    before = time.perf_counter()
    in_background(Client(api.address).wait_until_let_go)

    asked_at = api.wait_until_asked(10)

    assert before <= asked_at <= time.perf_counter()


def test_given_a_function_that_fails_when_invoked_then_its_error_is_raised(
    api: RuntimeApi, in_background: Background
) -> None:
    client = Client(api.address)
    in_background(lambda: client.answer_one(lambda _: {"errorMessage": "boom"}, "error"))

    with pytest.raises(FunctionError, match="boom"):
        api.invoke(b"{}")


def test_given_a_function_that_cannot_start_when_waited_for_then_its_error_is_raised(
    api: RuntimeApi,
) -> None:
    status, _ = Client(api.address).request("POST", INIT_ERROR, b'{"errorType": "ImportError"}')

    assert status == 202
    with pytest.raises(FunctionError, match="ImportError"):
        api.wait_until_asked(10)


def test_given_nobody_asks_when_waited_for_then_that_is_an_error_in_time(api: RuntimeApi) -> None:
    with pytest.raises(FunctionError, match="asked for nothing"):
        api.wait_until_asked(0.05)


def test_given_a_function_that_does_not_answer_when_invoked_then_that_is_an_error_in_time(
    api: RuntimeApi, in_background: Background
) -> None:
    in_background(lambda: Client(api.address).request("GET", NEXT))

    with pytest.raises(FunctionError, match="did not answer"):
        api.invoke(b"{}", timeout=3)


def test_given_an_answer_to_what_nobody_asked_when_invoked_then_it_is_not_taken_for_one(
    api: RuntimeApi, in_background: Background
) -> None:
    client = Client(api.address)

    def function() -> None:
        client.request("GET", NEXT)
        client.request("POST", "/2018-06-01/runtime/invocation/another/response", b"{}")

    in_background(function)

    with pytest.raises(FunctionError, match="another"):
        api.invoke(b"{}")


def test_given_a_body_in_chunks_when_answered_then_it_is_put_together(
    api: RuntimeApi, in_background: Background
) -> None:
    client = Client(api.address)

    def function() -> None:
        client.request("GET", NEXT)
        request_id = client.headers[-1]["lambda-runtime-aws-request-id"]
        client.connection.request(
            "POST",
            f"/2018-06-01/runtime/invocation/{request_id}/response",
            iter([b'{"a":', b" 1}"]),
            encode_chunked=True,
        )
        client.connection.getresponse().read()
        client.wait_until_let_go()

    in_background(function)

    assert json.loads(api.invoke(b"{}")) == {"a": 1}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/2018-06-01/runtime/invocation/previous"),
        ("POST", "/2018-06-01/runtime/invocation/1/reply"),
        ("POST", "/elsewhere"),
    ],
)
def test_given_a_path_that_the_api_has_not_when_requested_then_it_is_not_found(
    api: RuntimeApi, method: str, path: str
) -> None:
    assert Client(api.address).request(method, path)[0] == 404
