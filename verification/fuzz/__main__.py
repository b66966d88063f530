"""`make fuzz`: fuzzes the targets, then a deployment on this machine over HTTP."""

import argparse
import json
import os
import sys
import time
from typing import Any, Final

from verification.fuzz import slow
from verification.fuzz.figures import TargetFigures, table
from verification.fuzz.fuzzing import RESULTS, Plan, fuzz
from verification.fuzz.over_http import HttpPlan, fuzz_over_http
from verification.fuzz.registry import CAMPAIGNS
from verification.fuzz.report import http_summary

FIGURES: Final = RESULTS / "figures.json"

_RUNS: Final = 2_000_000
_SECONDS: Final = 900
_EXAMPLES: Final = 60
_RAW: Final = 1_500
_SLOW: Final = "slow"
_HTTP: Final = "http"


def main() -> int:
    """Run; return the exit status."""
    arguments = _parser().parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    seed = arguments.seed or int(time.time())
    names = arguments.targets or [*CAMPAIGNS, _SLOW, _HTTP]
    # Of what is not run this time the figures stay.
    content: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    problems: list[str] = []
    targets = [name for name in CAMPAIGNS if name in names]
    if targets:
        _say(f"==> Fuzzing {len(targets)} targets, {arguments.runs:,} inputs, seed {seed}")
        plan = Plan(arguments.runs, arguments.seconds, arguments.jobs, seed)
        figures = fuzz(plan, targets, _report)
        known = {one["target"]: one for one in content.get("targets", ())}
        known |= {one.target: one.to_json() for one in figures}
        content["targets"] = [known[name] for name in CAMPAIGNS if name in known]
        problems += [problem for one in figures for problem in one.problems()]
        _say(f"\n{table(figures)}")
    if _SLOW in names:
        _say("==> Measuring bodies that are made to be slow, in ms of processor time")
        bodies = slow.measure()
        content["slow"] = [one.to_json() for one in bodies]
        problems += slow.problems(bodies)
        _say(f"\n{slow.table(bodies)}")
    if _HTTP in names:
        _say("==> Fuzzing a deployment of its own over HTTP")
        http = fuzz_over_http(HttpPlan(_EXAMPLES, arguments.seconds // 2, _RAW, seed))
        content["http"] = http.to_json()
        problems += http.problems
        _say(f"    {http_summary(http)}")
    FIGURES.write_text(json.dumps(content, indent=1) + "\n")
    for problem in problems:
        print(f"BROKEN {problem}", file=sys.stderr)  # noqa: T201 - a command
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m verification.fuzz", description=__doc__)
    known = [*CAMPAIGNS, _SLOW, _HTTP]
    parser.add_argument("targets", nargs="*", help=f"among {', '.join(known)}; all by default")
    parser.add_argument("--runs", type=int, default=_RUNS, help="inputs, over all targets")
    parser.add_argument("--seconds", type=int, default=_SECONDS, help="the most for one target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; else the time")
    return parser


def _report(one: TargetFigures) -> None:
    _say(f"    {one.target}: {one.inputs:,} inputs in {one.seconds:.0f} s")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - a command


if __name__ == "__main__":
    sys.exit(main())
