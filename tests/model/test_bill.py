"""A bill, against one that was worked out by hand."""

import pytest

from bench.model.bill import Charge, Part, bill
from bench.model.prices import GB, Item


def test_given_charges_when_billed_then_each_part_bears_what_it_costs_for_a_million() -> None:
    charges = [
        Charge(Part.GATEWAY, Item.HTTP_API_REQUESTS, 2_000_000),
        Charge(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS, 2_000_000),
        Charge(Part.DASHBOARD, Item.DASHBOARDS, 1),
    ]

    found = bill(charges, 2_000_000)

    assert found.by_part == pytest.approx(
        {Part.GATEWAY: 1.00, Part.FUNCTION_REQUESTS: 0.20, Part.DASHBOARD: 1.50}
    )
    assert found.total == pytest.approx(2.70)
    assert found.month == pytest.approx(5.40)


def test_given_two_parts_of_an_item_when_their_sum_reaches_a_tier_then_both_gain_by_it() -> None:
    # 20 TB of logs from Lambda: 10 TB for 5,000, 10 TB for 2,500.
    charges = [
        Charge(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES, 15_000 * GB),
        Charge(Part.PLATFORM_LINES, Item.LAMBDA_LOG_BYTES, 5_000 * GB),
    ]

    found = bill(charges, 1_000_000)

    assert found.by_part == pytest.approx(
        {Part.METRIC_LINES: 5_625.0, Part.PLATFORM_LINES: 1_875.0}
    )


def test_given_nothing_of_an_item_when_billed_then_it_costs_nothing() -> None:
    assert bill([Charge(Part.QUEUE, Item.QUEUE_REQUESTS, 0)], 1_000).month == 0
