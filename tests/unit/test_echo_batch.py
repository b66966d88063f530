"""Plain echoes are counted together, each of them once, and under the right moment."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fake_clock import FakeClock
from wcs_hooks.telemetry.echo_batch import MOST_VALUES, EchoBatch, Echoes

_NOW = 1000.0


def counted(emitted: Sequence[Echoes]) -> list[tuple[str, int, float]]:
    """Method, number, and when the first was counted."""
    return [(echoes.method, len(echoes.service_times), echoes.since) for echoes in emitted]


def test_given_a_quiet_time_when_an_echo_comes_then_it_is_emitted_at_once() -> None:
    clock = FakeClock(_NOW)
    batch = EchoBatch(5, clock)

    assert counted(batch.add("call", 0.1, 0.2)) == [("call", 1, _NOW)]
    clock.advance(5)
    assert counted(batch.add("call", 0.1, 0.2)) == [("call", 1, _NOW + 5)]


def test_given_a_busy_time_when_echoes_come_then_they_wait_for_its_end() -> None:
    clock = FakeClock(_NOW)
    batch = EchoBatch(5, clock)
    batch.add("call", 0, 0)

    for number in range(1, 5):
        clock.advance(1)
        assert not batch.add("call", 0.1 * number, 0.2 * number)
    clock.advance(1)
    [echoes] = batch.add("call", 0.5, 1.0)

    assert echoes.since == _NOW + 1
    assert echoes.decision_times == [0.1, 0.2, 0.1 * 3, 0.4, 0.5]
    assert echoes.service_times == [0.2, 0.4, 0.2 * 3, 0.8, 1.0]


def test_given_echoes_of_several_methods_when_they_are_emitted_then_each_method_has_its_own() -> (
    None
):
    clock = FakeClock(_NOW)
    batch = EchoBatch(5, clock)
    batch.add("call", 0, 0)
    batch.add("hangup", 0, 0)
    clock.advance(1)
    batch.add("call", 0, 0)
    batch.add("hangup", 0, 0)

    assert counted(batch.take()) == [("hangup", 2, _NOW), ("call", 1, _NOW + 1)]
    assert not batch.take()


def test_given_as_many_values_as_a_line_takes_when_they_wait_then_that_method_is_emitted() -> None:
    batch = EchoBatch(5, FakeClock(_NOW))
    batch.add("call", 0, 0)
    batch.add("hangup", 0, 0)

    emitted = [batch.add("call", 0, 0) for _ in range(MOST_VALUES)]

    assert not any(emitted[:-1])
    assert counted(emitted[-1]) == [("call", MOST_VALUES, _NOW)]
    assert counted(batch.take()) == [("hangup", 1, _NOW)]


def test_given_something_else_was_emitted_when_an_echo_comes_then_it_waits() -> None:
    batch = EchoBatch(5, FakeClock(_NOW))

    assert not batch.take()
    assert not batch.add("call", 0, 0)
    assert counted(batch.take()) == [("call", 1, _NOW)]


def test_given_echoes_that_waited_long_when_one_comes_then_it_has_a_moment_of_its_own() -> None:
    clock = FakeClock(_NOW)
    batch = EchoBatch(5, clock)
    for _ in range(3):
        batch.add("call", 0, 0)

    clock.advance(600)

    emitted = batch.add("call", 0, 0)
    assert counted(emitted) == [("call", 2, _NOW), ("call", 1, _NOW + 600)]


def test_given_no_time_to_batch_when_echoes_come_then_each_is_emitted_at_once() -> None:
    batch = EchoBatch(0, FakeClock(_NOW))

    for _ in range(3):
        assert counted(batch.add("call", 0, 0)) == [("call", 1, _NOW)]


@given(
    seconds=st.sampled_from([0, 1, 5]),
    hooks=st.lists(
        st.tuples(st.sampled_from(["call", "hangup"]), st.sampled_from([0.0, 0.01, 0.9, 3, 70])),
        max_size=400,
    ),
)
def test_given_any_echoes_when_all_is_emitted_then_each_was_counted_once_and_in_its_time(
    seconds: float, hooks: list[tuple[str, float]]
) -> None:
    clock = FakeClock(_NOW)
    batch = EchoBatch(seconds, clock)
    emitted: list[Echoes] = []
    came = {}
    for number, (method, pause) in enumerate(hooks):
        clock.advance(pause)
        came[float(number)] = (method, clock.now())
        emitted += batch.add(method, number, number)
    emitted += batch.take()

    found = [(time, echoes) for echoes in emitted for time in echoes.service_times]
    assert sorted(time for time, _ in found) == sorted(came)
    for time, echoes in found:
        method, at = came[time]
        assert method == echoes.method
        assert 0 <= at - echoes.since <= 2 * seconds
    assert all(len(e.service_times) == len(e.decision_times) <= MOST_VALUES for e in emitted)
