"""WCS itself: what becomes of what clients, SIP user agents and timers do.

Every action asks the back-end by the hook that the vendor has for it, and goes on by the vendor's
table (`docs/reference/wcs-protocol.md`, section 5). What it did shows in the action's result, in
what the session's client saw, and in the account.
"""

import itertools
import json
import uuid
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from simulated_wcs import bodies
from simulated_wcs.account import Account, InteractionError
from simulated_wcs.action import Conclusion, HookCall, PerformedAction
from simulated_wcs.bodies import Fields
from simulated_wcs.client_config import FIELD as REST_CLIENT_CONFIG
from simulated_wcs.client_config import MethodConfig, RestClientConfig, RestPolicy
from simulated_wcs.session import Application, Call, Stream, WcsSession
from simulated_wcs.statuses import (
    AFTERWARDS,
    CALL_STATUSES,
    GREETINGS,
    STATUS_EVENTS,
    STOPPED_BY_DISCONNECT,
    STOPPED_BY_PUBLISHER,
    STREAM_NAME_IN_USE,
    STREAM_NOT_FOUND,
    TERMINATED_BY_KEEP_ALIVE,
    sip_message,
    sip_reason,
)
from simulated_wcs.transport import Exchange, HookTransport
from wcs_hooks.core.methods import METHODS, SWITCHES
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE, RestOnError, outcome_of

_FORBIDDEN: Final = 403
_SIP_ERROR: Final = 400

_IDENTITY: Final = frozenset({"nodeId", "appKey", "sessionId", REST_CLIENT_CONFIG})
"""What connect's reply cannot change of a session."""

_ENDINGS: Final[Mapping[str, bool]] = {"unPublishStream": True, "stopStream": False}
"""The methods that end a stream, and whether it is a published one."""

_FAIL_ALWAYS: Final = RestClientConfig(default=MethodConfig(rest_on_error=RestOnError.FAIL))


