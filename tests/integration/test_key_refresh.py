"""Keys from their issuer to the functions, by the schedule that has the compiler refresh them."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import SNAPSHOTS, Aws
from tests.support.compiler_function import CompilerFunction
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import read_output
from tests.support.in_memory_keys import InMemoryIssuers
from wcs_hooks.adapters.cached_keys import KEYS_TTL, CachedKeys
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_keys import DynamoKeys
from wcs_hooks.adapters.key_fetcher import KeyFetcher
from wcs_hooks.clock import Deadline
from wcs_hooks.core.issuer_keys import KeyAddress

FIRST = KeyAddress("https://first.example/keys")
SECOND = KeyAddress.discovered("https://second.example")
MINUTES = 60.0
HOURS = 3600.0

type Refresh = Callable[[], Any]


@pytest.fixture
def issuers(monkeypatch: pytest.MonkeyPatch) -> InMemoryIssuers:
    issuers = InMemoryIssuers({FIRST: b'["a"]', SECOND: b'["b"]'})
    monkeypatch.setattr(KeyFetcher, "fetch", lambda _, address: issuers.fetch(address))
    return issuers


@pytest.fixture
def refresh(aws: Aws, issuers: InMemoryIssuers, clock: FakeClock) -> Refresh:
    """The compiler's function, as the schedule calls it."""
    del aws, issuers
    compiler = CompilerFunction(clock)

    def run() -> Any:
        compiler.module._compiler.key_addresses = lambda: [FIRST, SECOND]
        return compiler.module.handler({"refreshKeys": True}, None)

    return run


@pytest.fixture
def keys(calls: AwsCalls, clock: FakeClock) -> CachedKeys[Any]:
    """The keys as a function that answers hooks sees them."""
    del calls
    source = DynamoKeys(Clients(2).dynamodb(), SNAPSHOTS)
    return CachedKeys(source.read, json.loads, 24 * HOURS, clock)


def test_given_an_issuer_that_rotates_when_its_keys_are_refreshed_then_hooks_have_the_new_ones(
    refresh: Refresh, issuers: InMemoryIssuers, keys: CachedKeys[Any], clock: FakeClock
) -> None:
    refresh()
    assert keys.keys(FIRST, Deadline(clock, 1)) == ["a"]
    assert keys.keys(SECOND, Deadline(clock, 1)) == ["b"]

    issuers.published[FIRST] = b'["a", "c"]'
    clock.advance(5 * MINUTES)
    refresh()
    assert keys.keys(FIRST, Deadline(clock, 1)) == ["a", "c"]
    issuers.published[FIRST] = b'["c"]'
    clock.advance(5 * MINUTES)
    refresh()
    clock.advance(KEYS_TTL)
    assert keys.keys(FIRST, Deadline(clock, 1)) == ["c"]


def test_given_an_issuer_that_is_down_for_a_day_when_hooks_come_then_its_keys_are_used_until_then(
    refresh: Refresh,
    issuers: InMemoryIssuers,
    keys: CachedKeys[Any],
    clock: FakeClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    refresh()
    capsys.readouterr()
    del issuers.published[FIRST]

    for _ in range(47):
        clock.advance(HOURS / 2)
        refresh()
        assert keys.keys(FIRST, Deadline(clock, 1)) == ["a"]

    metrics, _ = read_output(capsys.readouterr().out)
    assert [line["KeysStale"] for line in metrics] == [[1]] * 47
    clock.advance(HOURS / 2)
    refresh()
    assert keys.keys(FIRST, Deadline(clock, 1)) is None
    assert keys.keys(SECOND, Deadline(clock, 1)) == ["b"]


def test_given_a_refresh_when_it_is_over_then_its_result_and_the_log_say_what_failed(
    refresh: Refresh, issuers: InMemoryIssuers, capsys: pytest.CaptureFixture[str]
) -> None:
    del issuers.published[SECOND]

    result = refresh()

    url = "https://second.example/.well-known/openid-configuration"
    error = "it did not answer within 3 s"
    assert result == {
        "keys": [{"address": FIRST.url, "error": ""}, {"address": url, "error": error}]
    }
    _, [line] = read_output(capsys.readouterr().out)
    assert (line["level"], line["address"], line["reason"]) == ("WARNING", url, error)


def test_given_no_policy_that_names_an_address_when_keys_are_refreshed_then_none_is_fetched(
    aws: Aws, calls: AwsCalls, clock: FakeClock
) -> None:
    compiler = CompilerFunction(clock)

    assert compiler.module.handler({"refreshKeys": True}, None) == {"keys": []}

    del aws
    # Which addresses there are.
    assert calls.made == ["Query"]
