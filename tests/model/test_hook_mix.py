"""Which hooks come."""

import pytest

from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from wcs_hooks.core.methods import METHODS, Category


def test_given_streams_with_a_keep_alive_every_ten_seconds_when_counted_then_it_is_the_known_load() -> (  # noqa: E501
    None
):
    # docs/wcs-protocol.md, section 7: 1,000 streams are 100 hooks a second, of keep-alives alone.
    life = StreamLife(seconds=1e9, viewers=0)

    assert life.streams_at(100) == pytest.approx(1_000)


def test_given_a_mix_when_its_shares_are_added_then_nothing_is_missing() -> None:
    life = StreamLife()

    assert sum(life.shares().values()) == pytest.approx(1)
    assert sum(life.category_shares().values()) == pytest.approx(1)
    assert life.category_shares()[Category.INCOMING] == 0
    assert set(life.hooks()) <= set(METHODS)
    assert life.shares()[KEEP_ALIVE] > 0.5


def test_given_viewers_when_hooks_are_counted_then_each_connects_and_disconnects() -> None:
    hooks = StreamLife(viewers=4).hooks()

    assert hooks["connect"] == 5
    assert hooks["ConnectionStatusEvent"] == 10
    assert hooks["playStream"] == hooks["stopStream"] == 4
