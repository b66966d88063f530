"""Loading a snapshot: time and memory, each in a fresh process of the packaged functions."""

import json
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.engines import rules
from bench.engines.ours import snapshot_of
from bench.engines.rules import Rule, StartsWith
from bench.figures import Figures
from bench.locations import BENCH, ENVIRONMENT, LAMBDA_PYTHON
from bench.packages import ours
from bench.progress import Progress

COUNTS: Final = (1_000, 10_000, 100_000)
RUNS: Final = 15

_SNAPSHOTS: Final = ENVIRONMENT / "snapshots"


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
        for kind in ("exact", "expressions"):
            progress(f"snapshot of {count:,} policies, {kind}: compiling")
            file = _SNAPSHOTS / f"{kind}-{count}"
            file.write_bytes(snapshot_of(policies(kind, count)))
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


def policies(kind: str, count: int) -> Sequence[Rule]:
    """So many policies; with `expressions` each has one of its own."""
    exact = rules.exact(count)
    if kind == "exact":
        return exact
    return [
        Rule(rule.id, rule.method, rule.match, (StartsWith("sessionId", f"/192.0.2.{number}:"),))
        for number, rule in enumerate(exact)
    ]


def _load(task: Path, file: Path) -> dict[str, float]:
    done = subprocess.run(
        [str(LAMBDA_PYTHON), str(BENCH / "snapshot_probe.py"), str(file)],
        env={"PYTHONPATH": str(task)},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found
