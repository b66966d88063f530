"""What a month of hooks takes: of the stack as it is deployed, and of the documented way."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from bench.model.bill import Charge, Part
from bench.model.custom_metrics import methods_in_use, usual_metrics
from bench.model.deployed_stack import DeployedStack
from bench.model.durations import Durations
from bench.model.environments import (
    Fleet,
    Habits,
    refreshes_per_second,
    settle,
    warm_environments,
)
from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from bench.model.log_lines import (
    DocumentedLines,
    OwnLines,
    access_bytes,
    platform_bytes,
    platform_events,
)
from bench.model.prices import MONTH_SECONDS, Item
from wcs_hooks.core.methods import METHODS, Category

_TRACED_PER_SECOND = 1.0
_TRACED_SHARE = 0.05
"""Lambda traces one request a second and 5 % of the others, which cannot be changed:
https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html."""

_SECRET_TTL = 60.0
"""Seconds; `wcs_hooks.adapters.cached_secrets.SECRET_TTL`."""

_MOST_GATHERED = 100
"""Values of a metric in one line of the embedded metric format:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
CloudWatch_Embedded_Metric_Format_Specification.html"""

_EVENTUAL_READ = 0.5
_CONSISTENT_READ = 1.0
"""Read request units of an item up to 4 KB; an item of a batch is read as if alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostParameters:
    """All that a bill depends on.

    Attributes
    ----------
    hooks_per_second
        Day and night; a month's mean is what is billed.
    life
        Which hooks come.
    denied, overridden
        The shares of publishStream and playStream that are.
    apps
        How many applications the hooks belong to, evenly.
    durations
        How long calls take.
    memory_mb
        Of each function.
    snapshot_ttl
        Seconds; the setting ``snapshotTtl``.
    echo_log_sample_rate
        The setting of that name.
    traced
        Whether the functions trace actively.
    system_log_level
        Of Lambda's own log lines; empty for the log format text.
    access_log
        The access log's fields.
    gather_seconds
        For how long an environment gathers the counts of plain echoes; 0 emits a line for each.
    timed_share
        The share of plain echoes whose line tells how long they took.
    methods_in_use
        How many methods have metrics.
    idle_seconds, life_seconds
        After which Lambda takes an environment away that is not used, and any. It promises neither.
    kept_share
        Size of kept logs, compressed, in relation to what was sent.
    kept_event_bytes
        What CloudWatch adds to each event that it keeps.
    event_bytes
        What it adds to each event that it is sent, as far as it bills that.
    events_published
        Whether events but keep-alives are published to the event bus.
    """

    hooks_per_second: float = 100.0
    life: StreamLife = field(default_factory=StreamLife)
    denied: float = 0.01
    overridden: float = 0.05
    apps: int = 1
    durations: Durations = field(default_factory=Durations)
    memory_mb: int = 1024
    snapshot_ttl: float = 1.0
    echo_log_sample_rate: float = 0.01
    traced: bool = True
    system_log_level: str = ""
    access_log: Mapping[str, str] = field(default_factory=dict)
    gather_seconds: float = 0.0
    timed_share: float = 1.0
    methods_in_use: int = 10
    idle_seconds: float = 300.0
    life_seconds: float = 7200.0
    # The two are from memory of a footnote to CloudWatch's prices; whether the third is billed was
    # not found out.
    kept_share: float = 0.15
    kept_event_bytes: float = 26.0
    event_bytes: float = 0.0
    events_published: bool = False

    @property
    def hooks_a_month(self) -> float:
        """How many hooks come in a month."""
        return self.hooks_per_second * MONTH_SECONDS

    def answers(self, method: str) -> dict[str, float]:
        """The share of each answer to hooks of a method."""
        refused = self.denied if method in ("publishStream", "playStream") else 0.0
        changed = self.overridden if method in ("publishStream", "playStream") else 0.0
        return {"echoed": 1 - refused - changed, "overridden": changed, "denied": refused}


def deployed(stack: DeployedStack, parameters: CostParameters) -> CostParameters:
    """The parameters with what the stack's template says."""
    return replace(
        parameters,
        memory_mb=stack.memory_mb,
        snapshot_ttl=stack.snapshot_ttl,
        echo_log_sample_rate=stack.echo_log_sample_rate,
        traced=stack.traced,
        system_log_level=stack.system_log_level,
        access_log=stack.access_log,
        gather_seconds=stack.echo_metrics_seconds,
        events_published=stack.buses > 0,
    )


