"""The way from the functions to AWS: a reverse proxy that lets faults in.

It passes requests on byte for byte, with their Host header: the emulator checks their signatures.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final, Self

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web

from local.workspace import Workspace
from verification.soak.faults import Call, Fault, How, Place, error_reply

_HOST: Final = "127.0.0.1"
_HANGS: Final = 30.0
"""Seconds after which a hanging call is closed, should its caller not have given up."""

_HOP_BY_HOP: Final = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
)
_MAX_BODY: Final = 8 * 1024 * 1024
_SERVICES: Final = ("DYNAMODB", "SECRETS_MANAGER", "SQS", "EVENTBRIDGE")


class FaultyProxy:
    """Stands before the emulator.

    Parameters
    ----------
    workspace
        Where the emulator listens.
    port
        Where the proxy does, on 127.0.0.1.

    Attributes
    ----------
    hits
        How many calls each fault made fail.
    passed
        How many calls went through.
    letters_sent
        How often a dead letter reached the queue or the table, by its decision: it is sent again if
        that is not answered in time, which is how there can be two.
    """

    def __init__(self, workspace: Workspace, port: int) -> None:
        self._upstream = workspace.endpoint
        self._port = port
        self._tables: Mapping[Place, str] = {}
        self._faults: tuple[Fault, ...] = ()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._runner: web.AppRunner | None = None
        self._session: ClientSession | None = None
        self.hits: Counter[str] = Counter()
        self.passed = 0
        self.letters_sent: Counter[str] = Counter()

    @property
    def environment(self) -> dict[str, str]:
        """What leads a function's clients here, by the names that botocore knows."""
        here = f"http://{_HOST}:{self._port}"
        return {f"AWS_ENDPOINT_URL_{service}": here for service in _SERVICES}

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(30)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def know_tables(self, tables: Mapping[Place, str]) -> None:
        """Set the names of the tables that faults are about."""
        self._tables = tables

    def inject(self, fault: Fault) -> None:
        """Let calls fail from now on."""
        self._faults = (*self._faults, fault)

    def lift(self, fault: Fault) -> None:
        """Let them succeed again."""
        faults = list(self._faults)
        faults.remove(fault)
        self._faults = tuple(faults)

    async def _start(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(limit=0),
            timeout=ClientTimeout(total=60),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
        )
        application = web.Application(client_max_size=_MAX_BODY)
        application.router.add_route("*", "/{path:.*}", self._handle)
        # Who has given up waiting needs no thread of the proxy's any more.
        self._runner = web.AppRunner(
            application, handler_cancellation=True, access_log=None, shutdown_timeout=1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, _HOST, self._port).start()

    async def _stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = Call.from_request(request.headers, body)
        for fault in self._faults:
            if fault.hits(call, self._tables):
                self.hits[fault.name] += 1
                return await self._fail(fault, request)
        self.passed += 1
        if call.decision:
            self.letters_sent[call.decision] += 1
        return await self._pass_on(request, body)

    async def _fail(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if fault.how in {How.HANGING, How.REFUSED}:
            if fault.how is How.HANGING:
                await asyncio.sleep(_HANGS)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        status, content = error_reply(fault)
        return web.Response(
            status=status, body=content, headers={"Content-Type": "application/x-amz-json-1.0"}
        )

    async def _pass_on(self, request: web.Request, body: bytes) -> web.StreamResponse:
        if self._session is None:
            raise web.HTTPServiceUnavailable
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
        ]
        async with self._session.request(
            request.method,
            f"{self._upstream}{request.raw_path}",
            data=body,
            headers=headers,
            allow_redirects=False,
        ) as answer:
            content = await answer.read()
            kept = [
                (name, value)
                for name, value in answer.headers.items()
                if name.lower() not in _HOP_BY_HOP
            ]
            return web.Response(status=answer.status, body=content, headers=kept)
