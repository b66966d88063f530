"""The vendor's table of interaction errors: what WCS does, and what its account calls it.

The label comes from the core, which the functions share; what happens is the simulator's own doing.
They must agree in each cell, for each method, and whatever the error is.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest

from simulated_wcs.action import Conclusion, PerformedAction
from simulated_wcs.client_config import RestClientConfig
from simulated_wcs.scenario import CALL_METHODS
from simulated_wcs.session import Application, WcsSession
from simulated_wcs.wcs import SimulatedWcs
from tests.simulated_wcs.conftest import Answer, ScriptedBackEnd
from wcs_hooks.core.methods import METHODS, SWITCHES, Category, methods_of
from wcs_hooks.core.outcome import Outcome, RestOnError

type Act = Callable[[SimulatedWcs, WcsSession], PerformedAction]

_ERRORS: Final = {
    "403": Answer(403, b'{"error": {"policy": "p"}}'),
    "500": Answer(500, b""),
    "204": Answer(204, b""),
    "302": Answer(302, b""),
    "201": Answer(201),
    "no JSON": Answer(200, b"OK"),
    "a JSON list": Answer(200, b"[]"),
    "another type": Answer(content_type="text/html"),
    "a broken connection": Answer(reset=True),
}

_FOLLOWED_BY: Final[Mapping[str, tuple[str, str]]] = {
    # method: the event that reports it, and its status once it is carried out
    "call": ("CallStatusEvent", "TRYING"),
    "answer": ("CallStatusEvent", "ESTABLISHED"),
    "hold": ("CallStatusEvent", "HOLD"),
    "unhold": ("CallStatusEvent", "ESTABLISHED"),
    "hangup": ("CallStatusEvent", "FINISH"),
    "sendDTMF": ("CallStatusEvent", ""),
    "sendDtmf": ("CallStatusEvent", ""),
    "transfer": ("TransferStatusEvent", "ACCEPTED"),
    "sendMessage": ("MessageStatusEvent", "ACCEPTED"),
    "sendIMDN": ("MessageStatusEvent", ""),
    "subscribe": ("SubscriptionStatusEvent", "ACCEPTED"),
    "sendXcapRequest": ("XcapStatusEvent", "ACCEPTED"),
    "publishStream": ("StreamStatusEvent", "PUBLISHING"),
    "playStream": ("StreamStatusEvent", "PLAYING"),
    "unPublishStream": ("StreamStatusEvent", "UNPUBLISHED"),
    "stopStream": ("StreamStatusEvent", "STOPPED"),
    "pauseStream": ("StreamStatusEvent", "PAUSED"),
    "snapshot": ("StreamStatusEvent", ""),
    "availableStream": ("StreamStatusEvent", ""),
    "OnDataEvent": ("DataStatusEvent", "ACCEPTED"),
    "sendBugReport": ("BugReportStatusEvent", "ACCEPTED"),
    "submitBugReport": ("BugReportStatusEvent", "ACCEPTED"),
    "sessionDebug": ("SessionDebugStatusEvent", ""),
    "pushLogs": ("ErrorEvent", ""),
}

_CLIENTS: Final = [
    name for name in methods_of(Category.DIRECT) if name not in {"playHLS", "playRTSP"}
]
_HELD: Final = list(RestOnError)


@pytest.fixture
def session(
    request: pytest.FixtureRequest, back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> WcsSession:
    """A session with `FAIL`, or nothing, for every method."""
    if request.getfixturevalue("held") is RestOnError.FAIL:
        back_end.configure({method: {"restOnError": "FAIL"} for method in METHODS})
    session = wcs.connect(room).session
    wcs.publish(session, "published")
    wcs.play(session, "published")
    wcs.call(session)
    session.client_sees.clear()
    back_end.received.clear()
    return session


def _do(wcs: SimulatedWcs, session: WcsSession, method: str) -> PerformedAction:
    if method in CALL_METHODS:
        return wcs.during_call(session, method)
    match method:
        case "publishStream":
            return wcs.publish(session, "new")
        case "playStream":
            return wcs.play(session, "published")
        case "unPublishStream" | "stopStream" | "pauseStream" | "snapshot":
            return wcs.during_stream(session, "published", method)
    return wcs.call(session) if method == "call" else wcs.direct(session, method)


@pytest.mark.parametrize("held", _HELD)
@pytest.mark.parametrize("method", _CLIENTS)
def test_given_a_direct_call_is_refused_then_it_is_aborted_under_fail_and_carried_out_under_log(
    back_end: ScriptedBackEnd,
    wcs: SimulatedWcs,
    session: WcsSession,
    method: str,
    held: RestOnError,
) -> None:
    back_end.answer(method, _ERRORS["403"])
    event, status = _FOLLOWED_BY[method]
    before = _state(session)

    action = _do(wcs, session, method)

    [error] = wcs.account.errors
    assert (error.category, error.method, error.status) == (Category.DIRECT, method, 403)
    assert (error.rest_on_error, error.body) == (held, _ERRORS["403"].body)
    seen = [(message.event, message.fields.get("status")) for message in session.client_sees]
    assert action.conclusion.value == error.outcome.value
    if held is RestOnError.FAIL:
        assert error.outcome is Outcome.ABORTED
        assert seen == [(event, "FAILED")]
        assert session.client_sees[0].fields["info"] == "REST 403 FORBIDDEN"
        # Nothing happened, and nobody else was notified.
        assert _state(session) == before
        assert back_end.methods == [method]
    else:
        assert error.outcome is Outcome.CONTINUED
        reported = [(event, status)] if status else []
        # A publisher's end is its viewers' end; here the viewer is the same client.
        ends = [(event, "FAILED")] if method == "unPublishStream" else []
        assert seen == [*reported, *ends]
        assert back_end.methods == [method, *(name for name, _ in (*reported, *ends))]
        assert (_state(session) != before) is (method in _CHANGING)


_CHANGING: Final = frozenset(
    {
        *("call", "answer", "hold", "unhold", "hangup"),
        *("publishStream", "playStream", "unPublishStream", "stopStream"),
    }
)
"""The calls after which the session is another."""


def _state(session: WcsSession) -> object:
    """What a call changes."""
    return (
        [(stream.media_session_id, stream.running) for stream in session.streams],
        sorted(session.application.published),
        [(call.call_id, call.status) for call in session.calls],
    )


@pytest.mark.parametrize("held", _HELD)
@pytest.mark.parametrize("kind", _ERRORS)
def test_given_any_interaction_error_then_it_counts_as_a_refusal(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, session: WcsSession, kind: str, held: RestOnError
) -> None:
    back_end.answer("publishStream", _ERRORS[kind])

    action = wcs.publish(session, "new")

    [error] = wcs.account.errors
    assert error.outcome.value == action.conclusion.value
    assert (session.running("new") is not None) == (held is RestOnError.LOG)
    assert error.status == (None if kind == "a broken connection" else _ERRORS[kind].status)
    assert error.what


@pytest.mark.parametrize("held", _HELD)
@pytest.mark.parametrize("kind", _ERRORS)
def test_given_any_interaction_error_at_connect_then_it_is_declined_whatever_was_told(
    back_end: ScriptedBackEnd,
    wcs: SimulatedWcs,
    room: Application,
    session: WcsSession,
    kind: str,
    held: RestOnError,
) -> None:
    back_end.answer("connect", _ERRORS[kind])

    action = wcs.connect(room)

    [error] = wcs.account.errors
    assert (error.outcome, error.rest_on_error) == (Outcome.DECLINED, held)
    assert action.conclusion is Conclusion.DECLINED
    assert not action.session.connected
    [message] = action.session.client_sees
    assert (message.event, message.fields["status"]) == ("ConnectionStatusEvent", "FAILED")
    assert set(back_end.methods) == {"connect"}
    assert session.connected


_EVENTS: Final[Mapping[str, Act]] = {
    "RegistrationStatusEvent": lambda wcs, session: wcs.registered(session),
    "CallStatusEvent": lambda wcs, session: wcs.sip_reply(session, 180),
    "TransferStatusEvent": lambda wcs, session: wcs.sip_reply(session, 200, to="transfer"),
    "MessageStatusEvent": lambda wcs, session: wcs.sip_reply(session, 404, to="sendMessage"),
    "SubscriptionStatusEvent": lambda wcs, session: wcs.sip_reply(session, 200, to="subscribe"),
    "XcapStatusEvent": lambda wcs, session: wcs.sip_reply(session, 500, to="sendXcapRequest"),
    "ErrorEvent": lambda wcs, session: wcs.other_error(session, "broken"),
    "StreamKeepAliveEvent": lambda wcs, session: wcs.keep_alive(session, "published"),
    "sendStreamEvent": lambda wcs, session: wcs.send_stream_event(session, "published"),
    "ConnectionStatusEvent": lambda wcs, session: wcs.disconnect(session),
}
_NOT_FOR_THE_CLIENT: Final = frozenset(
    {"StreamKeepAliveEvent", "sendStreamEvent", "ConnectionStatusEvent"}
)


@pytest.mark.parametrize("held", _HELD)
@pytest.mark.parametrize("event", _EVENTS)
def test_given_an_event_is_refused_then_it_has_happened_and_under_fail_the_client_hears_of_it(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, session: WcsSession, event: str, held: RestOnError
) -> None:
    back_end.answer(event, _ERRORS["403"])

    action = _EVENTS[event](wcs, session)

    [error] = [error for error in wcs.account.errors if error.method == event]
    assert (error.category, error.rest_on_error) == (Category.EVENT, held)
    assert action.conclusion.value == error.outcome.value
    own = [] if event in _NOT_FOR_THE_CLIENT else [event]
    # What follows for the streams is not the question here.
    streams = {"StreamStatusEvent", "StreamEvent"}
    seen = [message.event for message in session.client_sees if message.event not in streams]
    if held is RestOnError.LOG:
        assert error.outcome is Outcome.CONTINUED
        assert seen == own
    elif event == "StreamKeepAliveEvent":
        assert error.outcome is Outcome.STREAM_ENDED
        assert session.running("published") is None
        assert "ErrorEvent" not in seen
    else:
        assert error.outcome is Outcome.ERROR_EVENT
        # Who has disconnected hears nothing any more.
        assert seen == ([] if session.gone else [*own, "ErrorEvent"])
    if event != "StreamKeepAliveEvent" and not session.gone:
        assert session.running("published")


@pytest.mark.parametrize("held", _HELD)
@pytest.mark.parametrize(
    ("method", "event", "greeting"),
    [
        ("OnCallEvent", "CallStatusEvent", 180),
        ("OnMessageEvent", "MessageStatusEvent", 200),
        ("OnTransferEvent", "TransferStatusEvent", 202),
    ],
)
def test_given_an_incoming_call_is_refused_then_under_fail_its_initiator_is_forbidden(  # noqa: PLR0913, PLR0917 - a table
    back_end: ScriptedBackEnd,
    wcs: SimulatedWcs,
    session: WcsSession,
    method: str,
    event: str,
    greeting: int,
    held: RestOnError,
) -> None:
    back_end.answer(method, _ERRORS["403"])
    calls = len(session.calls)

    action = wcs.sip_incoming(session, method)

    [error] = wcs.account.errors
    assert (error.category, error.rest_on_error) == (Category.INCOMING, held)
    assert action.conclusion.value == error.outcome.value
    [message] = session.client_sees
    if held is RestOnError.FAIL:
        assert error.outcome is Outcome.ABORTED
        assert action.initiator == {"status": 403, "reason": "FORBIDDEN"}
        assert (message.event, message.fields["status"]) == (event, "FAILED")
        assert len(session.calls) == calls
    else:
        assert error.outcome is Outcome.CONTINUED
        assert action.initiator["status"] == greeting
        assert message.event == method
        assert len(session.calls) == calls + (method == "OnCallEvent")


@pytest.mark.parametrize(
    ("method", "refused"), [("playHLS", {"status": 401}), ("playRTSP", {"connection": "broken"})]
)
def test_given_a_player_that_never_connected_is_refused_then_it_gets_nothing(
    back_end: ScriptedBackEnd,
    wcs: SimulatedWcs,
    room: Application,
    method: str,
    refused: Mapping[str, Any],
) -> None:
    served = wcs.player(room, method)
    back_end.answer(method, _ERRORS["403"])
    action = wcs.player(room, method)

    assert served.initiator == {"status": 200}
    assert action.initiator == refused
    [error] = wcs.account.errors
    assert (error.outcome, action.conclusion) == (Outcome.ABORTED, Conclusion.ABORTED)
    assert error.rest_on_error is RestOnError.FAIL
    assert "connect" not in back_end.methods


def test_given_another_choice_for_those_who_never_connect_then_it_holds(
    back_end: ScriptedBackEnd, room: Application
) -> None:
    lenient = SimulatedWcs(without_connect=RestClientConfig(), switched_on=SWITCHES)
    back_end.answer("playHLS", _ERRORS["403"])

    action = lenient.player(room, "playHLS")

    assert action.initiator == {"status": 200}
    assert lenient.account.errors[0].outcome.value == action.conclusion.value == "continued"


def test_given_a_call_of_the_rest_api_is_rejected_then_its_initiator_learns_of_it(
    back_end: ScriptedBackEnd, wcs: SimulatedWcs, room: Application
) -> None:
    accepted = wcs.rest_api(room, "call")
    back_end.answer("call", _ERRORS["403"])
    rejected = wcs.rest_api(room, "call")

    assert accepted.initiator == {"status": 200, "reason": "OK"}
    assert rejected.initiator == {"status": 403, "reason": "FORBIDDEN"}
    assert rejected.conclusion is Conclusion.ABORTED
    assert back_end.methods == ["call", "CallStatusEvent", "call"]
    sessions = {request.json()["sessionId"] for request in back_end.received}
    assert len(sessions) == 2