def fleets(parameters: CostParameters) -> dict[Category, Fleet]:
    """The functions that get hooks."""
    durations, memory = parameters.durations, parameters.memory_mb
    habits = Habits(
        seconds=durations.call_ms(memory) / 1000,
        waiting_seconds=durations.call_ms(memory, 1) / 1000,
        apps=parameters.apps,
        ttl=parameters.snapshot_ttl,
        idle_seconds=parameters.idle_seconds,
    )
    shares = parameters.life.shares()
    found = {}
    for category, share in parameters.life.category_shares().items():
        if share:
            session_calls = sum(
                each * _session_calls(method, parameters)
                for method, each in shares.items()
                if METHODS[method].category is category
            )
            found[category] = settle(
                share * parameters.hooks_per_second, session_calls / share, habits
            )
    return found


def charges(stack: DeployedStack, lines: OwnLines, parameters: CostParameters) -> Iterator[Charge]:
    """What a month takes of the stack, with parameters that may differ from its template's."""
    hooks = parameters.hooks_a_month
    yield Charge(Part.GATEWAY, Item.HTTP_API_REQUESTS, hooks)
    yield Charge(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS, hooks)
    for fleet in fleets(parameters).values():
        yield from _of_fleet(fleet, lines, parameters)
    yield from _of_sessions(parameters)
    yield from _of_lines(lines, parameters)
    methods = methods_in_use(parameters.methods_in_use)
    # CloudWatch counts what it finds in the logs in metrics of their own.
    metrics = len(usual_metrics(methods)) + stack.log_metrics
    yield Charge(Part.METRICS, Item.METRICS, metrics)
    yield Charge(Part.ALARMS, Item.ALARMS, stack.alarms)
    yield Charge(Part.DASHBOARD, Item.DASHBOARDS, stack.dashboards)
    yield Charge(Part.SECRET, Item.SECRETS, stack.secrets)
    yield Charge(Part.KEY, Item.KEYS, stack.keys)
    # Dead letters are for failures, of which a bill assumes none.
    yield Charge(Part.QUEUE, Item.QUEUE_REQUESTS, 0)
    if parameters.events_published:
        events = parameters.life.category_shares()[Category.EVENT]
        kept_alive = parameters.life.shares()[KEEP_ALIVE]
        yield Charge(Part.BUS, Item.BUS_EVENTS, (events - kept_alive) * hooks)


def documented_charges(lines: DocumentedLines, parameters: CostParameters) -> Iterator[Charge]:
    """What a month takes of the documented way.

    A REST API, one function, an item of DynamoDB read for each hook, logs as Lambda has them by
    default, tracing, two metrics; no access log, no alarm, no dashboard, no check of who calls.
    """
    hooks, per_second = parameters.hooks_a_month, parameters.hooks_per_second
    durations, memory = parameters.durations, parameters.memory_mb
    milliseconds = durations.documented_ms(memory)
    environments = warm_environments(per_second, milliseconds / 1000, parameters.idle_seconds)
    starts = environments * MONTH_SECONDS / parameters.life_seconds
    traced = traced_share(per_second)
    yield Charge(Part.GATEWAY, Item.REST_API_REQUESTS, hooks)
    yield Charge(Part.FUNCTION_REQUESTS, Item.LAMBDA_REQUESTS, hooks)
    yield _time(Part.FUNCTION_TIME, hooks, math.ceil(milliseconds), memory)
    yield _time(Part.FUNCTION_STARTS, starts, durations.documented_start_ms, memory)
    yield Charge(Part.POLICY_READS, Item.READ_UNITS, hooks * _EVENTUAL_READ)
    yield Charge(Part.TRACES, Item.TRACES, hooks * traced)
    for part, size, events in (
        (Part.METRIC_LINES, lines.metrics, 1),
        (Part.DECISION_LINES, lines.log, 1),
        (Part.PLATFORM_LINES, platform_bytes("", traced), platform_events("")),
    ):
        yield from _logged(part, Item.LAMBDA_LOG_BYTES, size, events, parameters)
    yield Charge(Part.METRICS, Item.METRICS, 2)


def traced_share(per_second: float) -> float:
    """Which share of a function's calls Lambda traces.

    Examples
    --------
    >>> traced_share(0.5), round(traced_share(100), 4)
    (1.0, 0.0595)
    """
    if per_second <= _TRACED_PER_SECOND:
        return 1.0
    return (_TRACED_PER_SECOND + _TRACED_SHARE * (per_second - _TRACED_PER_SECOND)) / per_second


