"""Warm calls: CPU time of the function's process per call.

Functions take turns, a batch each, many rounds: what slows the machine down hits all of them alike,
and a ratio is that of the same round. A batch ends before the snapshot's TTL does, as nearly all
calls of a busy function fall within it; the call before the batch bears the refresh, and is
reported by itself.
"""

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from bench.figures import Figures
from bench.function_process import FunctionProcess
from bench.hooks import (
    BY_CEL,
    MEASURED,
    PLAYER,
    SESSION,
    Path,
    Subject,
    gateway_event,
    limited_bodies,
    token_body,
)
from bench.measured_functions import (
    BASELINE,
    BASELINE_WITH_READ,
    BASELINE_WITH_WRITE,
    POWERTOOLS,
    POWERTOOLS_WITHOUT_READ,
    Laboratory,
)
from bench.progress import Progress
from bench.runtime_api import FunctionError
from bench.samples import paired_ratios
from wcs_hooks.core.methods import Category

ROUNDS: Final = 14
BATCH: Final = 200
"""Calls in a batch, unless the TTL ends it earlier."""

_WARM_UP: Final = 50
_SHARE_OF_TTL: Final = 0.8
_AFTER_TTL: Final = 0.1
"""Seconds that a refresh may have taken: the TTL counts from its end."""

_LOG_PAUSE: Final = 0.01
_OK: Final = 200
_FORBIDDEN: Final = 403
_WITH_TOKEN: Final = f"{Category.DIRECT}.echo-token"
_WITHOUT_TOKEN: Final = f"{Category.DIRECT}.echo-no-token"


@dataclass(frozen=True, slots=True)
class Series:
    """Calls of one kind to one function.

    Attributes
    ----------
    name
        In figures: the function, a dot, and what becomes of the hook.
    events
        The events of its calls, one after another, without an end.
    check
        Raises `FunctionError` if the answer is another than it should be.
    """

    name: str
    function: str
    events: Iterator[bytes]
    check: Callable[[Any], None]


def all_series() -> list[Series]:
    """Every kind of call that is measured."""
    echo = MEASURED[Category.DIRECT].body(Path.ECHO)
    event = itertools.repeat(gateway_event(MEASURED[Category.DIRECT].method, echo))
    series = [
        *(
            Series(f"{name}.echo", name, event, _gives_back(echo))
            for name in (BASELINE, BASELINE_WITH_READ, BASELINE_WITH_WRITE)
        ),
        *(
            Series(f"{name}.echo", name, event, _echoes(echo))
            for name in (POWERTOOLS, POWERTOOLS_WITHOUT_READ)
        ),
    ]
    for category, subject in MEASURED.items():
        series += [_ours(category, subject, path, path.value) for path in Path]
    # Its denial reads no session, where other direct calls' do.
    series.append(_ours(Category.DIRECT, PLAYER, Path.DENY, "deny-player"))
    # No guard covers its conditions.
    series.append(_ours(Category.DIRECT, BY_CEL, Path.ECHO, "echo-by-cel"))
    for name, with_token in ((_WITH_TOKEN, True), (_WITHOUT_TOKEN, False)):
        body = token_body(with_token=with_token)
        series.append(
            Series(
                name,
                Category.DIRECT,
                itertools.repeat(gateway_event(PLAYER.method, body)),
                _echoes(body),
            )
        )
    limited = (gateway_event("publishStream", body) for body in limited_bodies())
    series.append(Series(f"{Category.DIRECT}.echo-limited", Category.DIRECT, limited, _lets_in))
    return series


def measure_warm_calls(laboratory: Laboratory, progress: Progress, rounds: int = ROUNDS) -> Figures:
    """Call every function in turn, round by round.

    The figures are `warm.cpu.<series>` (us of CPU per call), `warm.wall.<series>` (us, by this
    harness's own clock: not the function's alone), `warm.log.<series>` (bytes logged per call),
    `warm.refresh.<category>` (us of CPU that a call takes more when the TTL is over),
    `warm.token` (us of CPU that a call takes more whose token is verified),
    `warm.memory.{rss,pss}.<function>` (bytes after all calls), and `warm.ratio.<series>.<other>`.

    Raises
    ------
    FunctionError
        If an answer is not what it should be.
    """
    samples: defaultdict[str, list[float]] = defaultdict(list)
    series = all_series()
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(laboratory.start(name)) for name in laboratory.functions
        }
        # Sessions must be known before a hook of theirs can be denied: connects come first.
        for one in sorted(series, key=lambda one: one.function != Category.CONNECT):
            _warm_up(processes[one.function], one)
        for number in range(rounds):
            progress(f"warm calls, round {number + 1} of {rounds}")
            for one in series:
                process = processes[one.function]
                # All of them wait, also where nothing expires: a processor that was idle is slower
                # for a while, and all are to find it alike.
                time.sleep(laboratory.ttl + _AFTER_TTL)
                before = process.cpu_seconds()
                process.invoke(next(one.events))
                samples[f"first.{one.name}"].append((process.cpu_seconds() - before) * 1e6)
                _measure_batch(process, one, laboratory.ttl, samples)
        for name, process in processes.items():
            memory = process.memory()
            samples[f"memory.rss.{name}"].append(memory.resident)
            samples[f"memory.pss.{name}"].append(memory.proportional)
    return _figures(series, samples)


