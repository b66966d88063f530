"""Answers hooks with the functions' own endpoint and reporter, for the lines that they write.

Run as a program, with a function's environment variables: standard output is what Lambda would send
to CloudWatch, with a line ``{"case": [METHOD, CASE]}`` before what belongs to each case.
"""

import itertools
import json
import sys
from typing import Any, Final

from tools.cost.load import KEEP_ALIVE
from tools.locations import REPOSITORY
from wcs_hooks.clock import Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.caller import Auth, RestApiCalls
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.policy.compilation import compile_policies
from wcs_hooks.core.snapshot import Snapshot
from wcs_hooks.hook.caller_check import CallerCheck
from wcs_hooks.hook.endpoint import HookEndpoint
from wcs_hooks.hook.request import Request
from wcs_hooks.ports import SessionKey, SessionRecord
from wcs_hooks.telemetry.echo_batch import MOST_VALUES
from wcs_hooks.telemetry.hook_reporter import HookReporter

_APP: Final = "defaultApp"
_BODY: Final = json.loads((REPOSITORY / "local" / "payloads" / "publishStream.json").read_text())
"""Serves every method: of a body, lines have the app and a hash of the session."""

_REFUSABLE: Final = tuple(name for name, method in METHODS.items() if method.refusable)
_POLICIES: Final[tuple[dict[str, Any], ...]] = (
    {"app": _APP, "id": "deny-private-streams", "method": list(_REFUSABLE), "action": "deny"}
    | {"match": {"name": "denied"}, "reason": "Names that begin with private- are reserved."},
    {"app": _APP, "id": "hide-stream-names", "method": list(_REFUSABLE), "action": "override"}
    | {"match": {"name": "overridden"}, "set": {"name": "real-name"}},
)
"""With ids and a reason of the usual length."""


class _Clock:
    """A clock that goes on by 20.1 µs at each look, so that the same is written each time."""

    def __init__(self) -> None:
        self._looks = itertools.count()

    def now(self) -> float:
        return 1_795_500_000.123

    def monotonic(self) -> float:
        return next(self._looks) * 20.1e-6


class _Ports:
    """Policies and sessions without a store; no hook here needs a secret or a dead letter."""

    def __init__(self) -> None:
        compilation = compile_policies(_APP, list(_POLICIES), (), 0)
        self._in_force = ActivePolicies([Snapshot.load(compilation.dump(12, 0))])

    def in_force(self, app: str, deadline: Deadline) -> tuple[ActivePolicies, bool]:
        del app, deadline
        return self._in_force, False

    def for_every_app(self) -> ActivePolicies | None:
        return None

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        """Every session was seen at connect, and configured to fail where policies need it."""
        del key, deadline
        return SessionRecord({}, {_APP: 12}, frozenset(_REFUSABLE))

    read_for_label = read

    def unused(self, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError

    record = forget = valid = refreshed = send = rows = unused


class _Function:
    """A function that answers and reports hooks of one method."""

    def __init__(self, method: str, *, sampled: float = 1.0, batch_seconds: float = 0.0) -> None:
        category, clock, ports = METHODS[method].category, _Clock(), _Ports()
        self._method = method
        self._endpoint = HookEndpoint(
            category,
            check_caller=CallerCheck(Auth.NONE, ports),
            policies=ports,
            sessions=ports,
            token_keys=lambda _trust, _deadline: None,
            lists=ports,
            leases=ports.unused,
            session_places=ports.unused,
            rest_api_calls=RestApiCalls.NEVER_DENY,
            side_effects=(),
            dead_letters=ports,
            clock=clock,
            reply_timeout=2.0,
        )
        self._reporter = HookReporter(
            category,
            sampled,
            lambda: "the callers' secret",
            echo_metrics_seconds=batch_seconds,
            clock=clock,
        )

    def report(self, case: str, name: str = "b4e7", times: int = 1) -> None:
        """Report hooks of a stream with this name, whose lines belong to a case."""
        sys.stdout.write(json.dumps({"case": [self._method, case]}) + "\n")
        body = json.dumps({**_BODY, "name": name}).encode()
        decision_id = "8f507cfc-ee49-115b-a5b6-4fd21e8dedac"
        for _ in range(times):
            reply, observation = self._endpoint.answer(
                Request(self._method, body, None, "192.0.2.7", decision_id)
            )
            self._reporter.report(observation, reply, 0.000234)


def main() -> None:
    """Report hooks of each method, with each answer that it can get."""
    for method in METHODS:
        function = _Function(method)
        # The first line of an environment counts its start, too.
        function.report("first")
        function.report("echoed")
        if method in _REFUSABLE:
            function.report("overridden", name="overridden")
            function.report("denied", name="denied")
    batching = _Function(KEEP_ALIVE, sampled=0.0, batch_seconds=60.0)
    batching.report("first, batching")
    # A line has no more values: it is written without waiting.
    batching.report("batch", times=MOST_VALUES)


if __name__ == "__main__":
    main()