class SimulatedWcs:
    """One node of WCS.

    Parameters
    ----------
    node_id
        As hooks carry it; the id of a node of its own if none is given.
    without_connect
        What holds for players that never connected and for what the REST API started. The vendor
        does not say; that every refusal is obeyed is the choice that shows a wrong one.
    switched_on
        The methods of `SWITCHES` that its `flashphoner.properties` switches on; none by default, as
        with WCS.

    Attributes
    ----------
    account
        What WCS did with the answers.

    Examples
    --------
    >>> wcs = SimulatedWcs()
    >>> room = wcs.add_application("room", transport)  # doctest: +SKIP
    >>> connected = wcs.connect(room, {"custom": {"token": "t"}})  # doctest: +SKIP
    >>> wcs.publish(connected.session, "lesson").conclusion  # doctest: +SKIP
    <Conclusion.ACCEPTED: 'accepted'>
    """

    def __init__(
        self,
        node_id: str = "",
        without_connect: RestClientConfig = _FAIL_ALWAYS,
        switched_on: Iterable[str] = (),
    ) -> None:
        self.node_id = node_id or f"{uuid.uuid4().hex}@127.0.0.1"
        self.account = Account()
        self._without_connect = without_connect
        self._switched_off = SWITCHES.keys() - set(switched_on)
        self._ports = itertools.cycle(range(49152, 65536))

    def add_application(
        self, key: str, transport: HookTransport, methods: Iterable[str] | None = None
    ) -> Application:
        """Add an application.

        Parameters
        ----------
        methods
            Those that were added to it, so that WCS calls them; all known ones if none are given.
        """
        return Application(key, transport, frozenset(METHODS if methods is None else methods))

    # --- A client's connection ------------------------------------------------------------------

    def connect(
        self,
        application: Application,
        fields: Mapping[str, Any] | None = None,
        *,
        rtmp: bool = False,
    ) -> PerformedAction:
        """A client connects: connect, ConnectionStatusEvent, and RegistrationStatusEvent for SIP.

        Parameters
        ----------
        fields
            What the client brings with it, instead of or besides the usual fields.
        rtmp
            Whether it is an RTMP encoder, and no browser.
        """
        session = WcsSession(application, self._session_id())
        usual = bodies.rtmp_connect() if rtmp else bodies.web_connect()
        body = self._body(session, usual, fields)
        rest_on_error = application.last_config.method("connect").rest_on_error
        hook = self._ask(session, "connect", body, account_as=rest_on_error)
        action = PerformedAction(Conclusion.ACCEPTED, session, [hook], hook.fields)
        if hook.error is not None:
            action.conclusion = Conclusion.DECLINED
            session.notify_client("ConnectionStatusEvent", _failed(body, _rest_info(hook.error)))
            return action
        if hook.sent is None:
            action.conclusion = Conclusion.NOT_CALLED
        returned = dict(hook.returned or {})
        # connect's overrides need no restClientConfig: it only arrives with this reply.
        own = {name: value for name, value in returned.items() if name not in _IDENTITY}
        session.config = application.last_config = RestClientConfig.from_reply(returned)
        session.fields = action.fields = {**body, **own}
        session.connected = True
        self._report_connection(action, "ESTABLISHED")
        if session.fields.get("sipRegisterRequired") and session.fields.get("sipLogin"):
            self.registered(session, into=action)
        return action

    def registered(
        self, session: WcsSession, status: str = "REGISTERED", into: PerformedAction | None = None
    ) -> PerformedAction:
        """The SIP registrar has answered, with one of the vendor's registration statuses."""
        action = into or PerformedAction(Conclusion.ACCEPTED, session)
        kept = {name: value for name, value in session.fields.items() if name.startswith("sip")}
        body = self._body(session, kept, {"status": status})
        self._report(action, "RegistrationStatusEvent", body)
        return action

    def disconnect(self, session: WcsSession) -> PerformedAction:
        """A client goes: its streams end, then ConnectionStatusEvent DISCONNECTED."""
        action = PerformedAction(Conclusion.ACCEPTED, session)
        session.connected, session.gone = False, True
        for stream in [stream for stream in session.streams if stream.running]:
            status = "UNPUBLISHED" if stream.published else "STOPPED"
            self._end_stream(action, stream, status, STOPPED_BY_DISCONNECT)
        body = self._connection_body(session, "DISCONNECTED")
        hook, conclusion = self._event(session, "ConnectionStatusEvent", body)
        # The action's own hook comes first, whatever had to end before.
        action.hooks.insert(0, hook)
        action.conclusion, action.fields = conclusion, hook.fields
        return action

    # --- Streams --------------------------------------------------------------------------------

    def publish(
        self, session: WcsSession, name: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A client publishes a stream: publishStream, StreamStatusEvent."""
        return self._start_stream(session, "publishStream", name, fields)

    def play(
        self, session: WcsSession, name: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A client plays a stream: playStream, StreamStatusEvent; FAILED if nobody publishes it."""
        return self._start_stream(session, "playStream", name, fields)

    def during_stream(
        self, session: WcsSession, name: str, method: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A client does something with its stream: unPublishStream, pauseStream, and more.

        Raises
        ------
        NoSuchThingError
            If it has no such stream.
        """
        ends = _ENDINGS.get(method)
        stream = session.stream(name, published=ends)
        action = self._direct(session, method, {**stream.fields, **(fields or {})})
        if not action.went_on:
            return action
        stream.fields = {**stream.fields, **action.fields}
        if ends is not None:
            self._end_stream(action, stream, AFTERWARDS[method], "")
        else:
            self._afterwards(action, method, stream.fields)
        return action

    def stop(self, session: WcsSession, name: str) -> PerformedAction:
        """A client ends its stream: unPublishStream or stopStream, StreamStatusEvent.

        Raises
        ------
        NoSuchThingError
            If it has no such stream.
        """
        published = session.stream(name).published
        return self.during_stream(session, name, "unPublishStream" if published else "stopStream")

    def keep_alive(self, session: WcsSession, name: str) -> PerformedAction:
        """WCS's timer for a stream: StreamKeepAliveEvent, whose refusal may end the stream.

        Raises
        ------
        NoSuchThingError
            If the session has no such stream.
        """
        stream = session.stream(name)
        hook, conclusion = self._event(
            session, STREAM_KEEP_ALIVE, dict(stream.fields), notify=False
        )
        action = PerformedAction(conclusion, session, [hook], hook.fields)
        if conclusion is Conclusion.STREAM_ENDED:
            self._end_stream(action, stream, "FAILED", TERMINATED_BY_KEEP_ALIVE)
        return action

    def send_stream_event(
        self, session: WcsSession, name: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A publisher sends its viewers something: sendStreamEvent, StreamEvent for each viewer.

        Raises
        ------
        NoSuchThingError
            If it publishes no such stream.
        """
        stream = session.stream(name, published=True)
        own = {"mediaSessionId": stream.media_session_id, "type": "audioMuted"}
        body = self._body(session, own, fields)
        hook, conclusion = self._event(session, "sendStreamEvent", body, notify=False)
        action = PerformedAction(conclusion, session, [hook], hook.fields)
        for viewer in self._viewers(stream):
            event = {"mediaSessionId": viewer.media_session_id, "type": hook.fields.get("type")}
            if "payload" in hook.fields:
                event["payload"] = hook.fields["payload"]
            heard, _ = self._event(
                viewer.session, "StreamEvent", self._body(viewer.session, event, None)
            )
            action.hooks.append(heard)
        return action

    # --- Calls and all other direct calls of a client -------------------------------------------

    def call(self, session: WcsSession, fields: Mapping[str, Any] | None = None) -> PerformedAction:
        """A client calls: call, CallStatusEvent TRYING; the SIP side answers by `sip_reply`."""
        call_id = str(uuid.uuid4())
        own = {"callId": call_id, **bodies.outgoing_call()}
        body = self._body(session, own, fields)
        action = self._direct(session, "call", body)
        if action.went_on:
            call = Call(call_id, action.fields)
            session.calls.append(call)
            self._report_call(action, call, AFTERWARDS["call"])
        return action

    def during_call(
        self, session: WcsSession, method: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A client does something with its call: answer, hold, unhold, transfer, hangup, sendDTMF.

        Raises
        ------
        NoSuchThingError
            If it has no call.
        """
        call = session.call()
        own = {"callId": call.call_id, **bodies.direct(method)}
        own |= {name: call.fields[name] for name in ("caller", "callee") if name in call.fields}
        action = self._direct(session, method, self._body(session, own, fields))
        if not action.went_on:
            return action
        canonical = METHODS[method].canonical
        if STATUS_EVENTS[canonical] == "CallStatusEvent" and canonical in AFTERWARDS:
            self._report_call(action, call, AFTERWARDS[canonical])
        else:
            self._afterwards(action, method, action.fields)
        return action

    def direct(
        self, session: WcsSession, method: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A client does anything else: sendMessage, subscribe, OnDataEvent, and more."""
        own = bodies.direct(method)
        if METHODS[method].canonical == "OnDataEvent":
            own["operationId"] = str(uuid.uuid4())
        action = self._direct(session, method, self._body(session, own, fields))
        if action.went_on:
            self._afterwards(action, method, action.fields)
        return action

    # --- The SIP side ---------------------------------------------------------------------------

    def sip_incoming(
        self, session: WcsSession, method: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A call, a message or a transfer comes in for a client."""
        own = bodies.incoming(method)
        if method != "OnMessageEvent":
            own["callId"] = f"{uuid.uuid4().hex}@sip.example.org"
        body = self._body(session, own, fields)
        hook = self._ask(session, method, body)
        action = PerformedAction(_conclusion_of(hook), session, [hook], hook.fields)
        if hook.error is not None:
            if session.config.method(method).rest_on_error is RestOnError.FAIL:
                action.conclusion = Conclusion.ABORTED
                action.initiator = {"status": _FORBIDDEN, "reason": "FORBIDDEN"}
                session.notify_client(STATUS_EVENTS[method], _failed(body, _rest_info(hook.error)))
                return action
            action.conclusion = Conclusion.CONTINUED
        status, reason = GREETINGS[method]
        action.initiator = {"status": status, "reason": reason}
        if method == "OnCallEvent":
            session.calls.append(Call(str(hook.fields["callId"]), hook.fields))
        session.notify_client(method, hook.fields)
        return action

    def sip_reply(
        self, session: WcsSession, status: int, reason: str = "", to: str = "call"
    ) -> PerformedAction:
        """The SIP side answers a client's call, message, transfer or subscription.

        Parameters
        ----------
        to
            The method of the client that is answered.

        Raises
        ------
        NoSuchThingError
            If the session has no call under way.
        """
        reason = reason or sip_reason(status)
        event = STATUS_EVENTS[METHODS[to].canonical]
        more: Fields = {}
        if status >= _SIP_ERROR:
            more = {
                "info": f"SIP {status} {reason}",
                "sipMessageRaw": sip_message(status, reason),
            }
        action = PerformedAction(Conclusion.ACCEPTED, session)
        if event == "CallStatusEvent":
            reported = CALL_STATUSES.get(status, "FAILED" if status >= _SIP_ERROR else "TRYING")
            self._report_call(action, session.call(), reported, more)
        else:
            reported = "FAILED" if status >= _SIP_ERROR else "COMPLETED"
            own = bodies.direct(to)
            self._report(action, event, self._body(session, own, {"status": reported, **more}))
        return action

    def sip_hangup(self, session: WcsSession) -> PerformedAction:
        """The other side of a client's call hangs up: CallStatusEvent FINISH.

        Raises
        ------
        NoSuchThingError
            If the session has no call under way.
        """
        action = PerformedAction(Conclusion.ACCEPTED, session)
        self._report_call(action, session.call(), "FINISH")
        return action

    def other_error(self, session: WcsSession, info: str) -> PerformedAction:
        """Something goes wrong that no other event reports: ErrorEvent."""
        action = PerformedAction(Conclusion.ACCEPTED, session)
        self._report(action, "ErrorEvent", self._body(session, {"info": info}, None))
        return action

    # --- Without connect ------------------------------------------------------------------------

    def player(
        self, application: Application, method: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """A player that never connects asks for a stream: playHLS or playRTSP.

        Refused, the one gets 401 and the other's connection is broken.
        """
        session = self._unconnected(application)
        own = {"mediaSessionId": f"{uuid.uuid4()}-{method.removeprefix('play')}"}
        body = self._body(session, own | bodies.player(method), fields)
        hook = self._ask(session, method, body)
        action = PerformedAction(_conclusion_of(hook), session, [hook], hook.fields)
        if hook.error is not None and (
            session.config.method(method).rest_on_error is RestOnError.FAIL
        ):
            action.conclusion = Conclusion.ABORTED
            broken = {"connection": "broken"}
            action.initiator = broken if method == "playRTSP" else {"status": 401}
            return action
        if hook.error is not None:
            action.conclusion = Conclusion.CONTINUED
        action.initiator = {"status": 200}
        return action

    def rest_api(
        self, application: Application, method: str, fields: Mapping[str, Any] | None = None
    ) -> PerformedAction:
        """Somebody calls the WCS REST API, which does what a client would; no connect precedes it.

        Its initiator gets 200, or 403 where the back-end has rejected what it must not.
        """
        session = self._unconnected(application)
        match method:
            case "call":
                action = self.call(session, fields)
            case "publishStream" | "playStream":
                name = str((fields or {}).get("name", "stream"))
                action = self._start_stream(session, method, name, fields)
            case _:
                action = self.direct(session, method, fields)
        status = 200 if action.went_on else _FORBIDDEN
        action.initiator = {"status": status, "reason": HTTPStatus(status).phrase.upper()}
        return action

    # --- The vendor's table ---------------------------------------------------------------------

    def _direct(self, session: WcsSession, method: str, body: Fields) -> PerformedAction:
        """Ask whether a client may; abort or continue."""
        hook = self._ask(session, method, body)
        action = PerformedAction(_conclusion_of(hook), session, [hook], hook.fields)
        if hook.error is None:
            return action
        if session.config.method(method).rest_on_error is RestOnError.LOG:
            action.conclusion = Conclusion.CONTINUED
            return action
        action.conclusion = Conclusion.ABORTED
        event = STATUS_EVENTS.get(METHODS[method].canonical, "ErrorEvent")
        session.notify_client(event, _failed(body, _rest_info(hook.error)))
        return action

    def _event(
        self, session: WcsSession, event: str, body: Fields, *, notify: bool = True
    ) -> tuple[HookCall, Conclusion]:
        """Notify the back-end, then the client; an event has happened, whatever the answer."""
        hook = self._ask(session, event, body)
        if notify:
            session.notify_client(event, hook.fields)
        if hook.error is None:
            return hook, _conclusion_of(hook)
        if session.config.method(event).rest_on_error is RestOnError.LOG:
            return hook, Conclusion.CONTINUED
        if event == STREAM_KEEP_ALIVE:
            return hook, Conclusion.STREAM_ENDED
        info = f"{event}: {_rest_info(hook.error)}"
        session.notify_client("ErrorEvent", self._body(session, {"info": info}, None))
        return hook, Conclusion.ERROR_EVENT

    def _ask(
        self,
        session: WcsSession,
        method: str,
        fields: Fields,
        account_as: RestOnError | None = None,
    ) -> HookCall:
        """Send a hook, if it is to be sent, and see what comes back."""
        application = session.application
        config = session.config.method(method)
        unknown = method not in application.methods or method in self._switched_off
        if unknown or config.rest_policy is RestPolicy.DISABLE:
            self.account.count_not_called()
            return HookCall(method, None, fields)
        sent = config.for_back_end(fields)
        body = json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode()
        exchange = application.transport.send(method, body)
        self.account.count(exchange)
        wrong, returned = _read(exchange)
        if returned is not None:
            return HookCall(method, sent, config.taken(fields, returned), exchange, returned)
        reply = exchange.reply
        category = METHODS[method].category
        held = account_as or config.rest_on_error
        error = InteractionError(
            app=application.key,
            category=category,
            method=method,
            rest_on_error=held,
            outcome=outcome_of(method, category, held),
            status=reply.status if reply else None,
            body=reply.body if reply else b"",
            decision=reply.decision if reply else "",
            what=wrong,
        )
        self.account.add(error)
        return HookCall(method, sent, fields, exchange, error=error)

    # --- What follows ---------------------------------------------------------------------------

    def _start_stream(
        self, session: WcsSession, method: str, name: str, fields: Mapping[str, Any] | None
    ) -> PerformedAction:
        published = method == "publishStream"
        rtmp = "Flash" in session.fields.get("mediaProviders", ())
        own = bodies.stream(published=published, media_provider="Flash" if rtmp else "WebRTC")
        ids = {"mediaSessionId": str(uuid.uuid4()), "name": name}
        body = self._body(session, ids | own, fields)
        action = self._direct(session, method, body)
        if not action.went_on:
            return action
        stream = Stream(session, ids["mediaSessionId"], name, action.fields, published)
        problem = self._problem_with(stream)
        if problem:
            self._report(action, "StreamStatusEvent", _failed(stream.fields, problem))
            return action
        application = session.application
        if published:
            application.published[stream.name] = stream
        elif stream.name in application.published:
            source = application.published[stream.name].media_session_id
            application.played.setdefault(source, []).append(stream)
        stream.running = True
        session.streams.append(stream)
        self._afterwards(action, method, stream.fields)
        return action

    def _problem_with(self, stream: Stream) -> str:
        """Why a stream that the back-end let pass cannot begin; empty if it can."""
        taken = stream.name in stream.session.application.published
        if stream.published:
            return STREAM_NAME_IN_USE if taken else ""
        # A stream with a URL for its name is pulled from there.
        return "" if taken or "://" in stream.name else STREAM_NOT_FOUND

    def _end_stream(
        self,
        action: PerformedAction,
        stream: Stream,
        status: str,
        info: str,
    ) -> None:
        stream.running = False
        more = {"status": status, "info": info} if info else {"status": status}
        ended = {**stream.fields, **more}
        self._report(action, "StreamStatusEvent", ended, stream.session)
        application = stream.session.application
        if application.published.get(stream.name) is stream:
            del application.published[stream.name]
        for viewer in application.played.pop(stream.media_session_id, ()):
            if viewer.running:
                viewer.running = False
                failed = _failed(viewer.fields, STOPPED_BY_PUBLISHER)
                self._report(action, "StreamStatusEvent", failed, viewer.session)

    def _afterwards(self, action: PerformedAction, method: str, fields: Mapping[str, Any]) -> None:
        """Report what was carried out, where the vendor has an event for it."""
        canonical = METHODS[method].canonical
        status = AFTERWARDS.get(canonical)
        if status is None:
            return
        reported = {name: value for name, value in fields.items() if name != "payload"}
        self._report(action, STATUS_EVENTS[canonical], {**reported, "status": status})

    def _report_call(
        self,
        action: PerformedAction,
        call: Call,
        status: str,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        call.status = status
        body = {**call.fields, "status": status, **(more or {})}
        self._report(action, "CallStatusEvent", body)

    def _report_connection(self, action: PerformedAction, status: str) -> None:
        body = self._connection_body(action.session, status)
        self._report(action, "ConnectionStatusEvent", body)

    def _report(
        self,
        action: PerformedAction,
        event: str,
        body: Fields,
        session: WcsSession | None = None,
    ) -> None:
        """Report an event; if the action is nothing else, the event gives its conclusion."""
        hook, conclusion = self._event(session or action.session, event, body)
        if not action.hooks:
            action.conclusion, action.fields = conclusion, hook.fields
        action.hooks.append(hook)

    def _viewers(self, stream: Stream) -> list[Stream]:
        played = stream.session.application.played.get(stream.media_session_id, ())
        return [viewer for viewer in played if viewer.running]

    # --- Bodies ---------------------------------------------------------------------------------

    def _body(
        self, session: WcsSession, own: Mapping[str, Any], fields: Mapping[str, Any] | None
    ) -> Fields:
        return {
            "nodeId": self.node_id,
            "appKey": session.application.key,
            "sessionId": session.session_id,
            **own,
            **(fields or {}),
        }

    def _connection_body(self, session: WcsSession, status: str) -> Fields:
        return {**session.fields, "authToken": session.session_id, "status": status}

    def _session_id(self) -> str:
        return f"/127.0.0.1:{next(self._ports)}/127.0.0.1:8443-{uuid.uuid4()}"

    def _unconnected(self, application: Application) -> WcsSession:
        return WcsSession(application, self._session_id(), self._without_connect)


def _conclusion_of(hook: HookCall) -> Conclusion:
    """Of a hook without an interaction error."""
    return Conclusion.ACCEPTED if hook.sent is not None else Conclusion.NOT_CALLED


def _read(exchange: Exchange) -> tuple[str, Mapping[str, Any] | None]:
    """What is wrong with an answer, or else the fields that it returns."""
    reply = exchange.reply
    if reply is None:
        return f"no answer: {', '.join(exchange.send_errors)}", None
    if reply.status != HTTPStatus.OK:
        return f"the status is {reply.status}", None
    if not reply.is_json:
        return "the reply's Content-Type is not application/json", None
    try:
        returned = json.loads(reply.body)
    except (ValueError, RecursionError):
        return "the reply is not JSON", None
    if not isinstance(returned, dict):
        return "the reply is not a JSON object", None
    return "", returned


def _rest_info(error: InteractionError) -> str:
    """An interaction error as it is reported to clients."""
    if error.status is None:
        return "REST no answer"
    return f"REST {error.status} {sip_reason(error.status)}".rstrip()


def _failed(fields: Mapping[str, Any], info: str) -> Fields:
    return {**fields, "status": "FAILED", "info": info}
