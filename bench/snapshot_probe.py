"""Loads a snapshot, and prints what that took.

It runs under the interpreter that plays Lambda's, where the functions are unpacked.
"""

import json
import sys
import time
from pathlib import Path

from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.handlers.garbage import PausedCollector


def _kib(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1])


def main() -> None:
    """Load the file that the first argument names."""
    data = Path(sys.argv[1]).read_bytes()
    before = _kib("VmRSS")
    wall, cpu = time.perf_counter(), time.process_time()
    # As in the functions, which load a snapshot while they answer a hook.
    with PausedCollector():
        snapshot = Snapshot.load(data)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    found = {
        "wallMs": wall * 1e3,
        "cpuMs": cpu * 1e3,
        "peakBytes": (_kib("VmHWM") - before) * 1024,
        "heldBytes": (_kib("VmRSS") - before) * 1024,
    }
    del snapshot
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
