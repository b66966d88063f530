"""Starts and stops the AWS emulator (MiniStack), one process group to a workspace."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from local.errors import EmulatorError, PortInUseError
from local.workspace import REPOSITORY, Workspace, plain_environment

_INTERPRETER: Final = REPOSITORY / ".emulator" / "bin" / "python"
_HEALTH: Final = "/_ministack/health"
_START_TIMEOUT: Final = 60.0
_STOP_TIMEOUT: Final = 10.0
_PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class _Process:
    """What a workspace remembers of the emulator that it started."""

    pid: int
    port: int


class Emulator:
    """The emulator of one workspace.

    It runs in a process group of its own, which the functions' workers share: stopping the group
    stops them too. Only a process that this workspace recorded, and whose command line is this
    clone's emulator, is ever signalled.

    Parameters
    ----------
    environment
        Variables that its functions get besides their own: what would lead them past a proxy, say.
    """

    def __init__(
        self, workspace: Workspace, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._workspace = workspace
        self._environment = environment
        self._record = workspace.directory / "emulator.json"

    def running_port(self) -> int | None:
        """Return the port of the emulator that this workspace started, if it still runs."""
        process = self._recorded()
        return None if process is None else process.port

    def running_pid(self) -> int | None:
        """Return the process of the emulator that this workspace started, if it still runs."""
        process = self._recorded()
        return None if process is None else process.pid

    def start(self) -> bool:
        """Start the emulator unless it runs already, and wait until it answers.

        Returns
        -------
        bool
            True for a new, empty emulator; False for the one that ran already.

        Raises
        ------
        PortInUseError
            Another program has the port.
        EmulatorError
            It did not start.
        """
        process = self._recorded()
        if process is not None:
            if process.port != self._workspace.port:
                raise PortInUseError(
                    f"The emulator of this directory runs on port {process.port} already: "
                    f"`make local-stop` ends it, LOCAL_PORT={process.port} keeps it."
                )
            if _answers(process.port):
                return False
            self.stop()
        self._refuse_busy_port()
        self._launch()
        return True

    def stop(self) -> bool:
        """Stop the emulator and every worker of its functions; say whether there was one."""
        process = self._recorded()
        if process is not None:
            _end_group(process.pid)
        self._record.unlink(missing_ok=True)
        return process is not None

    def _recorded(self) -> _Process | None:
        try:
            content = json.loads(self._record.read_text())
            process = _Process(int(content["pid"]), int(content["port"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return process if str(_INTERPRETER) in _command_line(process.pid) else None

    def _refuse_busy_port(self) -> None:
        port = self._workspace.port
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            # Without this, connections of an emulator just stopped would count as busy.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                free = False
            else:
                free = not _listens(port)
        if not free:
            raise PortInUseError(
                f"Port {port} is in use{_culprit(port)}: stop that program, or choose another "
                f"port, e.g. `LOCAL_PORT={port + 1} make local`."
            )

    def _launch(self) -> None:
        state = self._workspace.directory / "emulator"
        # Nothing outlives the emulator: it keeps everything in memory, and its temporary
        # directories are of no use to the next one.
        shutil.rmtree(state, ignore_errors=True)
        temporary = state / "tmp"
        temporary.mkdir(parents=True)
        environment = plain_environment() | {
            "AUTH": "true",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self._workspace.port),
            "PERSIST_STATE": "0",
            "STATE_DIR": str(state / "state"),
            "S3_DATA_DIR": str(state / "s3"),
            "TMPDIR": str(temporary),
            # Listeners that the stack has no use for, and Docker, which it must not touch.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": f"unix://{state / 'no-docker.sock'}",
            **self._environment,
        }
        with self._workspace.emulator_log.open("wb") as log:
            process = subprocess.Popen(
                [_INTERPRETER, "-m", "ministack"],
                cwd=state,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._record.write_text(json.dumps({"pid": process.pid, "port": self._workspace.port}))
        deadline = time.monotonic() + _START_TIMEOUT
        while not _answers(self._workspace.port):
            ended = process.poll() is not None
            if ended or time.monotonic() > deadline:
                if not ended:
                    self.stop()
                raise EmulatorError(
                    f"The emulator {'ended by itself' if ended else 'does not answer'}: "
                    f"see {self._workspace.emulator_log}."
                )
            time.sleep(_PAUSE)


def _answers(port: int, timeout: float = 5.0) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", _HEALTH)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        if Path("/proc/self").exists():
            return ""
    return _output_of("ps", "-ww", "-o", "command=", "-p", str(pid))


def _culprit(port: int) -> str:
    """Name the program that listens on a port, as far as this system reports it."""
    emulator = _answers(port, timeout=1.0)
    by = f" by {{}} (process {{}}{', an AWS emulator' if emulator else ''})"
    fields = _output_of("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc").splitlines()
    found = {line[:1]: line[1:] for line in fields}
    if "p" in found and "c" in found:
        return by.format(found["c"], found["p"])
    sockets = _output_of("ss", "-Hltnp", f"sport = :{port}")
    if "pid=" in sockets:
        name = sockets.partition('"')[2].partition('"')[0]
        return by.format(name, sockets.partition("pid=")[2].partition(",")[0])
    return " by another AWS emulator" if emulator else ""


def _output_of(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        return ""
    result = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    return result.stdout


def _end_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT
    # One that has ended but was not reaped has no command line any more.
    while _command_line(pid) and time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        time.sleep(_PAUSE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
