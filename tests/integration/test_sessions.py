"""Sessions: recorded at connect, asked for when a decision needs them, forgotten at the end."""

import json
import time
from typing import Any

import pytest

from tests.integration.conftest import MakeClient
from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import SESSIONS, Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import HookClient
from tests.support.in_memory_snapshots import InMemorySnapshots

NODE = "Hw47CFMBEchVOpBMDr29IxjudnJ1sjOY@192.168.1.101"
SESSION = "/192.168.1.102:4388/192.168.1.101:8443"
OF_SESSION = {"nodeId": NODE, "appKey": "school", "sessionId": SESSION}
DAY = 86_400.0

TEACHERS_ONLY = {
    "id": "teachers-only",
    "method": "publishStream",
    "action": "deny",
    "when": "session.custom.role != 'teacher'",
    "reason": "Only teachers publish.",
}
NO_PRIVATE = {
    "id": "no-private",
    "method": "publishStream",
    "action": "deny",
    "when": "body.name.startsWith('private-')",
}


@pytest.fixture
def snapshots() -> InMemorySnapshots:
    return InMemorySnapshots()


@pytest.fixture
def hooks(make_client: MakeClient, snapshots: InMemorySnapshots) -> HookClient:
    return make_client(snapshots=snapshots, REST_API_CALLS="never-deny")


def connect(hooks: HookClient, **fields: Any) -> int:
    return hooks.post("connect", {**OF_SESSION, **fields}).status


def publish(hooks: HookClient, name: str = "b4e7", **fields: Any) -> int:
    return hooks.post("publishStream", {**OF_SESSION, "name": name, **fields}).status


