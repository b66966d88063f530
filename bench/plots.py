"""Plots of the results, as PNG in ``docs/``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure as Plot

from bench.figures import Figures
from bench.locations import DOCS
from bench.measured_functions import (
    BASELINE,
    BASELINE_WITH_READ,
    BASELINE_WITH_WRITE,
    POWERTOOLS,
    POWERTOOLS_WITHOUT_READ,
)
from bench.results import Result
from bench.targets import CATEGORIES, COLD_RATIO, Section

_SIZE: Final = (9, 4.5)
_DPI: Final = 110
_GREY: Final = "#9aa5b1"
_ORANGE: Final = "#d9822b"
_BLUE: Final = "#2b6cb0"
_COLOURS: Final[Mapping[str, str]] = {
    BASELINE: _GREY,
    BASELINE_WITH_READ: _GREY,
    BASELINE_WITH_WRITE: _GREY,
    POWERTOOLS: _ORANGE,
    POWERTOOLS_WITHOUT_READ: _ORANGE,
    **dict.fromkeys(CATEGORIES, _BLUE),
}


def draw(results: Sequence[Result], directory: Path = DOCS / "maintainers") -> list[Path]:
    """Draw what the results give; return the files."""
    mpl.use("agg")
    mpl.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    drawn: list[Path] = []
    for result in results:
        match result.section:
            case Section.FUNCTIONS:
                drawn.append(_cold(result.details["imports"], directory))
                drawn.append(_warm(result.figures, directory))
            case Section.ENFORCEMENT:
                drawn.append(_enforcement(result.details["seconds"], directory))
    return drawn


def _cold(imports: Mapping[str, Any], directory: Path) -> Path:
    """Each function's start, piece by piece."""
    plot = Plot(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = plot.subplots()
    names = list(imports)[::-1]
    packages = sorted(
        {package for measured in imports.values() for package in measured["onBehalfOf"]},
        key=lambda package: (
            -max(measured["onBehalfOf"].get(package, 0) for measured in imports.values())
        ),
    )
    shown = packages[:10]
    pieces = {
        package: [imports[name]["onBehalfOf"].get(package, 0.0) for name in names]
        for package in shown
    }
    pieces["other packages"] = [
        sum(ms for package, ms in imports[name]["onBehalfOf"].items() if package not in shown)
        for name in names
    ]
    pieces["no import: start, clients"] = [imports[name]["restMs"] for name in names]
    left = [0.0] * len(names)
    palette = mpl.colormaps["tab20"]
    for number, (package, widths) in enumerate(pieces.items()):
        axes.barh(names, widths, left=left, label=package, color=palette(number))
        left = [at + width for at, width in zip(left, widths, strict=True)]
    axes.axvline(
        imports[POWERTOOLS]["cpuMs"] * COLD_RATIO, color="black", linestyle=":", linewidth=1
    )
    axes.set_xlabel("ms of CPU from the process's start to the first /next, under -X importtime")
    axes.set_title(f"Cold start: on whose behalf (dotted: {COLD_RATIO:g} × Powertools baseline)")
    axes.legend(fontsize=7, loc="lower right")
    return _save(plot, directory / "performance-cold.png")


def _warm(figures: Figures, directory: Path) -> Path:
    """CPU time of a warm call."""
    plot = Plot(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = plot.subplots()
    prefix = "warm.cpu."
    names = [name.removeprefix(prefix) for name in figures if name.startswith(prefix)]
    names.sort(key=lambda name: (list(_COLOURS).index(name.partition(".")[0]), name))
    names.reverse()
    found = [figures[f"{prefix}{name}"].summary for name in names]
    axes.barh(
        [name.replace(".", " ") for name in names],
        [one.median for one in found],
        xerr=[
            [one.median - one.low for one in found],
            [one.high - one.median for one in found],
        ],
        color=[_COLOURS[name.partition(".")[0]] for name in names],
        error_kw={"elinewidth": 1},
    )
    baseline = figures.median(f"{prefix}{BASELINE}.echo")
    for factor, style in ((1.3, ":"), (1.5, "--")):
        axes.axvline(baseline * factor, color="black", linestyle=style, linewidth=1)
    axes.set_xlabel("µs of CPU per call, quartiles (dotted 1.3, dashed 1.5 × the no-op baseline)")
    axes.set_title("Warm calls under awslambdaric")
    return _save(plot, directory / "performance-warm.png")


def _enforcement(seconds: Sequence[float], directory: Path) -> Path:
    """From an edit to its enforcement: how many edits within which time."""
    plot = Plot(figsize=_SIZE, dpi=_DPI, layout="constrained")
    axes = plot.subplots()
    ordered = sorted(seconds)
    shares = [(number + 1) / len(ordered) * 100 for number in range(len(ordered))]
    axes.step(ordered, shares, where="post", color=_BLUE)
    axes.axvline(5, color="black", linestyle=":", linewidth=1)
    axes.axhline(99, color=_GREY, linewidth=1)
    axes.set_xlim(left=0)
    axes.set_xlabel(
        "seconds from an edit to the first hook that is answered by it (dotted: target)"
    )
    axes.set_ylabel("% of edits")
    axes.set_title(f"Edit to enforcement, local deployment, {len(ordered)} edits")
    return _save(plot, directory / "performance-enforcement.png")


def _save(plot: Plot, path: Path) -> Path:
    plot.savefig(path, metadata={"Software": None})
    return path
