"""The simulation, against queueing theory and against what quotas promise.

Seeds are fixed: a run is the same each time. The tolerances are some standard deviations wide.
"""

import math
from dataclasses import replace
from statistics import mean, pvariance
from typing import Final

import pytest

from bench.model.account import Account, Load, Seen
from bench.model.durations import VCPU_MB, Durations
from bench.model.environments import refreshes_per_second
from bench.model.hook_mix import StreamLife
from bench.model.quotas import Limit, Quotas
from wcs_hooks.core.methods import Category

NO_QUOTAS: Final = Quotas(
    gateway_rate=1e12,
    gateway_burst=1e12,
    concurrency=1e12,
    scaling_rate=1e12,
    scaling_burst=1e12,
    partition_reads=1e12,
    table_reads=1e12,
)
ONE_FUNCTION: Final = StreamLife(seconds=1e12, viewers=0)
"""Keep-alives alone, which one function answers without a call but for policies."""


def calls(milliseconds: float, *, aws_ms: float = 0.0, start_ms: float = 0.0) -> Durations:
    return Durations(
        echo_ms=milliseconds, refresh_ms=0.0, aws_call_ms=aws_ms, start_ms=start_ms, origin="test"
    )


PLAIN: Final = Load(
    hooks_per_second=200.0,
    seconds=300.0,
    life=ONE_FUNCTION,
    periodic=False,
    durations=calls(20.0),
    memory_mb=VCPU_MB,
    spread=0.0,
    aws_spread=0.0,
    new_environment_ms=0.0,
    snapshot_ttl=1e12,
    load_ms_per_mb=0.0,
    quotas=NO_QUOTAS,
    # Enough that none ever starts: what theory has servers for.
    warm={Category.EVENT: 200},
)
"""Calls of 20 ms, 200 a second: four are in progress on average."""


def run(load: Load, seed: int = 1) -> Seen:
    return Account(load, seed).run()


