"""What the model knows of the stack, against the stack."""

import pytest

from bench.model.deployed_stack import DeployedStack, deployed_stack
from infra.settings import Settings


@pytest.fixture(scope="module")
def stack() -> DeployedStack:
    return deployed_stack()


def test_given_the_stack_when_read_then_its_settings_are_found_in_it(stack: DeployedStack) -> None:
    settings = Settings()

    assert stack.memory_mb == settings.memory_size
    assert stack.snapshot_ttl == settings.snapshot_ttl
    assert stack.echo_log_sample_rate == settings.echo_log_sample_rate
    assert stack.buses == 0


def test_given_the_stack_when_read_then_its_costly_things_are_counted(
    stack: DeployedStack,
) -> None:
    assert stack.alarms > 20
    assert (stack.dashboards, stack.secrets, stack.keys, stack.log_metrics) == (1, 1, 1, 1)
    # Without these the gateway's 429 replies could not be counted.
    assert {"apiId", "status"} <= set(stack.access_log)


def test_given_other_settings_when_read_then_they_are_found() -> None:
    stack = deployed_stack(Settings(event_bus=True, memory_size=512, snapshot_ttl=5.0))

    assert (stack.buses, stack.memory_mb, stack.snapshot_ttl) == (1, 512, 5.0)
