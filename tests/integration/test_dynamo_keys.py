"""Fetched keys in PolicySnapshots, as the compiler writes and the functions read them."""

import hashlib

import pytest

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import SNAPSHOTS, Aws
from tests.support.fake_clock import FakeClock
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_keys import NEVER_FETCHED, DynamoKeys, DynamoKeyStore
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress, StoredKeys

ADDRESS = KeyAddress("https://issuer.example/keys")
DISCOVERED = KeyAddress.discovered("https://issuer.example/tenant")
DAY = 86_400.0


@pytest.fixture
def key_store(calls: AwsCalls, clock: FakeClock) -> DynamoKeyStore:
    del calls
    return DynamoKeyStore(Clients(10).dynamodb(), SNAPSHOTS, DAY, clock)


@pytest.fixture
def key_source(calls: AwsCalls) -> DynamoKeys:
    del calls
    return DynamoKeys(Clients(2).dynamodb(), SNAPSHOTS)


def test_given_keys_that_were_kept_when_they_are_read_then_they_are_the_same(
    key_store: DynamoKeyStore, key_source: DynamoKeys, clock: FakeClock, aws: Aws
) -> None:
    key_store.keep(ADDRESS, b"[1]", clock.now())
    key_store.keep(DISCOVERED, b"[2]", clock.now())

    expected = {
        ADDRESS: StoredKeys(b"[1]", clock.now(), ok=True),
        DISCOVERED: StoredKeys(b"[2]", clock.now(), ok=True),
    }
    other_issuer = KeyAddress(DISCOVERED.url, "https://issuer.example/other")
    assert key_store.all() == expected
    assert key_source.read([ADDRESS, DISCOVERED, other_issuer]) == {
        **expected,
        other_issuer: NEVER_FETCHED,
    }
    assert hashlib.sha256(ADDRESS.url.encode()).hexdigest() in aws.snapshot_items("#keys")


def test_given_a_fetch_that_failed_when_that_is_kept_then_the_keys_stay(
    key_store: DynamoKeyStore, key_source: DynamoKeys, clock: FakeClock
) -> None:
    begun = clock.now()
    key_store.keep(ADDRESS, b"[1]", begun)
    clock.advance(300)
    key_store.keep_failure(ADDRESS, "it did not answer within 3 s")
    key_store.keep_failure(DISCOVERED, "its name cannot be resolved")

    expected = {
        ADDRESS: StoredKeys(b"[1]", begun, ok=False, error="it did not answer within 3 s"),
        DISCOVERED: StoredKeys(b"", 0.0, ok=False, error="its name cannot be resolved"),
    }
    assert key_store.all() == key_source.read([ADDRESS, DISCOVERED]) == expected


def test_given_an_address_that_nothing_refreshes_when_the_retention_is_over_then_it_is_forgotten(
    key_store: DynamoKeyStore, clock: FakeClock, aws: Aws
) -> None:
    key_store.keep(ADDRESS, b"[1]", clock.now())
    key_store.keep(DISCOVERED, b"[2]", clock.now())
    clock.advance(DAY - 1)
    key_store.keep_failure(DISCOVERED, "it did not answer within 3 s")
    clock.advance(1)

    assert key_store.all().keys() == {DISCOVERED}
    [expiry] = {
        item["expiresAt"]
        for item in aws.snapshot_items("#keys").values()
        if item["url"] == DISCOVERED.url
    }
    assert expiry == clock.now() - 1 + DAY


def test_given_an_item_that_is_damaged_when_it_is_read_then_the_keys_are_unavailable(
    key_store: DynamoKeyStore, key_source: DynamoKeys, aws: Aws, clock: FakeClock
) -> None:
    key_store.keep(ADDRESS, b"[1]", clock.now())
    [item] = aws.snapshot_items("#keys").values()
    aws.put_item(SNAPSHOTS, {"app": "#keys", "item": item["item"], "ok": "perhaps"})

    with pytest.raises(UnavailableError, match="damaged"):
        key_source.read([ADDRESS])


def test_given_a_store_that_refuses_when_keys_are_read_then_they_are_unavailable(
    key_source: DynamoKeys, aws: Aws
) -> None:
    aws.dynamodb.delete_table(TableName=SNAPSHOTS)

    with pytest.raises(UnavailableError, match="does not answer"):
        key_source.read([ADDRESS])
