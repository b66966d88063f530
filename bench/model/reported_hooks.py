"""Answers hooks with the functions' own endpoint and reporter, for the lines that they write.

Run as a program, with a function's environment variables: standard output is what Lambda would take
to CloudWatch, with a line ``{"case": ...}`` before what belongs to each case.
"""

import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools.metrics import MetricUnit

from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.caller import Auth, RestApiCalls
from wcs_hooks.core.compilation import compile_policies
from wcs_hooks.core.in_force import InForce
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.endpoint import CallerCheck, HookEndpoint, Request
from wcs_hooks.observability import HookMetrics, HookReporter
from wcs_hooks.sessions import SessionKey, SessionRecord

GATHERED: Final = (1, 51)
"""How many echoes the lines stand for that show what gathering saves."""

PAYLOADS: Final = Path(__file__).resolve().parents[2] / "local" / "payloads"

_APP: Final = "defaultApp"
_DENIED: Final = "deny-private-streams"
_POLICIES: Final = (
    {"id": _DENIED, "method": ["publishStream", "playStream"], "action": "deny"}
    | {
        "match": {"name": "denied"},
        "reason": "Stream names that begin with private- are reserved.",
    },
    {"id": "hide-stream-names", "method": ["publishStream", "playStream"], "action": "override"}
    | {"match": {"name": "renamed"}, "set": {"name": "real-name"}},
)
_ANSWERED: Final = {"echoed": "b4e7", "overridden": "renamed", "denied": "denied"}
"""What a stream must be called to get each answer."""


class _Policies:
    """What is in force, without a store."""

    def __init__(self) -> None:
        items = [{"app": _APP, **policy} for policy in _POLICIES]
        compilation = compile_policies(_APP, items, (), 0)
        self._in_force = InForce([Snapshot.load(compilation.dump(12, 0))])

    def in_force(self, app: str, deadline: Deadline) -> tuple[InForce, bool]:
        del app, deadline
        return self._in_force, False

    def for_every_app(self) -> InForce | None:
        return None


class _Sessions:
    """Every session was seen at connect, and told to fail where policies ask for it."""

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        del key, deadline
        return SessionRecord({}, {_APP: 12}, frozenset({"publishStream", "playStream"}))

    def read_for_label(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        return self.read(key, deadline)

    def record(self, key: SessionKey, record: SessionRecord, deadline: Deadline) -> None:
        raise NotImplementedError

    def forget(self, key: SessionKey, deadline: Deadline) -> None:
        raise NotImplementedError


class _DeadLetters:
    """None is to be sent."""

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> None:
        raise NotImplementedError


class _Secrets:
    """None is needed: who calls is not checked."""

    def valid(self, deadline: Deadline) -> list[str]:
        raise NotImplementedError

    def refreshed(self, deadline: Deadline) -> list[str]:
        raise NotImplementedError


def body_of(method: str) -> dict[str, Any]:
    """A hook's body, as the vendor prints it; of a keep-alive, which it does not, its stream's."""
    printed = PAYLOADS / f"{method}.json"
    if not printed.exists():
        is_event = METHODS[method].category is Category.EVENT
        printed = PAYLOADS / f"{'StreamStatusEvent' if is_event else 'publishStream'}.json"
    body: dict[str, Any] = json.loads(printed.read_text())
    return body


def main() -> None:
    """Answer a hook of each method that comes, and of each answer that one can get."""
    clock = SystemClock()
    policies, sessions = _Policies(), _Sessions()
    ids = itertools.count(0x8F507CFC)
    for method in StreamLife().hooks():
        category = METHODS[method].category
        endpoint = HookEndpoint(
            category,
            check_caller=CallerCheck(Auth.NONE, _Secrets()),
            policies=policies,
            sessions=sessions,
            rest_api_calls=RestApiCalls.NEVER_DENY,
            follow_ups=(),
            dead_letters=_DeadLetters(),
            clock=clock,
            reply_timeout=2.0,
        )
        reporters = {
            rate: HookReporter(
                category,
                rate,
                lambda: "the callers' secret",
                # Each line by itself: what gathering makes of them is measured below.
                echo_metrics_seconds=0,
                clock=clock,
            )
            for rate in (0.0, 1.0)
        }
        for case, rate in {"first": 0.0, "first, sampled": 1.0}.items():
            # An environment's first line counts its start, too.
            _report(method, case, "b4e7", endpoint, reporters[rate], next(ids))
        answers = _ANSWERED if method in ("publishStream", "playStream") else {"echoed": "b4e7"}
        for answer, name in answers.items():
            for _ in range(3):
                _report(method, answer, name, endpoint, reporters[0.0], next(ids))
        _report(method, "sampled", "b4e7", endpoint, reporters[1.0], next(ids))
    for count in GATHERED:
        _gathered(count)
    _untimed()


def _report(
    method: str, case: str, name: str, endpoint: HookEndpoint, reporter: HookReporter, number: int
) -> None:
    body = json.dumps({**body_of(method), "name": name}).encode()
    decision_id = f"{number:08x}-ee49-115b-a5b6-4fd21e8dedac"
    started = SystemClock().monotonic()
    reply, observation = endpoint.answer(Request(method, body, None, "192.0.2.7", decision_id))
    _announce(f"{method} {case}")
    reporter.report(observation, reply, SystemClock().monotonic() - started)


def _gathered(count: int) -> None:
    """Emit what a line would be that stands for several echoes of a method."""
    metrics = HookMetrics(Category.EVENT)
    metrics.method = KEEP_ALIVE
    for name in ("Calls", "Echoed"):
        metrics.add_metric(name, MetricUnit.Count, count)
    for number in range(count):
        metrics.add_metric("DecisionTime", MetricUnit.Microseconds, round(20.1 + number / 10, 1))
        metrics.add_metric("ServiceTime", MetricUnit.Milliseconds, round(0.234 + number / 1000, 3))
    _announce(f"gathered {count}")
    metrics.flush_metrics()


def _untimed() -> None:
    """Emit what an echo's line would be without its times."""
    metrics = HookMetrics(Category.EVENT)
    metrics.method = KEEP_ALIVE
    for name in ("Calls", "Echoed"):
        metrics.add_metric(name, MetricUnit.Count, 1)
    _announce("untimed")
    metrics.flush_metrics()


def _announce(case: str) -> None:
    # The lines after it go out by the same buffer.
    print(json.dumps({"case": case}))  # noqa: T201 - it is the program's output


if __name__ == "__main__":
    if "POWERTOOLS_SERVICE_NAME" not in os.environ:
        raise SystemExit("a function's environment variables are missing")
    main()
