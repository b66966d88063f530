"""What is made of a load on the local run."""

from pathlib import Path

from bench.local_load import split
from bench.model.durations import Durations
from bench.model.local_run import LocalRun, read_local_run, write_local_run


def test_given_short_and_long_times_when_split_then_each_is_in_its_group() -> None:
    short, long = split([0.12, 0.2, 4.0, 0.14, 30.0, 0.11, 6.0])

    assert short == [0.12, 0.2, 0.14, 0.11]
    assert long == [4.0, 30.0, 6.0]


def test_given_times_that_are_all_alike_when_split_then_none_is_long() -> None:
    assert split([1.0, 1.0, 1.0]) == ([1.0, 1.0, 1.0], [])


def test_given_a_run_when_written_then_it_is_read_back(tmp_path: Path) -> None:
    run = LocalRun(
        measured_at="2026-11-24T12:00:00+00:00",
        machine="2 cores",
        hooks_per_second=10.0,
        seconds=60.0,
        snapshot_ttl=1.0,
        hooks=600,
        refreshes=60,
        busy_seconds=1.0,
        p50_ms=0.2,
        p99_ms=5.0,
        spread=0.3,
        aws_spread=0.4,
        durations=Durations(origin="local run"),
        held_ms=8.0,
        held_spread=0.5,
        environments_before=1,
        environments_after=2,
    )

    write_local_run(run, tmp_path / "results" / "local-load.json")

    assert read_local_run(tmp_path / "results" / "local-load.json") == run
    assert read_local_run(tmp_path / "none.json") is None
