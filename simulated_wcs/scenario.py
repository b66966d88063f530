"""Scenarios: a timeline of what clients, SIP user agents and WCS itself do, and what is expected.

The format is in `docs/reference/scenarios.md`. A file is read strictly: what is not understood is
an error that names the file, the step, the key and what is allowed there.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

import strict_yaml
from simulated_wcs.action import Conclusion
from simulated_wcs.transport import DEFAULT_RETRIES, DEFAULT_TIMEOUT
from strict_yaml import StrictMapping, StrictYamlError, short
from wcs_hooks.core.methods import METHODS, PLAYERS, SWITCHES, Category, methods_of

type PolicyItem = dict[str, Any]
"""The attributes of a policy, without its app."""

NO_ANSWER: Final = "none"
"""Instead of a status: the hook got no reply."""

NOT_CALLED: Final = "not-called"
"""Instead of a status: the hook was not sent."""

STREAM_METHODS: Final = (
    "publishStream",
    "playStream",
    "unPublishStream",
    "stopStream",
    "pauseStream",
    "snapshot",
    "sendStreamEvent",
)
"""What a client does with a stream, which the key `stream` names."""

CALL_METHODS: Final = ("answer", "hold", "unhold", "transfer", "hangup", "sendDTMF", "sendDtmf")
"""What a client does with the call that it has."""

PLAYER_METHODS: Final = tuple(sorted(PLAYERS))

_CLIENT_METHODS: Final = (
    "connect",
    "disconnect",
    "sendStreamEvent",
    *(name for name in methods_of(Category.DIRECT) if name not in PLAYER_METHODS),
)
_REST_API_METHODS: Final = tuple(
    name
    for name in methods_of(Category.DIRECT)
    if name not in {*PLAYER_METHODS, *CALL_METHODS, *STREAM_METHODS[2:]}
)
_REGISTRATIONS: Final = ("REGISTERED", "UNREGISTERED", "AUTHENTICATION_FAIL")
_ANSWERABLE: Final = ("call", "sendMessage", "transfer", "subscribe", "sendXcapRequest")
_TOKEN_METHODS: Final = ("connect", "publishStream", "playStream")
"""What a client may show a token with, as players may."""

_KINDS: Final = ("client", "sip", "player", "server", "backend", "policies", "wait")
_APP: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKEN_PLACE: Final = re.compile(r"[^.?]+(\.[^.?]+)*|name\?[^?]+")
_TOKEN_LIFETIME: Final = 3600.0
_SIP_STATUSES: Final = (100, 699)
_HTTP_STATUSES: Final = (100, 599)


class ScenarioFileError(Exception):
    """A file that is not a scenario; the message names the place and what is allowed there."""


class Sip(StrEnum):
    """What the SIP side does, besides the incoming methods."""

    REPLY = "reply"
    HANGUP = "hangup"
    REGISTRATION = "registration"
    ERROR = "error"


class Server(StrEnum):
    """What WCS does by itself, or at the call of its REST API."""

    KEEP_ALIVE = "keep-alive"
    REST_API = "rest-api"


class BackEndState(StrEnum):
    """How the back-end is."""

    UP = "up"
    DOWN = "down"
    SLOW = "slow"


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that a client is expected to see."""

    event: str
    has: Mapping[str, Any]
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownToken:
    """A token that a client shows.

    Attributes
    ----------
    claims
        What it claims, besides `exp`.
    expires
        When it expires, in seconds from the step on; negative if it has expired.
    key
        Name of the key pair that signs it.
    kid
        The key that its header names.
    place
        Where in the hook it is: a field, a dotted path, or `name?parameter`.
    """

    claims: Mapping[str, Any]
    expires: float
    key: str
    kid: str
    place: str


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a step; what is None, and a mapping that is empty, is not checked.

    Attributes
    ----------
    status
        Of the action's own hook: the reply's, `none` or `not-called`.
    policy
        The `id` of the policy that decided it.
    sent, withheld
        Fields that its body has, and names that it lacks.
    fields
        With which WCS goes on.
    sees
        Client to all the events that it sees in this step, in order.
    hooks
        All the hooks of the step in order, each with its status.
    """

    outcome: Conclusion = Conclusion.ACCEPTED
    status: int | str | None = None
    attempts: int | None = None
    policy: str | None = None
    sent: Mapping[str, Any] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    sees: Mapping[str, tuple[Seen, ...]] = field(default_factory=dict)
    initiator: Mapping[str, Any] | None = None
    hooks: tuple[tuple[str, int | str], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioStep:
    """One step.

    Attributes
    ----------
    kind
        Who acts: `client`, `sip`, `player`, `server`; what changes: `backend`, `policies`; or
        `wait`.
    client
        The client that acts or is meant; empty for none. A `player` never connects.
    does
        The method, or what the SIP side, the server or the back-end does.
    body
        The hook's fields, instead of or besides the usual ones.
    token
        The token that the client shows with it; none if it shows none.
    status
        Of a SIP reply or registration.
    seconds
        By which a slow back-end delays its replies, or for which nothing happens.
    """

    number: int
    kind: str
    does: str = ""
    client: str = ""
    player: str = ""
    stream: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    token: ShownToken | None = None
    rtmp: bool = False
    status: int | str = 0
    reason: str = ""
    to: str = "call"
    info: str = ""
    seconds: float = 0.0
    policies: tuple[PolicyItem, ...] = ()
    expect: Expectation = Expectation()

    def title(self) -> str:
        """The step in a few words."""
        acts = f"{self.kind} {self.client or self.player}".rstrip()
        match self.kind:
            case "policies":
                return f"policies: {', '.join(str(policy['id']) for policy in self.policies)}"
            case "backend":
                return f"back-end {self.does}{f' by {self.seconds:g} s' if self.seconds else ''}"
            case "wait":
                return f"wait {self.seconds:g} s"
            case "sip":
                return f"SIP {self.does} {self.status or ''} for client {self.client}".replace(
                    "  ", " "
                )
        return f"{acts} {self.does} {self.stream}".rstrip()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario.

    Attributes
    ----------
    app
        The application's key; a run may append to it.
    policies
        In the table before the first step.
    timeout, retries
        WCS's settings.
    methods
        Those that were added to the application.
    switched_on
        The methods that WCS sends only if `flashphoner.properties` says so, and does.
    """

    file: str
    name: str
    description: str
    app: str
    policies: tuple[PolicyItem, ...]
    timeline: tuple[ScenarioStep, ...]
    timeout: float = DEFAULT_TIMEOUT
    retries: int = DEFAULT_RETRIES
    methods: tuple[str, ...] = tuple(METHODS)
    switched_on: tuple[str, ...] = ()

    @classmethod
    def load(cls, file: Path) -> Self:
        """Read a scenario.

        Raises
        ------
        ScenarioFileError
            The file is not a scenario.
        """
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ScenarioFileError(f"{file} cannot be read: {error}") from None
        return cls.parse(text, str(file))

    @classmethod
    def parse(cls, text: str, file: str) -> Self:
        """Read a scenario's text.

        Parameters
        ----------
        file
            Its name, for errors.

        Raises
        ------
        ScenarioFileError
            The text is not a scenario.
        """
        try:
            content = strict_yaml.read(text, file)
        except StrictYamlError as error:
            raise ScenarioFileError(str(error)) from None
        top = StrictMapping(file, content, ScenarioFileError)
        settings = top.child("wcs", {})
        timeline = _timeline(top)
        scenario = cls(
            file=file,
            name=top.text("name"),
            description=top.text("description"),
            app=top.text("app", pattern=_APP),
            policies=_policies(top, "policies"),
            timeline=timeline,
            timeout=settings.number("timeout", DEFAULT_TIMEOUT, at_least=0.05),
            retries=settings.whole("retries", DEFAULT_RETRIES, 0, 10),
            methods=settings.names("methods", tuple(METHODS), METHODS),
            switched_on=settings.names("switchedOn", (), SWITCHES),
        )
        settings.end()
        top.end()
        return scenario

    def policies_for(self, app: str) -> list[PolicyItem]:
        """The policies, as the table holds them, of this scenario run as an app."""
        return [{"app": app, **policy} for policy in self.policies]


