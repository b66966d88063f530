"""RestErrors: what WCS does with each reply that is not 200, as the function can know it."""

from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.hook_client import HookClient, HookReply
from tests.support.in_memory_snapshots import InMemorySnapshots

LIVE = {"nodeId": "node", "appKey": "live", "sessionId": "/live"}
NO_PUBLISHING = {"id": "no", "method": "publishStream", "action": "deny"}
NO_KEEP_ALIVE = {"id": "no", "method": "StreamKeepAliveEvent", "action": "deny"}


def configured(method: str) -> dict[str, Any]:
    return {"id": "c", "method": method, "action": "configure", "restOnError": "FAIL"}


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture
def hooks(make_client: MakeClient, snapshots: InMemorySnapshots) -> HookClient:
    return make_client(snapshots=snapshots, SNAPSHOT_TTL_SECONDS="0", REST_API_CALLS="never-deny")


def label(reply: HookReply) -> tuple[str, str, str]:
    """What the metric says; the log line must say the same."""
    [line] = reply.metrics
    [logged] = reply.log
    assert line["RestErrors"] == [1.0]
    said = (line["restOnError"], line["outcome"], line["cause"])
    assert said == (logged["restOnError"], logged["outcome"], logged["cause"])
    return said


def test_given_a_session_that_connected_before_the_edit_when_refused_then_wcs_carries_on(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    hooks.post("connect", LIVE)
    snapshots.publish("live", NO_PUBLISHING)
    hooks.post("connect", {**LIVE, "sessionId": "/later"})

    before = hooks.post("publishStream", LIVE)
    after = hooks.post("publishStream", {**LIVE, "sessionId": "/later"})

    assert label(before) == ("LOG", "continued", "policy")
    assert label(after) == ("FAIL", "aborted", "policy")


def test_given_a_stream_of_a_session_from_before_the_edit_when_its_keep_alive_is_refused_then_it_runs(  # noqa: E501 - who, what and when
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    hooks.post("connect", LIVE)
    snapshots.publish("live", NO_KEEP_ALIVE)
    hooks.post("connect", {**LIVE, "sessionId": "/later"})

    before = hooks.post("StreamKeepAliveEvent", LIVE)
    after = hooks.post("StreamKeepAliveEvent", {**LIVE, "sessionId": "/later"})

    assert label(before) == ("LOG", "continued", "policy")
    assert label(after) == ("FAIL", "stream-ended", "policy")


def test_given_a_player_that_never_connected_when_refused_then_what_is_in_force_now_counts(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("live", {"id": "no", "method": "playHLS", "action": "deny"})

    assert label(hooks.post("playHLS", LIVE)) == ("FAIL", "aborted", "policy")


def test_given_a_connect_when_refused_then_it_is_declined_whatever_rest_on_error_says(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    refusal = {"id": "no", "method": "connect", "action": "deny"}
    snapshots.publish("live", refusal)
    assert label(hooks.post("connect", LIVE)) == ("LOG", "declined", "policy")

    snapshots.publish("live", refusal, configured("connect"))
    assert label(hooks.post("connect", LIVE)) == ("FAIL", "declined", "policy")


@pytest.mark.parametrize(
    ("method", "outcome"),
    [
        ("publishStream", "aborted"),
        ("StreamStatusEvent", "error-event"),
        ("StreamKeepAliveEvent", "stream-ended"),
        ("OnCallEvent", "aborted"),
    ],
)
def test_given_our_failure_when_the_session_can_be_read_then_it_tells_what_wcs_does(
    make_client: MakeClient, snapshots: InMemorySnapshots, method: str, outcome: str
) -> None:
    snapshots.publish("live", configured(method))
    make_client(snapshots=snapshots).post("connect", LIVE)
    down = InMemorySnapshots()
    down.refuse()

    reply = make_client(snapshots=down).post(method, LIVE)

    assert reply.status == 503
    assert label(reply) == ("FAIL", outcome, "failure")


def test_given_our_failure_when_nothing_can_be_read_then_nothing_is_guessed(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("*", configured("publishStream"))
    hooks = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing", REST_API_CALLS="never-deny")
    hooks.post("publishStream", {**LIVE, "appKey": "another"})
    snapshots.refuse()

    assert label(hooks.post("publishStream", LIVE)) == ("UNKNOWN", "UNKNOWN", "failure")


@pytest.mark.parametrize(
    ("posted", "cause"),
    [({"body": b"[]"}, "malformed"), ({"body": b"{}", "authorization": None}, "caller")],
)
def test_given_a_body_that_was_not_read_when_refused_then_what_holds_for_every_app_counts(
    hooks: HookClient, snapshots: InMemorySnapshots, posted: dict[str, Any], cause: str
) -> None:
    snapshots.publish("*", NO_PUBLISHING)

    assert label(hooks.post("publishStream", **posted)) == ("UNKNOWN", "UNKNOWN", cause)

    hooks.post("publishStream", LIVE)
    assert label(hooks.post("publishStream", **posted)) == ("FAIL", "aborted", cause)
