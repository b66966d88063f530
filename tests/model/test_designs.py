"""What a month takes, against small examples that were worked out by hand."""

from collections import defaultdict
from dataclasses import replace
from typing import Final

import pytest

from bench.model.bill import Part, bill
from bench.model.custom_metrics import methods_in_use, usual_metrics
from bench.model.deployed_stack import DeployedStack
from bench.model.designs import (
    CostParameters,
    charges,
    deployed,
    documented_charges,
    fleets,
    traced_share,
)
from bench.model.durations import Durations
from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from bench.model.log_lines import DocumentedLines, OwnLines
from bench.model.prices import MONTH_SECONDS, Item
from wcs_hooks.core.methods import Category

STACK: Final = DeployedStack(
    memory_mb=1024,
    traced=True,
    system_log_level="",
    environment={
        "SNAPSHOT_TTL_SECONDS": "1",
        "ECHO_LOG_SAMPLE_RATE": "0.01",
        "ECHO_METRICS_SECONDS": "0",
    },
    access_log={"status": "$context.status"},
    alarms=35,
    dashboards=1,
    log_metrics=1,
    secrets=1,
    keys=1,
    buses=0,
)
LIFE: Final = StreamLife(seconds=100, keep_alive_seconds=10, viewers=0)
"""Ten keep-alives and seven other hooks."""

LINES: Final = OwnLines(
    metrics={
        (method, answer): 500.0
        for method in LIFE.hooks()
        for answer in ("echoed", "overridden", "denied")
    },
    decisions={
        (method, answer): 300.0
        for method in LIFE.hooks()
        for answer in ("sampled", "overridden", "denied")
    },
    start=50.0,
    gathered=(480.0, 20.0),
)
PARAMETERS: Final = CostParameters(
    hooks_per_second=1_000.0,
    life=LIFE,
    durations=Durations(echo_ms=0.578_858, refresh_ms=0, aws_call_ms=5.0, start_ms=300.0),
)
"""A warm call takes a millisecond at 1,024 MB, one that waits for DynamoDB six."""

HOOKS: Final = 1_000 * MONTH_SECONDS


def quantities(
    parameters: CostParameters = PARAMETERS, stack: DeployedStack = STACK
) -> dict[tuple[Part, Item], float]:
    """What a month takes, by part and item."""
    found: defaultdict[tuple[Part, Item], float] = defaultdict(float)
    for part, item, quantity in charges(stack, LINES, deployed(stack, parameters)):
        found[part, item] += quantity
    return found


def gathering(seconds: float) -> DeployedStack:
    return replace(STACK, environment={**STACK.environment, "ECHO_METRICS_SECONDS": f"{seconds:g}"})


def test_given_a_month_of_hooks_when_charged_then_each_is_a_request_to_gateway_and_function() -> (
    None
):
    found = quantities()

    assert found[Part.GATEWAY, Item.HTTP_API_REQUESTS] == pytest.approx(HOOKS)
    assert found[Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS] == pytest.approx(HOOKS)


def test_given_durations_when_charged_then_each_call_is_rounded_up_to_a_millisecond() -> None:
    found = quantities()

    waiting = sum(
        fleet.waiting * fleet.calls_per_second
        for fleet in fleets(deployed(STACK, PARAMETERS)).values()
    )
    seconds = ((1_000 - waiting) * 0.001 + waiting * 0.006) * MONTH_SECONDS
    assert found[Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS] == pytest.approx(seconds)


def test_given_more_memory_when_charged_then_its_time_costs_more_unless_it_is_shorter() -> None:
    slower = replace(STACK, memory_mb=512)

    def gigabyte_seconds(stack: DeployedStack) -> float:
        parameters = deployed(stack, PARAMETERS)
        return sum(
            quantity
            for part, _, quantity in charges(stack, LINES, parameters)
            if part is Part.FUNCTION_TIME
        )

    # Half the memory, twice the processor's time: calls that wait for nothing cost the same.
    assert gigabyte_seconds(slower) < gigabyte_seconds(STACK)


def test_given_sessions_when_charged_then_each_is_written_twice_and_denials_read_one() -> None:
    found = quantities()

    shares = LIFE.shares()
    assert found[Part.SESSIONS, Item.WRITE_UNITS] == pytest.approx(2 / 17 * HOOKS)
    assert found[Part.SESSIONS, Item.READ_UNITS] == pytest.approx(
        shares["publishStream"] * 0.01 * HOOKS
    )


def test_given_environments_when_charged_then_two_pointers_are_read_once_in_a_ttl() -> None:
    found = quantities()

    looks = sum(fleet.looks_per_second for fleet in fleets(PARAMETERS).values())
    # Two items, half a unit each.
    assert found[Part.POLICY_READS, Item.READ_UNITS] == pytest.approx(looks * MONTH_SECONDS)
    environments = sum(fleet.environments for fleet in fleets(PARAMETERS).values())
    assert environments / 2 < looks < environments


