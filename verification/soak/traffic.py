"""The traffic: clients, SIP users, players and the REST API of a WCS node, all mixed up.

Each lane is a node of its own with several sessions open at a time. What its clients do is drawn by
chance, among what they can do: that gives sessions as they are, from connect to disconnect, with
streams and keep-alives, calls, messages and refusals.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from simulated_wcs import bodies
from simulated_wcs.action import PerformedAction
from simulated_wcs.session import Application, Stream, WcsSession
from simulated_wcs.statuses import ENDED_CALL
from simulated_wcs.wcs import SimulatedWcs
from verification.soak.wire import RecordingTransport
from wcs_hooks.core.methods import SWITCHES

APPS: Final = ("school", "hall", "desk", "radio")
"""Applications that have been called before; each lane also has some that nobody called before."""

_MOST_SESSIONS: Final = 6
_LEAST_SESSIONS: Final = 2
_NEW_APP: Final = 0.15
_ROLES: Final = ("teacher", "teacher", "pupil", "agent", "agent", "guest", "banned")
_STREAMS: Final = ("live-public-{}", "class-{}", "class-{}", "private-{}", "cut-me", "show-{}")
_CALLEES: Final = ("1002", "100", "0900123456")
_MESSAGES: Final = (
    *("sendMessage", "OnDataEvent", "subscribe", "sendXcapRequest", "sendIMDN"),
    *("pushLogs", "sendBugReport", "submitBugReport", "sessionDebug"),
)
MALFORMED: Final = (b"", b"[]", b'{"appKey":"school",', b'{"a":' * 70 + b"1" + b"}" * 70)
INVENTED: Final = "inventedEvent"
"""A method of a version to come."""

_LONG_AGO: Final = "2026-01-01T00:00:00Z"
_FAR_AWAY: Final = "2099-01-01T00:00:00Z"


@dataclass(slots=True)
class SessionHistory:
    """A session from its connect to its end, by the decisions about them.

    Attributes
    ----------
    connect
        Of connect's reply; empty if there was none.
    status
        Of that reply.
    end
        Of the reply to ConnectionStatusEvent DISCONNECTED; none while the session is open.
    """

    node: str
    session_id: str
    connect: str
    status: int | None
    end: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether WCS let the client in, and it is still there."""
        return self.status == HTTPStatus.OK and self.end is None


