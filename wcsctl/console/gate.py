"""Accepts requests only from the console's own page, opened by the person who started it.

Every page in that person's browser can send requests to loopback, and so can every other user of
the machine. The gate therefore requires:

- a cookie, which the page gets in exchange for a token that only the terminal shows;
- a key, which the page gets with the cookie and keeps: browsers send a cookie to every port of its
  host, so whoever serves another port of this machine may know it;
- this address as `Host`, so that another site's name cannot reach it by DNS rebinding;
- this page as `Origin` and `Sec-Fetch-Site`, so that no other page can read or write;
- JSON as the content type of requests that write: forms cannot send it without a preflight.

docs/maintainers/threat-model.md lists the attackers that this stops.
"""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOGIN: Final = "/login"
API: Final = "/api/"
KEY: Final = "X-Console-Key"
"""Header with the page's key. Server-sent events, which have no headers, have it as `key`."""

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""Size limit of a request body. A policy has at most 400 KB; a text may have several."""

_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "connect", "font")),
        "img-src 'self' data:",
        *(f"{kind} 'none'" for kind in ("base-uri", "form-action", "frame-ancestors")),
        "require-trusted-types-for 'script'",
    )
)

HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
"""Headers of every response, including refusals."""


class RefusedError(Exception):
    """A refused request. The message is sent to the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Gate:
    """ASGI middleware that refuses requests from anybody but the console's own page.

    Attributes
    ----------
    app
        The application behind the gate.
    port
        Port on 127.0.0.1 that the application is served on.
    clock
        Returns the seconds of a monotonic clock.
    token
        Secret at the end of the address printed in the terminal.
    used_at
        Time of the last accepted request, by `clock`.
    """

    app: ASGIApp
    port: int
    clock: Callable[[], float] = time.monotonic
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    used_at: float = 0.0
    _cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False, init=False)
    _key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False, init=False)

    def __post_init__(self) -> None:
        """Start counting idle time."""
        self.used_at = self.clock()

    @property
    def cookie_name(self) -> str:
        """The cookie's name. It contains the port, since browsers share cookies between ports."""
        return f"wcsctl-console-{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, and pass it on or refuse it."""
        if scope["type"] != "http":
            # Neither WebSockets nor a lifespan.
            raise RuntimeError(f"only HTTP is served, not {scope['type']}")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        request = Request(scope, receive)
        try:
            self._check(request)
            body = await _whole_body(request)
            if scope["path"] == LOGIN:
                response = self._log_in(body)
                await response(scope, receive, send_with_headers)
                return
        except RefusedError as refused:
            error = {"message": str(refused), "exit": 1}
            response = JSONResponse({"error": error}, refused.status)
            await response(scope, receive, send_with_headers)
            return
        except ClientDisconnect:
            return
        self.used_at = self.clock()
        await self.app(scope, _receive_again(body, receive), send_with_headers)

    def _check(self, request: Request) -> None:
        headers, path = request.headers, request.url.path
        host = self._checked_host(headers)
        is_read = request.method in {"GET", "HEAD"}
        if not is_read and request.method != "POST":
            raise RefusedError(405, "Only GET, HEAD and POST are allowed.")
        if path == LOGIN and is_read:
            raise RefusedError(405, "The page logs in with POST.")
        origin = headers.getlist("origin")
        if origin != [f"http://{host}"] and (origin or not is_read):
            raise RefusedError(403, "This request is not from the console's own page.")
        site = headers.get("sec-fetch-site", "same-origin")
        # A link on another page (web mail, a terminal in the browser) may open the page itself.
        opens_page = path == "/" and is_read and headers.get("sec-fetch-mode") == "navigate"
        allowed = {"same-origin", "none"} if is_read else {"same-origin"}
        if site not in allowed and not opens_page:
            raise RefusedError(403, "This request is not from the console's own page.")
        if not is_read and headers.get("content-type", "").lower() != "application/json":
            raise RefusedError(415, "The content type must be application/json.")
        if path.startswith(API) and not self._is_known(request):
            raise RefusedError(401, "Open the address that `wcsctl console` printed.")

    def _checked_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in {
            f"{name}:{self.port}" for name in ("127.0.0.1", "localhost")
        }:
            raise RefusedError(421, "The Host header must be the console's address.")
        return hosts[0]

    def _is_known(self, request: Request) -> bool:
        key = request.headers.get(KEY) or request.query_params.get("key", "")
        cookie = request.cookies.get(self.cookie_name, "")
        return _same(cookie, self._cookie) and _same(key, self._key)

    def _log_in(self, body: bytes) -> Response:
        try:
            given = json.loads(body)["token"]
        except (ValueError, LookupError, TypeError, RecursionError):
            given = None
        if not isinstance(given, str) or not _same(given, self.token):
            raise RefusedError(401, "This is not the token that `wcsctl console` printed.")
        response = JSONResponse({"key": self._key})
        response.set_cookie(self.cookie_name, self._cookie, httponly=True, samesite="strict")
        return response


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(errors="surrogatepass"), secret.encode())


async def _whole_body(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise RefusedError(413, f"A request body must not exceed {MAX_BODY_BYTES:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def _receive_again(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that delivers a body that was already read."""
    pending = [body]

    async def receive_again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return receive_again
