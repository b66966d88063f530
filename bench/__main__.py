"""Runs the benchmark: all sections, or those that are named.

``python -m bench [functions] [profile] [decisions] [snapshots] [enforcement]``; ``report`` alone
renders what was found before. The exit status is 1 if a target of a section that ran is missed.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence

from bench import plots, report
from bench.cold_start import measure_cold_starts, measure_imports
from bench.decisions import details, measure_decisions
from bench.figures import Figures
from bench.locations import REPOSITORY
from bench.measured_functions import laboratory
from bench.packages import ours_for_lambda
from bench.profiles import profile_functions
from bench.progress import show_progress
from bench.results import Result, context, read
from bench.snapshot_loading import measure_loading
from bench.targets import Section, judge
from bench.warm_calls import measure_warm_calls

_REPORT = "report"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write what was found, and print it; return the exit status."""
    asked = _sections(arguments)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        # A developer's AWS settings: none may get through.
        del os.environ[name]
    for result in _run(asked):
        show_progress(f"{result.section}: {result.write().relative_to(REPOSITORY)}")
    results = [found for section in Section if (found := read(section)) is not None]
    report.render(results)
    plots.draw(results)
    sections = asked or [result.section for result in results]
    verdicts = judge(report.all_figures(results), sections)
    report.show(verdicts)
    return 0 if all(verdict.met for verdict in verdicts) else 1


def _sections(arguments: Sequence[str] | None) -> list[Section]:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    known = [*Section, _REPORT]
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(known)}")
    named = parser.parse_args(arguments).sections
    unknown = sorted(set(named) - set(known))
    if unknown:
        parser.error(f"there is no section {', '.join(unknown)}; known are {', '.join(known)}")
    if not named:
        return list(Section)
    return [section for section in Section if section in named]


def _run(asked: Iterable[Section]) -> Iterable[Result]:
    asked = set(asked)
    # The context is taken first: of what is measured, not of what was edited meanwhile.
    of_run = context()
    if asked & {Section.FUNCTIONS, Section.PROFILE}:
        show_progress("packaging the functions, and starting an AWS for them")
        with laboratory() as lab:
            if Section.FUNCTIONS in asked:
                imports = measure_imports(lab, show_progress)
                figures = measure_cold_starts(lab, show_progress) | measure_warm_calls(
                    lab, show_progress
                )
                for name, package in lab.packages.items():
                    figures.add(f"package.{name}.host", "bytes", [package.zipped_bytes])
                for architecture, size in ours_for_lambda().items():
                    figures.add(f"package.ours.{architecture}", "bytes", [size])
                by_imports = {"imports": {name: one.to_json() for name, one in imports.items()}}
                yield Result(Section.FUNCTIONS, figures, by_imports, of_run)
            if Section.PROFILE in asked:
                yield Result(
                    Section.PROFILE, Figures(), profile_functions(lab, show_progress), of_run
                )
    if Section.DECISIONS in asked:
        yield Result(Section.DECISIONS, measure_decisions(show_progress), details(), of_run)
    if Section.SNAPSHOTS in asked:
        yield Result(Section.SNAPSHOTS, measure_loading(show_progress), {}, of_run)
    if Section.ENFORCEMENT in asked:
        figures = Figures()
        seconds = _enforcement()
        figures.add("enforcement.seconds", "s", seconds)
        rounded = [round(one, 3) for one in seconds]
        yield Result(Section.ENFORCEMENT, figures, {"seconds": rounded}, of_run)


def _enforcement() -> list[float]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.enforcement"],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": f"{REPOSITORY / 'functions'}{os.pathsep}{REPOSITORY}"},
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds: list[float] = json.loads(done.stdout)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
