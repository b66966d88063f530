"""The wire: hooks as WCS sends them, over real HTTP/1.1.

`docs/reference/wcs-protocol.md`, section 1: the vendor's headers, a signature or Basic credentials,
a time-out, and retries of what could not be sent.
"""

import hashlib
import hmac
import http
import http.client
import json
import select
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

DEFAULT_TIMEOUT: Final = 15.0
"""`rest_request_timeout`, in seconds."""

DEFAULT_RETRIES: Final = 3
"""`rest_client_request_retry_count`, since 5.2.1475."""

AUTHORIZATION: Final = "Authorization"

_USER_AGENT: Final = "Java/1.8.0_111"
_JSON: Final = "application/json"


class TargetError(Exception):
    """An application's URL that WCS could not post to."""


class Authentication(Protocol):
    """How WCS proves to the back-end that it is WCS."""

    def header(self, body: bytes) -> str | None:
        """The `Authorization` header for a body; none to send none."""
        ...


@dataclass(frozen=True, slots=True)
class NoAuthentication:
    """WCS's default: anyone may post."""

    def header(self, body: bytes) -> str | None:  # noqa: ARG002 - as the protocol has it
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class Signature:
    """`rest_hook_send_hash` with `rest_hook_secret_key`.

    Examples
    --------
    >>> Signature("key").header(b"{}")
    'WCS 8ad543481d29574b6046e375ce555520'
    """

    secret: str = field(repr=False)

    def header(self, body: bytes) -> str | None:
        """The HMAC-MD5 of the body's bytes."""
        return f"WCS {hmac.new(self.secret.encode(), body, hashlib.md5).hexdigest()}"


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """Those that `add app -u … -p …` puts into the application's URL."""

    user: str
    password: str = field(repr=False)

    def header(self, body: bytes) -> str | None:  # noqa: ARG002 - as the protocol has it
        """HTTP Basic."""
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class HookTarget:
    """Where an application's hooks go.

    Attributes
    ----------
    url
        What `update app -l` is given; methods are appended to it.
    address
        Host and port to connect to instead of those of the URL.
    host
        The Host header to send instead of the URL's.

    Raises
    ------
    TargetError
        The URL is none of HTTP.
    """

    url: str
    address: tuple[str, int] | None = None
    host: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be posted to."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise TargetError(f"{self.url!r} is not a URL to post to: give one of http or https")

    def path(self, method: str) -> str:
        """The path of a method's hooks.

        >>> HookTarget("http://127.0.0.1:8080/hooks/").path("connect")
        '/hooks/connect'
        """
        return f"{urlsplit(self.url).path.rstrip('/')}/{quote(method, safe='')}"

    def host_header(self) -> str:
        """The Host header."""
        return self.host or urlsplit(self.url).netloc.rpartition("@")[2]

    def connection(self, timeout: float | None) -> http.client.HTTPConnection:
        """A connection, not yet opened."""
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        host, port = self.address or (parts.hostname or "", parts.port or (443 if secure else 80))
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(host, port, timeout=timeout)


@dataclass(frozen=True, slots=True)
class HookReply:
    """What the back-end answered.

    Attributes
    ----------
    headers
        By lower-case name.
    """

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def decision(self) -> str:
        """The id by which the back-end's log knows this reply; empty where it gives none."""
        return self.headers.get("x-decision-id", "")

    def json(self) -> Any:
        """The body as JSON.

        Raises
        ------
        ValueError
            It is not JSON.
        """
        return json.loads(self.body)

    @property
    def error(self) -> Mapping[str, Any]:
        """What a refusal by the back-end says about itself; empty if this is not one."""
        if self.status == http.HTTPStatus.OK:
            # The hook's own body, which may have such a field too.
            return {}
        try:
            error = self.json()["error"]
        except (ValueError, KeyError, TypeError):
            return {}
        return error if isinstance(error, dict) else {}

    @property
    def is_json(self) -> bool:
        """Whether it says that its body is JSON."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() == _JSON


@dataclass(frozen=True, slots=True)
class Exchange:
    """One hook on the wire, with all its attempts.

    Attributes
    ----------
    headers
        As sent, the Authorization among them.
    reply
        None if no attempt was answered.
    send_errors
        One text for each attempt that failed.
    seconds
        From the first attempt's beginning to the reply, or to giving up.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    reply: HookReply | None
    send_errors: tuple[str, ...]
    seconds: float

    @property
    def attempts(self) -> int:
        """How often it was sent, or tried to be."""
        return len(self.send_errors) + (self.reply is not None)