def test_given_a_role_told_at_connect_when_a_stream_is_published_then_the_role_decides(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", TEACHERS_ONLY)

    connect(hooks, custom={"role": "teacher"})
    connect(hooks, sessionId="/pupil", custom={"role": "pupil"})

    assert publish(hooks) == 200
    assert publish(hooks, sessionId="/pupil") == 403


def test_given_a_session_never_seen_when_its_hook_is_denied_then_it_is_echoed_and_counted(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    body = {**OF_SESSION, "name": "private-1"}

    reply = hooks.post("publishStream", body)

    assert (reply.status, reply.body) == (200, json.dumps(body).encode())
    assert {"DenySuppressed", "Echoed"} <= reply.counted
    assert "Denied" not in reply.counted
    assert reply.log[0]["denySuppressed"] is True


def test_given_the_setting_as_client_when_a_hook_of_an_unknown_session_is_denied_then_it_is(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    hooks = make_client(snapshots=snapshots, REST_API_CALLS="as-client")
    snapshots.publish("school", NO_PRIVATE)

    assert publish(hooks, "private-1") == 403


@pytest.mark.parametrize("method", ["playHLS", "playRTSP"])
def test_given_a_player_which_never_connects_when_it_is_denied_then_it_is(
    hooks: HookClient, snapshots: InMemorySnapshots, method: str
) -> None:
    snapshots.publish("school", {"id": "no", "method": method, "action": "deny"})

    assert hooks.post(method, {**OF_SESSION, "name": "test"}).status == 403


def test_given_an_incoming_call_to_nobody_who_connected_when_denied_then_it_is_echoed(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", {"id": "no", "method": "OnCallEvent", "action": "deny"})

    assert hooks.post("OnCallEvent", OF_SESSION).status == 200

    connect(hooks)
    assert hooks.post("OnCallEvent", OF_SESSION).status == 403


def test_given_a_keep_alive_of_a_stream_of_nobody_who_connected_when_denied_then_it_is_echoed(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", {"id": "no", "method": "StreamKeepAliveEvent", "action": "deny"})

    reply = hooks.post("StreamKeepAliveEvent", OF_SESSION)

    assert reply.status == 200
    assert "DenySuppressed" in reply.counted

    connect(hooks)
    assert hooks.post("StreamKeepAliveEvent", OF_SESSION).status == 403


@pytest.mark.parametrize("method", ["publishStream", "OnCallEvent", "StreamKeepAliveEvent"])
def test_given_the_setting_as_client_when_an_unknown_session_is_denied_then_it_is(
    make_client: MakeClient, snapshots: InMemorySnapshots, method: str
) -> None:
    snapshots.publish("school", {"id": "no", "method": method, "action": "deny"})
    hooks = make_client(snapshots=snapshots, REST_API_CALLS="as-client")

    assert hooks.post(method, OF_SESSION).status == 403


@pytest.mark.parametrize("fields", [{}, {"sessionId": None}, {"sessionId": 7}, {"sessionId": ""}])
def test_given_a_hook_that_names_no_session_when_denied_then_it_is_echoed(
    hooks: HookClient, snapshots: InMemorySnapshots, fields: dict[str, Any]
) -> None:
    snapshots.publish("school", NO_PRIVATE)

    reply = hooks.post("publishStream", {"appKey": "school", "name": "private-1", **fields})

    assert reply.status == 200


def test_given_known_in_a_policy_when_the_session_was_seen_or_not_then_it_tells(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish(
        "school",
        {
            "id": "mark",
            "method": "publishStream",
            "action": "override",
            "compute": {"known": "known", "role": "session == null ? 'none' : session.custom.role"},
        },
    )
    connect(hooks, custom={"role": "teacher"})

    seen = json.loads(hooks.post("publishStream", OF_SESSION).body)
    unseen = json.loads(hooks.post("publishStream", {**OF_SESSION, "sessionId": "/other"}).body)

    assert (seen["known"], seen["role"]) == (True, "teacher")
    assert (unseen["known"], unseen["role"]) == (False, "none")


@pytest.mark.parametrize("status", ["DISCONNECTED", "FAILED"])
def test_given_a_connection_that_is_gone_when_wcs_tells_so_then_the_session_is_forgotten(
    hooks: HookClient, snapshots: InMemorySnapshots, status: str
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    connect(hooks)
    assert publish(hooks, "private-1") == 403

    hooks.post("ConnectionStatusEvent", {**OF_SESSION, "status": status})

    assert publish(hooks, "private-1") == 200


def test_given_a_connection_that_is_established_then_the_session_stays(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    connect(hooks)

    hooks.post("ConnectionStatusEvent", {**OF_SESSION, "status": "ESTABLISHED"})
    hooks.post("StreamStatusEvent", {**OF_SESSION, "status": "FAILED"})

    assert publish(hooks, "private-1") == 403


def test_given_a_connect_that_is_denied_then_no_session_is_recorded(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws
) -> None:
    snapshots.publish("school", {"id": "no", "method": "connect", "action": "deny"})

    assert connect(hooks) == 403
    assert aws.sessions() == []


def test_given_a_session_on_another_node_then_it_is_another_session(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    connect(hooks)
    connect(hooks, nodeId=None, sessionId="/no-node")

    assert publish(hooks, "private-1", nodeId="another") == 200
    assert publish(hooks, "private-1", nodeId=None, sessionId="/no-node") == 403


def test_given_secrets_at_connect_then_the_table_has_none_of_them(
    hooks: HookClient, aws: Aws
) -> None:
    connect(
        hooks,
        sipPassword="s3cr3t-1",
        authToken="s3cr3t-2",
        custom={"token": "s3cr3t-3", "role": "teacher"},
    )

    [session] = aws.sessions()

    assert "s3cr3t" not in json.dumps(session)
    assert SESSION not in json.dumps(session)
    assert session["body"]["custom"] == {"role": "teacher"}


def test_given_the_same_connect_twice_then_there_is_one_session(
    hooks: HookClient, aws: Aws
) -> None:
    connect(hooks)
    connect(hooks)

    assert len(aws.sessions()) == 1


def test_given_a_connect_too_large_to_be_kept_then_its_session_is_known_all_the_same(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    noise = "".join(f"{number * 2654435761 % 2**32:08x}" for number in range(110_000))

    assert connect(hooks, custom={"noise": noise}) == 200
    assert publish(hooks, "private-1") == 403


@pytest.mark.parametrize(
    "custom",
    [
        b'{"x":1e400}',
        b'{"x":' + b"9" * 400 + b"}",
        b'{"x":"\\ud800"}',
        b'{"\\u0000":[{}]}',
        b'{"' + b'":{"x'.join([b"x"] * 60) + b'":1' + b"}" * 60,
    ],
)
def test_given_odd_things_that_json_can_say_when_a_client_connects_then_its_session_is_known(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws, custom: bytes
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    body = json.dumps(OF_SESSION).encode()[:-1] + b', "custom": ' + custom + b"}"

    assert hooks.post("connect", body).status == 200
    assert publish(hooks, "private-1") == 403
    assert aws.dead_letters() == []


def test_given_a_connect_of_very_many_fields_then_it_is_recorded_in_no_time(
    hooks: HookClient, snapshots: InMemorySnapshots
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    fields = {f"f{n}": f"{n * 2654435761 % 2**96:024x}" for n in range(14_000)}

    began = time.process_time()
    connect(hooks, **fields)

    assert time.process_time() - began < 2
    assert publish(hooks, "private-1") == 403


def test_given_known_in_a_policy_for_connect_then_no_session_is_read_for_it(
    hooks: HookClient, snapshots: InMemorySnapshots, calls: AwsCalls
) -> None:
    snapshots.publish(
        "school", {"id": "no", "method": "connect", "action": "deny", "when": "known"}
    )
    connect(hooks)

    assert connect(hooks) == 200
    assert "GetItem" not in calls.made


def test_given_a_shadow_policy_when_the_session_cannot_be_read_then_nothing_changes(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    hooks = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing")
    snapshots.publish(
        "school",
        {**TEACHERS_ONLY, "mode": "shadow"},
        {
            "id": "shadow-set",
            "method": "publishStream",
            "action": "override",
            "mode": "shadow",
            "compute": {"name": "session.custom.name"},
        },
    )

    reply = hooks.post("publishStream", OF_SESSION)

    assert (reply.status, reply.body) == (200, json.dumps(OF_SESSION).encode())
    assert "ExpressionErrors" in reply.counted
    assert not {"ShadowDenied", "ShadowOverridden", "DeadLettered"} & reply.counted


def test_given_a_session_in_use_when_half_its_time_is_spent_then_a_read_renews_it(
    hooks: HookClient, snapshots: InMemorySnapshots, clock: FakeClock
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    connect(hooks)

    for _ in range(4):
        clock.advance(5 * DAY)
        assert publish(hooks, "private-1") == 403


def test_given_a_session_that_nobody_asked_for_in_its_time_then_it_is_unknown(
    hooks: HookClient, snapshots: InMemorySnapshots, clock: FakeClock
) -> None:
    snapshots.publish("school", NO_PRIVATE)
    connect(hooks)

    clock.advance(7 * DAY + 1)

    assert publish(hooks, "private-1") == 200


def test_given_policies_that_do_not_ask_for_it_when_nothing_is_denied_then_no_session_is_read(
    hooks: HookClient, snapshots: InMemorySnapshots, calls: AwsCalls
) -> None:
    snapshots.publish("school", NO_PRIVATE, {**TEACHERS_ONLY, "method": "playStream"})
    connect(hooks)
    publish(hooks, "warm")
    calls.made.clear()

    publish(hooks, "open")

    assert calls.made == []


def test_given_a_policy_that_asks_and_a_denial_then_the_session_is_read_once(
    hooks: HookClient, snapshots: InMemorySnapshots, calls: AwsCalls
) -> None:
    snapshots.publish("school", TEACHERS_ONLY)
    connect(hooks, custom={"role": "pupil"})
    publish(hooks)
    calls.made.clear()

    assert publish(hooks) == 403
    assert calls.made == ["GetItem"]


def test_given_a_store_that_refuses_when_a_session_is_recorded_then_connect_is_answered(
    make_client: MakeClient, aws: Aws
) -> None:
    hooks = make_client(SESSIONS_TABLE="Missing")

    reply = hooks.post("connect", OF_SESSION)

    assert (reply.status, reply.body) == (200, json.dumps(OF_SESSION).encode())
    assert "DeadLettered" in reply.counted
    [letter] = aws.dead_letters()
    assert letter["method"] == "connect"
    assert json.loads(letter["body"]) == OF_SESSION


def test_given_a_store_that_refuses_when_a_denial_needs_the_session_then_it_is_our_failure(
    make_client: MakeClient, snapshots: InMemorySnapshots
) -> None:
    hooks = make_client(snapshots=snapshots, SESSIONS_TABLE="Missing", REST_API_CALLS="never-deny")
    snapshots.publish("school", NO_PRIVATE)

    reply = hooks.post("publishStream", {**OF_SESSION, "name": "private-1"})

    assert reply.status == 503
    assert {"Failed", "DeadLettered", "RestErrors"} <= reply.counted


# --- When a session connected -------------------------------------------------------------------

ONE_HOUR = {
    "id": "one-hour",
    "method": "publishStream",
    "action": "deny",
    "when": "now - connectedAt >= duration('1h')",
    "whenError": "skip",
}
HOUR = 3_600.0


def test_given_a_limit_after_connect_when_it_is_over_then_the_session_is_refused(
    hooks: HookClient, snapshots: InMemorySnapshots, clock: FakeClock
) -> None:
    snapshots.publish("school", ONE_HOUR)
    connect(hooks)

    clock.advance(HOUR - 1)
    assert publish(hooks) == 200

    clock.advance(1)
    assert publish(hooks) == 403


def test_given_a_connect_that_wcs_sends_again_then_its_first_moment_counts(
    hooks: HookClient, snapshots: InMemorySnapshots, clock: FakeClock
) -> None:
    snapshots.publish("school", ONE_HOUR, TEACHERS_ONLY)
    connect(hooks, custom={"role": "pupil"})
    clock.advance(15)
    connect(hooks, custom={"role": "teacher"})

    assert publish(hooks) == 200
    clock.advance(HOUR - 15)
    assert publish(hooks) == 403


def test_given_an_id_that_another_connection_has_by_now_then_its_own_moment_counts(
    hooks: HookClient, snapshots: InMemorySnapshots, clock: FakeClock
) -> None:
    snapshots.publish("school", ONE_HOUR)
    connect(hooks)
    clock.advance(2 * HOUR)
    connect(hooks)

    assert publish(hooks) == 200


@pytest.mark.parametrize(("fallback", "status"), [("skip", 200), ("match", 403)])
def test_given_a_session_recorded_before_the_moment_was_kept_then_it_has_no_value(
    hooks: HookClient, snapshots: InMemorySnapshots, aws: Aws, fallback: str, status: int
) -> None:
    snapshots.publish("school", ONE_HOUR | {"whenError": fallback})
    connect(hooks)
    [session] = aws.items(SESSIONS)
    aws.put_item(SESSIONS, {name: session[name] for name in session.keys() - {"connectedAt"}})

    assert publish(hooks) == status
