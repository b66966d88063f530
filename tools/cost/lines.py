"""How many bytes CloudWatch is sent for a hook, and which metrics it finds in them.

The functions' own lines are produced, not estimated: by their own code, in a process that has a
function's environment variables. The lengths of Lambda's and the gateway's are those of what AWS's
documentation prints.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from tools.cost.load import KEEP_ALIVE, Load
from tools.locations import REPOSITORY
from wcs_hooks.telemetry.echo_batch import MOST_VALUES


class PlatformLines(NamedTuple):
    """Bytes of Lambda's own lines for a call that succeeds, and how many more if it is traced."""

    size: int
    more_if_traced: int


PLATFORM_LINES: Final[Mapping[str, PlatformLines]] = {
    "text": PlatformLines(259, 101),
    "INFO": PlatformLines(487, 0),
    "WARN": PlatformLines(0, 0),
}
"""By format or level: START, END and REPORT as text; platform.start and platform.report as JSON,
which have level INFO. https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html,
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html"""

_ACCESS_VALUES: Final[Mapping[str, str]] = {
    "$context.apiId": "a1b2c3d4e5",
    "$context.requestId": "JKJaXmPLvHcESHA=",
    "$context.identity.sourceIp": "203.0.113.117",
    "$context.path": "/{method}",
    "$context.status": "200",
    "$context.integrationErrorMessage": "-",
}
"""What the variables show of a hook that is answered: https://docs.aws.amazon.com/apigateway/latest/
developerguide/http-api-logging-variables.html."""

type CustomMetric = tuple[str, ...]
"""What CloudWatch bills: a name, and the values of its dimensions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLines:
    """What the functions write, by method and answer.

    Attributes
    ----------
    metrics
        Bytes of the line of metrics, for a method's ``echoed``, ``overridden`` and ``denied``.
    decisions
        Bytes of the decision's line; of an echo if it is sampled.
    batch
        Bytes that a line for a batch of echoes has once, and for each echo.
    published
        The metrics that CloudWatch finds in the lines of a method.
    """

    metrics: Mapping[tuple[str, str], float]
    decisions: Mapping[tuple[str, str], float]
    batch: tuple[float, float]
    published: Mapping[str, Collection[CustomMetric]]

    def metrics_of(self, methods: int) -> set[CustomMetric]:
        """The metrics while so many methods are in use: those of streams first."""
        ordered = dict.fromkeys((*Load().shares(), *self.published))
        return {each for method in islice(ordered, methods) for each in self.published[method]}


def own_lines(environment: Mapping[str, str]) -> OwnLines:
    """Have hooks reported by the functions' own code, and measure the lines.

    Parameters
    ----------
    environment
        The variables of a function.
    """
    metrics: dict[tuple[str, str], float] = {}
    decisions: dict[tuple[str, str], float] = {}
    published: defaultdict[str, set[CustomMetric]] = defaultdict(set)
    for (method, case), lines in _written(environment).items():
        emf = [line for line in lines if '"_aws"' in line]
        metrics[method, case] = sum(map(len, emf))
        decisions[method, case] = sum(map(len, lines)) - metrics[method, case]
        published[method] |= {metric for line in emf for metric in _metrics(json.loads(line))}
    full, one = metrics[KEEP_ALIVE, "batch"], metrics[KEEP_ALIVE, "echoed"]
    each = (full - one) / (MOST_VALUES - 1)
    return OwnLines(
        metrics=metrics, decisions=decisions, batch=(one - each, each), published=published
    )


def _written(environment: Mapping[str, str]) -> dict[tuple[str, str], list[str]]:
    """What `tools.cost.reported_hooks` writes, by method and case."""
    path = os.pathsep.join((str(REPOSITORY / "functions"), str(REPOSITORY)))
    done = subprocess.run(
        [sys.executable, "-m", "tools.cost.reported_hooks"],
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": path, **environment},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    cases: dict[tuple[str, str], list[str]] = {}
    current: list[str] = []
    for line in done.stdout.splitlines():
        if line.startswith('{"case"'):
            method, case = json.loads(line)["case"]
            current = cases[method, case] = []
        else:
            current.append(line)
    return cases


def _metrics(line: Mapping[str, Any]) -> Iterator[CustomMetric]:
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for dimensions in directive["Dimensions"]:
            values = [line[each] for each in dimensions]
            yield from ((each["Name"], *values) for each in directive["Metrics"])


def access_bytes(access_log: Mapping[str, str], load: Load) -> float:
    """Bytes of the gateway's access log for a hook, over the mix of methods.

    Parameters
    ----------
    access_log
        The fields, with the variable that each shows.
    """
    line = json.dumps({name: _ACCESS_VALUES.get(each, each) for name, each in access_log.items()})
    if "$context" in line:
        raise ValueError(f"the length of a variable in the access log is not known: {line}")
    return sum(
        share * len(line.replace("{method}", method)) for method, share in load.shares().items()
    )