def erlang_b(servers: int, load: float) -> float:
    """The share of calls that find all servers busy, where none waits: Erlang's first formula."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


# --- Theory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("exponential", [True, False])
@pytest.mark.parametrize("servers", [2, 4, 7])
def test_given_a_concurrency_quota_when_calls_come_at_random_then_erlangs_share_is_refused(
    servers: int, *, exponential: bool
) -> None:
    # Erlang's formula holds for any distribution of the durations with that mean.
    load = replace(
        PLAIN,
        exponential=exponential,
        quotas=replace(NO_QUOTAS, concurrency=servers, requests_per_concurrency=1e12),
    )

    seen = run(load)

    refused = seen.refused[Limit.CONCURRENCY] / seen.arrived
    assert refused == pytest.approx(erlang_b(servers, 4.0), abs=0.02)
    assert seen.most_in_flight == servers


def test_given_no_quota_when_calls_come_at_random_then_those_in_progress_are_poisson() -> None:
    # M/G/∞: mean and variance are rate times duration, whatever the durations' distribution.
    seen = run(replace(PLAIN, spread=0.5, seconds=1_000.0))

    expected = 200 * 0.020 * math.exp(0.5**2 / 2)
    assert seen.busy_seconds / 1_000 == pytest.approx(expected, rel=0.02)
    counts = [count for _, count in seen.in_flight]
    assert mean(counts) == pytest.approx(expected, rel=0.2)
    assert pvariance(counts) == pytest.approx(expected, rel=0.5)


def test_given_a_load_when_simulated_then_littles_law_holds() -> None:
    seen = run(replace(PLAIN, spread=0.35))

    in_progress = seen.busy_seconds / PLAIN.seconds
    arrivals = seen.answered / PLAIN.seconds
    assert in_progress == pytest.approx(arrivals * mean(seen.latencies), rel=0.001)


def test_given_lognormal_durations_when_simulated_then_their_percentiles_are_met() -> None:
    seen = run(replace(PLAIN, spread=0.35))

    assert seen.latency(0.5) == pytest.approx(0.020, rel=0.02)
    assert seen.latency(0.99) == pytest.approx(0.020 * math.exp(0.35 * 2.3263), rel=0.05)


@pytest.mark.parametrize("rate", [0.5, 2.0, 20.0])
def test_given_one_environment_when_policies_are_looked_for_then_it_is_as_often_as_the_formula_says(
    rate: float,
) -> None:
    load = replace(
        PLAIN,
        hooks_per_second=rate,
        seconds=2_000.0,
        # So short that they never meet, for which a second environment would start.
        durations=calls(1e-6),
        snapshot_ttl=1.0,
        warm={Category.EVENT: 1},
        idle_seconds=1e9,
    )

    seen = run(load)

    expected = refreshes_per_second(rate, 1.0)
    assert seen.refreshes / load.seconds == pytest.approx(expected, rel=0.08)


def test_given_streams_when_keep_alives_come_at_their_pace_then_each_comes_once_in_a_period() -> (
    None
):
    seen = run(replace(PLAIN, periodic=True, seconds=50.0))

    # 2,000 streams, five periods; at random it would be 10,000 give or take 100.
    assert seen.arrived == pytest.approx(10_000, abs=2)


# --- Quotas -------------------------------------------------------------------------------------


def test_given_more_than_the_gateway_lets_pass_when_simulated_then_burst_and_rate_pass() -> None:
    quotas = replace(NO_QUOTAS, gateway_rate=50.0, gateway_burst=25.0)

    seen = run(replace(PLAIN, quotas=quotas))

    assert seen.arrived - seen.refused[Limit.GATEWAY] == pytest.approx(25 + 50 * 300, abs=5)
    assert list(seen.met) == [Limit.GATEWAY]


def test_given_short_calls_when_ten_for_each_concurrency_are_used_up_then_the_rest_is_refused() -> (
    None
):
    # 5 executions would do for 4 in progress; 50 requests a second do not do for 200.
    quotas = replace(NO_QUOTAS, concurrency=5.0, requests_per_concurrency=10.0)

    seen = run(replace(PLAIN, durations=calls(1.0), quotas=quotas))

    assert seen.refused[Limit.FUNCTION_REQUESTS] / seen.arrived == pytest.approx(0.75, abs=0.02)
    assert seen.refused[Limit.CONCURRENCY] == 0


def test_given_no_warm_environment_when_many_come_at_once_then_new_ones_start_at_their_rate() -> (
    None
):
    load = replace(
        PLAIN,
        hooks_per_second=1_000.0,
        seconds=2.0,
        durations=calls(10_000.0),
        warm={},
        quotas=replace(NO_QUOTAS, scaling_rate=100.0, scaling_burst=50.0),
    )

    seen = run(load)

    assert seen.cold_starts == pytest.approx(50 + 100 * 2, abs=2)
    assert seen.refused[Limit.SCALING] == seen.arrived - seen.cold_starts


def test_given_a_cold_start_when_a_hook_causes_it_then_the_hook_waits_for_it() -> None:
    load = replace(
        PLAIN,
        hooks_per_second=5.0,
        durations=calls(1.0, start_ms=400.0),
        new_environment_ms=100.0,
        warm={},
        idle_seconds=1e9,
    )

    seen = run(load)

    assert seen.cold_starts >= 1
    assert max(seen.latencies) == pytest.approx(0.501)
    assert seen.latency(0.5) == pytest.approx(0.001)


def test_given_idle_environments_when_time_is_over_then_they_go_and_others_start() -> None:
    load = replace(PLAIN, hooks_per_second=0.05, seconds=2_000.0, warm={}, idle_seconds=1.0)

    seen = run(load)

    assert seen.cold_starts > 0.8 * seen.arrived


# --- Policies -----------------------------------------------------------------------------------

REFRESHING: Final = replace(
    PLAIN,
    durations=calls(1.0, aws_ms=4.0),
    snapshot_ttl=1.0,
    seconds=30.0,
    warm={Category.EVENT: 20},
)


def test_given_a_look_for_policies_when_a_hook_makes_it_then_it_takes_that_long_and_no_other() -> (
    None
):
    seen = run(REFRESHING)

    assert {round(seconds * 1e3, 6) for seconds in seen.latencies} == {1.0, 5.0}
    assert sum(seconds > 0.004 for seconds in seen.latencies) == pytest.approx(
        seen.refreshes, abs=1
    )


def test_given_looks_for_policies_when_read_units_are_counted_then_each_reads_two_halves() -> None:
    seen = run(REFRESHING)

    for limit in (Limit.SHARED_POINTER, Limit.APP_PARTITION):
        units = sum(seen.read_units[limit].values())
        assert units == pytest.approx(seen.refreshes / 2, abs=1)
    assert sum(seen.read_units[Limit.TABLE].values()) == pytest.approx(seen.refreshes, abs=1)


def test_given_a_pointer_for_each_environment_when_there_are_many_apps_then_it_is_read_less() -> (
    None
):
    many = replace(REFRESHING, apps=50)

    as_it_is = run(many)
    changed = run(replace(many, shared_pointer_cached=True))

    before = sum(as_it_is.read_units[Limit.SHARED_POINTER].values())
    after = sum(changed.read_units[Limit.SHARED_POINTER].values())
    assert after < before / 2
    # Not more often than once in a TTL by each of the twenty.
    assert after <= 0.5 * 20 * (REFRESHING.seconds + 1)


def test_given_an_edit_when_environments_look_then_all_go_by_it_within_the_ttl_and_a_read() -> None:
    seen = run(replace(REFRESHING, hooks_per_second=2_000.0, seconds=20.0, edit_at=10.0))

    assert len(seen.enforced) == 20
    assert 0 <= min(seen.enforced) < max(seen.enforced) < 1.0 + 0.1


def test_given_a_partition_that_is_used_up_when_policies_are_known_then_they_are_used_on() -> None:
    quotas = replace(NO_QUOTAS, partition_reads=1.0)

    seen = run(replace(REFRESHING, quotas=quotas))

    assert seen.throttled_reads[Limit.APP_PARTITION] > 0
    assert seen.stale > 0
    assert seen.failed == 0
    assert seen.answered == pytest.approx(seen.arrived, abs=30)


def test_given_a_partition_that_is_used_up_when_nothing_is_known_then_hooks_fail() -> None:
    quotas = replace(NO_QUOTAS, partition_reads=0.5)

    seen = run(replace(REFRESHING, quotas=quotas, warm={}))

    assert seen.failed > 0


def test_given_hooks_that_do_not_wait_when_policies_are_looked_for_then_none_takes_longer() -> None:
    seen = run(replace(REFRESHING, hooks_wait=False))

    assert seen.refreshes > 0
    assert max(seen.latencies) == pytest.approx(0.001)


# --- The whole ----------------------------------------------------------------------------------


def test_given_a_load_when_simulated_then_every_hook_is_accounted_for() -> None:
    load = Load(
        hooks_per_second=500.0, burst_factor=10.0, burst_at=2.0, burst_seconds=2.0, seconds=6.0
    )

    seen = run(load)

    in_progress = seen.arrived - seen.answered - seen.failed - sum(seen.refused.values())
    assert 0 <= in_progress <= seen.most_in_flight
    assert sum(seen.environments.values()) >= seen.cold_starts / 2
    # The burst brings 4,500 hooks/s more, for two seconds.
    assert seen.arrived == pytest.approx(500 * 6 + 4_500 * 2, rel=0.05)


def test_given_a_seed_when_simulated_again_then_the_same_comes_of_it() -> None:
    load = replace(PLAIN, seconds=10.0, spread=0.35)

    assert list(run(load, 7).latencies) == list(run(load, 7).latencies)
    assert list(run(load, 7).latencies) != list(run(load, 8).latencies)
