"""What the functions write for a hook, and what is read from the stack's template."""

import pytest

from infra.settings import Settings
from tests.support.hook_client import ENVIRONMENT
from tools.cost.lines import PLATFORM_LINES, OwnLines, access_bytes, own_lines
from tools.cost.load import KEEP_ALIVE, Load
from tools.cost.stack import deployed_stack
from wcs_hooks.core.methods import METHODS
from wcs_hooks.telemetry.catalogue import METRICS


@pytest.fixture(scope="module")
def lines() -> OwnLines:
    return own_lines(ENVIRONMENT)


def test_given_each_method_and_answer_when_reported_then_its_lines_are_measured(
    lines: OwnLines,
) -> None:
    for method in METHODS:
        assert lines.metrics[method, "first"] > lines.metrics[method, "echoed"] > 400
    for answer in Load().answers("publishStream"):
        assert lines.metrics["publishStream", answer] > lines.decisions["publishStream", answer]
        assert lines.decisions["publishStream", answer] > 250


def test_given_echoes_in_a_batch_when_reported_then_each_takes_a_part_of_the_line_of_one(
    lines: OwnLines,
) -> None:
    once, each = lines.batch

    assert once + each == pytest.approx(lines.metrics[KEEP_ALIVE, "echoed"], abs=10)
    assert each < once / 20


def test_given_one_more_method_when_metrics_are_counted_then_its_own_are_added(
    lines: OwnLines,
) -> None:
    numbers = [len(lines.metrics_of(count)) for count in range(1, len(METHODS) + 1)]

    assert numbers == sorted(set(numbers))
    assert {name for name, *_ in lines.metrics_of(len(METHODS))} < set(METRICS)
    assert ("Denied", "WcsHooks", "direct", "publishStream") not in lines.metrics_of(3)


def test_given_an_access_log_when_its_bytes_are_counted_then_values_replace_variables() -> None:
    load = Load(stream_seconds=1e9, viewers=0)

    size = access_bytes({"path": "$context.path", "status": "$context.status"}, load)

    line = f'{{"path": "/{KEEP_ALIVE}", "status": "200"}}'
    assert size == pytest.approx(len(line), abs=0.01)


def test_given_a_variable_of_unknown_length_when_bytes_are_counted_then_that_is_refused() -> None:
    with pytest.raises(ValueError, match="not known"):
        access_bytes({"agent": "$context.identity.userAgent"}, Load())


def test_given_the_stack_when_read_then_its_settings_and_costly_things_are_found_in_it() -> None:
    settings, stack = Settings(), deployed_stack()

    assert stack.memory_mb == settings.memory_size
    assert stack.snapshot_ttl == settings.snapshot_ttl
    assert stack.echo_log_sample_rate == settings.echo_log_sample_rate
    assert stack.echo_metrics_seconds == settings.echo_metrics_seconds
    assert not stack.traced
    assert stack.platform_log in PLATFORM_LINES
    assert stack.resources["AWS::CloudWatch::Alarm"] > 20
    for kind in ("CloudWatch::Dashboard", "SecretsManager::Secret", "KMS::Key"):
        assert stack.resources[f"AWS::{kind}"] == 1
    assert stack.resources["AWS::Logs::MetricFilter"] == 1
    # Without these the gateway's 429 replies could not be counted.
    assert {"apiId", "status"} <= set(stack.access_log)
    assert access_bytes(stack.access_log, Load()) > 100
