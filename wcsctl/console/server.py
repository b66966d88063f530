"""Serves the console on loopback until Ctrl-C or until it has been idle for too long."""

import asyncio
import socket
import time
from pathlib import Path
from typing import Final

import uvicorn

from wcsctl.console.application import STATIC, Console
from wcsctl.console.command_runner import CommandRunner
from wcsctl.console.gate import Gate
from wcsctl.errors import UsageError, WcsctlError

LOOPBACK: Final = "127.0.0.1"

IDLE_HOURS: Final = 8
"""The console ends after this many hours without a request."""

_LOOK_SECONDS: Final = 30.0
_GRACE_SECONDS: Final = 3
"""How long the console waits for open requests before it ends."""


class ConsoleServer:
    """Serves the console at an address that only the person at the terminal knows.

    Parameters
    ----------
    runner
        Runs the commands.
    tests
        Directory with a folder of tests for each app; None if there are no tests.
    port
        Port on 127.0.0.1; 0 for a free one.
    read_only
        Whether requests that write are refused.

    Raises
    ------
    UsageError
        If the port is in use.
    WcsctlError
        If the page has not been built.
    """

    def __init__(
        self, runner: CommandRunner, tests: Path | None, port: int, *, read_only: bool
    ) -> None:
        if not (STATIC / "index.html").is_file():
            raise WcsctlError("The console's page has not been built: run `make setup`.")
        self._socket = _listening(port)
        console = Console(runner, tests, lambda: self._server.should_exit, read_only=read_only)
        self._gate = Gate(console.application(), self._socket.getsockname()[1])
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._gate,
                access_log=False,
                lifespan="off",
                log_level="error",
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                ws="none",
            )
        )

    @property
    def address(self) -> str:
        """The page's address. The token is in the fragment, which browsers never send or log."""
        return f"http://{LOOPBACK}:{self._gate.port}/#token={self._gate.token}"

    def serve(self) -> bool:
        """Serve until Ctrl-C; return True if the console ended because it was idle."""
        return asyncio.run(self._serve())

    async def _serve(self) -> bool:
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        idle = False
        while not serving.done() and not idle:
            await asyncio.wait([serving], timeout=_LOOK_SECONDS)
            idle = time.monotonic() - self._gate.used_at > IDLE_HOURS * 3600
        self._server.should_exit = True
        await serving
        return idle


def _listening(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((LOOPBACK, port))
        # The address is printed before the server runs; a browser that is faster has to wait.
        listening.listen()
    except OSError as error:
        listening.close()
        raise UsageError(
            f"Port {port} cannot be used: {error.strerror}. Choose another port, or leave out "
            "--port to use a free one."
        ) from None
    return listening
