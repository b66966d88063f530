"""Prices and bills, against sums that were calculated manually."""

import math

import pytest

from tools.cost.bill import Charge, Part, bill
from tools.cost.prices import BEYOND, PRICES, UNITS, Item, Price

GB = UNITS["GB"]
_TIERED = Price("one", ((100, 2.0), (300, 1.0), (BEYOND, 0.5)), "", "")


@pytest.mark.parametrize(
    ("quantity", "usd"), [(0, 0), (1, 2), (100, 200), (101, 201), (300, 400), (310, 405)]
)
def test_given_tiers_when_a_quantity_is_priced_then_each_tier_has_its_part(
    quantity: float, usd: float
) -> None:
    assert _TIERED.cost(quantity) == pytest.approx(usd)


@pytest.mark.parametrize("item", Item)
def test_given_an_item_when_its_price_is_read_then_tiers_rise_and_the_last_has_no_end(
    item: Item,
) -> None:
    ends, prices = zip(*PRICES[item].tiers, strict=True)

    assert list(ends) == sorted(set(ends))
    assert ends[-1] == math.inf
    # AWS never gets dearer with quantity.
    assert list(prices) == sorted(prices, reverse=True)
    assert PRICES[item].source
    assert PRICES[item].read


def test_given_60_tb_of_logs_from_lambda_when_priced_then_it_is_what_the_source_says() -> None:
    assert PRICES[Item.LAMBDA_LOG_BYTES].cost(60_000 * GB) == pytest.approx(12_500)


def test_given_charges_when_billed_then_each_part_bears_what_it_costs_for_a_million() -> None:
    charges = [
        Charge(Part.GATEWAY, Item.HTTP_API_REQUESTS, 2_000_000),
        Charge(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS, 2_000_000),
        Charge(Part.DASHBOARD, Item.DASHBOARDS, 1),
        Charge(Part.TRACES, Item.TRACES, 0),
    ]

    found = bill(charges, 2_000_000)

    assert found == pytest.approx(
        {Part.GATEWAY: 1.00, Part.FUNCTION_REQUESTS: 0.20, Part.DASHBOARD: 1.50}
    )


def test_given_two_parts_of_an_item_when_their_sum_reaches_a_tier_then_both_gain_by_it() -> None:
    # 20 TB of logs from Lambda: 10 TB for 5,000, 10 TB for 2,500.
    charges = [
        Charge(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES, 15_000 * GB),
        Charge(Part.PLATFORM_LINES, Item.LAMBDA_LOG_BYTES, 5_000 * GB),
    ]

    found = bill(charges, 1_000_000)

    assert found == pytest.approx({Part.METRIC_LINES: 5_625.0, Part.PLATFORM_LINES: 1_875.0})
