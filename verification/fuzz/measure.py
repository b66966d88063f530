"""What an input takes: processor time, and what stays of it in memory."""

import heapq
import re
import resource
import time
from pathlib import Path
from typing import Final

from verification.fuzz.target import Target

CPU_LIMIT_MS: Final = 100.0
"""What no input may take, without instrumentation."""

_KEPT: Final = 25
_KIB: Final = 1024
_PAGE: Final = resource.getpagesize()
_STATM: Final = Path("/proc/self/statm")
_STATUS: Final = Path("/proc/self/status")
_MOST: Final = re.compile(r"VmHWM:\s*(\d+) kB")


class Stopwatch:
    """Runs a target and remembers the inputs that took longest.

    Attributes
    ----------
    inputs
        How many were run.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._slowest: list[tuple[float, int, bytes]] = []
        self.inputs = 0

    def __call__(self, data: bytes) -> None:
        """Run an input."""
        began = time.process_time()
        self._target(data)
        taken = (time.process_time() - began) * 1000
        self.inputs += 1
        if len(self._slowest) < _KEPT:
            heapq.heappush(self._slowest, (taken, self.inputs, data))
        elif taken > self._slowest[0][0]:
            heapq.heapreplace(self._slowest, (taken, self.inputs, data))

    def slowest(self) -> list[bytes]:
        """The inputs that took most processor time, the slowest first."""
        return [data for _, _, data in sorted(self._slowest, reverse=True)]


def resident_mib() -> float:
    """The memory that the process has now; where that is not known, the most it ever had."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * _PAGE / _KIB**2
    return peak_mib()


def peak_mib() -> float:
    """The most memory that the process ever had."""
    if _STATUS.exists():
        # Unlike what follows, it does not begin with what the process had that started this one.
        return int(_MOST.findall(_STATUS.read_text())[0]) / _KIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
