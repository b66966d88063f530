"""A back-end on this machine that gives configured answers and remembers what it was sent."""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_socket import socket_allow_hosts

from simulated_wcs.session import Application
from simulated_wcs.transport import HookTarget, HookTransport
from simulated_wcs.wcs import SimulatedWcs
from wcs_hooks.core.methods import SWITCHES


@dataclass(frozen=True)
class Answer:
    """How a hook is answered.

    Attributes
    ----------
    body
        None sends back what came, with `fields` added.
    reset
        Break the connection instead of answering.
    close
        Close the connection after the answer, without a word.
    """

    status: int = 200
    body: bytes | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0
    reset: bool = False
    close: bool = False


@dataclass(frozen=True)
class Received:
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: object

    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedBackEnd:
    """Answers each method by its script: answers in order, the last of them again and again."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.scripts: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self._server.server_address[1]

    @property
    def target(self) -> HookTarget:
        return HookTarget(f"http://127.0.0.1:{self.address[1]}")

    @property
    def methods(self) -> list[str]:
        return [request.path.removeprefix("/") for request in self.received]

    def answer(self, method: str, *answers: Answer) -> None:
        self.scripts[method] = list(answers)

    def configure(self, config: Any) -> None:
        """Send this restClientConfig with connect's reply."""
        self.answer("connect", Answer(fields={"restClientConfig": config}))

    def next(self, request: Received) -> Answer:
        with self._lock:
            self.received.append(request)
            script = self.scripts.get(request.path.rpartition("/")[2], [Answer()])
            return script.pop(0) if len(script) > 1 else script[0]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(back_end: ScriptedBackEnd) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.path, dict(self.headers), body, self.connection)
            answer = back_end.next(request)
            time.sleep(answer.delay)
            if answer.reset:
                self.close_connection = True
                no_lingering = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_lingering)
                self.connection.close()
                return
            content = answer.body
            if content is None:
                content = json.dumps({**json.loads(body), **answer.fields}).encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Decision-Id", f"decision-{len(back_end.received)}")
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = answer.close

        def log_message(self, *_: Any) -> None:
            pass

        def finish(self) -> None:
            # The test may have broken the connection.
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    return Handler


@pytest.fixture(autouse=True)
def _loopback_only() -> None:
    socket_allow_hosts(["127.0.0.1"])


@pytest.fixture
def back_end(_loopback_only: None) -> Iterator[ScriptedBackEnd]:
    back_end = ScriptedBackEnd()
    yield back_end
    back_end.close()


@pytest.fixture
def transport(back_end: ScriptedBackEnd) -> Iterator[HookTransport]:
    transport = HookTransport(back_end.target, timeout=2, retries=1)
    yield transport
    transport.close()


@pytest.fixture
def wcs() -> SimulatedWcs:
    return SimulatedWcs(switched_on=SWITCHES)


@pytest.fixture
def room(wcs: SimulatedWcs, transport: HookTransport) -> Application:
    return wcs.add_application("room", transport)
