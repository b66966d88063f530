"""Prices, and the arithmetic of their tiers."""

import math

import pytest

from bench.model.prices import GB, PRICES, Basis, Item, Price, Tier

_TIERED = Price(
    "thing", (Tier(100, 2.0), Tier(300, 1.0), Tier(math.inf, 0.5)), Basis.MEMORY, "none", "never"
)


@pytest.mark.parametrize(
    ("quantity", "usd"), [(0, 0), (1, 2), (100, 200), (101, 201), (300, 400), (310, 405)]
)
def test_given_tiers_when_a_quantity_is_priced_then_each_tier_has_its_part(
    quantity: float, usd: float
) -> None:
    assert _TIERED.of(quantity) == pytest.approx(usd)


@pytest.mark.parametrize("item", Item)
def test_given_an_item_when_its_price_is_read_then_tiers_rise_and_the_last_has_no_end(
    item: Item,
) -> None:
    tiers = PRICES[item].tiers

    ends = [tier.up_to for tier in tiers]
    assert ends == sorted(set(ends))
    assert ends[-1] == math.inf
    # AWS never gets dearer with quantity.
    prices = [tier.usd for tier in tiers]
    assert prices == sorted(prices, reverse=True)


@pytest.mark.parametrize("item", Item)
def test_given_an_item_when_no_page_was_found_then_its_price_says_so(item: Item) -> None:
    price = PRICES[item]

    assert (price.basis is Basis.MEMORY) == (price.source == "none") == (price.read == "never")


def test_given_60_tb_of_logs_from_lambda_when_priced_then_it_is_what_the_source_says() -> None:
    assert PRICES[Item.LAMBDA_LOG_BYTES].of(60_000 * GB) == pytest.approx(12_500)
