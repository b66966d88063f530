"""Fuzzes the targets, each in a process of its own, and reports what came of it."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from verification.fuzz.figures import TargetFigures
from verification.fuzz.registry import CAMPAIGNS, Campaign

ROOT: Final = Path(__file__).resolve().parents[2]
RESULTS: Final = ROOT / ".fuzz" / "results"

_DICTIONARY: Final = Path(__file__).with_name("tokens.dict")
_HANG_SECONDS: Final = 30
_MEMORY_MIB: Final = 2048
_LAST_LINES: Final = 12
_COVERAGE: Final = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")


@dataclass(frozen=True)
class Plan:
    """How much is run.

    Attributes
    ----------
    runs
        Inputs for all targets together.
    seconds
        The most that one target may take.
    jobs
        Processes at a time.
    seed
        Of the mutations: the same seed gives much the same run.
    """

    runs: int
    seconds: int
    jobs: int
    seed: int


def fuzz(
    plan: Plan, names: Sequence[str], report: Callable[[TargetFigures], None]
) -> list[TargetFigures]:
    """Fuzz targets; report each when it is done."""
    shares = sum(CAMPAIGNS[name].share for name in names)

    def one(name: str) -> TargetFigures:
        figures = _one(name, plan.runs * CAMPAIGNS[name].share // shares + 1, plan)
        report(figures)
        return figures

    with ThreadPoolExecutor(plan.jobs) as pool:
        return list(pool.map(one, names))


def _one(name: str, runs: int, plan: Plan) -> TargetFigures:
    campaign = CAMPAIGNS[name]
    results = RESULTS / name
    shutil.rmtree(results, ignore_errors=True)
    for directory in ("corpus", "seeds", "slowest", "crashes"):
        (results / directory).mkdir(parents=True)
    for number, seed in enumerate(campaign.make().seeds()):
        (results / "seeds" / f"{number:04}").write_bytes(seed)
    began = time.monotonic()
    log = results / "log"
    status = _run(log, "instrumented", name, results, runs, *_arguments(campaign, runs, plan))
    seconds = time.monotonic() - began
    figures = _read(results / "figures.json")
    failure = "" if status == 0 else _failure(log, results)
    replayed: dict[str, Any] = {}
    if not failure:
        status = _run(results / "replay.log", "replay", name, results)
        failure = "" if status == 0 else _failure(results / "replay.log", results)
        replayed = _read(results / "replay.json")
    coverage = _COVERAGE.findall(log.read_text(errors="replace"))
    edges, features, corpus = map(int, coverage[-1]) if coverage else (0, 0, 0)
    return TargetFigures(
        target=name,
        inputs=figures.get("inputs", 0),
        seconds=round(seconds, 1),
        edges=edges,
        features=features,
        corpus=corpus,
        slowest_ms=round(replayed.get("slowest_ms", 0.0), 1),
        growth_mib=round(figures.get("end_mib", 0.0) - figures.get("warm_mib", 0.0), 1),
        peak_mib=round(figures.get("peak_mib", 0.0), 1),
        replayed=replayed.get("replayed", 0),
        replay_growth_mib=replayed.get("replay_growth_mib", 0.0),
        failure=failure,
    )


def _arguments(campaign: Campaign, runs: int, plan: Plan) -> list[str]:
    return [
        "corpus",
        "seeds",
        f"-runs={runs}",
        f"-max_total_time={plan.seconds}",
        f"-max_len={campaign.longest}",
        f"-dict={_DICTIONARY}",
        f"-seed={plan.seed}",
        f"-timeout={_HANG_SECONDS}",
        f"-rss_limit_mb={_MEMORY_MIB}",
        "-artifact_prefix=crashes/",
    ]


def _run(log: Path, module: str, name: str, results: Path, *arguments: object) -> int:
    search = os.pathsep.join(map(str, (ROOT, ROOT / "functions")))
    command = [sys.executable, "-m", f"verification.fuzz.{module}", name, str(results)]
    with log.open("wb") as output:
        done = subprocess.run(
            [*command, *map(str, arguments)],
            cwd=results,
            env={**os.environ, "PYTHONPATH": search},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    return done.returncode


def _failure(log: Path, results: Path) -> str:
    """What was said last, and where the input is."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("INFO:", "#"))]
    found = [str(path.relative_to(ROOT)) for path in (results / "crashes").iterdir()]
    return "\n      ".join([*said[-_LAST_LINES:], *found]) or "ended by itself"


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    content: dict[str, Any] = json.loads(path.read_text())
    return content
