"""Weekly windows of policies, by the clock on the wall."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.reading_process import Asked, decide_by
from tests.unit.given import (
    compiled,
    configure,
    decided,
    deny,
    errors,
    override,
    snapshot,
    warnings,
)

_RIGA = ZoneInfo("Europe/Riga")


def _is_denied(hours: str, moment: datetime) -> bool:
    found = decided(snapshot(deny(hours=hours)), {}, now=moment.timestamp())
    return found.denial is not None


@pytest.mark.parametrize(
    ("hours", "local", "holds"),
    [
        # 2030-03-11 is a Monday.
        ("Mon-Fri 09:00-18:00 Europe/Riga", "2030-03-11T08:59:59", False),
        ("Mon-Fri 09:00-18:00 Europe/Riga", "2030-03-11T09:00:00", True),
        ("Mon-Fri 09:00-18:00 Europe/Riga", "2030-03-15T17:59:59", True),
        ("Mon-Fri 09:00-18:00 Europe/Riga", "2030-03-15T18:00:00", False),
        ("Mon-Fri 09:00-18:00 Europe/Riga", "2030-03-16T12:00:00", False),
        ("Sat 10:00-14:00 Europe/Riga", "2030-03-16T12:00:00", True),
        ("Fri-Mon 00:00-24:00 Europe/Riga", "2030-03-17T23:59:59", True),
        ("Fri-Mon 00:00-24:00 Europe/Riga", "2030-03-12T00:00:00", False),
        ("Fri-Mon 00:00-24:00 Europe/Riga", "2030-03-14T23:59:59", False),
        ("Fri 22:00-02:00 Europe/Riga", "2030-03-16T01:59:59", True),
        ("Fri 22:00-02:00 Europe/Riga", "2030-03-16T02:00:00", False),
        ("Fri 22:00-02:00 Europe/Riga", "2030-03-15T01:00:00", False),
        ("Sun 22:00-02:00 Europe/Riga", "2030-03-11T01:00:00", True),
        ("Sun 22:00-00:00 Europe/Riga", "2030-03-17T23:00:00", True),
        ("Sun 22:00-00:00 Europe/Riga", "2030-03-11T00:00:00", False),
        ("Mon 09:00-10:00 UTC; Mon 09:00-10:00 Europe/Riga", "2030-03-11T11:30:00", True),
        ("Mon 09:00-10:00 UTC; Mon 09:00-10:00 Europe/Riga", "2030-03-11T09:30:00", True),
        ("Mon 09:00-10:00 UTC; Mon 09:00-10:00 Europe/Riga", "2030-03-11T10:30:00", False),
        # The clock goes forward on 2030-03-31, from 03:00 to 04:00, and back on 2030-10-27.
        ("Sun 09:00-18:00 Europe/Riga", "2030-03-31T09:00:00", True),
        ("Sun 09:00-18:00 Europe/Riga", "2030-03-31T18:00:00", False),
        ("Sun 09:00-18:00 Europe/Riga", "2030-10-27T09:00:00", True),
        ("Sun 09:00-18:00 Europe/Riga", "2030-10-27T08:59:59", False),
    ],
)
def test_given_hours_then_a_policy_holds_by_the_clock_on_the_wall(
    hours: str, local: str, *, holds: bool
) -> None:
    moment = datetime.fromisoformat(local).replace(tzinfo=_RIGA)

    assert _is_denied(hours, moment) is holds


@pytest.mark.parametrize(
    ("hours", "day", "minutes"),
    [
        ("Sun 03:00-04:00 Europe/Riga", datetime(2030, 3, 31, tzinfo=UTC), 0),
        ("Sun 03:00-04:00 Europe/Riga", datetime(2030, 10, 27, tzinfo=UTC), 120),
        ("Sat 22:00-06:00 Europe/Riga", datetime(2030, 3, 30, 12, tzinfo=UTC), 7 * 60),
        ("Sat 22:00-06:00 Europe/Riga", datetime(2030, 10, 26, 12, tzinfo=UTC), 9 * 60),
    ],
)
def test_given_a_change_of_daylight_saving_then_a_window_is_shorter_or_longer(
    hours: str, day: datetime, minutes: int
) -> None:
    moments = [day + timedelta(minutes=minute) for minute in range(24 * 60)]

    assert sum(_is_denied(hours, moment) for moment in moments) == minutes


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ("Mon-Fri 09:00-18:00", "is not a weekly window: write it like"),
        ("Mon-Fri 9-18 Europe/Riga", "is not a weekly window"),
        ("Mon-Fri 09:00-18:00 Europe/Riga;", "'' is not a weekly window"),
        ("Mo-Fr 09:00-18:00 Europe/Riga", "'Mo' is not a day; known are Mon, Tue"),
        ("Mon 09:00-24:01 Europe/Riga", "24:01 is not a time of day"),
        ("Mon 09:60-10:00 Europe/Riga", "09:60 is not a time of day"),
        ("Mon 09:00-09:00 Europe/Riga", "has no length: the whole day is 00:00-24:00"),
        ("Mon 09:00-18:00 Riga", "'Riga' is not a time zone; did you mean 'Europe/Riga'?"),
        ("Mon 09:00-18:00 ../../etc/passwd", "is not a time zone"),
        (5, "5 is not a text: give weekly windows such as"),
        ("", "is empty: remove it, or give weekly windows such as"),
    ],
)
def test_given_hours_that_are_none_then_the_error_says_what_to_write(
    hours: object, message: str
) -> None:
    [error] = compiled(deny(hours=hours)).errors

    assert error.attribute == "hours"
    assert message in error.message


def test_given_hours_with_a_configuration_then_it_is_an_error() -> None:
    policy = configure(hours="Mon 09:00-18:00 UTC", restOnError="FAIL")

    assert errors(policy) == [("a", "hours")]


def test_given_a_denial_with_hours_then_every_session_is_told_to_obey_it() -> None:
    always, windowed = deny(), deny(hours="Mon 09:00-18:00 UTC")

    assert compiled(windowed).requirements == compiled(always).requirements


def test_given_a_policy_with_hours_then_the_next_one_can_be_reached() -> None:
    assert warnings(deny(hours="Mon 09:00-18:00 UTC"), deny(id="b")) == []


def test_given_a_final_override_then_what_comes_later_is_not_evaluated() -> None:
    policies = [
        override(id="a", set={"record": True}),
        override(id="b", set={"name": "x", "record": False}, final=True, when="body.key == 'k'"),
        deny(id="c"),
    ]

    with_key = decided(snapshot(*policies), {"key": "k"})
    without = decided(snapshot(*policies), {"key": "other"})

    assert with_key.fields == {"record": "true", "name": '"x"'}
    assert with_key.applied == ("live/a", "live/b")
    assert without.denial


@pytest.mark.parametrize(
    "policy",
    [
        override(set={"name": "x"}, final=True, mode="shadow"),
        override(compute={"name": "body.missing"}, final=True),
        override(set={"name": "x"}, final=False),
    ],
)
def test_given_a_final_override_that_changes_nothing_then_it_ends_nothing(
    policy: dict[str, object],
) -> None:
    assert decided(snapshot(policy, deny(id="b")), {}).denial


def test_given_a_final_override_without_a_condition_then_what_follows_is_never_reached() -> None:
    ending = override(set={"name": "x"}, final=True)

    assert warnings(ending, deny(id="b")) == [("b", "priority")]
    assert warnings(override(compute={"name": "body.x"}, final=True), deny(id="b")) == []


@pytest.mark.parametrize("final", ["true", 1])
def test_given_final_that_is_no_truth_value_then_it_is_an_error(final: object) -> None:
    assert errors(override(set={"name": "x"}, final=final)) == [("a", "final")]


def test_given_a_process_that_only_read_a_snapshot_then_it_decides_by_hours_and_final() -> None:
    data = compiled(
        override(hours="Mon-Fri 09:00-18:00 Europe/Riga", set={"name": "x"}, final=True),
        deny(id="b"),
    ).dump(1, 0)
    open_at = datetime(2030, 3, 11, 9, 0, tzinfo=_RIGA).timestamp()

    found = decide_by(
        [data], [Asked("publishStream", {}, now=open_at + late) for late in (0, -1, 32_400)]
    ).decided

    assert [one.verdict for one in found] == ["override", "deny", "deny"]