type AlterReply = Callable[[str, HookReply], HookReply]
"""Given a method and its reply, returns what WCS is to see instead: for experiments."""


class HookTransport:
    """Sends the hooks of one application; may be used by several threads.

    Parameters
    ----------
    timeout
        Seconds that each wait for the back-end may take; 0 for no limit.
    retries
        How often a hook is sent again that could not be sent or was not answered in time. A reply,
        whatever its status, is never a reason to.
    alter_reply
        For experiments: changes replies before WCS sees them.

    Examples
    --------
    >>> transport = HookTransport(HookTarget("http://127.0.0.1:8080"), Signature("secret"))
    >>> transport.send("connect", b"{}").reply.status  # doctest: +SKIP
    200
    """

    def __init__(
        self,
        target: HookTarget,
        authentication: Authentication | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        alter_reply: AlterReply | None = None,
    ) -> None:
        self._target = target
        self._authentication = authentication or NoAuthentication()
        self._timeout = timeout or None
        self._retries = retries
        self._alter_reply = alter_reply
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    @property
    def target(self) -> HookTarget:
        """Where hooks go."""
        return self._target

    def retarget(self, target: HookTarget) -> None:
        """Send the hooks to come elsewhere."""
        self.close()
        self._target = target

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def send(self, method: str, body: bytes) -> Exchange:
        """Send a hook, again if need be, and wait for its answer. Nothing is raised."""
        target = self._target
        headers = {
            "Accept": _JSON,
            "Content-Type": f"{_JSON};charset=UTF-8",
            "User-Agent": _USER_AGENT,
            "Host": target.host_header(),
            "Connection": "keep-alive",
            "Content-Length": str(len(body)),
        }
        authorization = self._authentication.header(body)
        if authorization is not None:
            headers[AUTHORIZATION] = authorization
        began = time.perf_counter()
        send_errors: list[str] = []
        reply: HookReply | None = None
        while reply is None and len(send_errors) <= self._retries:
            try:
                reply = self._attempt(target, method, headers, body)
            except (OSError, http.client.HTTPException) as error:
                send_errors.append(_describe(error))
        if reply is not None and self._alter_reply is not None:
            reply = self._alter_reply(method, reply)
        return Exchange(
            method,
            f"{target.url.rstrip('/')}/{method}",
            headers,
            body,
            reply,
            tuple(send_errors),
            time.perf_counter() - began,
        )

    def _attempt(
        self, target: HookTarget, method: str, headers: Mapping[str, str], body: bytes
    ) -> HookReply:
        connection = self._kept() or target.connection(self._timeout)
        try:
            connection.putrequest(
                "POST", target.path(method), skip_host=True, skip_accept_encoding=True
            )
            for name, value in headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._keep(connection, target)
        return HookReply(
            response.status,
            response.reason,
            {name.lower(): value for name, value in response.getheaders()},
            content,
        )

    def _kept(self) -> http.client.HTTPConnection | None:
        """A kept connection, unless the back-end has closed them all meanwhile."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if connection.sock is not None and not _has_news(connection.sock):
                return connection
            connection.close()

    def _keep(self, connection: http.client.HTTPConnection, target: HookTarget) -> None:
        with self._lock:
            if target is self._target:
                self._idle.append(connection)
                return
        connection.close()


def _has_news(connection: socket.socket) -> bool:
    """Whether something came on an idle connection: that can only be its end."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionResetError, http.client.RemoteDisconnected)):
        return "connection reset"
    return f"{type(error).__name__}: {error}"
