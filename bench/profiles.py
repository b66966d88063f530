"""Where a call's CPU time goes, by function, under `cProfile`.

Profiling costs more than many of the functions that it counts, so only shares are shown, and
nothing that is measured here is compared with what the other sections measure.
"""

import dataclasses
import json
import pstats
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from bench import hooks
from bench.hooks import MEASURED, gateway_event
from bench.locations import BENCH
from bench.measured_functions import Laboratory
from bench.progress import Progress
from wcs_hooks.core.methods import Category

CALLS: Final = 2000
_WARM_UP: Final = 50
_SHOWN: Final = 40


def profile_functions(laboratory: Laboratory, progress: Progress) -> dict[str, Any]:
    """Profile a category's start, and its calls path by path.

    Returns
    -------
    dict
        `start`, and the paths' names, each with `modules` and `functions`: the `share` of all time
        that is their own, without what they call, and the functions' `calls` a hook (of the start,
        in all).
    """
    found: dict[str, Any] = {}
    function = laboratory.functions[Category.DIRECT]
    profiled = dataclasses.replace(
        function,
        handler="profiled.handler",
        variables={
            **function.variables,
            "PROFILED_HANDLER": function.handler,
            "PYTHONPATH": str(BENCH / "profiling"),
        },
    )
    watched = dataclasses.replace(laboratory, functions={"profiled": profiled})
    subject = MEASURED[Category.DIRECT]
    connect = MEASURED[Category.CONNECT]
    with laboratory.start(Category.CONNECT) as process:
        # So that the session is known, and its hooks can be denied.
        process.invoke(gateway_event(connect.method, connect.body(hooks.Path.ECHO)))
    for path in hooks.Path:
        progress(f"profile of {path}")
        event = gateway_event(subject.method, subject.body(path))
        with tempfile.TemporaryDirectory() as directory, watched.start("profiled") as process:
            dump = json.dumps({"dump": directory}).encode()
            for _ in range(_WARM_UP):
                process.invoke(event)
            process.invoke(dump)
            start = _shares(Path(directory) / "start.pstats", 1)
            for _ in range(CALLS):
                process.invoke(event)
            process.invoke(dump)
            found[path] = _shares(Path(directory) / "calls.pstats", CALLS)
        found.setdefault("start", start)
    return found


def _shares(file: Path, times: int) -> dict[str, Any]:
    profile = pstats.Stats(str(file))
    # Both are public, but not in the published types.
    whole: float = vars(profile)["total_tt"]
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = vars(profile)["stats"]
    by_module: defaultdict[str, float] = defaultdict(float)
    functions: list[dict[str, Any]] = []
    for place, (_, calls, own, _, _) in stats.items():
        by_module[_module(place)] += own / whole
        functions.append(
            {
                "function": _named(place),
                "share": round(own / whole, 4),
                "calls": round(calls / times, 2),
            }
        )
    functions.sort(key=lambda row: -row["share"])
    modules = sorted(by_module.items(), key=lambda item: -item[1])
    return {
        "modules": [
            {"module": module, "share": round(share, 4)} for module, share in modules[:_SHOWN]
        ],
        "functions": functions[:_SHOWN],
    }


def _module(place: tuple[str, int, str]) -> str:
    """The module that a function is of; for a built-in one itself."""
    file, _, name = place
    return name if file == "~" else "/".join(Path(file).parts[-2:])


def _named(place: tuple[str, int, str]) -> str:
    file, line, name = place
    if file == "~":
        return name
    return f"{'/'.join(Path(file).parts[-2:])}:{line} {name}"
