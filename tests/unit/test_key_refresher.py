"""The compiler's fetches: an edit fetches what is new, a schedule what is known."""

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.in_memory_keys import InMemoryIssuers, InMemoryKeys
from wcs_hooks.compiler.key_refresher import KeyRefresher
from wcs_hooks.core.issuer_keys import KeyAddress, StoredKeys

FIRST = KeyAddress("https://first.example/keys")
SECOND = KeyAddress("https://second.example/keys")
MISTYPED = KeyAddress("https://mistyped.example/keys")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def issuers() -> InMemoryIssuers:
    return InMemoryIssuers({FIRST: b"[1]", SECOND: b"[2]"})


@pytest.fixture
def store(clock: FakeClock) -> InMemoryKeys:
    return InMemoryKeys(clock)


@pytest.fixture
def keys(issuers: InMemoryIssuers, store: InMemoryKeys, clock: FakeClock) -> KeyRefresher:
    return KeyRefresher(issuers.fetch, store, clock)


def test_given_an_edit_that_names_an_address_when_it_is_new_then_its_keys_are_fetched_and_kept(
    keys: KeyRefresher, issuers: InMemoryIssuers, store: InMemoryKeys, clock: FakeClock
) -> None:
    begun = clock.now()

    assert keys.fetch_new([FIRST, FIRST]) == ({}, {})
    clock.advance(60)
    assert keys.fetch_new([FIRST]) == ({}, {})

    assert issuers.asked == [FIRST]
    assert store.stored == {FIRST: StoredKeys(b"[1]", begun, ok=True)}


def test_given_a_mistyped_address_when_an_edit_names_it_then_each_such_edit_has_an_error(
    keys: KeyRefresher, store: InMemoryKeys
) -> None:
    for _ in range(2):
        found = keys.fetch_new([MISTYPED, FIRST])

        assert found.errors == {
            MISTYPED: "cannot fetch the keys at https://mistyped.example/keys: "
            "it did not answer within 3 s"
        }
    assert store.stored.keys() == {FIRST}


def test_given_an_issuer_that_is_down_when_an_edit_names_it_again_then_that_is_a_warning(
    keys: KeyRefresher, issuers: InMemoryIssuers
) -> None:
    keys.fetch_new([FIRST])
    del issuers.published[FIRST]
    keys.refresh([FIRST])

    errors, warnings = keys.fetch_new([FIRST])

    assert errors == {}
    assert warnings == {
        FIRST: "cannot refresh the keys at https://first.example/keys, which are of "
        "2030-03-17 17:46 UTC: it did not answer within 3 s"
    }


def test_given_policies_that_name_no_address_when_they_are_compiled_then_nothing_is_read(
    keys: KeyRefresher, store: InMemoryKeys
) -> None:
    assert keys.fetch_new([]) == ({}, {})
    assert store.calls == []


def test_given_an_issuer_that_rotated_when_keys_are_refreshed_then_the_old_ones_are_gone(
    keys: KeyRefresher, issuers: InMemoryIssuers, store: InMemoryKeys, clock: FakeClock
) -> None:
    keys.refresh([FIRST])
    issuers.published[FIRST] = b"[3]"
    clock.advance(300)

    assert keys.refresh([FIRST]) == [(FIRST, "")]

    assert store.stored == {FIRST: StoredKeys(b"[3]", clock.now(), ok=True)}


def test_given_one_issuer_that_is_down_when_keys_are_refreshed_then_its_keys_stay(
    keys: KeyRefresher, issuers: InMemoryIssuers, store: InMemoryKeys, clock: FakeClock
) -> None:
    begun = clock.now()
    keys.refresh([FIRST, SECOND])
    del issuers.published[FIRST]
    clock.advance(300)

    refreshed = keys.refresh([FIRST, SECOND])

    error = "it did not answer within 3 s"
    assert refreshed == [(FIRST, error), (SECOND, "")]
    assert store.stored == {
        FIRST: StoredKeys(b"[1]", begun, ok=False, error=error),
        SECOND: StoredKeys(b"[2]", clock.now(), ok=True),
    }


def test_given_a_document_that_meets_a_bug_when_keys_are_refreshed_then_others_are_refreshed(
    store: InMemoryKeys, clock: FakeClock
) -> None:
    def fetch(address: KeyAddress) -> bytes:
        if address == FIRST:
            raise RecursionError("what-was-fetched")
        return b"[2]"

    refreshed = KeyRefresher(fetch, store, clock).refresh([FIRST, SECOND])

    assert refreshed == [(FIRST, "an unexpected RecursionError"), (SECOND, "")]
    assert store.stored[SECOND].ok
