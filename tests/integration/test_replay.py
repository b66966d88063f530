"""What a captured hook is good for, and what an unknown session is.

The claims of `docs/maintainers/threat-model.md` and of `docs/explanation/where-it-fails-open.md`,
one by one. WCS signs the body alone, without a time: who has captured a signed body can post it
again, at any time and to any method's path. None of these tests says that this is well; they say
what it gives.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest

from tests.integration.conftest import MakeClient, make_hooks
from tests.integration.test_event_bus import BUS, Subscriber
from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import SECRET, HookClient, HookReply, gateway_event, signature
from tests.support.in_memory_snapshots import InMemorySnapshots
from wcs_hooks.core.caller import RestApiCalls
from wcs_hooks.core.methods import METHODS, Category

DAY: Final = 86_400.0
OF_SESSION: Final = {"nodeId": "node", "appKey": "school", "sessionId": "/192.0.2.1:5/192.0.2.2:8"}

TEACHERS_ONLY: Final = {
    "id": "teachers-only",
    "method": "publishStream",
    "action": "deny",
    "when": "session.custom.role != 'teacher'",
}
NOBODY_PUBLISHES: Final = {"id": "nobody", "method": "publishStream", "action": "deny"}
WHO_MAY_CONNECT: Final = (
    {
        "id": "anna",
        "method": "connect",
        "action": "echo",
        "priority": 1,
        "match": {"custom.token": "tok-anna", "custom.role": "teacher"},
    },
    {
        "id": "ben",
        "method": "connect",
        "action": "echo",
        "priority": 1,
        "match": {"custom.token": "tok-ben", "custom.role": "pupil"},
    },
    {"id": "nobody-else", "method": "connect", "action": "deny"},
)


class Captured:
    """A hook as it went over the wire: whoever has it does not have the key."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.body: Final = json.dumps(fields).encode()
        self.authorization: Final = signature(self.body)

    def replay(self, hooks: HookClient, method: str) -> HookReply:
        return hooks.post(method, self.body, authorization=self.authorization)


@pytest.fixture
def make_client(aws: Aws, clock: FakeClock, capsys: pytest.CaptureFixture[str]) -> MakeClient:
    """Functions that have time enough on a busy machine: none of this is about time."""

    def make(**options: Any) -> HookClient:
        patient = {"clock": clock, "REPLY_TIMEOUT_SECONDS": "10"}
        return make_hooks(aws, capsys, **{**patient, **options})

    return make


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture(params=RestApiCalls)
def rest_api_calls(request: pytest.FixtureRequest) -> RestApiCalls:
    setting: RestApiCalls = request.param
    return setting


@pytest.fixture
def hooks(
    make_client: MakeClient, snapshots: InMemorySnapshots, rest_api_calls: RestApiCalls
) -> HookClient:
    return make_client(snapshots=snapshots, REST_API_CALLS=rest_api_calls.value)


def publish(hooks: HookClient) -> int:
    return hooks.post("publishStream", {**OF_SESSION, "name": "b4e7"}).status


# --- What a signature covers --------------------------------------------------------------------


