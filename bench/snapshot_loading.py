"""Loading a snapshot: time and memory, each in a fresh process of the packaged functions."""

import json
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import Final

from bench.figures import Figures
from bench.locations import BENCH, LAMBDA_PYTHON, WORK
from bench.packages import ours
from bench.policies import exact, snapshot_of, with_expressions
from bench.progress import Progress

COUNTS: Final = (1_000, 10_000, 100_000)
RUNS: Final = 15

_SNAPSHOTS: Final = WORK / "snapshots"


def measure_loading(progress: Progress, runs: int = RUNS) -> Figures:
    """Load snapshots of several sizes.

    The figures are `load.<policies>.<kind>.{time,cpu}` (ms), `.peak` and `.held` (bytes: what the
    process grew by while it loaded, and still held after), and `.stored` (bytes as stored). Kinds
    are `exact`, policies with a `match` each, and `expressions`, with a `when` each as well.
    """
    figures = Figures()
    task = ours().task
    _SNAPSHOTS.mkdir(parents=True, exist_ok=True)
    for count in COUNTS:
        for kind, policies in (("exact", exact), ("expressions", with_expressions)):
            progress(f"snapshot of {count:,} policies, {kind}: compiling")
            file = _SNAPSHOTS / f"{kind}-{count}"
            file.write_bytes(snapshot_of(policies(count)))
            samples: defaultdict[str, list[float]] = defaultdict(list)
            for number in range(runs):
                progress(f"snapshot of {count:,} policies, {kind}: load {number + 1} of {runs}")
                found = _load(task, file)
                samples["time"].append(found["wallMs"])
                samples["cpu"].append(found["cpuMs"])
                samples["peak"].append(found["peakBytes"])
                samples["held"].append(found["heldBytes"])
            samples["stored"].append(file.stat().st_size)
            for name, measurements in samples.items():
                unit = "ms" if name in {"time", "cpu"} else "bytes"
                figures.add(f"load.{count}.{kind}.{name}", unit, measurements)
    return figures


def _load(task: Path, file: Path) -> dict[str, float]:
    done = subprocess.run(
        [str(LAMBDA_PYTHON), str(BENCH / "snapshot_probe.py"), str(file)],
        env={"PYTHONPATH": str(task)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