class Lane:
    """A WCS node and all that goes on there, one thing after the other.

    Parameters
    ----------
    number
        Identifies the lane; each makes its own random choices.
    transport
        Of WCS.
    stranger
        Of somebody who does not know the key.
    """

    def __init__(
        self,
        number: int,
        seed: int,
        transport: RecordingTransport,
        stranger: RecordingTransport,
    ) -> None:
        self._chance = random.Random(f"{seed}/{number}")
        self._number = number
        self._transport = transport
        self._stranger = stranger
        self._wcs = SimulatedWcs(f"soak{number}@127.0.0.1", switched_on=SWITCHES)
        self._applications: dict[str, Application] = {}
        self._sessions: list[WcsSession] = []
        self._count = 0
        self.histories: list[SessionHistory] = []

    @property
    def account_sent(self) -> int:
        """How many hooks the node's own account has."""
        return self._wcs.account.sent

    def run(self, go_on: Callable[[], bool]) -> None:
        """Let things happen while they may."""
        while go_on():
            self.step()

    def step(self) -> None:
        """Let one thing happen."""
        kinds: list[tuple[Callable[[], object], int]] = [
            (self._keep_alive, 26),
            (self._publish, 11),
            (self._play, 9),
            (self._stop, 6),
            (self._notify_viewers, 4),
            (self._during_stream, 2),
            (self._call, 7),
            (self._go_on_with_call, 9),
            (self._message, 9),
            (self._sip, 8),
            (self._player, 5),
            (self._rest_api, 5),
            (self._oddity, 4),
        ]
        if len(self._sessions) < _MOST_SESSIONS:
            kinds.append((self._connect, 10 if len(self._sessions) > _LEAST_SESSIONS else 60))
        if len(self._sessions) > _LEAST_SESSIONS:
            kinds.append((self._disconnect, 8))
        act = self._chance.choices([act for act, _ in kinds], [weight for _, weight in kinds])[0]
        act()

    # --- Connections ----------------------------------------------------------------------------

    def _connect(self) -> None:
        role = self._chance.choice(_ROLES)
        until = self._chance.choice((_LONG_AGO, _FAR_AWAY, _FAR_AWAY))
        custom = {"role": role, "until": until, "token": f"t-{self._next()}"}
        rtmp = self._chance.random() < 0.15
        action = self._wcs.connect(self._application(), {"custom": custom}, rtmp=rtmp)
        decision, status = _decision_and_status(action)
        session = action.session
        self.histories.append(
            SessionHistory(self._wcs.node_id, session.session_id, decision, status)
        )
        if session.connected:
            self._sessions.append(session)

    def _disconnect(self) -> None:
        session = self._chance.choice(self._sessions)
        self._sessions.remove(session)
        decision, _ = _decision_and_status(self._wcs.disconnect(session))
        history = next(one for one in self.histories if one.session_id == session.session_id)
        history.end = decision

    # --- Streams --------------------------------------------------------------------------------

    def _publish(self) -> None:
        if session := self._any(self._sessions):
            self._wcs.publish(session, self._chance.choice(_STREAMS).format(self._next()))

    def _play(self) -> None:
        session = self._any(self._sessions)
        if session is None:
            return
        names = list(session.application.published)
        name = self._any(names) or "nothing"
        self._wcs.play(session, name.removeprefix("live-"))

    def _stop(self) -> None:
        if stream := self._running():
            method = "unPublishStream" if stream.published else "stopStream"
            self._wcs.during_stream(stream.session, stream.asked_name, method)

    def _keep_alive(self) -> None:
        if stream := self._running():
            self._wcs.keep_alive(stream.session, stream.asked_name)

    def _during_stream(self) -> None:
        if stream := self._running():
            method = self._chance.choice(("pauseStream", "snapshot"))
            self._wcs.during_stream(stream.session, stream.asked_name, method)

    def _notify_viewers(self) -> None:
        if stream := self._running(published=True):
            self._wcs.send_stream_event(stream.session, stream.asked_name)

    # --- Calls and messages ---------------------------------------------------------------------

    def _call(self) -> None:
        if session := self._any(self._sessions):
            self._wcs.call(session, {"callee": self._chance.choice(_CALLEES)})

    def _go_on_with_call(self) -> None:
        calling = [
            one for one in self._sessions if one.calls and one.calls[-1].status not in ENDED_CALL
        ]
        session = self._any(calling)
        if session is None:
            return
        match self._chance.randrange(6):
            case 0:
                self._wcs.sip_reply(session, self._chance.choice((180, 200, 200, 403, 486)))
            case 1:
                self._wcs.sip_hangup(session)
            case 2:
                target = self._chance.choice(("1003", "1999"))
                self._wcs.during_call(session, "transfer", {"target": target})
            case _:
                method = self._chance.choice(("answer", "hold", "unhold", "sendDtmf", "hangup"))
                self._wcs.during_call(session, method)

    def _message(self) -> None:
        if session := self._any(self._sessions):
            self._wcs.direct(session, self._chance.choice(_MESSAGES))

    def _sip(self) -> None:
        session = self._any(self._sessions)
        if session is None:
            return
        match self._chance.randrange(5):
            case 0 | 1:
                caller = self._chance.choice(("2001", "2001", "6666"))
                self._wcs.sip_incoming(session, "OnCallEvent", {"caller": caller})
            case 2:
                sender = self._chance.choice(("2001", "2002"))
                self._wcs.sip_incoming(session, "OnMessageEvent", {"from": sender})
            case 3:
                self._wcs.sip_incoming(session, "OnTransferEvent")
            case _:
                self._wcs.other_error(session, "no route to host")

    # --- Without a session ----------------------------------------------------------------------

    def _player(self) -> None:
        method = self._chance.choice(("playHLS", "playRTSP"))
        token = self._chance.choice(("pass", "pass", "none"))
        self._wcs.player(self._application(), method, {"custom": {"token": token}})

    def _rest_api(self) -> None:
        method, fields = self._chance.choice(
            (
                ("publishStream", {"name": f"private-{self._next()}"}),
                ("publishStream", {"name": f"show-{self._next()}"}),
                ("call", {"callee": "0900123456"}),
                ("call", {"callee": "100"}),
                ("sendMessage", {}),
            )
        )
        self._wcs.rest_api(self._application(), method, fields)

    def _oddity(self) -> None:
        """What no client does: broken bodies, methods of other versions, strangers."""
        match self._chance.randrange(3):
            case 0:
                method = self._chance.choice(("connect", "call", "StreamStatusEvent"))
                self._transport.send(method, self._chance.choice(MALFORMED))
            case 1:
                self._transport.send(INVENTED, self._odd_body())
            case _:
                self._stranger.send("connect", self._odd_body())

    def _odd_body(self) -> bytes:
        body: dict[str, Any] = {
            "nodeId": self._wcs.node_id,
            "appKey": self._chance.choice(APPS),
            "sessionId": f"odd-{self._number}-{self._next()}",
            **bodies.web_connect(),
        }
        return json.dumps(body, indent=1).encode()

    # --- Choices --------------------------------------------------------------------------------

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _any[T](self, among: Sequence[T]) -> T | None:
        return self._chance.choice(among) if among else None

    def _running(self, *, published: bool | None = None) -> Stream | None:
        return self._any(
            [
                stream
                for session in self._sessions
                for stream in session.streams
                # By its name, WCS finds the published one of two.
                if session.running(stream.asked_name, published=published) is stream
            ]
        )

    def _application(self) -> Application:
        key = self._chance.choice(APPS)
        if self._chance.random() < _NEW_APP:
            key = f"guest-{self._number}-{self._next()}"
        if key not in self._applications:
            self._applications[key] = self._wcs.add_application(key, self._transport)
        return self._applications[key]


def _decision_and_status(action: PerformedAction) -> tuple[str, int | None]:
    """The decision and the status of the reply to an action's own hook."""
    exchange = action.hooks[0].exchange
    reply = exchange.reply if exchange else None
    return (reply.decision, reply.status) if reply else ("", None)
