"""Durations, from the benchmark's results."""

import json
from pathlib import Path

import pytest

from bench.model.durations import ASSUMED, Durations, measured


def _results(directory: Path, figures: dict[str, dict[str, object]]) -> Path:
    (directory / "functions.json").write_text(json.dumps({"figures": figures}))
    return directory


def test_given_no_results_when_durations_are_read_then_they_are_said_to_be_assumed(
    tmp_path: Path,
) -> None:
    assert measured(tmp_path) == Durations()
    assert measured(tmp_path).origin == ASSUMED


def test_given_results_when_durations_are_read_then_they_come_in_milliseconds(
    tmp_path: Path,
) -> None:
    figures: dict[str, dict[str, object]] = {
        "warm.cpu.event.echo": {"unit": "us", "median": 420.0},
        "cold.cpu.event": {"unit": "ms", "median": 210.0},
    }

    found = measured(_results(tmp_path, figures))

    assert (found.echo_ms, found.start_ms) == (0.42, 210.0)
    assert found.aws_call_ms == Durations().aws_call_ms
    assert "aws_call_ms" in found.origin
    assert "documented_call_ms" in found.origin
    assert "echo_ms" not in found.origin


def test_given_a_figure_that_is_no_time_when_durations_are_read_then_that_is_refused(
    tmp_path: Path,
) -> None:
    figures: dict[str, dict[str, object]] = {"cold.cpu.event": {"unit": "bytes", "median": 1.0}}

    with pytest.raises(ValueError, match="no time"):
        measured(_results(tmp_path, figures))


def test_given_less_memory_when_a_call_is_made_then_its_processor_time_takes_longer() -> None:
    durations = Durations(echo_ms=1.0, refresh_ms=0.5, aws_call_ms=5.0)

    assert durations.call_ms(1769) == pytest.approx(1.0)
    assert durations.call_ms(10_240) == pytest.approx(1.0)
    assert durations.call_ms(1769 // 2) == pytest.approx(2.0, rel=0.01)
    assert durations.call_ms(1769, 2) == pytest.approx(1.0 + 2 * 5.5)
