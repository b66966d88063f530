"""The plots of `docs/scale.md`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from bench.scale import Run

mpl.use("Agg")

_SIZE: Final = (8.0, 4.5)
_DPI: Final = 120
_STEP: Final = 0.05
"""Seconds that a point of the burst's plot stands for."""

_PARTITION_READS: Final = 3_000


def burst(run: "Run", path: Path) -> None:
    """A burst: executions, and what starts and is refused, over time."""
    seen, load = run.seen, run.load
    edges = [number * _STEP for number in range(round(load.seconds / _STEP) + 1)]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8.0, 6.0), sharex=True)
    above.plot(*zip(*seen.in_flight, strict=True), drawstyle="steps-post", color="tab:blue")
    above.axhline(load.quotas.concurrency, color="tab:red", linestyle="--", linewidth=1)
    above.annotate(
        "concurrency quota",
        (load.seconds, load.quotas.concurrency),
        xytext=(-4, -12),
        textcoords="offset points",
        color="tab:red",
        ha="right",
    )
    above.set_ylabel("executions at a time")
    above.set_title(f"{run.name}, at {load.burst_at:g} s")
    below.hist(list(seen.started_at), bins=edges, color="tab:orange", label="cold starts")
    if seen.refused_at:
        below.hist(list(seen.refused_at), bins=edges, color="tab:red", label="refused hooks")
    below.set_yscale("symlog")
    below.set_ylabel(f"in {_STEP * 1000:g} ms")
    below.set_xlabel("seconds")
    below.legend(loc="upper right")
    _save(figure, path)


def latencies(runs: Sequence["Run"], path: Path) -> None:
    """How many hooks take longer than a time, by rate."""
    figure, axes = plt.subplots(figsize=_SIZE)
    for run in runs:
        ordered = sorted(run.seen.latencies)
        places = sorted({min(len(ordered) - 1, round(1.02**step)) for step in range(900)})
        axes.plot(
            [ordered[-1 - place] * 1e3 for place in places],
            [(place + 1) / len(ordered) for place in places],
            label=run.name,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("ms in a function, its start included")
    axes.set_ylabel("share of hooks that take longer")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    _save(figure, path)


def reads(curves: Mapping[int, Sequence[tuple[float, float]]], path: Path) -> None:
    """Reads of the pointer of every app, by rate, for numbers of apps."""
    figure, axes = plt.subplots(figsize=_SIZE)
    for apps, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=f"{apps} app{'s' if apps > 1 else ''}")
    axes.axhline(_PARTITION_READS, color="tab:red", linestyle="--", linewidth=1)
    axes.annotate(
        "what a partition gives",
        (10, _PARTITION_READS),
        xytext=(0, 4),
        textcoords="offset points",
        color="tab:red",
    )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("hooks a second")
    axes.set_ylabel("read units a second of the pointer of every app")
    axes.grid(visible=True, which="major", alpha=0.3)
    axes.legend()
    _save(figure, path)


def _save(figure: "plt.Figure", path: Path) -> None:
    figure.tight_layout()
    # Without the time at which it was drawn: the same run gives the same file.
    figure.savefig(path, dpi=_DPI, metadata={"Software": None})
    plt.close(figure)
