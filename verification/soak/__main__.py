"""The command line behind `make soak`."""

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

from rich.console import Console

from local.workspace import REPOSITORY
from verification.soak import report
from verification.soak.plan import Plan
from verification.soak.run import Bounds, Conductor
from verification.soak.stack import deployed

_DIRECTORY: Final = REPOSITORY / ".local" / "soak"
_RESULT: Final = REPOSITORY / "build" / "soak.json"
_DOCUMENT: Final = REPOSITORY / "docs" / "maintainers" / "soak.md"
_LOG_WIDTH: Final = 140
_MARGIN: Final = 300
"""Hooks beyond the rate times the time: those of the phase in which the queue refuses."""


def main() -> int:
    """Run a soak, or write its result into the document; return the exit status."""
    arguments = _parser().parse_args()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    # However it is ended, the emulator ends with it.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    if arguments.command == "render":
        result = json.loads(arguments.result.read_text())
        _DOCUMENT.write_text(report.fill(_DOCUMENT.read_text(), result))
        return 0
    return _run(arguments.minutes, arguments.seed, arguments.rate, arguments.result)


def _end(number: int, _frame: object) -> None:
    sys.exit(128 + number)


def _run(minutes: float, seed: int, rate: float, file: Path) -> int:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _LOG_WIDTH
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[{time.monotonic() - began:6.0f} s] {text}", markup=False)

    plan = Plan.from_seed(seed, minutes * 60)
    bounds = Bounds(rate=rate, count=int(rate * (plan.seconds + 30)) + _MARGIN)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.with_suffix(".plan.json").write_text(json.dumps(plan.to_json(), indent=1))
    say(f"{len(plan.windows)} faults are planned, seed {seed}: {file.with_suffix('.plan.json')}")
    say("Deploying the stack to an emulator of its own")
    with deployed(_DIRECTORY) as stack:
        soak = Conductor(stack, plan, bounds, say).run()
    file.write_text(json.dumps(soak.to_json(), indent=1))
    report.show(console, soak)
    say(f"{'All adds up' if soak.ok else 'It does NOT add up'}: {file}")
    return 0 if soak.ok else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m verification.soak", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="deploy, send hooks, let faults in, strike the balance")
    run.add_argument("--minutes", type=float, default=30.0, help="of the main phase")
    run.add_argument("--seed", type=int, default=20261123, help="of the traffic and of the faults")
    run.add_argument("--rate", type=float, default=25.0, help="hooks a second at the most")
    render = commands.add_parser("render", help="write a result into docs/maintainers/soak.md")
    for command in (run, render):
        command.add_argument("--result", type=Path, default=_RESULT, help="the result, JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
