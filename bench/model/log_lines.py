"""How many bytes CloudWatch is sent for a hook.

The functions' own lines are produced, not estimated: by their own code, in a process that has a
function's environment variables. Lambda's and the gateway's are put together from what AWS's
documentation prints.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from bench.model.reported_hooks import GATHERED

ROOT: Final = Path(__file__).resolve().parents[2]

_REQUEST: Final = "8f507cfc-ee49-115b-a5b6-4fd21e8dedac"

START: Final = f"START RequestId: {_REQUEST} Version: $LATEST"
END: Final = f"END RequestId: {_REQUEST}"
REPORT: Final = (
    f"REPORT RequestId: {_REQUEST}\tDuration: 2.15 ms\tBilled Duration: 3 ms\t"
    "Memory Size: 1024 MB\tMax Memory Used: 84 MB\t"
)
TRACED: Final = (
    "XRAY TraceId: 1-5e34a614-10bdaaaaf1fb44f07bc535a1\tSegmentId: 07f5aaaa2d1f6f85\t"
    "Sampled: true\t"
)
"""https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html. The last is part of the REPORT
of a call that is traced."""

PLATFORM_START: Final = (
    '{"time":"2026-10-08T07:30:41.076Z","type":"platform.start","record":{"requestId":"'
    f'{_REQUEST}","functionArn":"arn:aws:lambda:us-east-1:123456789012:function:'
    'WcsHooks-HookFunctionsEvent1234ABCD-0a1b2c3d4e5f","version":"$LATEST"}}'
)
PLATFORM_REPORT: Final = (
    '{"time":"2026-10-08T07:30:29.470Z","type":"platform.report","record":{"requestId":"'
    f'{_REQUEST}","metrics":{{"durationMs":2.153,"billedDurationMs":3,"memorySizeMB":1024,'
    '"maxMemoryUsedMB":84},"status":"success"}}'
)
"""The same in the log format JSON, https://docs.aws.amazon.com/lambda/latest/dg/
monitoring-cloudwatchlogs-logformat.html. There is no END in it."""

_ACCESS_VALUES: Final[Mapping[str, str]] = {
    "$context.apiId": "a1b2c3d4e5",
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.requestTime": "24/Nov/2026:06:10:43 +0000",
    "$context.identity.sourceIp": "203.0.113.117",
    "$context.routeKey": "POST /{method}",
    "$context.path": "/{method}",
    "$context.status": "200",
    "$context.responseLength": "512",
    "$context.responseLatency": "12",
    "$context.integrationStatus": "200",
    "$context.integrationLatency": "9",
    "$context.integrationErrorMessage": "-",
    "$context.error.message": "-",
}
"""What the variables show of a hook that is answered: https://docs.aws.amazon.com/apigateway/latest/
developerguide/http-api-logging-variables.html."""


@dataclass(frozen=True, slots=True)
class OwnLines:
    """Bytes that the functions write, by method and answer.

    Attributes
    ----------
    metrics
        Of the metrics' line, for a method's ``echoed``, ``overridden`` and ``denied``.
    decisions
        Of the decision's line, where there is one; ``sampled`` is an echo's.
    start
        By how much the metrics' line is longer when an environment starts.
    gathered
        Of a line that stands for several echoes: what it has once, and for each of them.
    times
        Of an echo's line, what tells how long it took.
    """

    metrics: Mapping[tuple[str, str], float]
    decisions: Mapping[tuple[str, str], float]
    start: float
    gathered: tuple[float, float]
    times: float = 0.0


@dataclass(frozen=True, slots=True)
class DocumentedLines:
    """Bytes that a handler writes for a call if it follows Powertools' documentation."""

    metrics: float
    log: float


