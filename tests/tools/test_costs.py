"""What a month takes, against small examples that were calculated manually."""

from collections import Counter
from dataclasses import replace
from typing import Any, Final

import pytest

from tools.cost.bill import Charge, Part
from tools.cost.designs import Costs, traced_share
from tools.cost.fleets import Fleet
from tools.cost.lines import OwnLines
from tools.cost.load import KEEP_ALIVE, MONTH_SECONDS, Load
from tools.cost.measured import Measured
from tools.cost.prices import Item
from tools.cost.quotas import GATEWAY, POINTER, QUOTAS, REQUESTS, order, used
from tools.cost.stack import DeployedStack
from wcs_hooks.core.methods import Category

LOAD: Final = Load(hooks_per_second=1_000.0, stream_seconds=100, keep_alive_seconds=10, viewers=0)
"""Ten keep-alives and seven other hooks."""

HOOKS: Final = 1_000 * MONTH_SECONDS
CASES: Final = [(method, answer) for method in LOAD.shares() for answer in LOAD.answers(method)]
COSTS: Final = Costs(
    stack=DeployedStack(
        memory_mb=1024,
        traced=True,
        platform_log="text",
        snapshot_ttl=1.0,
        echo_log_sample_rate=0.01,
        echo_metrics_seconds=0.0,
        environment={},
        access_log={"status": "$context.status"},
        resources=Counter({"AWS::CloudWatch::Alarm": 35, "AWS::Logs::MetricFilter": 1}),
    ),
    lines=OwnLines(
        metrics=dict.fromkeys(CASES, 500.0),
        decisions=dict.fromkeys(CASES, 300.0),
        batch=(480.0, 20.0),
        published={str(each): {("Calls", str(each))} for each in range(10)}
        | dict.fromkeys(LOAD.shares(), ()),
    ),
    # A warm call takes a millisecond at 1,024 MB, one that waits for DynamoDB six.
    measured=Measured(0.578_858, 0.0, 3.0, 200.0, 500.0),
)


def quantity(part: Part, item: Item, costs: Costs = COSTS, load: Load = LOAD) -> float:
    charges = costs.deployed_charges(load)
    return sum(each.quantity for each in charges if each[:2] == (part, item))


def fleets(load: Load = LOAD) -> list[Fleet]:
    return list(COSTS.fleets(load).values())


def test_given_a_month_of_hooks_when_charged_then_each_is_a_request_to_gateway_and_function() -> (
    None
):
    assert quantity(Part.GATEWAY, Item.HTTP_API_REQUESTS) == pytest.approx(HOOKS)
    assert quantity(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS) == pytest.approx(HOOKS)


def test_given_durations_when_charged_then_each_call_is_rounded_up_to_a_millisecond() -> None:
    waiting = sum(fleet.waiting * fleet.calls_per_second for fleet in fleets())
    seconds = ((1_000 - waiting) * 0.001 + waiting * 0.006) * MONTH_SECONDS

    assert quantity(Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS) == pytest.approx(seconds)


def test_given_less_memory_when_charged_then_calls_that_wait_cost_less() -> None:
    # Half the memory, twice the processor's time: calls that wait for nothing cost the same.
    less = quantity(Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS, COSTS.with_stack(memory_mb=512))

    assert less < quantity(Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS)


def test_given_sessions_when_charged_then_each_is_written_twice_and_denials_read_one() -> None:
    denied = LOAD.shares()["publishStream"] * 0.01

    assert quantity(Part.SESSIONS, Item.WRITE_UNITS) == pytest.approx(2 / 17 * HOOKS)
    assert quantity(Part.SESSIONS, Item.READ_UNITS) == pytest.approx(denied * HOOKS)


def test_given_policies_that_look_up_rows_when_charged_then_each_is_read_and_waited_for() -> None:
    load = replace(LOAD, looked_up=frozenset({KEEP_ALIVE}), by_session=frozenset({KEEP_ALIVE}))
    denied = LOAD.shares()["publishStream"] * 0.01

    assert quantity(Part.LISTS, Item.READ_UNITS) == 0
    assert quantity(Part.LISTS, Item.READ_UNITS, load=load) == pytest.approx(10 / 17 / 2 * HOOKS)
    assert quantity(Part.SESSIONS, Item.READ_UNITS, load=load) == pytest.approx(
        (10 / 17 + denied) * HOOKS
    )
    more = quantity(Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS, load=load) - quantity(
        Part.FUNCTION_TIME, Item.LAMBDA_GB_SECONDS
    )
    # Two calls of 5 ms, and fewer environments are never needed for longer calls.
    assert more >= 0.999 * 10 / 17 * HOOKS * 2 * 0.005