def test_given_log_lines_when_charged_then_every_hook_has_its_own() -> None:
    found = quantities()

    starts = (
        sum(fleet.environments for fleet in fleets(PARAMETERS).values()) * MONTH_SECONDS / 7_200
    )
    assert found[Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES] == pytest.approx(
        500 * HOOKS + 50 * starts
    )
    # 1 % of echoes, 6 % of publishStream are no echoes, and all of these.
    answered = 1 / 17 * 0.06
    assert found[Part.DECISION_LINES, Item.LAMBDA_LOG_BYTES] == pytest.approx(
        300 * (answered + 0.01 * (1 - answered)) * HOOKS
    )
    assert found[Part.ACCESS_LINES, Item.OTHER_LOG_BYTES] == pytest.approx(
        len('{"status": "200"}') * HOOKS
    )


def test_given_gathering_when_charged_then_a_line_stands_for_what_came_meanwhile() -> None:
    parameters = replace(PARAMETERS, hooks_per_second=10.0)

    fleet = fleets(parameters)[Category.EVENT]
    kept_alive = 10.0 * LIFE.shares()[KEEP_ALIVE] / fleet.environments
    found = quantities(parameters, gathering(5))

    least = (480 / (1 + 5 * kept_alive) + 20) * LIFE.shares()[KEEP_ALIVE] * 10 * MONTH_SECONDS
    assert least < found[Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES] < 500 * 10 * MONTH_SECONDS


def test_given_times_of_one_echo_in_ten_when_charged_then_the_others_lines_are_shorter() -> None:
    lines = replace(LINES, times=100.0)
    parameters = replace(deployed(STACK, PARAMETERS), timed_share=0.1)

    size = sum(
        charge.quantity
        for charge in charges(STACK, lines, parameters)
        if charge.part is Part.METRIC_LINES
    )

    # All but 6 % of publishStream are echoes.
    assert size == pytest.approx((500 - 90 * (1 - 0.06 / 17)) * HOOKS, rel=1e-5)


def test_given_gathering_for_long_when_charged_then_a_line_has_a_hundred_values_at_most() -> None:
    found = quantities(stack=gathering(3_600))

    assert found[Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES] > (480 / 100 + 20) * 0.9 * HOOKS


def test_given_a_healthy_stack_when_charged_then_its_fixed_parts_are_those_of_the_template() -> (
    None
):
    found = quantities()

    metrics = len(usual_metrics(methods_in_use(10))) + 1
    assert found[Part.METRICS, Item.METRICS] == metrics
    assert found[Part.ALARMS, Item.ALARMS] == 35
    assert found[Part.DASHBOARD, Item.DASHBOARDS] == 1
    assert found[Part.QUEUE, Item.QUEUE_REQUESTS] == 0
    assert (Part.BUS, Item.BUS_EVENTS) not in found


def test_given_an_event_bus_when_charged_then_events_but_keep_alives_are_published() -> None:
    stack = replace(STACK, buses=1)

    parameters = deployed(stack, PARAMETERS)
    [published] = [
        charge.quantity
        for charge in charges(stack, LINES, parameters)
        if charge.item is Item.BUS_EVENTS
    ]

    # Two ConnectionStatusEvents and two StreamStatusEvents of seventeen hooks.
    assert published == pytest.approx(4 / 17 * HOOKS)


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"traced": False}, Part.TRACES),
        ({"system_log_level": "WARN"}, Part.PLATFORM_LINES),
        ({"access_log": {}}, Part.ACCESS_LINES),
    ],
)
def test_given_a_change_when_billed_then_its_part_goes_and_no_other_grows(
    changed: dict[str, object], part: Part
) -> None:
    parameters = deployed(STACK, PARAMETERS)
    after = replace(parameters, **changed)  # type: ignore[arg-type]

    before = bill(charges(STACK, LINES, parameters), HOOKS).by_part
    found = bill(charges(STACK, LINES, after), HOOKS).by_part

    assert before[part] > 0
    assert found.get(part, 0) == 0
    assert all(found[other] <= before[other] * (1 + 1e-9) for other in found)


def test_given_the_documented_way_when_charged_then_each_hook_is_read_for_and_logged() -> None:
    lines = DocumentedLines(metrics=200.0, log=500.0)

    found = {
        (charge.part, charge.item): charge.quantity
        for charge in documented_charges(lines, PARAMETERS)
    }

    assert found[Part.GATEWAY, Item.REST_API_REQUESTS] == pytest.approx(HOOKS)
    assert found[Part.POLICY_READS, Item.READ_UNITS] == pytest.approx(HOOKS / 2)
    assert found[Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES] == pytest.approx(200 * HOOKS)
    assert found[Part.DECISION_LINES, Item.LAMBDA_LOG_BYTES] == pytest.approx(500 * HOOKS)
    assert found[Part.TRACES, Item.TRACES] == pytest.approx((1 + 0.05 * 999) * MONTH_SECONDS)


@pytest.mark.parametrize(("rate", "traces"), [(0.5, 0.5), (1, 1), (21, 2), (1_001, 51)])
def test_given_a_rate_when_traced_then_one_a_second_is_and_a_twentieth_of_the_rest(
    rate: float, traces: float
) -> None:
    assert rate * traced_share(rate) == pytest.approx(traces)
