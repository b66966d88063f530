"""Whether the Sessions table agrees with WCS: nothing is missing or there without a reason."""

from dataclasses import replace

from verification.soak.sessions import Fates, compare_sessions, key_of
from verification.soak.traffic import SessionHistory

OPEN = SessionHistory("node", "s1", "c1", 200)
ENDED = SessionHistory("node", "s2", "c2", 200, "e2")
DECLINED = SessionHistory("node", "s3", "c3", 503)
ALL = (OPEN, ENDED, DECLINED)


def test_given_open_sessions_alone_when_compared_then_it_agrees() -> None:
    assert compare_sessions(ALL, {key_of(OPEN)}, Fates()).ok


def test_given_an_open_session_that_is_not_recorded_when_compared_then_red() -> None:
    assert not compare_sessions(ALL, (), Fates()).ok
    assert compare_sessions(ALL, (), Fates(lost=frozenset({"c1"}))).ok


def test_given_an_ended_session_that_is_recorded_when_compared_then_it_needs_a_reason() -> None:
    held = {key_of(OPEN), key_of(ENDED)}

    assert not compare_sessions(ALL, held, Fates()).ok
    assert compare_sessions(ALL, held, Fates(lost=frozenset({"e2"}))).ok
    assert compare_sessions(ALL, held, Fates(left=frozenset({"e2"}))).ok
    assert compare_sessions(ALL, held, Fates(redriven=frozenset({"c2"}))).ok


def test_given_a_declined_session_that_is_recorded_when_compared_then_red_though_redriven() -> None:
    held = {key_of(OPEN), key_of(DECLINED)}

    assert not compare_sessions(ALL, held, Fates(redriven=frozenset({"c3"}))).ok
    assert compare_sessions(ALL, held, Fates(sent_again=frozenset({"c3"}))).ok


def test_given_a_record_of_no_session_when_compared_then_red() -> None:
    stranger = key_of(replace(OPEN, session_id="unknown"))

    assert not compare_sessions(ALL, {key_of(OPEN), stranger}, Fates()).ok
