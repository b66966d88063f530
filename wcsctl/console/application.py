"""The console's web application, behind `wcsctl.console.gate`.

Each response has the equivalent command line, and the command's result, question or error.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from strict_yaml import plain
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import encode
from wcsctl.command_line.failure import failure_of
from wcsctl.commands.decisions import found_log
from wcsctl.commands.try_hook import deployed_trial, moment_of, token_of, tried
from wcsctl.console.command_routes import KINDS, READS, WRITES, CommandRoute, Parameters
from wcsctl.console.command_runner import CapturedOutput, CommandRunner, Ran
from wcsctl.console.example_hooks import example_hooks
from wcsctl.console.policy_editor import PolicyEditor
from wcsctl.decision_log import PAUSE_SECONDS, Filter, Looks, to_json
from wcsctl.errors import ExitStatus, UsageError
from wcsctl.function_configuration import CATEGORIES, FunctionConfigurations
from wcsctl.lists.names import list_names
from wcsctl.metrics import TREND_COUNTS, source_of, usd_per_look
from wcsctl.policies import schema
from wcsctl.policies.cookbook import recipe_texts, recipes
from wcsctl.policies.history import History
from wcsctl.policies.yaml import write_policies
from wcsctl.since import moment
from wcsctl.trial import RECORDED, UNKNOWN, read_payload

STATIC: Final = Path(__file__).with_name("static")
"""The page, built by `make setup`."""

_VOCABULARY: Final = Path(__file__).with_name("expressions.json")

_STATUSES: Final[Mapping[ExitStatus, int]] = {
    ExitStatus.FAILED: 422,
    ExitStatus.USAGE: 400,
    ExitStatus.CONFLICT: 409,
    ExitStatus.UNREACHABLE: 502,
    ExitStatus.NOT_FOUND: 404,
}
"""The HTTP status of an error, by the exit status of the command."""

_SHORT: Final = 400
"""Maximum length, in characters, of a hook whose fields are shown on a command line."""

_STEPS: Final = 10
"""Number of parts that a pause is divided into; after each of them the console can end."""

_ASKED: Final = 428
_READ_ONLY: Final = 403
_LISTS: Final = frozenset({"where", "ids"})
"""Parameters that may be repeated."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A route that has no command of its own.

    Attributes
    ----------
    action
        Produces the result.
    words
        Returns the closest command line, which the page shows.
    writes
        Whether `--read-only` refuses it.
    """

    action: Callable[[CapturedOutput, Parameters], None]
    words: Callable[[Parameters], list[str]]
    writes: bool = False


class Console:
    """The routes of the console of one deployment.

    Parameters
    ----------
    runner
        Runs the commands.
    tests
        Directory with a folder of tests for each app; None if there are no tests.
    is_ending
        Returns True once the console is shutting down.
    read_only
        Whether requests that write are refused.
    """

    def __init__(
        self,
        runner: CommandRunner,
        tests: Path | None,
        is_ending: Callable[[], bool],
        *,
        read_only: bool,
    ) -> None:
        self._runner = runner
        self._is_ending = is_ending
        self._deployment = runner.deployment
        self._tests = tests
        self._read_only = read_only
        self._editor = PolicyEditor(runner.deployment, tests)

    def application(self) -> Starlette:
        """Return the application."""
        get, post = ["GET"], ["POST"]
        reads = {name: partial(self._command, route) for name, route in READS.items()}
        reads |= {name: partial(self._call, asked) for name, asked in self._own_reads().items()}
        writes = {name: partial(self._write, route) for name, route in WRITES.items()}
        asked = {name: partial(self._call, asked) for name, asked in self._own_posts().items()}
        return Starlette(
            routes=[
                Route("/", _file("index.html"), methods=get),
                Route("/app.js", _file("app.js"), methods=get),
                Route("/app.css", _file("app.css"), methods=get),
                Route("/api/decisions/live", self._live, methods=get),
                *(Route(f"/api/{name}", end, methods=get) for name, end in reads.items()),
                *(Route(f"/api/{name}", end, methods=post) for name, end in writes.items()),
                *(Route(f"/api/{name}", end, methods=post) for name, end in asked.items()),
            ],
            exception_handlers={Exception: _fault, 404: _no_such_route},
        )

    # --- routes that run a command ---

    async def _command(self, route: CommandRoute, request: Request) -> Response:
        given = {
            name: request.query_params.getlist(name) if name in _LISTS else value
            for name, value in request.query_params.items()
        }
        return await self._run(route, given, "")

    async def _write(self, route: CommandRoute, request: Request) -> Response:
        given = await _body(request)
        if self._read_only:
            return _refused(self._runner.line(route.words))
        agreed = given.pop("agreed", "")
        return await self._run(route, given, str(agreed))

    async def _run(self, route: CommandRoute, given: Parameters, agreed: str) -> Response:
        try:
            words = route.line(given)
        except UsageError as error:
            line = self._runner.line(route.words)
            return _answer(Ran(line, ExitStatus.USAGE, error=str(error)))
        return _answer(await run_in_threadpool(partial(self._runner.run, *words, agreed=agreed)))

    # --- routes without a command of their own ---

    async def _call(self, asked: _Asked, request: Request) -> Response:
        is_read = request.method == "GET"
        given = dict(request.query_params) if is_read else await _body(request)
        words = asked.words(given)
        if asked.writes and self._read_only:
            return _refused(self._runner.line(words))
        agreed = str(given.pop("agreed", ""))

        def action(output: CapturedOutput) -> None:
            asked.action(output, given)

        return _answer(await run_in_threadpool(self._runner.call, words, action, agreed))

    def _own_reads(self) -> dict[str, _Asked]:
        return {
            "session": _Asked(self._session, lambda _: ["version"]),
            "trend": _Asked(self._trend, lambda given: ["stats", *_since(given)]),
            "policy": _Asked(
                lambda output, given: output.result(
                    self._editor.load(_text(given, "app"), _text(given, "id", "") or None)
                ),
                lambda given: ["policy", "get", *_words(given, "app", "id")],
            ),
            "recipes": _Asked(_recipes, lambda _: ["policy", "new"]),
            "vocabulary": _Asked(_vocabulary, lambda _: ["policy", "schema"]),
            "version": _Asked(
                self._version,
                lambda given: ["policy", "show", *_words(given, "app", "version")],
            ),
            "examples": _Asked(
                lambda output, _: output.result(example_hooks()), lambda _: ["try", "--help"]
            ),
            "lists": _Asked(
                lambda output, _: output.result(list_names(self._deployment)),
                lambda _: ["list", "get"],
            ),
        }

    def _own_posts(self) -> dict[str, _Asked]:
        return {
            "lint": _Asked(
                lambda output, given: output.result(self._editor.check(*_edited(given))),
                lambda _: ["policy", "lint", "FILE"],
            ),
            "test": _Asked(
                lambda output, given: output.result(self._editor.test(*_edited(given))),
                lambda _: ["policy", "test", str(self._tests or "DIR")],
            ),
            "try": _Asked(self._try, _try_words),
            "policy/publish": _Asked(self._publish, _publish_words, writes=True),
        }

    def _session(self, output: CapturedOutput, _: Parameters) -> None:
        deployment = self._deployment
        local = deployment.endpoint is not None
        output.result(
            {
                "deployment": deployment.name,
                "region": deployment.session.region_name,
                "local": local,
                "readOnly": self._read_only,
                "version": metadata.version("wcs-hooks"),
                "costs": {"perLook": 0 if local else usd_per_look()},
                "methods": [
                    {
                        "name": one.name,
                        "category": one.category,
                        "canonical": one.canonical,
                        "deniable": one.refusable,
                    }
                    for one in METHODS.values()
                ],
                "categories": list(CATEGORIES),
                "tests": None if self._tests is None else str(self._tests),
            }
        )

    def _trend(self, output: CapturedOutput, given: Parameters) -> None:
        now = time.time()
        source = source_of(self._deployment, FunctionConfigurations(self._deployment))
        trend = source.trend(moment(given.get("since", "1h"), now), now)
        output.result(
            {
                "period": trend.period,
                "points": [
                    {
                        "at": point.at * 1000,
                        **{name.lower(): point.counts.get(name, 0) for name in TREND_COUNTS},
                        "p50": point.p50,
                        "p99": point.p99,
                    }
                    for point in trend.points
                ],
            }
        )

    def _version(self, output: CapturedOutput, given: Parameters) -> None:
        app, version = _text(given, "app"), _number(given, "version")
        policies = History(self._deployment).policies(app, version)
        found = [policies[name] for name in sorted(policies)]
        text = write_policies(found) if found else ""
        output.result({"policies": plain(policies), "text": text})

    def _publish(self, output: CapturedOutput, given: Parameters) -> None:
        self._editor.publish(output, *_edited(given), str(given.get("message") or ""))

    def _try(self, output: CapturedOutput, given: Parameters) -> None:
        method, now = _text(given, "method"), moment_of(_text(given, "at", "") or None)
        body = _text(given, "body").encode(errors="surrogatepass")
        payload = read_payload(body, "the body")
        claims, status = (_text(given, name, "") or None for name in ("claims", "tokenStatus"))
        token = token_of(claims, status)
        edited = given.get("candidate")
        candidate = self._editor.candidate(*_edited(edited), now) if edited else None
        trial = deployed_trial(self._deployment, candidate, now, token)
        session: Any = _text(given, "session", "") or (UNKNOWN if method == "connect" else RECORDED)
        if session not in {UNKNOWN, RECORDED}:
            raise UsageError(f"session must be {RECORDED} or {UNKNOWN}, not {session!r:.60}.")
        connect = _text(given, "connect", "").encode(errors="surrogatepass")
        if connect:
            session = read_payload(connect, "the connect")
        asked = trial.asked(method, payload, session)
        in_force = trial.in_force(asked)
        then = trial.candidate(asked) if candidate else None
        reveal = given.get("reveal") is True
        output.result(tried(in_force, then, trial.uncounted, reveal=reveal))

    # --- server-sent events ---

    async def _live(self, request: Request) -> Response:
        given = request.query_params
        denied, failed, suppressed = (given.get(name) == "true" for name in KINDS)
        method, policy, app, decision = (
            given.get(name, "") for name in ("method", "policy", "app", "id")
        )
        wanted = Filter(denied, failed, suppressed, method, policy, app, decision)
        names = (given.get("user", ""), given.get("session", ""))
        find = partial(found_log, self._deployment, wanted, given.getlist("where"), *names)

        async def lines() -> AsyncIterator[str]:
            try:
                start = moment(given.get("since", "1h"), time.time())
                looks = Looks(await run_in_threadpool(find), start)
                while not (self._is_ending() or await request.is_disconnected()):
                    for record in await run_in_threadpool(looks.new):
                        yield f"data: {json.dumps(to_json(record), default=str)}\n\n"
                    # A comment: writing to a page that is gone fails.
                    yield ": looked\n\n"
                    await self._pause()
            except Exception as error:
                failure = failure_of(error)
                if failure is None:
                    raise
                content = _error(failure.message, failure.status)
                yield f"event: problem\ndata: {json.dumps(content)}\n\n"

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def _pause(self) -> None:
        for _ in range(_STEPS):
            if not self._is_ending():
                await asyncio.sleep(PAUSE_SECONDS / _STEPS)


def _answer(ran: Ran) -> Response:
    content: dict[str, Any] = {"command": ran.command, "remarks": list(ran.remarks)}
    if ran.question is not None:
        question = ran.question
        asked = {"text": question.text, "changes": question.about, "agreed": question.agreed}
        return _json({**content, "question": asked}, _ASKED)
    if ran.error:
        return _json({**content, **_error(ran.error, ran.status)}, _STATUSES[ran.status])
    return _json({**content, "exit": ran.status, "value": ran.value}, 200)


def _error(message: str, status: ExitStatus) -> dict[str, Any]:
    return {"error": {"message": message, "exit": status}}


def _json(value: Any, status: int) -> Response:
    # As ASCII: a value may contain a lone surrogate, which UTF-8 cannot encode.
    return Response(json.dumps(value, default=str), status, media_type="application/json")


def _refused(command: str) -> Response:
    message = "This console is read-only: restart it without --read-only to write."
    content = {"command": command, "remarks": [], **_error(message, ExitStatus.FAILED)}
    return _json(content, _READ_ONLY)


async def _fault(request: Request, error: Exception) -> Response:
    del request, error
    message = "Internal error in the console: see the terminal."
    return _json(_error(message, ExitStatus.FAILED), 500)


async def _no_such_route(request: Request, error: Exception) -> Response:
    del error
    message = f"Not found: {request.url.path}"
    return _json(_error(message, ExitStatus.NOT_FOUND), 404)


async def _body(request: Request) -> dict[str, Any]:
    try:
        found = await request.json()
    except (ValueError, RecursionError):
        found = None
    # The page sends JSON objects only.
    return dict(found) if isinstance(found, dict) else {}


def _file(name: str) -> Callable[[Request], Response]:
    def answer(_: Request) -> Response:
        return FileResponse(STATIC / name)

    return answer


def _since(given: Parameters) -> list[str]:
    return ["--since", str(given["since"])] if given.get("since") else []


def _edited(given: Parameters) -> tuple[str, str | None, str, str]:
    """Return app, policy id (None for a new policy), text and loaded state of an edited text."""
    if not isinstance(given, dict):
        raise UsageError(f"An edited text must be an object, not {given!r:.60}.")
    app, text, seen = (_text(given, name) for name in ("app", "text", "seen"))
    return app, _text(given, "id", "") or None, text, seen


def _text(given: Parameters, name: str, default: str | None = None) -> str:
    """Return a parameter that must be a string; null counts as missing."""
    found = given.get(name)
    if found is None:
        if default is None:
            raise UsageError(f"The parameter {name} is missing.")
        return default
    if not isinstance(found, str):
        raise UsageError(f"{name} must be a string, not {found!r:.60}.")
    return found


def _words(given: Parameters, *names: str) -> list[str]:
    """Return parameters as words of a command line."""
    return [str(given[name]) for name in names if name in given]


def _number(given: Parameters, name: str) -> int:
    try:
        return int(_text(given, name))
    except ValueError:
        raise UsageError(f"{name} must be a number, not {given[name]!r:.60}.") from None


def _recipes(output: CapturedOutput, _: Parameters) -> None:
    output.result([{"name": name, "files": recipe_texts(name)} for name in recipes()])


def _vocabulary(output: CapturedOutput, _: Parameters) -> None:
    expressions = json.loads(_VOCABULARY.read_text(encoding="utf-8"))
    output.result({"schema": json.loads(schema.text()), **expressions})


def _try_words(given: Parameters) -> list[str]:
    """Return the command line for the same hook, with its fields if they are short."""
    words = ["try", str(given.get("method", "METHOD"))]
    try:
        fields = json.loads(str(given.get("body") or "{}"))
        named = [
            f"{name}={value}" if isinstance(value, str) else f"{name}:={encode(value)}"
            for name, value in fields.items()
        ]
    except (ValueError, AttributeError, RecursionError):
        named = []
    short = sum(map(len, named)) <= _SHORT
    words += named if short and named else ["--file", "hook.json"]
    if given.get("connect"):
        words += ["--session", "connect.json"]
    elif given.get("session"):
        words += ["--session", str(given["session"])]
    for option, name in (("--at", "at"), ("--claims", "claims"), ("--token-status", "tokenStatus")):
        words += [option, str(given[name])] if given.get(name) else []
    return [*words, *(["--candidate", "policies"] if given.get("candidate") else [])]


def _publish_words(given: Parameters) -> list[str]:
    message = ["--message", str(given["message"])] if given.get("message") else []
    if given.get("id"):
        return ["policy", "edit", str(given.get("app", "")), str(given["id"]), *message]
    return ["policy", "put", "policy.yaml", *message]