def test_given_limited_streams_when_charged_then_places_are_taken_kept_and_given_back() -> None:
    load = replace(LOAD, limited=frozenset({"publishStream"}))
    taken = LOAD.shares()["publishStream"] * 0.99
    renewed = 10 / 17 / 3

    assert quantity(Part.LIMITS, Item.WRITE_UNITS) == 0
    assert quantity(Part.LIMITS, Item.WRITE_UNITS, load=load) == pytest.approx(
        (6 * taken + renewed) * HOOKS
    )
    assert quantity(Part.LIMITS, Item.READ_UNITS, load=load) == pytest.approx(
        (taken + renewed) * HOOKS
    )
    # Whether a session is known must be known before it is counted.
    assert quantity(Part.SESSIONS, Item.READ_UNITS, load=load) == pytest.approx(
        LOAD.shares()["publishStream"] * HOOKS
    )


def test_given_environments_when_charged_then_two_pointers_are_read_once_in_a_ttl() -> None:
    looks = sum(fleet.looks_per_second for fleet in fleets())
    environments = sum(fleet.environments for fleet in fleets())

    # Two items, half a unit each.
    assert quantity(Part.POLICY_READS, Item.READ_UNITS) == pytest.approx(looks * MONTH_SECONDS)
    assert environments / 2 < looks < environments


def test_given_log_lines_when_charged_then_every_hook_has_its_own() -> None:
    # 1 % of echoes, 6 % of publishStream are not echoes, and all of these.
    answered = 1 / 17 * 0.06
    decisions = 300 * (answered + 0.01 * (1 - answered)) * HOOKS
    access = len('{"status": "200"}') * HOOKS

    assert quantity(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES) == pytest.approx(500 * HOOKS)
    assert quantity(Part.DECISION_LINES, Item.LAMBDA_LOG_BYTES) == pytest.approx(decisions)
    assert quantity(Part.ACCESS_LINES, Item.OTHER_LOG_BYTES) == pytest.approx(access)


def test_given_batches_when_charged_then_a_line_counts_what_came_meanwhile() -> None:
    slow, batching = replace(LOAD, hooks_per_second=10.0), COSTS.with_stack(echo_metrics_seconds=5)
    kept_alive = 10.0 * LOAD.shares()[KEEP_ALIVE]
    each = kept_alive / COSTS.fleets(slow)[Category.EVENT].environments

    found = quantity(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES, batching, slow)

    least = (480 / (1 + 5 * each) + 20) * kept_alive * MONTH_SECONDS
    assert least < found < 500 * 10 * MONTH_SECONDS


def test_given_long_batches_when_charged_then_a_line_has_a_hundred_values_at_most() -> None:
    batching = COSTS.with_stack(echo_metrics_seconds=3_600)

    found = quantity(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES, batching)

    assert found > (480 / 100 + 20) * 0.9 * HOOKS


def test_given_a_template_when_charged_then_its_alarms_and_metrics_are_paid_for() -> None:
    # Eight methods of streams, which publish nothing here, and two more; and one found in logs.
    assert quantity(Part.METRICS, Item.METRICS) == 2 + 1
    assert quantity(Part.ALARMS, Item.ALARMS) == 35


@pytest.mark.parametrize(
    ("changed", "part"),
    [
        ({"traced": False}, Part.TRACES),
        ({"platform_log": "WARN"}, Part.PLATFORM_LINES),
    ],
)
def test_given_a_change_when_billed_then_its_part_goes_and_no_other_grows(
    changed: dict[str, Any], part: Part
) -> None:
    before = COSTS.deployed(LOAD)
    after = COSTS.with_stack(**changed).deployed(LOAD)

    assert before[part] > 0
    assert after.get(part, 0) == 0
    assert all(after[other] <= before[other] * (1 + 1e-9) for other in after)


def test_given_the_powertools_baseline_when_charged_then_each_hook_is_read_for_and_logged() -> None:
    found = list(COSTS.powertools_charges(LOAD))

    assert Charge(Part.GATEWAY, Item.REST_API_REQUESTS, HOOKS) in found
    assert Charge(Part.POLICY_READS, Item.READ_UNITS, HOOKS / 2) in found
    assert Charge(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES, 200 * HOOKS) in found
    assert Charge(Part.DECISION_LINES, Item.LAMBDA_LOG_BYTES, 500 * HOOKS) in found


@pytest.mark.parametrize(("rate", "traces"), [(0.5, 0.5), (1, 1), (21, 2), (1_001, 51)])
def test_given_a_rate_when_traced_then_one_a_second_is_and_a_twentieth_of_the_rest(
    rate: float, traces: float
) -> None:
    assert rate * traced_share(rate) == pytest.approx(traces)


def test_given_quotas_when_ordered_then_requests_come_first_and_items_later() -> None:
    found = dict(order(COSTS.stack, COSTS.measured, (1, 100)))

    assert list(found)[:2] == [GATEWAY, REQUESTS]
    assert found[GATEWAY] == [10_000, 10_000]
    assert found[POINTER][1] < found[POINTER][0] / 100
    for name, (one_app, _) in found.items():
        use = used(Load(hooks_per_second=one_app), COSTS.stack, COSTS.measured)
        assert use[name] == pytest.approx(QUOTAS[name].limit, rel=0.05)