def _of_fleet(fleet: Fleet, lines: OwnLines, parameters: CostParameters) -> Iterator[Charge]:
    calls = fleet.calls_per_second * MONTH_SECONDS
    starts = fleet.environments * MONTH_SECONDS / parameters.life_seconds
    yield _time(
        Part.FUNCTION_TIME, calls, _billed_ms(parameters, fleet.waiting), parameters.memory_mb
    )
    yield _time(Part.FUNCTION_STARTS, starts, parameters.durations.start_ms, parameters.memory_mb)
    # The app's pointer and that of every app.
    units = 2 * _EVENTUAL_READ * fleet.looks_per_second * MONTH_SECONDS
    yield Charge(Part.POLICY_READS, Item.READ_UNITS, units)
    reads = fleet.environments * refreshes_per_second(
        fleet.calls_per_second / fleet.environments, _SECRET_TTL
    )
    yield Charge(Part.SECRET, Item.SECRET_READS, reads * MONTH_SECONDS)
    traced = traced_share(fleet.calls_per_second) if parameters.traced else 0.0
    yield Charge(Part.TRACES, Item.TRACES, traced * calls)
    share = fleet.calls_per_second / parameters.hooks_per_second
    level = parameters.system_log_level
    yield from _logged(
        Part.PLATFORM_LINES,
        Item.LAMBDA_LOG_BYTES,
        share * platform_bytes(level, traced),
        share * platform_events(level),
        parameters,
    )
    yield Charge(Part.METRIC_LINES, Item.LAMBDA_LOG_BYTES, lines.start * starts)


def _of_sessions(parameters: CostParameters) -> Iterator[Charge]:
    shares, hooks = parameters.life.shares(), parameters.hooks_a_month
    # Each connection is recorded once and forgotten once, in an item below 1 KB.
    yield Charge(Part.SESSIONS, Item.WRITE_UNITS, 2 * shares["connect"] * hooks)
    # A denial looks whether its session was seen.
    denied = sum(share * parameters.answers(method)["denied"] for method, share in shares.items())
    yield Charge(Part.SESSIONS, Item.READ_UNITS, denied * _CONSISTENT_READ * hooks)


def _of_lines(lines: OwnLines, parameters: CostParameters) -> Iterator[Charge]:
    functions = fleets(parameters)
    sampled = parameters.echo_log_sample_rate
    for method, share in parameters.life.shares().items():
        answers = {name: each for name, each in parameters.answers(method).items() if each}
        metrics, decisions, metric_lines = 0.0, 0.0, 0.0
        for answer, each in answers.items():
            if answer == "echoed":
                in_a_line = _in_a_line(
                    share
                    * parameters.hooks_per_second
                    / functions[METHODS[method].category].environments,
                    parameters.gather_seconds,
                )
                decisions += each * sampled * lines.decisions[method, "sampled"]
            else:
                in_a_line = 1.0
                decisions += each * lines.decisions[method, answer]
            size = lines.metrics[method, answer]
            if answer == "echoed":
                size -= (1 - parameters.timed_share) * lines.times
            if in_a_line > 1:
                once, for_each = lines.gathered
                size = once / in_a_line + for_each
            metrics += each * size
            metric_lines += each / in_a_line
        decision_lines = answers["echoed"] * sampled + 1 - answers["echoed"]
        yield from _logged(
            Part.METRIC_LINES,
            Item.LAMBDA_LOG_BYTES,
            share * metrics,
            share * metric_lines,
            parameters,
        )
        yield from _logged(
            Part.DECISION_LINES,
            Item.LAMBDA_LOG_BYTES,
            share * decisions,
            share * decision_lines,
            parameters,
        )
    if parameters.access_log:
        size = access_bytes(parameters.access_log, parameters.life)
        yield from _logged(Part.ACCESS_LINES, Item.OTHER_LOG_BYTES, size, 1, parameters)


def _in_a_line(per_second: float, gather_seconds: float) -> float:
    """How many echoes of a method share a line: the first, and those that come while it waits."""
    if not gather_seconds:
        return 1.0
    return min(float(_MOST_GATHERED), 1 + per_second * gather_seconds)


def _logged(
    part: Part, item: Item, size: float, events: float, parameters: CostParameters
) -> Iterator[Charge]:
    """What log lines cost.

    Parameters
    ----------
    size, events
        Bytes and lines for each hook.
    """
    hooks = parameters.hooks_a_month
    yield Charge(part, item, (size + events * parameters.event_bytes) * hooks)
    kept = size * parameters.kept_share + events * parameters.kept_event_bytes
    yield Charge(Part.KEPT_LOGS, Item.STORED_LOG_BYTES, kept * hooks)


def _time(part: Part, calls: float, milliseconds: float, memory_mb: int) -> Charge:
    return Charge(part, Item.LAMBDA_GB_SECONDS, calls * milliseconds / 1000 * memory_mb / 1024)


def _billed_ms(parameters: CostParameters, waiting: float) -> float:
    """Milliseconds that are billed of a call, on average: each is rounded up."""
    durations, memory = parameters.durations, parameters.memory_mb
    without, with_aws = (
        math.ceil(durations.call_ms(memory)),
        math.ceil(durations.call_ms(memory, 1)),
    )
    return (1 - waiting) * without + waiting * with_aws


def _session_calls(method: str, parameters: CostParameters) -> float:
    """How many calls to the table of sessions a hook makes."""
    if method == "connect":
        return 1.0
    if method == "ConnectionStatusEvent":
        return 0.5
    return parameters.answers(method)["denied"]