def load_all(directory: Path) -> list[Scenario]:
    """Read every scenario of a directory, by file name.

    Raises
    ------
    ScenarioFileError
        A file is not a scenario, or there is none.
    """
    scenarios = [Scenario.load(file) for file in sorted(directory.glob("*.yaml"))]
    if not scenarios:
        raise ScenarioFileError(f"{directory} has no scenario: each is a file NAME.yaml")
    return scenarios


def _timeline(top: StrictMapping) -> tuple[ScenarioStep, ...]:
    entries = top.items("timeline")
    if not entries:
        top.wrong("timeline", "at least one step is expected")
    steps: list[ScenarioStep] = []
    clients: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        place = StrictMapping(f"{top.where}, step {number}", entry, ScenarioFileError)
        kind = _kind(place)
        place.text("note", "")
        step = _STEPS[kind](place, number)
        if step.kind == "client" and step.does == "connect":
            clients.add(step.client)
        elif step.client and step.client not in clients:
            place.wrong("client", f"{step.client!r} has not connected in an earlier step")
        for name in step.expect.sees:
            if name not in clients:
                known = ", ".join(sorted(clients)) or "none"
                place.wrong("sees", f"{name!r} is not a client so far; there are {known}")
        place.end()
        steps.append(step)
    return tuple(steps)


