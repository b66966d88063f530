"""The bytes that are logged for a hook."""

import json

import pytest

from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from bench.model.log_lines import (
    access_bytes,
    documented_lines,
    own_lines,
    platform_bytes,
    platform_events,
    written_lines,
)
from tests.support.hook_client import ENVIRONMENT


def test_given_hooks_when_reported_then_each_line_is_as_long_as_it_was_written() -> None:
    written = written_lines("bench.model.reported_hooks", ENVIRONMENT)

    lines = own_lines(ENVIRONMENT)

    [metrics, decision] = written["publishStream denied"]
    assert json.loads(metrics)["Denied"] == [1.0]
    assert json.loads(decision)["answer"] == "denied"
    assert lines.metrics["publishStream", "denied"] == len(metrics.encode())
    assert lines.decisions["publishStream", "denied"] == len(decision.encode())
    assert lines.decisions["publishStream", "echoed"] == 0


def test_given_echoes_when_gathered_then_each_takes_a_part_of_the_line_of_one() -> None:
    lines = own_lines(ENVIRONMENT)

    once, each = lines.gathered
    assert once + each == pytest.approx(lines.metrics[KEEP_ALIVE, "echoed"], abs=10)
    assert each < once / 20


def test_given_an_echo_without_its_times_when_reported_then_its_line_is_shorter() -> None:
    lines = own_lines(ENVIRONMENT)

    assert 100 < lines.times < lines.metrics[KEEP_ALIVE, "echoed"] / 2


def test_given_a_first_hook_when_reported_then_its_line_tells_of_the_start() -> None:
    assert own_lines(ENVIRONMENT).start == pytest.approx(
        len(',{"Name":"ColdStart","Unit":"Count"}"ColdStart":[1.0]'), abs=6
    )


def test_given_the_documented_way_when_it_logs_then_there_is_a_line_and_a_metric() -> None:
    lines = documented_lines(ENVIRONMENT)

    assert lines.log > lines.metrics > 0


@pytest.mark.parametrize(("level", "events"), [("", 3), ("INFO", 2), ("WARN", 0)])
def test_given_a_system_log_level_when_lambda_logs_a_call_then_lines_and_bytes_agree(
    level: str, events: int
) -> None:
    assert platform_events(level) == events
    assert (platform_bytes(level, 0) > 0) == (events > 0)


def test_given_a_traced_call_when_lambda_reports_it_then_the_trace_is_named() -> None:
    assert platform_bytes("", 1.0) - platform_bytes("", 0.0) == pytest.approx(100, abs=20)


def test_given_an_access_log_when_its_bytes_are_counted_then_values_stand_for_variables() -> None:
    life = StreamLife(seconds=1e9, viewers=0)

    size = access_bytes({"route": "$context.routeKey", "status": "$context.status"}, life)

    line = f'{{"route": "POST /{KEEP_ALIVE}", "status": "200"}}'
    assert size == pytest.approx(len(line), abs=0.01)


def test_given_a_variable_of_unknown_length_when_bytes_are_counted_then_that_is_refused() -> None:
    with pytest.raises(ValueError, match="not known"):
        access_bytes({"agent": "$context.identity.userAgent"}, StreamLife())
