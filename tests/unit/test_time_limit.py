"""A service that does not answer in time: how long it is waited for, and how long left alone."""

import itertools
import time
from threading import Event

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.uneven_clock import MS, UnevenClock
from wcs_hooks.adapters.deadlines import CircuitBreaker, TimedOutError
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.errors import UnavailableError

_WAIT = 0.05


class Service:
    """Something that is called, and hangs while it is set to."""

    def __init__(self) -> None:
        self.calls = 0
        self.answers = Event()

    def __call__(self) -> str:
        self.calls += 1
        if not self.answers.wait(5):
            raise TimeoutError
        return "answer"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def service() -> Service:
    return Service()


def ask(breaker: CircuitBreaker, service: Service) -> str:
    # Waiting takes real time, and pauses the test's.
    return breaker.run_before(Deadline(SystemClock(), _WAIT), service)


def test_given_a_service_that_hangs_when_it_is_asked_again_at_once_then_nobody_waits(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreaker("the service", clock)
    with pytest.raises(TimedOutError, match="the service did not answer in time"):
        ask(breaker, service)

    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(UnavailableError, match="a moment ago"):
            ask(breaker, service)

    assert service.calls == 1
    assert time.perf_counter() - started < 100 * _WAIT / 2
    service.answers.set()


def test_given_a_service_that_goes_on_hanging_then_it_is_asked_ever_more_rarely(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreaker("the service", clock)
    asked_at = []
    for step in range(80):
        before = service.calls
        with pytest.raises(UnavailableError):
            ask(breaker, service)
        if service.calls > before:
            asked_at.append(step)
        clock.advance(_WAIT)

    gaps = [later - earlier for earlier, later in itertools.pairwise(asked_at)]
    assert gaps == sorted(gaps)
    assert gaps[0] <= 2
    assert gaps[-1] >= 8 * gaps[0]
    service.answers.set()


def test_given_a_service_is_back_when_the_pause_is_over_then_it_is_asked_as_before(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreaker("the service", clock)
    with pytest.raises(TimedOutError):
        ask(breaker, service)
    service.answers.set()
    clock.advance(_WAIT)

    assert [ask(breaker, service) for _ in range(3)] == ["answer"] * 3


def test_given_a_service_that_answers_by_an_error_then_it_is_asked_each_time(
    clock: FakeClock,
) -> None:
    breaker = CircuitBreaker("the service", clock)
    calls = []

    def refuse() -> None:
        calls.append(1)
        raise UnavailableError("it is throttled")

    for _ in range(3):
        with pytest.raises(UnavailableError, match="throttled"):
            breaker.run_before(Deadline(SystemClock(), _WAIT), refuse)

    assert len(calls) == 3


def test_given_a_call_that_had_less_time_than_usual_when_it_times_out_then_the_next_one_is_made(
    clock: FakeClock, service: Service
) -> None:
    breaker = CircuitBreaker("the service", clock)

    for _ in range(3):
        with pytest.raises(TimedOutError):
            breaker.run_before(Deadline(SystemClock(), _WAIT, normal=2 * _WAIT), service)

    assert service.calls == 3
    service.answers.set()


@pytest.mark.parametrize(
    ("wall", "monotonic"),
    [
        pytest.param(0.1, MS, id="the monotonic clock stands still"),
        pytest.param(MS, 0.1, id="the wall clock stands still"),
        pytest.param(-0.1, 0.1, id="the wall clock runs backwards"),
        pytest.param(0.1, -0.1, id="the monotonic clock runs backwards"),
    ],
)
def test_given_a_service_that_hangs_when_a_clock_is_wrong_then_it_is_asked_rarely_but_for_ever(
    service: Service, wall: float, monotonic: float
) -> None:
    clock = UnevenClock()
    breaker = CircuitBreaker("the service", clock)

    for _ in range(100):
        clock.move(wall=wall, monotonic=monotonic)
        with pytest.raises(UnavailableError):
            ask(breaker, service)

    # Pauses of 0.05, 0.1, 0.2, 0.4, 0.8, 1.6 and 3.2 of ten seconds.
    assert 6 <= service.calls <= 9
    service.answers.set()
    for _ in range(100):
        clock.move(wall=wall, monotonic=monotonic)
    assert ask(breaker, service) == "answer"
