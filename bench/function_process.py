"""A function in a process of its own, run by AWS's own Python runtime client as in Lambda."""

import ctypes
import os
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from bench.locations import LAMBDA_PYTHON
from bench.runtime_api import FunctionError, RuntimeApi

_START_TIMEOUT: Final = 60.0
_END_TIMEOUT: Final = 10.0
_KEPT_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class Function:
    """A function, unpacked.

    Attributes
    ----------
    name
        In results.
    task
        What Lambda has as ``/var/task``.
    handler
        Module and name, with a dot between.
    variables
        Its environment variables, without those that Lambda sets for every function.
    """

    name: str
    task: Path
    handler: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a process holds in memory, in bytes.

    Attributes
    ----------
    resident
        RSS: all its pages, those that it shares with other processes included.
    proportional
        PSS: of shared pages its share only.
    """

    resident: int
    proportional: int


class FunctionProcess:
    """A running function.

    Parameters
    ----------
    function
        Which one.
    lambda_variables
        What Lambda sets for every function; see `bench.lambda_environment`.
    options
        For the interpreter, such as ``-X importtime``.
    errors
        Takes its standard error, which else is part of the log. A file keeps nobody awake: a pipe
        wakes its reader with each line, which then takes the processor away.

    Attributes
    ----------
    started_at, asked_at
        When the process was started and when it first asked for an invocation, by
        `time.perf_counter`.
    """

    def __init__(
        self,
        function: Function,
        lambda_variables: Mapping[str, str],
        options: Sequence[str] = (),
        errors: IO[bytes] | None = None,
    ) -> None:
        self._api = RuntimeApi()
        self._api.__enter__()
        environment = {
            **lambda_variables,
            **function.variables,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "LAMBDA_TASK_ROOT": str(function.task),
            "_HANDLER": function.handler,
        }
        command = [str(LAMBDA_PYTHON), *options, "-m", "awslambdaric", function.handler]
        self.started_at = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            cwd=function.task,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if errors is None else errors,
        )
        self._log = _Log(self._process)
        try:
            self.asked_at = self._api.wait_until_asked(_START_TIMEOUT)
        except FunctionError as error:
            self.end()
            raise FunctionError(f"{function.name}: {error}\n{self._log.tail()}") from None
        self._clock = _process_clock(self._process.pid)

    def __enter__(self) -> Self:
        """Give the running function."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self.end()

    @property
    def start_seconds(self) -> float:
        """Seconds from the process's start until it asked for its first invocation."""
        return self.asked_at - self.started_at

    def invoke(self, event: bytes) -> bytes:
        """Invoke it, and wait until it asks for the next invocation.

        Raises
        ------
        FunctionError
            If it fails.
        """
        try:
            return self._api.invoke(event)
        except FunctionError as error:
            raise FunctionError(f"{error}\n{self._log.tail()}") from None

    def cpu_seconds(self) -> float:
        """CPU time of the process so far, user and system, ended threads included."""
        return time.clock_gettime_ns(self._clock) / 1e9

    def memory(self) -> Memory:
        """What it holds in memory now."""
        rollup = Path(f"/proc/{self._process.pid}/smaps_rollup").read_text()
        fields = dict(line.split(":", 1) for line in rollup.splitlines() if ":" in line)
        kib = {name: int(fields[name].split()[0]) for name in ("Rss", "Pss")}
        return Memory(kib["Rss"] * 1024, kib["Pss"] * 1024)

    def logged_bytes(self) -> int:
        """Bytes that it has written to its log so far."""
        return self._log.bytes

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait(_END_TIMEOUT)
        self._log.join()
        self._api.__exit__(None, None, None)


class _Log:
    """Reads what a function writes, as Lambda does: a full pipe would stop it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.bytes = 0
        self._lines: deque[bytes] = deque(maxlen=_KEPT_LINES)
        self._process = process
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self.bytes += len(line)
            self._lines.append(line)

    def tail(self) -> str:
        return b"".join(list(self._lines)).decode("utf-8", "replace")

    def join(self) -> None:
        self._thread.join(_END_TIMEOUT)
        if self._process.stdout is not None:
            self._process.stdout.close()


def _process_clock(pid: int) -> int:
    """The clock of a process's CPU time, in nanoseconds: clock_getcpuclockid(3)."""
    clock = ctypes.c_int()
    error = ctypes.CDLL(None).clock_getcpuclockid(ctypes.c_int(pid), ctypes.byref(clock))
    if error:
        raise FunctionError(f"process {pid} has no CPU clock: {os.strerror(error)}")
    return clock.value
