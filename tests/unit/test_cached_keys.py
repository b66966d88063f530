"""Keys as hooks see them: read again each 30 s, used on while they cannot be, for a day."""

import json

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.in_memory_keys import InMemoryKeys
from wcs_hooks.adapters.cached_keys import KEYS_TTL, CachedKeys
from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress

ADDRESS = KeyAddress("https://issuer.example/keys")
DAY = 86_400.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> InMemoryKeys:
    return InMemoryKeys(clock)


class Function:
    """What a function sees of the keys at `ADDRESS`.

    Attributes
    ----------
    parsed
        What was parsed, in order.
    """

    def __init__(self, store: InMemoryKeys, clock: FakeClock) -> None:
        self.parsed: list[bytes] = []
        self._clock = clock
        self._cached = CachedKeys(store.read, self._parse, DAY, clock)

    def keys(self) -> list[int] | None:
        return self._cached.keys(ADDRESS, Deadline(self._clock, 1.0))

    def _parse(self, keys: bytes) -> list[int]:
        self.parsed.append(keys)
        return list(json.loads(keys))


@pytest.fixture
def function(store: InMemoryKeys, clock: FakeClock) -> Function:
    return Function(store, clock)


def test_given_keys_when_hooks_ask_for_them_then_they_are_read_each_30_s_and_parsed_once(
    function: Function, store: InMemoryKeys, clock: FakeClock
) -> None:
    store.keep(ADDRESS, b"[1]", clock.now())
    store.calls.clear()

    for _ in range(61):
        assert function.keys() == [1]
        clock.advance(1)

    assert store.calls == ["read"] * 3
    assert function.parsed == [b"[1]"]


def test_given_a_key_that_was_removed_when_30_s_are_over_then_it_is_gone(
    function: Function, store: InMemoryKeys, clock: FakeClock
) -> None:
    store.keep(ADDRESS, b"[1, 2]", clock.now())
    assert function.keys() == [1, 2]
    store.keep(ADDRESS, b"[2]", clock.now())

    clock.advance(KEYS_TTL)

    assert function.keys() == [2]


def test_given_an_issuer_that_is_down_when_a_day_is_over_then_its_keys_do_not_count_any_more(
    function: Function, store: InMemoryKeys, clock: FakeClock
) -> None:
    store.keep(ADDRESS, b"[1]", clock.now())
    store.keep_failure(ADDRESS, "it did not answer within 3 s")

    clock.advance(DAY - 1)
    assert function.keys() == [1]
    clock.advance(1)
    assert function.keys() is None
    store.keep(ADDRESS, b"[1]", clock.now())
    clock.advance(KEYS_TTL)
    assert function.keys() == [1]


def test_given_an_address_that_was_never_fetched_when_a_hook_asks_then_there_are_no_keys(
    function: Function,
) -> None:
    assert function.keys() is None


def test_given_a_store_that_fails_when_keys_were_read_before_then_they_are_used_on(
    function: Function, store: InMemoryKeys, clock: FakeClock
) -> None:
    store.keep(ADDRESS, b"[1]", clock.now())
    function.keys()
    store.throttle()
    store.calls.clear()

    for _ in range(120):
        clock.advance(1)
        assert function.keys() == [1]

    assert store.calls == ["read"] * 4


def test_given_a_store_that_fails_when_keys_were_never_read_then_that_is_an_error(
    function: Function, store: InMemoryKeys, clock: FakeClock
) -> None:
    store.keep(ADDRESS, b"[1]", clock.now())
    store.refuse()

    with pytest.raises(UnavailableError):
        function.keys()


def test_given_keys_that_are_damaged_when_they_are_read_then_that_is_an_error(
    function: Function, store: InMemoryKeys, clock: FakeClock
) -> None:
    store.keep(ADDRESS, b"[", clock.now())

    with pytest.raises(UnavailableError, match="damaged"):
        function.keys()
