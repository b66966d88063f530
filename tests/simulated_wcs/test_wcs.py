"""Sessions, streams and calls, as the vendor describes them."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from local.demonstration import PAYLOADS
from simulated_wcs.action import Conclusion, PerformedAction
from simulated_wcs.session import Application, NoSuchThingError, WcsSession
from simulated_wcs.transport import HookTransport
from simulated_wcs.wcs import SimulatedWcs
from tests.simulated_wcs.conftest import Answer, ScriptedBackEnd


def _connected(wcs: SimulatedWcs, room: Application, **fields: Any) -> WcsSession:
    action = wcs.connect(room, fields)
    assert action.conclusion is Conclusion.ACCEPTED
    return action.session


def _sent(action: PerformedAction) -> Mapping[str, Any]:
    sent = action.hooks[0].sent
    assert sent is not None
    return sent


def _seen(session: WcsSession) -> list[tuple[str, Any]]:
    return [(message.event, message.fields.get("status")) for message in session.client_sees]


# --- Order and bodies -----------------------------------------------------------------------------


def test_given_a_whole_session_then_the_hooks_come_in_the_vendors_order(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room, sipRegisterRequired=True, sipLogin="1001", sipPassword="s")
    wcs.publish(session, "lesson")
    wcs.keep_alive(session, "lesson")
    wcs.stop(session, "lesson")
    wcs.disconnect(session)

    assert [(name, request.json().get("status")) for name, request in _requests(back_end)] == [
        ("connect", None),
        ("ConnectionStatusEvent", "ESTABLISHED"),
        ("RegistrationStatusEvent", "REGISTERED"),
        ("publishStream", "PENDING"),
        ("StreamStatusEvent", "PUBLISHING"),
        ("StreamKeepAliveEvent", "PENDING"),
        ("unPublishStream", "PENDING"),
        ("StreamStatusEvent", "UNPUBLISHED"),
        ("ConnectionStatusEvent", "DISCONNECTED"),
    ]
    assert _seen(session) == [
        ("ConnectionStatusEvent", "ESTABLISHED"),
        ("RegistrationStatusEvent", "REGISTERED"),
        ("StreamStatusEvent", "PUBLISHING"),
        ("StreamStatusEvent", "UNPUBLISHED"),
    ]
    account = wcs.account
    assert (account.sent, account.answered, account.retried, account.errors) == (9, 9, 0, [])


def _requests(back_end: ScriptedBackEnd) -> list[tuple[str, Any]]:
    return list(zip(back_end.methods, back_end.received, strict=True))


@pytest.mark.parametrize(
    "file",
    [
        "connect",
        "ConnectionStatusEvent",
        "publishStream",
        "StreamStatusEvent",
        "sendStreamEvent",
        "StreamEvent",
        "OnDataEvent",
        "OnCallEvent",
        "playHLS",
        "playRTSP-2",
    ],
)
def test_given_the_vendors_printed_body_then_ours_has_its_fields_of_the_same_types(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application, file: str
) -> None:
    session = _connected(wcs, room, sipRegisterRequired=True, useSelfSigned=False)
    wcs.publish(session, "lesson")
    wcs.play(session, "lesson")
    wcs.send_stream_event(session, "lesson", {"origin": "https://wcs:8888"})
    wcs.direct(session, "OnDataEvent")
    wcs.sip_incoming(session, "OnCallEvent")
    wcs.player(room, "playHLS", {"custom": {"token": "t"}})
    wcs.player(room, "playRTSP")
    bodies = {name: request.json() for name, request in reversed(_requests(back_end))}

    printed = json.loads((PAYLOADS / f"{file}.json").read_text())

    ours = bodies[file.partition("-")[0]]
    missing = {name for name in printed if name not in ours}
    assert missing == set()
    assert {name for name in printed if type(printed[name]) is not type(ours[name])} == set()


def test_given_a_wcs_as_it_is_installed_then_it_asks_neither_about_players_nor_to_keep_alive(
    back_end: ScriptedBackEnd, room: Application
) -> None:
    wcs = SimulatedWcs()
    session = _connected(wcs, room)
    wcs.publish(session, "lesson")
    asked = len(back_end.received)

    actions = [
        wcs.keep_alive(session, "lesson"),
        wcs.player(room, "playHLS"),
        wcs.player(room, "playRTSP"),
    ]

    assert [action.conclusion for action in actions] == [Conclusion.NOT_CALLED] * 3
    assert len(back_end.received) == asked


def test_given_sessions_then_each_has_an_id_of_its_own_of_the_vendors_shape(
    wcs: SimulatedWcs, room: Application
) -> None:
    sessions = [_connected(wcs, room) for _ in range(20)]

    ids = {session.session_id for session in sessions}
    assert len(ids) == 20
    assert all(re.fullmatch(r"/[\d.]+:\d+/[\d.]+:8443-[0-9a-f-]{36}", one) for one in ids)


# --- connect and restClientConfig -----------------------------------------------------------------


def test_given_connects_reply_overrides_fields_then_they_are_taken_without_any_config(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    sip = {"sipRegisterRequired": True, "sipLogin": "1001", "sipPassword": "s", "sipPort": 5060}
    identity = {"appKey": "other", "nodeId": "other", "sessionId": "other"}
    back_end.answer("connect", Answer(fields={**sip, **identity}))

    session = _connected(wcs, room)

    assert session.fields | sip == session.fields
    established = back_end.received[1].json()
    assert established["sipPassword"] == "s"
    assert established["authToken"] == established["sessionId"] == session.session_id
    assert (established["appKey"], established["nodeId"]) == ("room", wcs.node_id)
    assert back_end.methods[-1] == "RegistrationStatusEvent"


def test_given_client_exclude_then_the_back_end_gets_the_field_and_the_client_does_not(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    config = {"ConnectionStatusEvent": {"clientExclude": "sipPassword,sipLogin"}}
    fields = {"restClientConfig": config, "sipPassword": "s", "sipLogin": "1"}
    back_end.answer("connect", Answer(fields=fields))

    session = _connected(wcs, room)

    assert back_end.received[1].json()["sipPassword"] == "s"
    [message] = session.client_sees
    assert message.fields.keys() & {"sipPassword", "sipLogin", "restClientConfig"} == set()
    assert message.fields["origin"] == "https://rooms.example.org"


def test_given_rest_exclude_then_the_back_end_does_not_get_the_field_and_wcs_keeps_it(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.configure({"publishStream": {"restExclude": "sdp,custom"}})
    session = _connected(wcs, room)

    action = wcs.publish(session, "lesson", {"custom": {"a": 1}})

    assert back_end.received[2].json().keys() & {"sdp", "custom"} == set()
    assert _sent(action).keys() & {"sdp", "custom"} == set()
    assert action.fields["custom"] == {"a": 1}
    assert back_end.received[3].json()["sdp"].startswith("v=0\r\n")


def test_given_notify_then_what_the_back_end_returns_is_ignored(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.answer("publishStream", Answer(fields={"name": "other"}))
    session = _connected(wcs, room)

    action = wcs.publish(session, "lesson")

    assert action.fields["name"] == "lesson"
    assert list(room.published) == ["lesson"]


def test_given_overwrite_then_only_the_named_fields_are_taken_and_wcs_goes_on_with_them(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.configure(
        {"publishStream": {"restPolicy": "OVERWRITE", "restOverwrite": "name,bitrate"}}
    )
    back_end.answer("publishStream", Answer(fields={"name": "real", "record": True}))
    session = _connected(wcs, room)

    action = wcs.publish(session, "lesson")

    assert (action.fields["name"], action.fields["record"]) == ("real", False)
    assert list(room.published) == ["real"]
    assert session.client_sees[-1].fields["name"] == "real"
    # The client still calls its stream by the name that it gave.
    assert wcs.stop(session, "lesson").fields["name"] == "real"


def test_given_overwrite_of_an_event_then_the_client_sees_the_new_value(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.configure({"StreamStatusEvent": {"restPolicy": "OVERWRITE", "restOverwrite": "name"}})
    back_end.answer("StreamStatusEvent", Answer(fields={"name": "shown"}))
    session = _connected(wcs, room)

    wcs.publish(session, "lesson")

    assert session.client_sees[-1].fields["name"] == "shown"
    assert list(room.published) == ["lesson"]


def test_given_overwrite_and_a_refusal_under_log_then_nothing_is_taken_from_it(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.configure({"publishStream": {"restPolicy": "OVERWRITE", "restOverwrite": "name"}})
    back_end.answer("publishStream", Answer(403, b'{"name": "other"}'))
    session = _connected(wcs, room)

    action = wcs.publish(session, "lesson")

    assert action.conclusion is Conclusion.CONTINUED
    assert list(room.published) == ["lesson"]


def test_given_disable_then_the_hook_is_not_sent_and_the_action_is_carried_out(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.configure({"publishStream": {"restPolicy": "DISABLE", "restOnError": "FAIL"}})
    back_end.answer("publishStream", Answer(403))
    session = _connected(wcs, room)

    action = wcs.publish(session, "lesson")

    assert action.conclusion is Conclusion.NOT_CALLED
    assert "publishStream" not in back_end.methods
    assert session.running("lesson")
    assert wcs.account.not_called == 1


def test_given_a_method_that_was_not_added_then_it_is_never_called(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, transport: HookTransport
) -> None:
    bare = wcs.add_application("bare", transport, ["connect"])

    session = _connected(wcs, bare)
    wcs.publish(session, "lesson")
    wcs.disconnect(session)

    assert back_end.methods == ["connect"]


def test_given_a_config_then_it_holds_for_that_session_only(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    early = _connected(wcs, room)
    back_end.configure({"publishStream": {"restOnError": "FAIL"}})
    late = _connected(wcs, room)
    back_end.answer("publishStream", Answer(403))

    assert wcs.publish(early, "a").conclusion is Conclusion.CONTINUED
    assert wcs.publish(late, "b").conclusion is Conclusion.ABORTED


# --- Streams --------------------------------------------------------------------------------------


def test_given_a_name_that_nobody_publishes_when_it_is_played_then_it_fails_by_an_event(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room)

    action = wcs.play(session, "nothing")

    assert _seen(session)[-1] == ("StreamStatusEvent", "FAILED")
    assert back_end.received[-1].json()["info"] == "Stream not found"
    assert action.hooks[-1].method == "StreamStatusEvent"
    with pytest.raises(NoSuchThingError, match="no stream 'nothing': it has none"):
        wcs.stop(session, "nothing")


def test_given_a_publisher_that_goes_then_its_stream_and_its_viewers_streams_end(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    publisher, viewer = _connected(wcs, room), _connected(wcs, room)
    wcs.publish(publisher, "lesson")
    wcs.play(viewer, "lesson")
    back_end.received.clear()

    action = wcs.disconnect(publisher)

    assert back_end.methods == ["StreamStatusEvent", "StreamStatusEvent", "ConnectionStatusEvent"]
    assert [request.json()["status"] for request in back_end.received] == [
        "UNPUBLISHED",
        "FAILED",
        "DISCONNECTED",
    ]
    assert action.hooks[0].method == "ConnectionStatusEvent"
    assert _seen(viewer)[-1] == ("StreamStatusEvent", "FAILED")
    # Who has gone sees nothing any more.
    assert _seen(publisher)[-1] == ("StreamStatusEvent", "PUBLISHING")
    assert viewer.running("lesson") is None
    assert room.published == {}


def test_given_viewers_then_a_stream_event_comes_once_for_each_who_is_still_there(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    publisher, *viewers = (_connected(wcs, room) for _ in range(4))
    wcs.publish(publisher, "lesson")
    for viewer in viewers:
        wcs.play(viewer, "lesson")
    wcs.stop(viewers[0], "lesson")
    back_end.received.clear()

    wcs.send_stream_event(publisher, "lesson", {"type": "data", "payload": {"n": 1}})

    assert back_end.methods == ["sendStreamEvent", "StreamEvent", "StreamEvent"]
    heard = [viewer.client_sees[-1] for viewer in viewers[1:]]
    assert [(one.event, one.fields["payload"]) for one in heard] == [("StreamEvent", {"n": 1})] * 2


def test_given_a_played_stream_when_it_is_unpublished_then_that_does_not_fit(
    wcs: SimulatedWcs, room: Application
) -> None:
    publisher, viewer = _connected(wcs, room), _connected(wcs, room)
    wcs.publish(publisher, "lesson")
    wcs.play(viewer, "lesson")

    with pytest.raises(NoSuchThingError, match="no published stream 'lesson': it has 'lesson'"):
        wcs.during_stream(viewer, "lesson", "unPublishStream")


def test_given_a_client_that_plays_what_it_publishes_then_it_may_end_either(
    wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room)
    wcs.publish(session, "lesson")
    wcs.play(session, "lesson")

    wcs.during_stream(session, "lesson", "stopStream")

    assert session.running("lesson", published=True)
    assert session.running("lesson", published=False) is None


def test_given_a_name_in_use_when_it_is_published_again_then_it_fails_by_an_event(
    wcs: SimulatedWcs, room: Application
) -> None:
    first, second = _connected(wcs, room), _connected(wcs, room)
    wcs.publish(first, "lesson")

    wcs.publish(second, "lesson")

    assert second.client_sees[-1].fields["info"] == "Stream name is already in use"
    assert second.running("lesson") is None
    assert first.running("lesson")


def test_given_an_rtmp_encoder_then_its_hooks_name_no_browser(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    session = wcs.connect(room, {"login": "studio"}, rtmp=True).session
    wcs.publish(session, "lesson")

    connect, published = back_end.received[0].json(), back_end.received[2].json()
    assert (connect["mediaProviders"], connect["login"]) == (["Flash"], "studio")
    assert published["mediaProvider"] == "Flash"
    assert "sdp" not in published


# --- SIP ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "status", "info"),
    [
        (180, "RING", None),
        (183, "SESSION_PROGRESS", None),
        (200, "ESTABLISHED", None),
        (403, "FAILED", "SIP 403 FORBIDDEN"),
        (404, "FAILED", "SIP 404 NOT FOUND"),
        (486, "BUSY", "SIP 486 BUSY HERE"),
        (503, "FAILED", "SIP 503 SERVICE UNAVAILABLE"),
        (603, "FAILED", "SIP 603 DECLINE"),
    ],
)
def test_given_a_call_when_the_sip_side_answers_then_back_end_and_client_learn_of_it(
    back_end: ScriptedBackEnd,
    wcs: SimulatedWcs,
    room: Application,
    reply: int,
    status: str,
    info: str | None,
) -> None:
    session = _connected(wcs, room)
    call_id = wcs.call(session, {"callee": "1999"}).fields["callId"]

    wcs.sip_reply(session, reply)

    body = back_end.received[-1].json()
    assert back_end.methods[-1] == "CallStatusEvent"
    assert (body["callId"], body["status"], body.get("info")) == (call_id, status, info)
    assert session.client_sees[-1].fields == body
    if info:
        assert body["sipMessageRaw"].startswith(f"SIP/2.0 {reply} ")
        with pytest.raises(NoSuchThingError, match="no call under way"):
            session.call()
    else:
        assert session.call().status == status


def test_given_a_refused_event_of_a_failed_call_then_the_client_still_gets_it(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    back_end.configure({"CallStatusEvent": {"clientExclude": "sipMessageRaw"}})
    session = _connected(wcs, room)
    wcs.call(session)
    back_end.answer("CallStatusEvent", Answer(500))

    wcs.sip_reply(session, 403)

    assert _seen(session)[-1] == ("CallStatusEvent", "FAILED")
    assert "sipMessageRaw" not in session.client_sees[-1].fields


def test_given_an_incoming_call_then_the_client_may_answer_it_and_either_side_end_it(
    wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room)
    rung = wcs.sip_incoming(session, "OnCallEvent", {"caller": "2001"})
    wcs.during_call(session, "answer")
    wcs.sip_hangup(session)

    assert rung.initiator == {"status": 180, "reason": "Ringing"}
    assert _seen(session)[1:] == [
        ("OnCallEvent", "PENDING"),
        ("CallStatusEvent", "ESTABLISHED"),
        ("CallStatusEvent", "FINISH"),
    ]
    with pytest.raises(NoSuchThingError):
        wcs.during_call(session, "hangup")


def test_given_an_error_that_matches_no_event_then_it_is_an_error_event(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room)

    wcs.other_error(session, "UDP transport failed")

    assert back_end.methods[-1] == "ErrorEvent"
    assert back_end.received[-1].json()["info"] == "UDP transport failed"
    assert session.client_sees[-1].event == "ErrorEvent"


# --- The account ----------------------------------------------------------------------------------


def test_given_retries_then_the_account_tells_sent_answered_and_retried_apart(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room)
    back_end.answer("publishStream", Answer(reset=True), Answer())
    back_end.answer("StreamStatusEvent", Answer(reset=True))

    wcs.publish(session, "lesson")

    account = wcs.account
    assert (account.sent, account.answered, account.retried) == (4, 3, 2)
    [(cell, count)] = account.cells().items()
    assert (tuple(cell), count) == (("event", "LOG", "continued"), 1)
    assert account.errors[0].what == "no answer: connection reset, connection reset"


def test_given_a_refusal_then_the_account_has_its_reply_as_it_came(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    session = _connected(wcs, room)
    back_end.answer("publishStream", Answer(403, b'{"error": {"policy": "p"}}'))

    wcs.publish(session, "lesson")

    [error] = wcs.account.errors
    assert (error.app, error.status, error.body) == ("room", 403, b'{"error": {"policy": "p"}}')
    assert error.decision == "decision-3"