def _measure_batch(
    process: FunctionProcess, one: Series, ttl: float, samples: Mapping[str, list[float]]
) -> None:
    logged = process.logged_bytes()
    before = process.cpu_seconds()
    began = time.perf_counter()
    calls = 0
    answer = b""
    while calls < BATCH and time.perf_counter() < began + ttl * _SHARE_OF_TTL:
        answer = process.invoke(next(one.events))
        calls += 1
    cpu = process.cpu_seconds() - before
    wall = time.perf_counter() - began
    one.check(json.loads(answer))
    # The log comes through a pipe, a moment later.
    time.sleep(_LOG_PAUSE)
    samples[f"cpu.{one.name}"].append(cpu / calls * 1e6)
    samples[f"wall.{one.name}"].append(wall / calls * 1e6)
    samples[f"log.{one.name}"].append((process.logged_bytes() - logged) / calls)
    samples[f"calls.{one.name}"].append(calls)


def _figures(series: list[Series], samples: Mapping[str, list[float]]) -> Figures:
    units = {"cpu": "us", "wall": "us", "log": "bytes", "calls": "calls", "memory": "bytes"}
    figures = Figures()
    for name, measurements in samples.items():
        if unit := units.get(name.partition(".")[0]):
            figures.add(f"warm.{name}", unit, measurements)
    for one in series:
        for other in (
            BASELINE,
            BASELINE_WITH_READ,
            BASELINE_WITH_WRITE,
            POWERTOOLS,
            POWERTOOLS_WITHOUT_READ,
        ):
            if one.function != other:
                ratios = paired_ratios(samples[f"cpu.{one.name}"], samples[f"cpu.{other}.echo"])
                figures.add(f"warm.ratio.{one.name}.{other}", "x", ratios)
    for category in Category:
        name = f"{category}.{Path.ECHO}"
        more = [
            first - within
            for first, within in zip(samples[f"first.{name}"], samples[f"cpu.{name}"], strict=True)
        ]
        figures.add(f"warm.refresh.{category}", "us", more)
    verified = [
        with_token - without
        for with_token, without in zip(
            samples[f"cpu.{_WITH_TOKEN}"], samples[f"cpu.{_WITHOUT_TOKEN}"], strict=True
        )
    ]
    figures.add("warm.token", "us", verified)
    return figures


def _warm_up(process: FunctionProcess, one: Series) -> None:
    answers = [process.invoke(next(one.events)) for _ in range(_WARM_UP)]
    one.check(json.loads(answers[-1]))


def _ours(category: Category, subject: Subject, path: Path, name: str) -> Series:
    body = subject.body(path)
    checks = {Path.ECHO: _echoes(body), Path.OVERRIDE: _overrides(body), Path.DENY: _denies}
    check = checks[path]
    events: Iterator[bytes] = itertools.repeat(gateway_event(subject.method, body))
    if category is Category.CONNECT and path is not Path.DENY:
        check = _configures(body)
        # The session that the other hooks belong to, then new ones: a connect that is sent again
        # is written twice, to keep the moment of the first one.
        known = itertools.repeat(next(events), _WARM_UP)
        events = itertools.chain(known, _connects(subject.method, body, name))
    return Series(f"{category}.{name}", category, events, check)


def _connects(method: str, body: bytes, series: str) -> Iterator[bytes]:
    """Connects of ever new sessions, which no other series connects."""
    for number in itertools.count(1):
        session = f"{SESSION}-{series}-{number}"
        yield gateway_event(method, body.replace(SESSION.encode(), session.encode()))


def _gives_back(body: bytes) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        if answer != body.decode():
            raise FunctionError(f"the no-op baseline returned something else: {answer!r:.200}")

    return check


def _echoes(body: bytes) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        if answer["statusCode"] != _OK or answer["body"] != body.decode():
            raise FunctionError(f"this is not an echo: {answer!r:.200}")

    return check


def _overrides(body: bytes) -> Callable[[Any], None]:
    def check(answer: Any) -> None:
        if answer["statusCode"] != _OK or json.loads(answer["body"]) != json.loads(body) | {
            "quality": 70
        }:
            raise FunctionError(f"this is not the override: {answer!r:.200}")

    return check


def _configures(body: bytes) -> Callable[[Any], None]:
    """What connect gets: the body, and what WCS must know for refusals and overrides to work."""

    def check(answer: Any) -> None:
        fields = json.loads(answer["body"])
        if answer["statusCode"] != _OK or not fields.pop("restClientConfig", None):
            raise FunctionError(f"connect's reply has no restClientConfig: {answer!r:.200}")
        sent = json.loads(body)
        if not fields.pop("sessionId").startswith(sent.pop("sessionId")):
            raise FunctionError(f"connect's reply is about another session: {answer!r:.200}")
        if not fields.items() >= sent.items():
            raise FunctionError(f"connect's reply lacks what was sent: {answer!r:.200}")

    return check


def _lets_in(answer: Any) -> None:
    if answer["statusCode"] != _OK:
        raise FunctionError(f"this was not let in: {answer!r:.200}")


def _denies(answer: Any) -> None:
    if answer["statusCode"] != _FORBIDDEN:
        raise FunctionError(f"this is not a denial: {answer!r:.200}")
