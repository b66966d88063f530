"""Token buckets, by which quotas are modelled."""

from bench.model.quotas import TokenBucket


def _passed(bucket: TokenBucket, per_second: int, seconds: float, tokens: float = 1.0) -> int:
    times = [number / per_second for number in range(round(per_second * seconds))]
    return sum(bucket.take(at, tokens) for at in times)


def test_given_a_rate_below_the_quota_when_tokens_are_taken_then_all_pass() -> None:
    assert _passed(TokenBucket(rate=11, burst=1), per_second=10, seconds=10) == 100


def test_given_a_rate_above_the_quota_when_tokens_are_taken_then_burst_and_rate_pass() -> None:
    assert _passed(TokenBucket(rate=10, burst=50), per_second=100, seconds=10) in range(149, 152)


def test_given_a_pause_when_tokens_are_taken_then_no_more_than_the_burst_was_saved() -> None:
    bucket = TokenBucket(rate=10, burst=5)

    assert sum(bucket.take(0.0) for _ in range(10)) == 5
    assert sum(bucket.take(1_000.0) for _ in range(10)) == 5


def test_given_more_than_the_burst_at_once_when_it_may_owe_then_it_is_made_up_for() -> None:
    strict, owing = TokenBucket(10, 10), TokenBucket(10, 10, owing=True)

    assert not strict.take(0.0, 100)
    assert owing.take(0.0, 100)
    assert not owing.take(9.0)
    assert owing.take(9.2)


def test_given_large_takes_when_it_may_owe_then_they_pass_at_the_rate_all_the_same() -> None:
    bucket = TokenBucket(rate=3_000, burst=3_000, owing=True)

    passed = _passed(bucket, per_second=100, seconds=20, tokens=250)

    # 20 seconds and a full bucket, and the last may owe.
    assert passed in range(21 * 3_000 // 250 - 1, 21 * 3_000 // 250 + 2)
