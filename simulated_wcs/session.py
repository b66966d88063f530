"""What WCS holds: applications, sessions, their streams and calls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from simulated_wcs.bodies import Fields
from simulated_wcs.client_config import RestClientConfig
from simulated_wcs.statuses import ENDED_CALL
from simulated_wcs.transport import HookTransport
from wcs_hooks.core.methods import METHODS


class NoSuchThingError(Exception):
    """An action on a session, stream, call or method that is not there."""


class Message(NamedTuple):
    """What a client is sent."""

    event: str
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Stream:
    """A stream that is published or played.

    Attributes
    ----------
    asked_name
        The name that the client gave it; `name` may be another after an override.
    """

    session: "WcsSession"
    media_session_id: str
    asked_name: str
    fields: Fields
    published: bool
    running: bool = False

    @property
    def name(self) -> str:
        """The name that WCS knows it by."""
        return str(self.fields.get("name", ""))


@dataclass(slots=True)
class Call:
    """A SIP call.

    Attributes
    ----------
    status
        The last one that was reported.
    """

    call_id: str
    fields: Fields
    status: str = "PENDING"


@dataclass(slots=True)
class WcsSession:
    """A connection, or what acts without one: a player, a call of the REST API.

    Attributes
    ----------
    fields
        connect's, with what its reply overrode.
    config
        What connect's reply said.
    connected, gone
        Whether its client is there; whether it was, and left.
    client_sees
        All that the client was sent while it was there, in order.
    streams
        Published and played, ended ones too, in the order in which they began.
    calls
        In the order in which they began.
    """

    application: "Application"
    session_id: str
    config: RestClientConfig = field(default_factory=RestClientConfig)
    fields: Fields = field(default_factory=dict)
    connected: bool = False
    gone: bool = False
    client_sees: list[Message] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def notify_client(self, event: str, fields: Mapping[str, Any]) -> None:
        """Send the client an event, less what it must not see; nobody hears it who is gone."""
        if self.gone:
            return
        self.client_sees.append(Message(event, self.config.method(event).for_client(fields)))

    def running(self, asked_name: str, *, published: bool | None = None) -> Stream | None:
        """A running stream by the name that the client gave it; none if there is none.

        Parameters
        ----------
        published
            Whether it is a published one; if that is not said, one that is goes before one that is
            played.
        """
        fitting = [
            stream
            for stream in self.streams
            if stream.running
            and stream.asked_name == asked_name
            and published in {None, stream.published}
        ]
        return max(fitting, key=lambda stream: stream.published, default=None)

    def stream(self, asked_name: str, *, published: bool | None = None) -> Stream:
        """The same.

        Raises
        ------
        NoSuchThingError
            If there is none.
        """
        stream = self.running(asked_name, published=published)
        if stream is None:
            kind = "" if published is None else "published " if published else "played "
            has = [repr(known.asked_name) for known in self.streams if known.running]
            raise NoSuchThingError(
                f"the session has no {kind}stream {asked_name!r}: it has {', '.join(has) or 'none'}"
            )
        return stream

    def call(self) -> Call:
        """The call that began last.

        Raises
        ------
        NoSuchThingError
            If there is none, or it has ended.
        """
        if not self.calls or self.calls[-1].status in ENDED_CALL:
            raise NoSuchThingError("the session has no call under way")
        return self.calls[-1]


@dataclass(slots=True)
class Application:
    """An application of WCS: its key, where its hooks go, and which it sends.

    Attributes
    ----------
    methods
        Those that were added to it (`add app-rest-method`); no other is ever called.
    last_config
        The restClientConfig of the last session that connected, for the account: connect itself
        obeys none.
    published
        The running streams by the name that WCS knows them by.
    played
        The viewers' streams, by the published stream's `mediaSessionId`.
    """

    key: str
    transport: HookTransport
    methods: frozenset[str] = frozenset(METHODS)
    last_config: RestClientConfig = field(default_factory=RestClientConfig)
    published: dict[str, Stream] = field(default_factory=dict)
    played: dict[str, list[Stream]] = field(default_factory=dict)
