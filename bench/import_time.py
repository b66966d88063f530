"""Reads what ``python -X importtime`` prints, and reports on whose behalf the time was spent.

https://docs.python.org/3/using/cmdline.html#cmdoption-X: a line a module, each after those that it
imported, indented by depth.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)$")
_SHOWN: Final = 30

START: Final = "interpreter"
"""What Python imports before anything asks for it."""

LIBRARY: Final = "standard library"


@dataclass(frozen=True, slots=True)
class ImportTime:
    """One module's import.

    Attributes
    ----------
    own_ms, total_ms
        Without and with what it imported in turn.
    importer
        The module that asked for it; empty at the top.
    """

    module: str
    own_ms: float
    total_ms: float
    importer: str

    @property
    def package(self) -> str:
        """Its top-level package; `LIBRARY` for the standard library's."""
        top = self.module.partition(".")[0]
        return LIBRARY if top in sys.stdlib_module_names or top.startswith("_") else top


@dataclass(frozen=True, slots=True)
class Imports:
    """Where the time of a cold start goes.

    Attributes
    ----------
    cpu_ms
        CPU time of the whole start, with the cost of being watched.
    total_ms
        Of all imports.
    by_package
        Milliseconds by the package whose modules they are.
    on_behalf_of
        The same, but the standard library's given to the package that asked for it.
    slowest, largest
        The modules with the most time of their own, and with all that they imported.
    """

    cpu_ms: float
    total_ms: float
    by_package: dict[str, float]
    on_behalf_of: dict[str, float]
    slowest: Sequence[ImportTime]
    largest: Sequence[ImportTime]

    @property
    def rest_ms(self) -> float:
        """What is not an import: the interpreter's own start, and what the modules do beyond."""
        return max(0.0, self.cpu_ms - self.total_ms)

    def to_json(self) -> dict[str, Any]:
        """The same for a result file."""
        return {
            "cpuMs": round(self.cpu_ms, 1),
            "importsMs": round(self.total_ms, 1),
            "restMs": round(self.rest_ms, 1),
            "byPackage": self.by_package,
            "onBehalfOf": self.on_behalf_of,
            "slowest": [{"module": one.module, "ms": round(one.own_ms, 2)} for one in self.slowest],
            "largest": [
                {"module": one.module, "ms": round(one.total_ms, 2)} for one in self.largest
            ],
        }


def read_import_times(lines: Iterable[str]) -> list[ImportTime]:
    """Read the lines, whatever else stands between them."""
    found: list[ImportTime] = []
    # What was imported at each depth and waits for its importer, which comes after it.
    waiting: defaultdict[int, list[int]] = defaultdict(list)
    for line in lines:
        parts = _LINE.match(line)
        if parts is None:
            continue
        own, total, indentation, module = parts.groups()
        depth = len(indentation) // 2
        for place in waiting.pop(depth + 1, ()):
            imported = found[place]
            found[place] = ImportTime(imported.module, imported.own_ms, imported.total_ms, module)
        waiting[depth].append(len(found))
        found.append(ImportTime(module, int(own) / 1e3, int(total) / 1e3, ""))
    return found


def undisturbed(runs: Sequence[Sequence[ImportTime]]) -> list[ImportTime]:
    """The first run's imports, with each module's quickest time of all runs.

    The clock of ``-X importtime`` goes on while others have the processor, and where it is taken
    away is not by chance: often at the same module.
    """
    quickest: dict[str, float] = {}
    for run in runs:
        for one in run:
            quickest[one.module] = min(one.own_ms, quickest.get(one.module, one.own_ms))
    totals: defaultdict[str, float] = defaultdict(float)
    together: list[ImportTime] = []
    for one in runs[0]:
        # What a module imported comes before it.
        total = quickest[one.module] + totals.pop(one.module, 0.0)
        if one.importer:
            totals[one.importer] += total
        together.append(ImportTime(one.module, quickest[one.module], total, one.importer))
    return together


def imports_of(times: Sequence[ImportTime], cpu_ms: float) -> Imports:
    """Sum up the imports of a start that took so many milliseconds of CPU time."""
    by_package: defaultdict[str, float] = defaultdict(float)
    on_behalf: defaultdict[str, float] = defaultdict(float)
    modules = {one.module: one for one in times}
    for one in times:
        by_package[one.package] += one.own_ms
        on_behalf[_asked_for_by(one, modules)] += one.own_ms
    return Imports(
        cpu_ms,
        sum(one.own_ms for one in times),
        _sorted(by_package),
        _sorted(on_behalf),
        sorted(times, key=lambda one: -one.own_ms)[:_SHOWN],
        sorted(times, key=lambda one: -one.total_ms)[:_SHOWN],
    )


def _asked_for_by(one: ImportTime, modules: dict[str, ImportTime]) -> str:
    """The package on whose behalf a module was imported."""
    while one.package == LIBRARY:
        if not one.importer:
            return START
        one = modules[one.importer]
    return one.package


def _sorted(sums: dict[str, float]) -> dict[str, float]:
    return {name: round(ms, 2) for name, ms in sorted(sums.items(), key=lambda item: -item[1])}
