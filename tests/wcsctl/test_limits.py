"""`wcsctl limits` and `wcsctl try`: who holds what, as the functions wrote it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.aws_tables import LEASES, SESSIONS
from tests.support.fake_clock import FakeClock
from tests.support.operated_stack import OperatedStack, operated
from tests.support.policy_items import deny
from wcs_hooks.adapters.dynamo_leases import DynamoLeases, LeaseSeconds
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.limits import Budget, Full, Held, Holder, WantedPlace
from wcsctl.commands import asking
from wcsctl.errors import NotFoundError, UsageError

_STREAMS = Budget("live", "two-streams", "anna")
_DAY = 86_400.0


@pytest.fixture(scope="module")
def operated_stack() -> Iterator[OperatedStack]:
    with operated() as one:
        one.outputs["SessionsTableName"] = SESSIONS
        one.enforce(
            "live",
            deny(
                "two-streams",
                limit={"by": "body.custom.user", "most": 2, "holds": "stream"},
                reason="Two at most.",
            ),
        )
        yield one


@pytest.fixture
def stack(operated_stack: OperatedStack) -> Iterator[OperatedStack]:
    """The stack, of whose places none is held: to make one takes a second."""
    before = dict(operated_stack.outputs)
    yield operated_stack
    operated_stack.outputs.clear()
    operated_stack.outputs.update(before)
    operated_stack.refused.clear()
    for item in operated_stack.aws.items(LEASES):
        operated_stack.aws.delete_item(LEASES, {"key": item["key"]})


def _stream(name: str) -> Holder:
    return Holder("n1", "s1", "mediaSessionId", name)


def _take(
    stack: OperatedStack,
    *names: str,
    budget: Budget = _STREAMS,
    most: int = 2,
    held: Held = Held.STREAM,
    ago: float = 0.0,
) -> dict[int, Full]:
    """Let streams take places as the functions do it; returns what was full for the last one."""
    clock = FakeClock(time.time() - ago)
    leases = DynamoLeases(stack.aws.dynamodb, LEASES, LeaseSeconds(90, _DAY, _DAY), clock)
    seconds = 60 if held is Held.RATE else 0
    full: Any = {}
    for name in names:
        wanted = WantedPlace(budget, most, held, seconds, _stream(name))
        full = leases.take([wanted], Deadline(SystemClock(), 10)).full
    return dict(full)


def _end(stack: OperatedStack, name: str) -> None:
    leases = DynamoLeases(stack.aws.dynamodb, LEASES, LeaseSeconds(90, 1, 1), SystemClock())
    leases.release(_stream(name), Deadline(SystemClock(), 10))


def _count(stack: OperatedStack) -> list[int]:
    """How many leases each item of a budget says that it has."""
    return [int(item["n"]) for item in stack.aws.items(LEASES) if item["key"].startswith("b#")]


# --- wcsctl limits ------------------------------------------------------------------------------


def test_given_places_of_several_budgets_when_listed_then_those_that_ran_out_do_not_count(
    stack: OperatedStack,
) -> None:
    _take(stack, "m1", "m2")
    _take(stack, "m3", budget=Budget("live", "two-streams", "ben"), ago=300)
    viewers = Budget("*", "viewers", "lesson")
    _take(stack, *(f"v{number}" for number in range(40)), budget=viewers, most=100)

    listed = stack.json("limits", "list")
    people = stack.run("limits", "list", "--app", "live").output

    assert [(one["app"], one["by"], one["held"], one["most"], one["holds"]) for one in listed] == [
        ("*", "lesson", 40, 100, "stream"),
        ("live", "anna", 2, 2, "stream"),
    ]
    assert listed[1]["key"] == _STREAMS.key
    assert "2 of 2" in people
    assert "lesson" not in people


def test_given_a_budget_when_shown_then_each_holder_is_there_with_the_time_until_when(
    stack: OperatedStack,
) -> None:
    _take(stack, "m1", ago=60)
    _take(stack, "m2")

    shown = stack.json("limits", "show", _STREAMS.key[:8])
    whole = stack.json("limits", "show", _STREAMS.key)
    people = stack.run("limits", "show", _STREAMS.key).output

    assert shown == whole
    assert [one["holder"] for one in shown["places"]] == [_stream(n).key for n in ("m2", "m1")]
    assert "live/two-streams for anna: 2 of 2 held, each by a stream" in people
    assert _stream("m2").key in people


def test_given_a_place_when_it_is_released_by_hand_then_another_stream_gets_it_and_no_more(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take(stack, "m1", "m2")
    words = ("limits", "release", _STREAMS.key[:8], _stream("m1").key[:8])
    monkeypatch.setattr(asking, "interactive", lambda: True)

    declined = stack.run(*words, answer="n\n")
    still_full = _take(stack, "m3")
    stack.run(*words, answer="y\n")
    after = _count(stack)
    third = _take(stack, "m3")
    # The stream whose place it was ends after all.
    _end(stack, "m1")
    fourth = _take(stack, "m4")

    assert declined.exit_code == 1
    assert still_full
    assert (after, third) == ([1], {})
    assert fourth
    assert _count(stack) == [2]


def test_given_a_count_that_somebody_edited_when_a_place_is_released_then_no_place_is_lost(
    stack: OperatedStack,
) -> None:
    _take(stack, "m1", "m2")
    [item] = [one for one in stack.aws.items(LEASES) if one["key"].startswith("b#")]
    stack.aws.put_item(LEASES, {**item, "n": "two"})

    stack.json("limits", "release", _STREAMS.key, _stream("m1").key, "--yes")
    third, fourth = _take(stack, "m3"), _take(stack, "m4")

    assert not third
    assert fourth


def test_given_no_such_budget_holder_or_table_then_the_error_says_where_to_look(
    stack: OperatedStack,
) -> None:
    _take(stack, "m1")

    no_budget = stack.run("limits", "show", "0" * 32).exception
    no_holder = stack.run("limits", "release", _STREAMS.key, "0" * 16, "-y").exception
    no_key = stack.run("limits", "show", "anna").exception
    unasked = stack.run("limits", "release", _STREAMS.key, _stream("m1").key).exception
    del stack.outputs["LeasesTableName"]
    no_table = stack.run("limits", "list").exception

    assert isinstance(no_budget, NotFoundError)
    assert "wcsctl limits list" in str(no_budget)
    assert isinstance(no_holder, NotFoundError)
    assert f"wcsctl limits show {_STREAMS.key}" in str(no_holder)
    assert isinstance(no_key, UsageError)
    assert "8 to 32 hexadecimal digits" in str(no_key)
    assert "--yes" in str(unasked)
    assert "Deploy it again" in str(no_table)


# --- wcsctl try ---------------------------------------------------------------------------------


def _tried(stack: OperatedStack, tmp_path: Path, stream: str = "m9", *words: str) -> Any:
    body = {"appKey": "live", "nodeId": "n1", "sessionId": "s1", "mediaSessionId": stream}
    (tmp_path / "body.json").write_text(json.dumps({**body, "custom": {"user": "anna"}}))
    (tmp_path / "connect.json").write_text("{}")
    session = () if words else ("--session", str(tmp_path / "connect.json"))
    file = str(tmp_path / "body.json")
    return stack.json("try", "publishStream", "-f", file, *session, *words)


def _verdict(said: Any) -> tuple[str, str, str]:
    [considered] = said["inForce"]["considered"]
    return said["inForce"]["answer"], considered["outcome"], considered["detail"]


def test_given_a_limit_when_a_hook_is_tried_then_who_holds_what_decides_and_nothing_is_taken(
    stack: OperatedStack, tmp_path: Path
) -> None:
    empty = _tried(stack, tmp_path)
    _take(stack, "m1", "m2")
    before = stack.aws.items(LEASES)
    holders = ", ".join(sorted(_stream(name).key for name in ("m1", "m2")))

    full = _tried(stack, tmp_path)
    again = _tried(stack, tmp_path, "m1")
    unknown = _tried(stack, tmp_path, "m9", "--session", "unknown")
    later = _tried(
        stack, tmp_path, "m9", "--session", str(tmp_path / "connect.json"), "--at", "2100-01-01"
    )

    assert _verdict(empty) == ("echo", "limit", "0 of 2 held")
    assert _verdict(full) == ("deny", "applied", f"2 of 2 held by {holders}")
    assert full["inForce"]["reason"] == "Two at most."
    assert full["inForce"]["policies"] == ["live/two-streams"]
    assert _verdict(again) == (
        *("echo", "limit"),
        f"2 of 2 held by {holders}; one of them is for this hook already",
    )
    assert _verdict(unknown) == (
        *("echo", "limit"),
        "needs one of 2; not counted, as its session was never seen at connect",
    )
    assert _verdict(later) == ("echo", "limit", "0 of 2 held")
    assert stack.aws.items(LEASES) == before


def test_given_leases_that_cannot_be_read_when_a_hook_is_tried_then_it_says_so_and_finds_room(
    stack: OperatedStack, tmp_path: Path
) -> None:
    _take(stack, "m1", "m2")
    stack.outputs["LeasesTableName"] = "AnotherTable"

    unread = _tried(stack, tmp_path)
    del stack.outputs["LeasesTableName"]
    older = _tried(stack, tmp_path)

    assert _verdict(unread) == ("echo", "limit", "needs one of 2")
    assert "the lease store does not answer" in unread["uncounted"]
    assert "Deploy it again" in older["uncounted"]


def test_given_a_denial_for_want_of_room_when_decisions_are_shown_then_they_say_who_holds_it(
    stack: OperatedStack,
) -> None:
    line = {
        "decision": "d1",
        "category": "direct",
        "method": "publishStream",
        "answer": "denied",
        "status": 403,
        "app": "live",
        "policies": ["live/two-streams"],
        "limit": "live/two-streams: 2 of 2 held by 3f0c81d29ab1c044, 9ab1c0443f0c81d2",
    }
    stack.log("direct", line, {**line, "decision": "d2", "limitErrors": ["other: limit"]})

    shown = stack.run("decisions").output
    [by_policy] = stack.run("--json", "decisions", "--policy", "other").stdout.splitlines()

    assert "no room: live/two-streams: 2 of 2 held by 3f0c81d29ab1c044" in shown
    assert "not counted: other: limit" in shown
    assert json.loads(by_policy)["limit"] == line["limit"]
