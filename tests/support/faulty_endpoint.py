"""An AWS endpoint on this machine that passes requests on unless a fault is set."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from tests.support.faulty_aws import Fault

_LONGEST_HANG: Final = 20.0
_TIMEOUT: Final = 30.0
_NOT_PASSED_ON: Final = frozenset({"connection", "transfer-encoding", "date", "server"})


class FaultyEndpoint:
    """Stands between functions and the AWS emulator.

    Parameters
    ----------
    behind
        The emulator's port.

    Attributes
    ----------
    faults
        What is wrong with an operation, such as `BatchGetItem`.
    attempts
        The operations of all requests that came, retries included.
    """

    def __init__(self, behind: int) -> None:
        self.faults: dict[str, Fault] = {}
        self.attempts: list[str] = []
        self._behind = behind
        self._released = threading.Event()
        handler = type("Handler", (_Handler,), {"endpoint": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[Self]:
        """Serve for the duration of a `with` block."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def recover(self) -> None:
        """Pass everything on again, and end what hangs."""
        self.faults.clear()
        released, self._released = self._released, threading.Event()
        released.set()

    def hang(self) -> None:
        """Keep a request, until everything works again or its client is long gone."""
        self._released.wait(_LONGEST_HANG)

    def pass_on(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> http.client.HTTPResponse:
        """What the emulator answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self._behind, timeout=_TIMEOUT)
        connection.request(method, path, body, headers)
        return connection.getresponse()


class _Handler(BaseHTTPRequestHandler):
    endpoint: FaultyEndpoint
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """All that the functions ask for is a POST."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.endpoint.attempts.append(operation)
        fault = self.endpoint.faults.get(operation)
        if fault is None:
            self._pass_on(body)
        elif fault.respond is not None:
            status, headers, text = fault.respond(body)
            self._answer(status, dict(headers), text.encode())
        else:
            if fault.hangs:
                self.endpoint.hang()
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Write nothing."""

    def _pass_on(self, body: bytes) -> None:
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        response = self.endpoint.pass_on(self.command, self.path, headers, body)
        kept = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in _NOT_PASSED_ON
        }
        self._answer(response.status, kept, response.read())

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(HTTPStatus(status))
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