def _kind(step: StrictMapping) -> str:
    """Which of the keys that say who acts is there; exactly one must be."""
    found = [kind for kind in _KINDS if kind in step.content]
    # sip and server steps name the client that they are about.
    if len(found) > 1 and "client" in found:
        found.remove("client")
    if len(found) != 1:
        said = f"has {' and '.join(found)}" if found else "says not who acts"
        raise ScenarioFileError(f"{step.where} {said}: it needs one of {', '.join(_KINDS)}")
    step.has(found[0])
    return found[0]


def _client_step(place: StrictMapping, number: int) -> ScenarioStep:
    client = place.text("client")
    does = place.text("does", allowed=_CLIENT_METHODS)
    stream = place.text("stream") if does in STREAM_METHODS else ""
    over = place.text("over", "web", ("web", "rtmp")) if does == "connect" else "web"
    body = {} if does == "disconnect" else place.fields("with")
    return ScenarioStep(
        number=number,
        kind="client",
        client=client,
        does=does,
        stream=stream,
        body=body,
        token=_token(place) if does in _TOKEN_METHODS else None,
        rtmp=over == "rtmp",
        expect=_expectation(place),
    )


def _sip_step(place: StrictMapping, number: int) -> ScenarioStep:
    incoming = methods_of(Category.INCOMING)
    does = place.text("sip", allowed=(*incoming, *Sip))
    status: int | str = 0
    if does == Sip.REPLY:
        status = place.whole("status", None, *_SIP_STATUSES)
    elif does == Sip.REGISTRATION:
        status = place.text("status", allowed=_REGISTRATIONS)
    is_reply = does == Sip.REPLY
    return ScenarioStep(
        number=number,
        kind="sip",
        does=does,
        client=place.text("client"),
        body=place.fields("with") if does in incoming else {},
        status=status,
        reason=place.text("reason", "") if is_reply else "",
        to=place.text("to", "call", _ANSWERABLE) if is_reply else "call",
        info=place.text("info") if does == Sip.ERROR else "",
        expect=_expectation(place),
    )


def _player_step(place: StrictMapping, number: int) -> ScenarioStep:
    return ScenarioStep(
        number=number,
        kind="player",
        player=place.text("player"),
        does=place.text("does", allowed=PLAYER_METHODS),
        body=place.fields("with"),
        token=_token(place),
        expect=_expectation(place),
    )


def _token(step: StrictMapping) -> ShownToken | None:
    if not step.has("token"):
        return None
    place = step.child("token")
    key = place.text("key")
    token = ShownToken(
        claims=place.fields("claims"),
        expires=place.number("expires", _TOKEN_LIFETIME, at_least=-_TOKEN_LIFETIME),
        key=key,
        kid=place.text("kid", key),
        place=place.text("in", "custom.token", pattern=_TOKEN_PLACE),
    )
    place.end()
    return token


