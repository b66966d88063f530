"""Puts a load on the local run, for the simulation to be held against: ``make local-load``.

Keep-alives alone, at random: their function makes no call but to look for policies, so that its own
time tells which of them did.
"""

import json
import math
import os
import platform
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import mean, median, stdev
from typing import Final

from bench.model.durations import Durations
from bench.model.hook_mix import KEEP_ALIVE
from bench.model.local_run import FILE, LocalRun, write_local_run
from bench.model.reported_hooks import body_of
from local.decisions import DecisionLog
from local.deployment import StackOutputs
from local.emulator import Emulator
from local.errors import LocalRunError
from local.hooks import Reply, poster_for
from local.workspace import DEFAULT_PORT, REPOSITORY, Workspace

HOOKS_PER_SECOND: Final = 10.0
SECONDS: Final = 60.0

_SETTLING: Final = 3.0
"""Seconds for the log to be complete."""

_WARM_UP: Final = 30
_THREADS: Final = 32
_SNAPSHOT_TTL: Final = 1.0
_OK: Final = 200


def main() -> int:
    """Post hooks, and write down what the functions say of them."""
    directory = REPOSITORY / ".local"
    port = Emulator(Workspace(directory, DEFAULT_PORT)).running_port()
    if port is None:
        sys.stderr.write("No emulator is running from here: run `make local` first.\n")
        return 1
    try:
        run = put_load(Workspace(directory, port), HOOKS_PER_SECOND, SECONDS)
    except LocalRunError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    write_local_run(run)
    sys.stdout.write(
        f"{run.hooks} hooks: {run.refreshes} looked for policies, p50 {run.p50_ms:.2f} ms, "
        f"p99 {run.p99_ms:.2f} ms. Written to {FILE.relative_to(Path(REPOSITORY))}.\n"
    )
    return 0


def put_load(workspace: Workspace, hooks_per_second: float, seconds: float) -> LocalRun:
    """Post keep-alives at random moments, and read what was counted of them.

    Raises
    ------
    LocalRunError
        If a hook was not echoed, or was not counted.
    """
    poster = poster_for(workspace)
    body = json.dumps(body_of(KEEP_ALIVE)).encode()
    outputs = StackOutputs.read(workspace.outputs)
    log = DecisionLog(workspace, outputs)
    # One after another: one environment answers them all.
    if any(poster.post(KEEP_ALIVE, body).status != _OK for _ in range(_WARM_UP)):
        raise LocalRunError(f"A {KEEP_ALIVE} is not echoed: are there policies for it?")
    time.sleep(_SETTLING)
    began_ms = int(time.time() * 1000)
    before = _environments(workspace, outputs.event_function_name)
    chance = Random(1)  # noqa: S311 - nothing secret
    at = [0.0]
    while at[-1] < seconds:
        at.append(at[-1] + chance.expovariate(hooks_per_second))
    began = time.monotonic()

    def post_at(moment: float) -> Reply:
        time.sleep(max(0.0, began + moment - time.monotonic()))
        return poster.post(KEEP_ALIVE, body)

    with ThreadPoolExecutor(_THREADS) as threads:
        replies = list(threads.map(post_at, at[1:-1]))
    if {reply.status for reply in replies} != {_OK}:
        raise LocalRunError("Not every hook was echoed.")
    time.sleep(_SETTLING)
    records = [
        record
        for record in log.records(outputs.event_function_name, began_ms)
        if "_aws" in record and record.get("method") == KEEP_ALIVE
    ]
    if len(records) != len(replies):
        raise LocalRunError(f"{len(replies)} hooks were sent, and {len(records)} were counted.")
    starts = sum("ColdStart" in record for record in records)
    times = [each for record in records for each in record["ServiceTime"]]
    plain, looked = split(times)
    ordered = sorted(times)
    # Whoever waited longest waited for an environment to start.
    waited = sorted(reply.seconds * 1000 for reply in replies)
    cold, warm = waited[len(waited) - starts :], waited[: len(waited) - starts]
    return LocalRun(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        hooks_per_second=len(times) / seconds,
        seconds=seconds,
        snapshot_ttl=_SNAPSHOT_TTL,
        hooks=len(times),
        refreshes=len(looked),
        busy_seconds=sum(times) / 1000,
        p50_ms=ordered[len(ordered) // 2],
        p99_ms=ordered[math.ceil(0.99 * len(ordered)) - 1],
        spread=stdev(map(math.log, plain)),
        aws_spread=stdev(map(math.log, looked)),
        durations=Durations(
            echo_ms=median(plain),
            refresh_ms=0.0,
            aws_call_ms=median(looked) - median(plain),
            start_ms=median(cold) if cold else 0.0,
            origin="local run",
        ),
        held_ms=median(warm) - median(times),
        held_spread=stdev(map(math.log, warm)),
        environments_before=before,
        environments_after=_environments(workspace, outputs.event_function_name),
    )


def split(times: Sequence[float]) -> tuple[list[float], list[float]]:
    """Tell short times from long ones: the two groups whose logarithms lie closest together.

    Examples
    --------
    >>> split([1.0, 9.0, 1.1, 0.9, 10.0])
    ([1.0, 1.1, 0.9], [9.0, 10.0])
    """
    border = mean(map(math.log, times))
    while True:
        short = [each for each in times if math.log(each) <= border]
        long = [each for each in times if math.log(each) > border]
        if not long:
            return short, long
        moved = (mean(map(math.log, short)) + mean(map(math.log, long))) / 2
        if math.isclose(moved, border, rel_tol=1e-9):
            return short, long
        border = moved


def _environments(workspace: Workspace, function: str) -> int:
    """How many environments of a function the emulator has started."""
    started = f"Lambda worker spawned for {function} "
    return workspace.emulator_log.read_text().count(started)


if __name__ == "__main__":
    sys.exit(main())
