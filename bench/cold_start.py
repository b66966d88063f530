"""Cold starts: from the process's start to the moment when it asks for its first invocation."""

from collections import defaultdict
from tempfile import TemporaryFile
from time import perf_counter
from typing import Final

from bench.figures import Figures
from bench.hooks import MEASURED, Path, gateway_event
from bench.import_time import (
    Imports,
    ImportTime,
    imports_of,
    read_import_times,
    undisturbed,
)
from bench.measured_functions import BASELINE, POWERTOOLS, Laboratory
from bench.progress import Progress
from bench.samples import paired_ratios
from wcs_hooks.core.methods import Category

RUNS: Final = 30
"""Of each function, in turn: what slows the machine down hits all of them alike."""

_IMPORT_RUNS: Final = 15


def measure_cold_starts(laboratory: Laboratory, progress: Progress, runs: int = RUNS) -> Figures:
    """Start each function many times.

    The figures are `cold.wall.<function>` (ms), `cold.cpu.<function>` (ms of CPU time until then),
    `cold.memory.{rss,pss}.<function>` (bytes, before any call), `cold.first-call.{wall,cpu}.<…>`,
    and the ratios to the Powertools baseline and to the no-op baseline, each of the same round.
    """
    samples: defaultdict[str, list[float]] = defaultdict(list)
    for number in range(runs):
        progress(f"cold starts, round {number + 1} of {runs}")
        for name in laboratory.functions:
            with laboratory.start(name) as process:
                cpu = process.cpu_seconds()
                memory = process.memory()
                began = perf_counter()
                process.invoke(first_hook(name))
                answered = perf_counter() - began
                cpu_of_call = process.cpu_seconds() - cpu
            samples[f"wall.{name}"].append(process.start_seconds * 1e3)
            samples[f"cpu.{name}"].append(cpu * 1e3)
            samples[f"memory.rss.{name}"].append(memory.resident)
            samples[f"memory.pss.{name}"].append(memory.proportional)
            samples[f"first-call.wall.{name}"].append(answered * 1e3)
            samples[f"first-call.cpu.{name}"].append(cpu_of_call * 1e3)
    figures = Figures()
    for name, measurements in samples.items():
        figures.add(f"cold.{name}", "bytes" if "memory" in name else "ms", measurements)
    for name in laboratory.functions:
        for other in {BASELINE, POWERTOOLS} - {name}:
            for kind, prefix in (("wall", "cold.ratio"), ("cpu", "cold.cpu-ratio")):
                ratios = paired_ratios(samples[f"{kind}.{name}"], samples[f"{kind}.{other}"])
                figures.add(f"{prefix}.{name}.{other}", "x", ratios)
    return figures


def measure_imports(laboratory: Laboratory, progress: Progress) -> dict[str, Imports]:
    """Where the time of a cold start goes, by ``-X importtime``: each module's quickest import."""
    found: dict[str, Imports] = {}
    for name in (BASELINE, POWERTOOLS, *Category):
        progress(f"imports of {name}")
        runs: list[list[ImportTime]] = []
        cpu: list[float] = []
        for _ in range(_IMPORT_RUNS):
            with TemporaryFile() as printed:
                with laboratory.start(name, "-X", "importtime", errors=printed) as process:
                    cpu.append(process.cpu_seconds() * 1e3)
                printed.seek(0)
                runs.append(read_import_times(printed.read().decode().splitlines()))
        found[str(name)] = imports_of(undisturbed(runs), min(cpu))
    return found


def first_hook(name: str) -> bytes:
    """The hook that a function is asked about first."""
    category = Category(name) if name in list(Category) else Category.DIRECT
    subject = MEASURED[category]
    return gateway_event(subject.method, subject.body(Path.ECHO))