def _server_step(place: StrictMapping, number: int) -> ScenarioStep:
    server = place.text("server", allowed=tuple(Server))
    if server == Server.KEEP_ALIVE:
        return ScenarioStep(
            number=number,
            kind="server",
            does=server,
            client=place.text("client"),
            stream=place.text("stream"),
            expect=_expectation(place),
        )
    return ScenarioStep(
        number=number,
        kind="server",
        does=place.text("does", allowed=_REST_API_METHODS),
        body=place.fields("with"),
        expect=_expectation(place),
    )


def _backend_step(place: StrictMapping, number: int) -> ScenarioStep:
    state = place.content["backend"]
    if isinstance(state, dict):
        slow = place.child("backend")
        seconds = slow.number("slow", at_least=0.05)
        slow.end()
        return ScenarioStep(number=number, kind="backend", does=BackEndState.SLOW, seconds=seconds)
    if state not in (BackEndState.UP, BackEndState.DOWN):
        place.wrong("backend", f"{short(state)} is not known; allowed are up, down, slow: SECONDS")
    return ScenarioStep(number=number, kind="backend", does=state)


def _policies_step(place: StrictMapping, number: int) -> ScenarioStep:
    return ScenarioStep(number=number, kind="policies", policies=_policies(place, "policies"))


def _wait_step(place: StrictMapping, number: int) -> ScenarioStep:
    return ScenarioStep(number=number, kind="wait", seconds=place.number("wait", at_least=0.05))


_STEPS: Final[Mapping[str, Callable[[StrictMapping, int], ScenarioStep]]] = {
    "client": _client_step,
    "sip": _sip_step,
    "player": _player_step,
    "server": _server_step,
    "backend": _backend_step,
    "policies": _policies_step,
    "wait": _wait_step,
}


def _expectation(step: StrictMapping) -> Expectation:
    place = step.child("expect", {})
    outcome = place.text("outcome", Conclusion.ACCEPTED, tuple(Conclusion))
    expectation = Expectation(
        outcome=Conclusion(outcome),
        status=_status(place, "status", place.content["status"]) if place.has("status") else None,
        attempts=place.whole("attempts", None, 0, 11) if place.has("attempts") else None,
        policy=place.text("policy") if place.has("policy") else None,
        sent=place.fields("sent"),
        withheld=place.names("withheld", ()),
        fields=place.fields("fields"),
        sees=_sees(place),
        initiator=place.fields("initiator") if place.has("initiator") else None,
        hooks=_hooks(place) if place.has("hooks") else None,
    )
    place.end()
    return expectation


def _sees(place: StrictMapping) -> dict[str, tuple[Seen, ...]]:
    clients = place.child("sees", {})
    return {
        client: tuple(_seen(clients, client, event) for event in clients.items(client))
        for client in list(clients.content)
    }


def _seen(clients: StrictMapping, client: str, event: Any) -> Seen:
    place = clients.place(client, event)
    name = place.text("event", allowed=tuple(METHODS))
    seen = Seen(name, place.fields("has"), place.names("lacks", ()))
    place.end()
    return seen


def _hooks(place: StrictMapping) -> tuple[tuple[str, int | str], ...]:
    hooks: list[tuple[str, int | str]] = []
    for entry in place.items("hooks"):
        if not isinstance(entry, dict) or len(entry) != 1:
            place.wrong("hooks", f"METHOD: STATUS is expected, not {short(entry)}")
        [(method, status)] = entry.items()
        if method not in METHODS:
            place.wrong("hooks", f"{short(method)} is not a method of WCS")
        hooks.append((method, _status(place, "hooks", status)))
    return tuple(hooks)


def _status(place: StrictMapping, key: str, status: Any) -> int | str:
    low, high = _HTTP_STATUSES
    if status in (NO_ANSWER, NOT_CALLED):
        return str(status)
    if isinstance(status, bool) or not isinstance(status, int) or not low <= status <= high:
        allowed = f"an HTTP status, {NO_ANSWER} or {NOT_CALLED}"
        place.wrong(key, f"{allowed} is expected, not {short(status)}")
    return status


def _policies(place: StrictMapping, key: str) -> tuple[PolicyItem, ...]:
    policies: list[PolicyItem] = []
    for number, entry in enumerate(place.items(key, []), start=1):
        own = place.place(f"{key} {number}", entry)
        own.text("id")
        if own.has("app"):
            own.wrong("app", "the scenario's own app is filled in: leave it out")
        policies.append(entry)
    return tuple(policies)
