"""A Lambda Runtime API for one function, on the loopback.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html: a function asks for its next
invocation, and is kept waiting until there is one; it posts the answer or an error, and asks again.
"""

import contextlib
import queue
import threading
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

API_VERSION: Final = "2018-06-01"
_RUNTIME: Final = f"/{API_VERSION}/runtime"
NEXT: Final = f"{_RUNTIME}/invocation/next"
INIT_ERROR: Final = f"{_RUNTIME}/init/error"
_INVOCATION: Final = f"{_RUNTIME}/invocation/"

FUNCTION_ARN: Final = "arn:aws:lambda:us-east-1:000000000000:function:bench"
_DEADLINE_SECONDS: Final = 15


class FunctionError(Exception):
    """A function that did not start, did not answer in time, or answered with an error."""


@dataclass(frozen=True, slots=True)
class Invocation:
    """What a function is asked.

    Attributes
    ----------
    event
        The event, JSON.
    trace
        Lambda's tracing header. Not sampled by default, as most invocations are not.
    """

    request_id: str
    event: bytes
    trace: str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


@dataclass(frozen=True, slots=True)
class _Answer:
    request_id: str
    body: bytes
    is_error: bool


class RuntimeApi:
    """Hands invocations to one function, one after the other.

    Examples
    --------
    >>> with RuntimeApi() as api:
    ...     api.address.partition(":")[0]
    '127.0.0.1'
    """

    def __init__(self) -> None:
        self._invocations: queue.Queue[Invocation | None] = queue.Queue()
        self._asked: queue.Queue[float] = queue.Queue()
        self._answers: queue.Queue[_Answer] = queue.Queue()
        self._init_error: bytes | None = None
        self._waiting = False
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """For `AWS_LAMBDA_RUNTIME_API`."""
        host, port = self._server.server_address[:2]
        return f"{host!s}:{port}"

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Stop; a function that still waits is let go."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait_until_asked(self, timeout: float) -> float:
        """Wait until the function asks for an invocation, unless it does already.

        Parameters
        ----------
        timeout
            Seconds.

        Returns
        -------
        float
            When it asked, by `time.perf_counter`.

        Raises
        ------
        FunctionError
            If it does not ask in time, or reports that it could not start.
        """
        try:
            at = self._asked.get(timeout=timeout)
        except queue.Empty:
            raise FunctionError(f"the function asked for nothing within {timeout:g} s") from None
        if self._init_error is not None:
            raise FunctionError(f"the function did not start: {self._init_error.decode()}")
        self._waiting = True
        return at

    def invoke(self, event: bytes, timeout: float = _DEADLINE_SECONDS) -> bytes:
        """Invoke the function, and wait until it has answered and asks for the next invocation.

        Parameters
        ----------
        event
            JSON.
        timeout
            Seconds.

        Returns
        -------
        bytes
            What it answered, JSON.

        Raises
        ------
        FunctionError
            If it answers with an error, or not in time.
        """
        if not self._waiting:
            self.wait_until_asked(timeout)
        self._waiting = False
        invocation = Invocation(str(uuid.uuid4()), event)
        self._invocations.put(invocation)
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise FunctionError(f"the function did not answer within {timeout:g} s") from None
        if answer.request_id != invocation.request_id:
            raise FunctionError(f"the function answered {answer.request_id}, which nobody asked")
        if answer.is_error:
            raise FunctionError(f"the function failed: {answer.body.decode()}")
        self.wait_until_asked(timeout)
        return answer.body

    # What the requests of the function report.

    def _next(self, asked_at: float) -> Invocation | None:
        self._asked.put(asked_at)
        return self._invocations.get()

    def _answered(self, answer: _Answer) -> None:
        self._answers.put(answer)

    def _failed_to_start(self, error: bytes) -> None:
        self._init_error = error
        self._asked.put(time.perf_counter())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A function that was ended may have a connection open: closing must not wait for its thread.
    block_on_close = False

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.api = api


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def handle(self) -> None:
        """Answer requests until the function closes the connection, or is ended."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """The next invocation."""
        asked_at = time.perf_counter()
        if self.path != NEXT:
            self._reply(HTTPStatus.NOT_FOUND)
            return
        invocation = self.server.api._next(asked_at)  # noqa: SLF001 - two halves of one thing
        if invocation is None:
            self.close_connection = True
            return
        deadline = round((time.time() + _DEADLINE_SECONDS) * 1000)
        self._reply(
            HTTPStatus.OK,
            invocation.event,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline),
                "Lambda-Runtime-Invoked-Function-Arn": FUNCTION_ARN,
                "Lambda-Runtime-Trace-Id": invocation.trace,
            },
        )

    def do_POST(self) -> None:
        """An answer, or an error."""
        body = self._body()
        api = self.server.api
        request_id, _, kind = self.path.removeprefix(_INVOCATION).partition("/")
        if self.path == INIT_ERROR:
            self._reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}')
            api._failed_to_start(body)  # noqa: SLF001 - two halves of one thing
        elif self.path.startswith(_INVOCATION) and kind in {"response", "error"}:
            self._reply(HTTPStatus.ACCEPTED, b'{"status":"OK"}')
            api._answered(  # noqa: SLF001 - two halves of one thing
                _Answer(request_id, body, kind == "error")
            )
        else:
            self._reply(HTTPStatus.NOT_FOUND)

    def log_message(self, *_: Any) -> None:
        """Say nothing: it would cost more than the request."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks: list[bytes] = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _reply(
        self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