def test_given_a_captured_hook_when_it_is_posted_to_any_methods_path_then_its_signature_holds(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    captured = Captured({**OF_SESSION, "name": "b4e7"})
    hooks = make_client(snapshots=snapshots)

    statuses = {method: captured.replay(hooks, method).status for method in (*METHODS, "newMethod")}

    assert statuses == dict.fromkeys((*METHODS, "newMethod"), 200)


def test_given_a_captured_hook_when_a_year_has_passed_then_its_signature_still_holds(
    make_client: MakeClient, clock: FakeClock
) -> None:
    captured = Captured(OF_SESSION)
    hooks = make_client()
    clock.advance(365 * DAY)

    assert captured.replay(hooks, "call").status == 200


def test_given_a_captured_hook_when_the_key_was_rotated_and_the_old_one_dropped_then_it_is_dead(
    make_client: MakeClient, aws: Aws, clock: FakeClock
) -> None:
    captured = Captured(OF_SESSION)
    hooks = make_client()

    aws.set_secret("new", previous=SECRET)
    assert captured.replay(hooks, "call").status == 200
    aws.set_secret("new")
    clock.advance(60)

    assert captured.replay(hooks, "call").status == 403


@pytest.mark.parametrize("changed", [b" ", b"\n", b"\0"])
def test_given_a_captured_hook_when_one_byte_of_it_is_another_then_it_is_rejected(
    make_client: MakeClient, changed: bytes
) -> None:
    captured = Captured(OF_SESSION)

    reply = make_client().post(
        "call", captured.body + changed, authorization=captured.authorization
    )

    assert reply.status == 403


# --- connect ------------------------------------------------------------------------------------


def test_given_a_session_that_ended_when_its_connect_is_replayed_then_it_is_known_again(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.publish("school", NOBODY_PUBLISHES)
    captured = Captured(OF_SESSION)
    captured.replay(hooks, "connect")
    hooks.post("ConnectionStatusEvent", {**OF_SESSION, "status": "DISCONNECTED"})
    assert aws.sessions() == []

    captured.replay(hooks, "connect")

    # That closes rather than opens: a denial of it is no longer suppressed.
    assert len(aws.sessions()) == 1
    assert publish(hooks) == 403


def test_given_an_edit_since_when_a_captured_connect_is_replayed_then_the_new_policies_decide(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws, clock: FakeClock
) -> None:
    captured = Captured({**OF_SESSION, "custom": {"role": "pupil", "token": "tok-carl"}})
    assert captured.replay(hooks, "connect").status == 200
    hooks.post("ConnectionStatusEvent", {**OF_SESSION, "status": "DISCONNECTED"})
    snapshots.publish("school", *WHO_MAY_CONNECT)
    clock.advance(10)

    assert captured.replay(hooks, "connect").status == 403
    assert aws.sessions() == []


def test_given_a_hook_with_what_a_client_chose_when_replayed_as_connect_then_the_session_has_that(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", TEACHERS_ONLY)
    hooks.post("connect", {**OF_SESSION, "custom": {"role": "pupil"}})
    captured = Captured({**OF_SESSION, "name": "b4e7", "custom": {"role": "teacher"}})
    assert captured.replay(hooks, "publishStream").status == 403

    captured.replay(hooks, "connect")

    # No more than the client could have claimed at its own connect, where nobody checked it either.
    assert publish(hooks) == 200


@pytest.mark.parametrize("token", ["tok-ben", "tok-anna-guessed", None])
def test_given_connects_claims_are_checked_when_a_forged_one_is_replayed_then_nothing_is_gained(
    hooks: HookClient, snapshots: InMemorySnapshots, token: str | None
) -> None:
    snapshots.publish("school", *WHO_MAY_CONNECT, TEACHERS_ONLY)
    custom = {"role": "pupil", "token": "tok-ben"}
    assert hooks.post("connect", {**OF_SESSION, "custom": custom}).status == 200
    claimed = {"role": "teacher"} | ({"token": token} if token else {})
    captured = Captured({**OF_SESSION, "name": "b4e7", "custom": claimed})

    assert captured.replay(hooks, "connect").status == 403
    assert publish(hooks) == 403


def test_given_another_hook_of_a_session_when_replayed_as_connect_then_its_claims_are_gone(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", TEACHERS_ONLY)
    hooks.post("connect", {**OF_SESSION, "custom": {"role": "teacher"}})
    assert publish(hooks) == 200

    Captured({**OF_SESSION, "status": "PUBLISHING"}).replay(hooks, "connect")

    # One client is kept from publishing until it connects again: its role is no longer known.
    assert publish(hooks) == 403


def test_given_accounts_that_connects_reply_gives_when_it_is_replayed_then_the_replayer_has_them(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish(
        "school",
        {
            "id": "account",
            "method": "connect",
            "action": "override",
            "set": {"sipPassword": "of-the-pbx"},
        },
    )
    captured = Captured(OF_SESSION)

    assert b"of-the-pbx" in captured.replay(hooks, "connect").body


# --- The end of a session -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"status": "DISCONNECTED"}, id="of the connection"),
        pytest.param({"status": "FAILED"}, id="that failed"),
    ],
)
def test_given_an_event_with_such_a_status_when_replayed_as_the_connections_end_then_it_ends(
    hooks: HookClient,
    snapshots: InMemorySnapshots,
    rest_api_calls: RestApiCalls,
    fields: dict[str, Any],
) -> None:
    snapshots.publish("school", NOBODY_PUBLISHES)
    hooks.post("connect", OF_SESSION)
    assert publish(hooks) == 403

    Captured({**OF_SESSION, **fields}).replay(hooks, "ConnectionStatusEvent")

    # The session lives on in WCS, and is unknown here: this is where never-deny fails open.
    assert publish(hooks) == (403 if rest_api_calls is RestApiCalls.AS_CLIENT else 200)


def test_given_a_policy_that_asks_for_the_session_when_it_was_made_unknown_then_as_client_denies(
    hooks: HookClient, snapshots: InMemorySnapshots, rest_api_calls: RestApiCalls
) -> None:
    snapshots.publish("school", TEACHERS_ONLY)
    hooks.post("connect", {**OF_SESSION, "custom": {"role": "pupil"}})

    Captured({**OF_SESSION, "status": "FAILED"}).replay(hooks, "ConnectionStatusEvent")

    assert publish(hooks) == (403 if rest_api_calls is RestApiCalls.AS_CLIENT else 200)


@pytest.mark.parametrize("status", ["PUBLISHING", "ESTABLISHED", "STOPPED", "", None, ["FAILED"]])
def test_given_an_event_with_another_status_when_replayed_as_the_connections_end_then_it_stays(
    hooks: HookClient, aws: Aws, status: Any
) -> None:
    hooks.post("connect", OF_SESSION)

    Captured({**OF_SESSION, "status": status}).replay(hooks, "ConnectionStatusEvent")

    assert len(aws.sessions()) == 1


@pytest.mark.parametrize("field", ["mediaSessionId", "callId", "operationId"])
def test_given_an_event_of_a_stream_call_or_data_when_replayed_as_the_connections_end_then_it_stays(
    hooks: HookClient, aws: Aws, field: str
) -> None:
    hooks.post("connect", OF_SESSION)

    body = {**OF_SESSION, "status": "FAILED", field: "1"}
    Captured(body).replay(hooks, "ConnectionStatusEvent")

    assert len(aws.sessions()) == 1


def test_given_a_hook_of_any_other_method_when_it_is_replayed_then_no_session_changes(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    hooks = make_client(snapshots=snapshots)
    hooks.post("connect", {**OF_SESSION, "custom": {"role": "teacher"}})
    before = aws.sessions()
    captured = Captured({**OF_SESSION, "status": "DISCONNECTED"})

    for method in METHODS.keys() - {"connect", "ConnectionStatusEvent"}:
        captured.replay(hooks, method)
        assert aws.sessions() == before, method


# --- Players, events, and what else -------------------------------------------------------------


def test_given_a_hook_that_is_denied_when_it_is_replayed_then_only_the_replayer_is_told(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    # WCS acts on the answers to its own requests: a replay ends no stream and aborts no call.
    snapshots.publish("school", {"id": "cut", "method": "StreamKeepAliveEvent", "action": "deny"})
    hooks = make_client(snapshots=snapshots)

    reply = Captured(OF_SESSION).replay(hooks, "StreamKeepAliveEvent")

    assert (reply.status, reply.error["policy"]) == (403, "cut")
    assert aws.dead_letters() == aws.sessions() == []


def test_given_an_event_when_it_is_replayed_as_another_then_the_bus_has_it_under_that_name(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    del aws
    subscriber = Subscriber()
    hooks = make_client(snapshots=snapshots, EVENT_BUS_NAME=BUS)

    Captured({**OF_SESSION, "status": "FAILED"}).replay(hooks, "RecordingStatusEvent")

    [event] = subscriber.received()
    assert event["detail-type"] == "RecordingStatusEvent"


def test_given_a_failed_event_when_it_is_replayed_then_it_is_counted_once_more(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    hooks = make_client(snapshots=snapshots)
    captured = Captured({**OF_SESSION, "status": "FAILED"})

    counted = [captured.replay(hooks, "CallStatusEvent").counted for _ in range(2)]

    assert all("ReportedFailures" in each for each in counted)


# --- Who may do without a signature -------------------------------------------------------------


def test_given_who_may_invoke_a_function_when_they_redrive_a_forged_hook_then_it_is_processed(
    make_client: MakeClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    # The same holds for those who may send to the dead-letter queue, once somebody redrives: the
    # stack gives both permissions to its own functions and to nobody else.
    forged = {"schema": 1, "method": "connect", "body": json.dumps(OF_SESSION), "attempts": 1}

    answer = make_client(snapshots=snapshots).hand_over(Category.CONNECT, {"redrive": forged})

    assert json.loads(answer.body)["status"] == 200
    assert len(aws.sessions()) == 1


def test_given_who_may_invoke_a_function_when_they_forge_the_gateways_event_then_they_need_the_key(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    hooks = make_client(snapshots=snapshots, ALLOWED_SOURCES="192.0.2.7/32")
    event = gateway_event("connect", b"{}", "WCS 00", "192.0.2.7")

    assert hooks.hand_over(Category.CONNECT, event).status == 403


# --- Where it fails open without any replay -----------------------------------------------------


def test_given_a_session_that_could_not_be_recorded_then_its_denials_are_held_back_until_redriven(
    make_client: MakeClient,
    snapshots: InMemorySnapshots,
    rest_api_calls: RestApiCalls,
    aws: Aws,
) -> None:
    snapshots.publish("school", NOBODY_PUBLISHES)
    down = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing")
    assert down.post("connect", OF_SESSION).status == 200
    hooks = make_client(snapshots=snapshots, REST_API_CALLS=rest_api_calls.value)

    assert publish(hooks) == (403 if rest_api_calls is RestApiCalls.AS_CLIENT else 200)
    [letter] = aws.dead_letters()
    hooks.hand_over(Category.CONNECT, {"redrive": letter})
    assert publish(hooks) == 403


def test_given_a_connection_longer_than_its_record_lasts_then_its_denials_are_held_back(
    hooks: HookClient,
    snapshots: InMemorySnapshots,
    rest_api_calls: RestApiCalls,
    clock: FakeClock,
) -> None:
    hooks.post("connect", OF_SESSION)
    clock.advance(8 * DAY)
    snapshots.publish("school", NOBODY_PUBLISHES)

    assert publish(hooks) == (403 if rest_api_calls is RestApiCalls.AS_CLIENT else 200)


def test_given_a_session_of_another_node_name_then_its_denials_are_held_back(
    hooks: HookClient, snapshots: InMemorySnapshots, rest_api_calls: RestApiCalls
) -> None:
    snapshots.publish("school", NOBODY_PUBLISHES)
    hooks.post("connect", {**OF_SESSION, "nodeId": "renamed"})

    assert publish(hooks) == (403 if rest_api_calls is RestApiCalls.AS_CLIENT else 200)
