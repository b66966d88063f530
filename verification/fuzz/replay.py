"""Runs what a fuzzer found again without instrumentation: what it takes of time and memory."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from verification.fuzz.measure import resident_mib
from verification.fuzz.registry import CAMPAIGNS
from verification.fuzz.target import Target

_TRIES: Final = 3
_WARM_PASSES: Final = 2
_MOST_PASSES: Final = 200
_PATIENCE: Final = 20.0
"""Seconds for which the corpus is passed through again and again."""


def main(name: str, results: Path) -> None:
    """Write `replay.json`."""
    target = CAMPAIGNS[name].make()
    slowest = [path.read_bytes() for path in sorted((results / "slowest").iterdir())]
    corpus = [path.read_bytes() for path in sorted((results / "corpus").iterdir())]
    times = [(_least_ms(target, data), data) for data in slowest]
    worst, worst_input = max(times, default=(0.0, b""))
    figures: dict[str, Any] = {"slowest_ms": worst, **_memory(target, corpus or slowest)}
    (results / "slowest_input").write_bytes(worst_input)
    (results / "replay.json").write_text(json.dumps(figures))


def _least_ms(target: Target, data: bytes) -> float:
    """The least processor time of some tries: the others were disturbed."""
    taken = []
    for _ in range(_TRIES):
        began = time.process_time()
        target(data)
        taken.append((time.process_time() - began) * 1000)
    return min(taken)


def _memory(target: Target, corpus: Sequence[bytes]) -> dict[str, Any]:
    """What the process grows by while it does the same again and again."""
    until = time.monotonic() + _PATIENCE
    warm, passes = 0.0, 0
    while passes < _WARM_PASSES or (time.monotonic() < until and passes < _MOST_PASSES):
        for data in corpus:
            target(data)
        passes += 1
        if passes == _WARM_PASSES:
            warm = resident_mib()
    return {
        "replayed": passes * len(corpus),
        "replay_growth_mib": round(resident_mib() - warm, 1),
    }


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