def own_lines(environment: Mapping[str, str]) -> OwnLines:
    """Have hooks reported, and measure the lines.

    Parameters
    ----------
    environment
        The variables of a function.
    """
    written = written_lines("bench.model.reported_hooks", environment)
    metrics: dict[tuple[str, str], float] = {}
    decisions: dict[tuple[str, str], float] = {}
    for case, lines in written.items():
        method, _, answer = case.partition(" ")
        if method in ("gathered", "untimed"):
            continue
        metrics[method, answer] = _bytes(lines, of_metrics=True)
        decisions[method, answer] = _bytes(lines, of_metrics=False)
    few, many = (_bytes(written[f"gathered {count}"], of_metrics=True) for count in GATHERED)
    each = (many - few) / (GATHERED[1] - GATHERED[0])
    return OwnLines(
        metrics,
        decisions,
        start=metrics[KEEP_ALIVE, "first"] - metrics[KEEP_ALIVE, "echoed"],
        gathered=(few - GATHERED[0] * each, each),
        times=metrics[KEEP_ALIVE, "echoed"] - _bytes(written["untimed"], of_metrics=True),
    )


def documented_lines(environment: Mapping[str, str]) -> DocumentedLines:
    """Have a call reported in the documented way, and measure the lines."""
    lines = written_lines("bench.model.documented_lines", environment)["call"]
    return DocumentedLines(_bytes(lines, of_metrics=True), _bytes(lines, of_metrics=False))


def platform_bytes(system_log_level: str, traced_share: float) -> float:
    """Bytes of Lambda's own lines for a call that succeeds.

    Parameters
    ----------
    system_log_level
        Empty where the log format is text. With JSON, start and report are of level INFO, those of
        a call that fails WARN: https://docs.aws.amazon.com/lambda/latest/dg/
        monitoring-cloudwatchlogs-log-level.html.
    traced_share
        The share of calls that X-Ray records.
    """
    if not system_log_level:
        return sum(map(len, (START, END, REPORT))) + traced_share * len(TRACED)
    if system_log_level == "WARN":
        return 0.0
    return float(len(PLATFORM_START) + len(PLATFORM_REPORT))


def platform_events(system_log_level: str) -> int:
    """How many log events these are."""
    return {"": 3, "WARN": 0}.get(system_log_level, 2)


def access_bytes(access_log: Mapping[str, str], life: StreamLife) -> float:
    """Bytes of the gateway's access log for a hook, over the mix of methods.

    Parameters
    ----------
    access_log
        The fields, with the variable that each shows.
    """
    template = json.dumps(dict(access_log))
    for variable, value in sorted(_ACCESS_VALUES.items(), key=lambda each: -len(each[0])):
        template = template.replace(variable, value)
    if "$context" in template:
        raise ValueError(f"the access log has a variable whose length is not known: {template}")
    shares = life.shares()
    return sum(
        share * len(template.replace("{method}", method)) for method, share in shares.items()
    )


def written_lines(module: str, environment: Mapping[str, str]) -> Mapping[str, list[str]]:
    """What a program writes that runs as a function would, by case.

    Parameters
    ----------
    module
        Of the program: `bench.model.reported_hooks` or `bench.model.documented_lines`.
    environment
        The variables of a function.
    """
    return _written(module, tuple(sorted(environment.items())))


@cache
def _written(module: str, environment: tuple[tuple[str, str], ...]) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", module],
        env={
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join((str(ROOT / "functions"), str(ROOT))),
            **dict(environment),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    cases: dict[str, list[list[str]]] = {}
    current: list[str] = []
    for line in done.stdout.splitlines():
        document = json.loads(line)
        if set(document) == {"case"}:
            current = []
            cases.setdefault(document["case"], []).append(current)
        else:
            current.append(line)
    # A case that is repeated has times of several lengths: one of middling length stands for it.
    return {
        case: sorted(runs, key=lambda lines: sum(map(len, lines)))[len(runs) // 2]
        for case, runs in cases.items()
    }


def _bytes(lines: list[str], *, of_metrics: bool) -> float:
    sizes = [len(line.encode()) for line in lines if ('"_aws"' in line) is of_metrics]
    return float(sum(sizes))
