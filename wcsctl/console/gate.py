"""Lets in only the page that this process serves, opened by whoever started it.

Every page in the person's browser can send requests to loopback, and so can every other user of the
machine. Hence: a token that only the terminal shows, changed for a cookie that no script reads; the
`Host` of this address, so that no name of a stranger's can be made to mean it (DNS rebinding); the
`Origin` and `Sec-Fetch-Site` of this page, so that no other page writes; JSON as the only content
type, which a form cannot send. See docs/threat-model.md.
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

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""Of a request: the largest policies have 400 KB, and an editor holds several."""

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
"""What every answer has, refusals included."""


class RefusedError(Exception):
    """A request that is not let in; the message is for who sent it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Gate:
    """Wraps an application: what comes through is from the page, and from its owner.

    Attributes
    ----------
    app
        The application.
    port
        Where it is served, on 127.0.0.1.
    clock
        Gives seconds of a monotonic clock.
    token
        What the address in the terminal ends with.
    used_at
        When a request came through last, by that clock.
    """

    app: ASGIApp
    port: int
    clock: Callable[[], float] = time.monotonic
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    used_at: float = 0.0
    _cookie: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False, init=False)

    def __post_init__(self) -> None:
        """Begin to count idle time."""
        self.used_at = self.clock()

    @property
    def cookie_name(self) -> str:
        """The cookie's name. Browsers do not tell ports apart, so that it has this one in it."""
        return f"wcsctl-console-{self.port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            # There are no WebSockets here.
            raise RuntimeError(f"no {scope['type']} is served")

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
            raise RefusedError(405, "Only GET, HEAD and POST are served.")
        if path == LOGIN and is_read:
            raise RefusedError(405, "The page logs in by a POST.")
        origin = headers.getlist("origin")
        if origin != [f"http://{host}"] and (origin or not is_read):
            raise RefusedError(403, "This request is not from the console's own page.")
        site = headers.get("sec-fetch-site", "same-origin")
        # A link in a web mail, or in a terminal that is a web page, may open the page itself.
        opens_page = path == "/" and is_read and headers.get("sec-fetch-mode") == "navigate"
        allowed = {"same-origin", "none"} if is_read else {"same-origin"}
        if site not in allowed and not opens_page:
            raise RefusedError(403, "This request is not from the console's own page.")
        if not is_read and headers.get("content-type", "").lower() != "application/json":
            raise RefusedError(415, "The body must be of the content type application/json.")
        if path.startswith(API) and not self._is_known(request):
            raise RefusedError(401, "Open the address that `wcsctl console` printed.")

    def _checked_host(self, headers: Headers) -> str:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0] not in {
            f"{name}:{self.port}" for name in ("127.0.0.1", "localhost")
        }:
            raise RefusedError(421, "This is not the address of the console.")
        return hosts[0]

    def _is_known(self, request: Request) -> bool:
        return _same(request.cookies.get(self.cookie_name, ""), self._cookie)

    def _log_in(self, body: bytes) -> Response:
        try:
            given = json.loads(body)["token"]
        except (ValueError, LookupError, TypeError, RecursionError):
            given = None
        if not isinstance(given, str) or not _same(given, self.token):
            raise RefusedError(401, "This is not the token that `wcsctl console` printed.")
        response = Response(status_code=204)
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
            raise RefusedError(413, f"A request has {MAX_BODY_BYTES:,} bytes at most.")
        parts.append(part)
    return b"".join(parts)


def _receive_again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read, once, and then what comes after it."""
    pending = [body]

    async def receive_again() -> Message:
        if pending:
            return {"type": "http.request", "body": pending.pop(), "more_body": False}
        return await receive()

    return receive_again
