"""Lines as the deployed functions and the gateway log them: JSON, Lambda's own from WARN on.

Lines of hooks are written by the functions' code. Those of Lambda are not: their format is that of
its documentation and of its runtime client.
"""

import io
import json
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout
from typing import Any, Final

from tests.support.fake_clock import FakeClock
from tests.support.hook_client import forget_logger
from tests.support.insights import LogLine
from wcs_hooks.compiler.key_refresher import KeyRefresh
from wcs_hooks.core.decision import Decision, Failure, Verdict
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import Cause, Outcome, RestOnError
from wcs_hooks.core.payload import parse
from wcs_hooks.core.reply import Reply
from wcs_hooks.hook.request import HookResult, Observation, Request, RestError
from wcs_hooks.telemetry.compiler_reporter import CompilerReporter
from wcs_hooks.telemetry.hook_reporter import HookReporter

_AT: Final = 1_767_225_600_000
_DENIED: Final = Decision(Verdict.DENY, applied=("live/first", "live/private"))
_ODD: Final = Decision(Verdict.DENY, failures=(Failure("live/odd", "when", "no such key: absent"),))


def functions_log() -> list[LogLine]:
    """The content of the functions' log groups: every kind of hook, a crash and a timeout."""
    return _events(
        [*_hooks(), CRASH, _report("timeout"), _report("error", errorType="Runtime.ExitError")]
    )


def access_log() -> list[LogLine]:
    """The content of the gateway's: hooks that were answered, refused, throttled, and crashed."""
    return _events(
        json.dumps(
            {
                "apiId": "abc123",
                "requestId": f"request-{number}",
                "sourceIp": "203.0.113.7",
                "path": "/publishStream",
                "status": status,
                "integrationError": "-" if status < "5" else "Internal Server Error",
            }
        )
        for number, status in enumerate(("200", "403", "429", "503"))
    )


CRASH: Final = json.dumps(
    {
        "timestamp": "2026-01-01T00:00:00Z",
        "level": "ERROR",
        "errorMessage": "unable to import module",
        "errorType": "Runtime.ImportModuleError",
        "requestId": "",
        "stackTrace": [],
    }
)
"""awslambdaric 4.2.2, `bootstrap.py`: `log_error` under the log format JSON."""


def _report(status: str, **error: str) -> str:
    """Lambda's report of a call that did not succeed, which has level WARN.

    https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html#platform-report
    """
    metrics = {
        "durationMs": 6000.0,
        "billedDurationMs": 6000,
        "memorySizeMB": 1024,
        "maxMemoryUsedMB": 98,
    }
    record = {"requestId": "6d68ca91", "metrics": metrics, "status": status, **error}
    return json.dumps(
        {"time": "2026-01-01T00:00:00.000Z", "type": "platform.report", "record": record}
    )


def _hooks() -> list[str]:
    """The functions' own lines of one plain echo and of each kind of trouble."""
    forget_logger()
    written = io.StringIO()
    with redirect_stdout(written):
        reporter = HookReporter(
            Category.DIRECT, 1, lambda: "secret", echo_metrics_seconds=0, clock=FakeClock()
        )
        for number, each in enumerate(_OBSERVATIONS):
            request = Request("publishStream", b"", None, "192.0.2.7", f"decision-{number}")
            observation = Observation(
                request,
                Category.DIRECT,
                each.get("kind", HookResult.ECHOED),
                payload=parse(b'{"appKey": "live", "sessionId": "1"}'),
                decision_time=0.0001,
            )._replace(**{name: value for name, value in each.items() if name != "kind"})
            reporter.report(observation, Reply(200, b""), 0.01)
        forget_logger()
        CompilerReporter().keys_refreshed(
            [KeyRefresh(KeyAddress("https://issuer.example/keys"), "it did not answer within 3 s")]
        )
    forget_logger()
    return written.getvalue().splitlines()


_POLICY: Final = RestError(RestOnError.LOG, Outcome.CONTINUED, Cause.POLICY)
_FAILURE: Final = RestError(RestOnError.FAIL, Outcome.ABORTED, Cause.FAILURE)
_OBSERVATIONS: Final[tuple[Mapping[str, Any], ...]] = (
    {},
    {"kind": HookResult.DENIED, "decision": _DENIED, "rest_error": _POLICY},
    {"decision": _DENIED, "deny_suppressed": True},
    {"kind": HookResult.DENIED, "decision": _ODD, "rest_error": _POLICY},
    {"kind": HookResult.OVERRIDDEN, "stale": True, "decision": Decision(Verdict.ECHO)},
    {
        "kind": HookResult.FAILED,
        "error": "the policy store does not answer",
        "dead_lettered": True,
        "rest_error": _FAILURE,
    },
    {
        "kind": HookResult.FAILED,
        "error": "the session store does not answer",
        "dead_lettered": False,
        "rest_error": _FAILURE,
    },
    {
        "kind": HookResult.FAILED,
        "error": "the list store does not answer",
        "lookup_failures": (
            Failure("live/banned", "lookup.ban", "the list store does not answer"),
        ),
        "dead_lettered": True,
        "rest_error": _FAILURE,
    },
    {
        "kind": HookResult.FAILED,
        "error": "the lease store does not answer",
        "limit_failures": (Failure("streams", "limit", "the lease store does not answer"),),
        "dead_lettered": True,
        "rest_error": _FAILURE,
    },
    {"kind": HookResult.REJECTED, "error": "the request has no signature"},
    {"kind": HookResult.MALFORMED, "error": "no JSON", "dead_lettered": True},
)


def _events(messages: Iterable[str]) -> list[LogLine]:
    return [LogLine(_AT + number, message) for number, message in enumerate(messages)]
