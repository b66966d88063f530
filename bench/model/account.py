"""An account that answers hooks, simulated event by event: gateway, functions and their reads.

What it knows of AWS: the quotas of `bench.model.quotas`; that an environment answers one hook at a
time; that a hook for which none is idle waits for a new one, and keeps it; that an idle one is
taken away in time. What it does not know is left out: the gateway's own time, networks, retries of
WCS.
"""

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Generator
from dataclasses import dataclass, field
from random import Random

import simpy

from bench.model.durations import Durations, cpu_share
from bench.model.hook_mix import KEEP_ALIVE, StreamLife
from bench.model.quotas import Limit, Quotas, TokenBucket
from wcs_hooks.core.methods import METHODS, Category

_LONGEST_RETRY = 1.0
"""Seconds: botocore's standard mode waits up to this before the one retry that it is allowed."""

_READ_UNIT_BYTES = 4096
_PAGE_BYTES = 1_000_000
"""What a query gives at a time, about."""

_LONGEST_PAUSE = 30.0
"""Seconds: `wcs_hooks.adapters.cached_policies` doubles the TTL with each failure, up to this."""

_EVERY_APP = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is simulated.

    Attributes
    ----------
    hooks_per_second
        The rate from the beginning on.
    burst_factor, burst_at, burst_seconds
        By how much it rises, when, and for how long.
    seconds
        How long it is simulated for.
    life
        Which hooks come; keep-alives come at each stream's pace, all others and a burst at random.
    periodic
        Whether keep-alives do so. Else they come at random, too.
    apps
        How many applications the hooks belong to, evenly.
    durations, memory_mb
        How long calls take.
    spread, aws_spread
        The standard deviation of the logarithm of each duration, and of each call to AWS; 0 makes
        all alike.
    most_recent_first
        Whether a hook gets the environment that was idle for the shortest time; else any. Lambda
        does not say what it does, and any makes for the most reads.
    exponential
        Whether calls last exponentially instead: for comparison with formulas.
    new_environment_ms
        What Lambda needs to make an environment, before the function's own start; not measured.
    held_ms, held_spread
        For how long an environment is held beyond the function's own time, and how much that
        varies. Nothing on AWS, as far as is known; an emulator has its own ways.
    snapshot_ttl
        Seconds.
    shared_pointer_cached
        Whether the pointer of every app would be kept for an environment rather than for each app.
    hooks_wait
        Whether a hook that finds it time to look for policies waits for them, as it is. Else it
        goes by those that the environment knows, and a later one by what was found.
    snapshot_units
        Read units for 4 KB of a snapshot: 1 for consistent reads, as it is, half for others.
    snapshot_bytes
        Size of an app's snapshot, read when an environment starts and after an edit.
    load_ms_per_mb
        Processor time to make a snapshot of its bytes.
    edit_at
        When the policies change; never if infinite.
    warm
        How many environments each function begins with.
    idle_seconds
        After which an idle environment is taken away.
    quotas
        The account's.
    """

    hooks_per_second: float
    burst_factor: float = 1.0
    burst_at: float = math.inf
    burst_seconds: float = 0.0
    seconds: float = 60.0
    life: StreamLife = field(default_factory=StreamLife)
    periodic: bool = True
    apps: int = 1
    durations: Durations = field(default_factory=Durations)
    memory_mb: int = 1024
    spread: float = 0.35
    aws_spread: float = 0.35
    most_recent_first: bool = False
    exponential: bool = False
    new_environment_ms: float = 150.0
    held_ms: float = 0.0
    held_spread: float = 0.0
    snapshot_ttl: float = 1.0
    shared_pointer_cached: bool = False
    hooks_wait: bool = True
    snapshot_units: float = 1.0
    snapshot_bytes: int = 3_300
    load_ms_per_mb: float = 270.0
    edit_at: float = math.inf
    warm: dict[Category, int] = field(default_factory=dict)
    idle_seconds: float = 300.0
    quotas: Quotas = field(default_factory=Quotas)


@dataclass(slots=True)
class Seen:
    """What came of it.

    Attributes
    ----------
    arrived, answered, failed, stale
        Hooks. Failed ones had no policies to go by; stale ones went by older ones.
    refused
        Hooks that a quota refused, by quota.
    met
        When each quota first refused something, in seconds.
    cold_starts
        New environments.
    latencies
        Seconds in a function, its start included, of each hook that was answered.
    direct_latencies
        The same of direct calls alone, for which a user waits.
    started_at, refused_at
        When an environment was started, and a hook refused.
    refreshes
        How often policies were looked for.
    read_units
        Of each second, by partition and of the table: ``LIMIT → second → units``, throttled ones
        not included.
    throttled_reads
        By quota.
    in_flight
        Samples: at a time, executions; taken every hundredth of the time that is simulated.
    environments
        The most there were at a time, by function.
    most_in_flight
        Executions at a time.
    busy_seconds
        Of all environments together.
    enforced
        Seconds from an edit until an environment went by it, of each that did.
    """

    arrived: int = 0
    answered: int = 0
    failed: int = 0
    stale: int = 0
    refused: Counter[Limit] = field(default_factory=Counter)
    met: dict[Limit, float] = field(default_factory=dict)
    cold_starts: int = 0
    refreshes: int = 0
    latencies: "array[float]" = field(default_factory=lambda: array("d"))
    direct_latencies: "array[float]" = field(default_factory=lambda: array("d"))
    started_at: "array[float]" = field(default_factory=lambda: array("d"))
    refused_at: "array[float]" = field(default_factory=lambda: array("d"))
    read_units: dict[Limit, dict[int, float]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(float))
    )
    throttled_reads: Counter[Limit] = field(default_factory=Counter)
    in_flight: list[tuple[float, int]] = field(default_factory=list)
    environments: dict[Category, int] = field(default_factory=dict)
    most_in_flight: int = 0
    busy_seconds: float = 0.0
    enforced: list[float] = field(default_factory=list)

    def latency(self, share: float, *, direct: bool = False) -> float:
        """The latency that a share of the hooks do not exceed, in seconds; NaN if there is none."""
        ordered = sorted(self.direct_latencies if direct else self.latencies)
        return ordered[math.ceil(share * len(ordered)) - 1] if ordered else math.nan

    def reads_per_second(self, limit: Limit) -> float:
        """The most read units that a second had, but for the first, which had some saved up."""
        return max((units for at, units in self.read_units[limit].items() if at), default=0.0)


class _Environment:
    """An execution environment, with what it remembers."""

    __slots__ = ("due", "failures", "idle_since", "known_version", "shared_checked")

    def __init__(self) -> None:
        self.due: dict[int, float] = {}
        """When policies are to be looked for, by app."""
        self.failures: dict[int, int] = {}
        self.known_version: dict[int, int] = {}
        self.shared_checked = -math.inf
        self.idle_since = 0.0


class _Function:
    """A function with its environments."""

    __slots__ = ("idle", "scaling", "total")

    def __init__(self, scaling: TokenBucket) -> None:
        self.idle: list[_Environment] = []
        self.total = 0
        self.scaling = scaling


class Account:
    """Simulates a load.

    Parameters
    ----------
    load
        What comes, and what meets it.
    seed
        Of the random numbers: the same load and seed give the same.
    """

    def __init__(self, load: Load, seed: int = 1) -> None:
        self._load = load
        self._random = Random(seed)  # noqa: S311 - nothing secret
        self._environment = simpy.Environment()
        quotas = load.quotas
        self._gateway = TokenBucket(quotas.gateway_rate, quotas.gateway_burst)
        requests = quotas.concurrency * quotas.requests_per_concurrency
        self._requests = TokenBucket(requests, requests)
        self._partitions: dict[int, TokenBucket] = defaultdict(
            lambda: TokenBucket(quotas.partition_reads, quotas.partition_reads, owing=True)
        )
        self._table = TokenBucket(quotas.table_reads, quotas.table_reads, owing=True)
        self._functions = {
            category: _Function(TokenBucket(quotas.scaling_rate, quotas.scaling_burst))
            for category in Category
        }
        self._in_flight = 0
        self._seen = Seen()
        memory, durations = load.memory_mb, load.durations
        self._echo = durations.call_ms(memory) / 1000
        self._aws_call = (durations.call_ms(memory, 1) - durations.call_ms(memory)) / 1000
        self._start = (durations.start_ms + load.new_environment_ms) / 1000
        self._load_snapshot = (
            load.load_ms_per_mb / 1000 * load.snapshot_bytes / 1e6 / cpu_share(memory)
        )
        self._warm_up()

    def run(self) -> Seen:
        """Simulate it."""
        load, environment = self._load, self._environment
        shares = load.life.shares()
        at_random = {
            method: share
            for method, share in shares.items()
            if not (load.periodic and method == KEEP_ALIVE)
        }
        environment.process(self._arrivals(at_random))
        if load.periodic and KEEP_ALIVE in shares:
            environment.process(self._keep_alives(shares[KEEP_ALIVE]))
        if load.burst_factor > 1:
            environment.process(self._burst(shares))
        environment.process(self._samples())
        environment.process(self._taking_away())
        environment.run(until=load.seconds)
        return self._seen

    # --- What comes ---------------------------------------------------------------------------

    def _arrivals(self, shares: dict[str, float]) -> Generator[simpy.Event]:
        methods, weights = list(shares), list(shares.values())
        per_second = sum(weights) * self._load.hooks_per_second
        environment, gap = self._environment, self._random.expovariate
        if not per_second:
            return
        choices = self._random.choices
        while True:
            # Drawn by the hundred: one at a time is what a simulation spends its time with.
            for method in choices(methods, weights, k=100):
                yield environment.timeout(gap(per_second))
                self._arrive(method)

    def _keep_alives(self, share: float) -> Generator[simpy.Event]:
        load, environment = self._load, self._environment
        period = load.life.keep_alive_seconds
        streams = round(load.hooks_per_second * share * period)
        phases = sorted(self._random.uniform(0, period) for _ in range(streams))
        if not phases:
            return
        turn = 0.0
        while True:
            for phase in phases:
                yield environment.timeout(max(0.0, turn + phase - environment.now))
                self._arrive(KEEP_ALIVE)
            turn += period

    def _burst(self, shares: dict[str, float]) -> Generator[simpy.Event]:
        load, environment = self._load, self._environment
        more = load.hooks_per_second * (load.burst_factor - 1)
        yield environment.timeout(load.burst_at)
        over = load.burst_at + load.burst_seconds
        methods, weights = list(shares), list(shares.values())
        while environment.now < over:
            for method in self._random.choices(methods, weights, k=100):
                yield environment.timeout(self._random.expovariate(more))
                self._arrive(method)

    # --- What becomes of it -------------------------------------------------------------------

    def _arrive(self, method: str) -> None:
        now, seen = self._environment.now, self._seen
        seen.arrived += 1
        function = self._functions[METHODS[method].category]
        refusal = self._refusal(function, now)
        if refusal is not None:
            seen.refused[refusal] += 1
            seen.met.setdefault(refusal, now)
            seen.refused_at.append(now)
            return
        cold = not function.idle
        chosen = self._started(function, now) if cold else self._idle(function)
        category = METHODS[method].category
        seen.environments[category] = max(seen.environments.get(category, 0), function.total)
        self._in_flight += 1
        seen.most_in_flight = max(seen.most_in_flight, self._in_flight)
        app = int(self._random.random() * self._load.apps)
        seconds = self._duration(self._echo) + self._session_seconds(method)
        due = now >= chosen.due.get(app, -math.inf)
        if due and not self._load.hooks_wait and app in chosen.known_version:
            # None else does, until this one is done.
            chosen.due[app] = math.inf
            self._environment.process(self._looked(chosen, app))
            due = False
        if not due:
            # Nearly all hooks: they wait for nothing, and are simulated with a single event.
            done = self._environment.timeout(seconds)
            assert done.callbacks is not None  # noqa: S101 - it is new
            done.callbacks.append(lambda _event: self._answered(function, chosen, now, found=True))
        else:
            self._environment.process(self._served(function, chosen, app, seconds, cold=cold))

    def _served(
        self, function: _Function, chosen: _Environment, app: int, seconds: float, *, cold: bool
    ) -> Generator[simpy.Event]:
        """Answer a hook for which an environment has to start, or to look for policies."""
        now = self._environment.now
        if cold:
            yield self._pause(self._duration(self._start))
        found = yield from self._policies(chosen, app)
        yield self._pause(seconds)
        self._answered(function, chosen, now, found=found)

    def _looked(self, environment: _Environment, app: int) -> Generator[simpy.Event]:
        """Look for policies while hooks are answered."""
        yield from self._policies(environment, app)

    def _started(self, function: _Function, now: float) -> _Environment:
        function.total += 1
        self._seen.cold_starts += 1
        self._seen.started_at.append(now)
        return _Environment()

    def _idle(self, function: _Function) -> _Environment:
        if self._load.most_recent_first:
            return function.idle.pop()
        place = int(self._random.random() * len(function.idle))
        function.idle[place], function.idle[-1] = function.idle[-1], function.idle[place]
        return function.idle.pop()

    def _session_seconds(self, method: str) -> float:
        """What recording or forgetting a session adds: half of the status events tell of an end."""
        ends = method == "ConnectionStatusEvent" and self._random.random() < 1 / 2
        return self._aws_duration() if ends or method == "connect" else 0.0

    def _refusal(self, function: _Function, now: float) -> Limit | None:
        if not self._gateway.take(now):
            return Limit.GATEWAY
        if not self._requests.take(now):
            return Limit.FUNCTION_REQUESTS
        if self._in_flight >= self._load.quotas.concurrency:
            return Limit.CONCURRENCY
        if not function.idle and not function.scaling.take(now):
            return Limit.SCALING
        return None

    def _answered(
        self, function: _Function, environment: _Environment, since: float, *, found: bool
    ) -> None:
        seen, now = self._seen, self._environment.now
        self._in_flight -= 1
        seen.busy_seconds += now - since
        if self._load.held_ms:
            self._environment.process(self._held(function, environment))
        else:
            self._released(function, environment)
        if found:
            seen.answered += 1
            seen.latencies.append(now - since)
            if function is self._functions[Category.DIRECT]:
                seen.direct_latencies.append(now - since)
        else:
            seen.failed += 1

    def _held(self, function: _Function, environment: _Environment) -> Generator[simpy.Event]:
        yield self._pause(self._spread(self._load.held_ms / 1000, self._load.held_spread))
        self._released(function, environment)

    def _released(self, function: _Function, environment: _Environment) -> None:
        environment.idle_since = self._environment.now
        function.idle.append(environment)

    # --- Policies -----------------------------------------------------------------------------

    def _policies(self, environment: _Environment, app: int) -> Generator[simpy.Event, None, bool]:
        """Look for newer policies; gives whether there are any to go by."""
        self._seen.refreshes += 1
        known = environment.known_version.get(app)
        found = yield from self._read_pointers(environment, app)
        version = int(self._environment.now >= self._load.edit_at)
        if found and known != version:
            found = yield from self._read_snapshot(app)
            if found:
                environment.known_version[app] = version
                if known is not None:
                    self._seen.enforced.append(self._environment.now - self._load.edit_at)
        if not found and known is None:
            return False
        ttl = self._load.snapshot_ttl
        failures = 0 if found else environment.failures.get(app, 0) + 1
        environment.failures[app] = failures
        pause = min(ttl * 2.0 ** (failures - 1), _LONGEST_PAUSE) if failures else ttl
        environment.due[app] = self._environment.now + pause
        self._seen.stale += not found
        return True

    def _read_snapshot(self, app: int) -> Generator[simpy.Event, None, bool]:
        """Read a snapshot, page by page, with consistent reads."""
        left = self._load.snapshot_bytes
        while left > 0:
            units = math.ceil(min(left, _PAGE_BYTES) / _READ_UNIT_BYTES) * self._load.snapshot_units
            if not (yield from self._read(app, Limit.APP_PARTITION, units)):
                return False
            left -= _PAGE_BYTES
        yield self._pause(self._load_snapshot)
        return True

    def _read_pointers(
        self, environment: _Environment, app: int
    ) -> Generator[simpy.Event, None, bool]:
        if not (yield from self._read(app, Limit.APP_PARTITION, 0.5)):
            return False
        now = self._environment.now
        if self._load.shared_pointer_cached:
            if now < environment.shared_checked + self._load.snapshot_ttl:
                return True
            environment.shared_checked = now
        # It comes in the same call: no further time passes, unless it is throttled.
        return (yield from self._read(_EVERY_APP, Limit.SHARED_POINTER, 0.5, at_once=True))

    def _read(
        self, key: int, limit: Limit, units: float, *, at_once: bool = False
    ) -> Generator[simpy.Event, None, bool]:
        """Read from a partition, with the one retry that is allowed; gives whether it came."""
        for attempt in range(2):
            if attempt:
                yield self._pause(self._random.uniform(0, _LONGEST_RETRY))
            if attempt or not at_once:
                yield self._pause(self._aws_duration())
            now = self._environment.now
            if not self._table.take(now, units):
                self._throttled(Limit.TABLE, now)
            elif self._partitions[key].take(now, units):
                for each in (limit, Limit.TABLE):
                    self._seen.read_units[each][int(now)] += units
                return True
            else:
                self._throttled(limit, now)
        return False

    def _pause(self, seconds: float) -> simpy.Event:
        return self._environment.timeout(seconds)

    def _throttled(self, limit: Limit, now: float) -> None:
        self._seen.throttled_reads[limit] += 1
        self._seen.met.setdefault(limit, now)

    # --- Environments -------------------------------------------------------------------------

    def _warm_up(self) -> None:
        load = self._load
        for category, count in load.warm.items():
            function = self._functions[category]
            for _ in range(count):
                environment = _Environment()
                # They looked for policies at one time or another within the last TTL.
                for app in range(load.apps):
                    environment.due[app] = self._random.uniform(0, load.snapshot_ttl)
                    environment.known_version[app] = 0
                environment.shared_checked = -self._random.uniform(0, load.snapshot_ttl)
                function.idle.append(environment)
                function.total += 1
            self._seen.environments[category] = count

    def _taking_away(self) -> Generator[simpy.Event]:
        load, environment = self._load, self._environment
        while True:
            yield environment.timeout(min(load.idle_seconds, 10.0))
            since = environment.now - load.idle_seconds
            for function in self._functions.values():
                kept = [each for each in function.idle if each.idle_since >= since]
                function.total -= len(function.idle) - len(kept)
                function.idle = kept

    def _samples(self) -> Generator[simpy.Event]:
        step = self._load.seconds / 100
        while True:
            yield self._environment.timeout(step)
            self._seen.in_flight.append((self._environment.now, self._in_flight))

    def _duration(self, median: float) -> float:
        if self._load.exponential:
            return self._random.expovariate(1 / median)
        return self._spread(median, self._load.spread)

    def _aws_duration(self) -> float:
        return self._spread(self._aws_call, self._load.aws_spread)

    def _spread(self, median: float, spread: float) -> float:
        return median * math.exp(self._random.gauss(0, spread)) if spread else median
