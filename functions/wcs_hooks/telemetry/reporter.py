"""What is seen from outside: the one place that emits metrics and writes the log.

Metrics go out in CloudWatch's embedded metric format, one line a hook, or one for many plain echoes
(`wcs_hooks.telemetry.echo_batch`). Their bytes are the largest cost after the gateway's, so only
what was counted is emitted: no zeros, and nothing twice.

No line holds anything of a hook's body but its `appKey`: bodies are full of secrets
(`docs/wcs-protocol.md`, section 6). A session shows as a hash that only a holder of the callers'
secret can compute.
"""

import hashlib
import json
import logging
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.functions import is_metrics_disabled
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from wcs_hooks.clock import Clock
from wcs_hooks.core.decision import ECHO, Denial, Failure
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import UNKNOWN
from wcs_hooks.core.payload import encode
from wcs_hooks.core.reply import Reply
from wcs_hooks.hook.endpoint import Kind, Observation, RestError
from wcs_hooks.telemetry.echo_batch import Echoes, GatheredEchoes

if TYPE_CHECKING:
    from wcs_hooks.compiler.policy_compiler import Status

REST_ERRORS: Final = "RestErrors"
"""Counts each reply that is not 200, by what WCS does with it."""

_CATEGORY: Final = ("service", "category")
_METHOD: Final = ("service", "category", "method")

METRICS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "Calls": (_CATEGORY, _METHOD),
    "Echoed": (_CATEGORY,),
    "Overridden": (_CATEGORY, _METHOD),
    "Denied": (_CATEGORY, _METHOD),
    "ShadowDenied": (_CATEGORY,),
    "ShadowOverridden": (_CATEGORY,),
    "DenySuppressed": (_CATEGORY,),
    "Failed": (_CATEGORY,),
    "Rejected": (_CATEGORY,),
    "Malformed": (_CATEGORY,),
    "UnknownMethod": (_CATEGORY,),
    "ReportedFailures": (_CATEGORY, _METHOD),
    "ExpressionErrors": (_CATEGORY,),
    "StaleSnapshot": (_CATEGORY,),
    "DeadLettered": (_CATEGORY,),
    "DeadLetterFallback": (_CATEGORY,),
    "DeadLetterLost": (_CATEGORY,),
    "ColdStart": (_CATEGORY,),
    "DecisionTime": (_CATEGORY,),
    "ServiceTime": (_CATEGORY,),
    "Compiled": (_CATEGORY,),
    "CompileErrors": (_CATEGORY,),
    REST_ERRORS: (("category", "restOnError", "outcome", "cause"),),
}
"""Every metric that is emitted, with the sets of dimensions that it has. The set with `method` is
left out for a method that is not known: anybody could make up any number of them."""

_LONGEST_NAME: Final = 256

COMPILER: Final = "compiler"
"""The compiler's `category` dimension."""

_KIND_METRICS: Final = {
    Kind.ECHOED: "Echoed",
    Kind.OVERRIDDEN: "Overridden",
    Kind.DENIED: "Denied",
    Kind.REJECTED: "Rejected",
    Kind.MALFORMED: "Malformed",
    Kind.FAILED: "Failed",
}
_COUNT: Final = MetricUnit.Count.value
_UNITS: Final = {
    "DecisionTime": MetricUnit.Microseconds.value,
    "ServiceTime": MetricUnit.Milliseconds.value,
}
"""The units of what is not a count."""

_ONCE: Final = "[1]"

_SHAPES_KEPT: Final = 512
"""How many shapes of lines are remembered: some ten for each method."""

_BLANK: Final = "\0"
"""Stands in a line's shape for what differs from line to line; no name has it."""


class HookMetrics(AmazonCloudWatchEMFProvider):
    """Powertools' EMF provider, with the dimension sets that each metric is to have.

    Parameters
    ----------
    category
        That dimension.

    Attributes
    ----------
    method
        The `method` dimension, for the metrics that have it; empty for none.
    rest_error
        The dimensions of `RestErrors`, which has these alone; empty if it was not counted.

    Notes
    -----
    Powertools gives all metrics of a line the same sets of dimensions. EMF allows a directive for
    each: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    CloudWatch_Embedded_Metric_Format_Specification.html
    """

    method: str = ""
    rest_error: Mapping[str, str] = MappingProxyType({})

    def __init__(self, category: str) -> None:
        super().__init__(default_dimensions={"category": category})
        self._category = category
        self._disabled = is_metrics_disabled()
        self._shape_of = lru_cache(_SHAPES_KEPT)(self._make_shape)

    def serialize_metric_set(self, *args: Any, **kwargs: Any) -> Any:
        """The line's content."""
        line: dict[str, Any] = dict(super().serialize_metric_set(*args, **kwargs))
        [directive] = line["_aws"]["CloudWatchMetrics"]
        directives: dict[tuple[tuple[str, ...], ...], dict[str, Any]] = {}
        for metric in directive["Metrics"]:
            sets = METRICS[metric["Name"]]
            if not self.method:
                sets = tuple(dimensions for dimensions in sets if "method" not in dimensions)
            group = {"Namespace": directive["Namespace"], "Dimensions": sets, "Metrics": []}
            directives.setdefault(sets, group)["Metrics"].append(metric)
        line["_aws"]["CloudWatchMetrics"] = list(directives.values())
        if self.method:
            line["method"] = self.method
        return line | dict(self.rest_error)

    def line(
        self,
        values: Mapping[str, str],
        method: str,
        rest_error: RestError | None,
        at: float,
    ) -> str:
        """A line, with its end; empty where metrics are turned off.

        What Powertools makes of the same metrics only differs in the numbers, so it is asked once
        for each combination: validating and serialising anew took a third of an echo's time.

        Parameters
        ----------
        values
            What was counted, by metric: a JSON array of at most 100 values.
        at
            When, in seconds since the epoch.
        """
        if self._disabled:
            return ""
        shape = self._shape_of(tuple(values), method, rest_error)
        return shape % (int(at * 1000), *values.values())

    def _make_shape(self, names: tuple[str, ...], method: str, rest_error: RestError | None) -> str:
        self.method = method
        self.rest_error = _rest_error_dimensions(self._category, rest_error)
        for name in names:
            self.add_metric(name, _UNITS.get(name, _COUNT), 0)
        line = self.serialize_metric_set()
        self.clear_metrics()
        line["_aws"]["Timestamp"] = _BLANK
        line |= dict.fromkeys(names, _BLANK)
        return f"{encode(line).replace('%', '%%').replace(encode(_BLANK), '%s')}\n"


class Facts(NamedTuple):
    """What the log says of a hook that it says of others, too: all but time, ids and session."""

    level: int
    category: str
    method: str
    kind: Kind
    status: int
    app: str
    versions: tuple[tuple[str, int], ...]
    error: str
    denial: Denial | None
    applied: tuple[str, ...]
    shadow_denied: tuple[str, ...]
    shadow_overridden: tuple[str, ...]
    failures: tuple[Failure, ...]
    dead_lettered: bool | None
    dead_letter_fallback: bool
    stale: bool
    deny_suppressed: bool
    rest_error: RestError | None
    redriven: bool
    redrive_of: str

    @property
    def message(self) -> str:
        """The line in short."""
        return f"{_printable(self.method)} {self.kind}"

    def fields(self) -> dict[str, Any]:
        """What is there to be said."""
        denial = self.denial
        line: dict[str, Any] = {
            "category": self.category,
            "method": _printable(self.method),
            "answer": self.kind,
            "status": self.status,
            "redriven": self.redriven,
            "redriveOf": self.redrive_of,
            "app": _printable(self.app),
            "versions": dict(self.versions),
            "error": self.error,
            "policy": f"{denial.app}/{denial.policy}" if denial else "",
            "policies": self.applied,
            "shadowDenied": self.shadow_denied,
            "shadowOverridden": self.shadow_overridden,
            "expressionErrors": [f"{f.policy}: {f.attribute}" for f in self.failures],
            "deadLetterFallback": self.dead_letter_fallback,
            "stale": self.stale,
            "denySuppressed": self.deny_suppressed,
            **_rest_error_dimensions(self.category, self.rest_error),
        }
        present = {name: value for name, value in line.items() if value}
        if self.dead_lettered is not None:
            present["deadLettered"] = self.dead_lettered
        return present


class DecisionFormatter(LambdaPowertoolsFormatter):
    """Powertools' formatter, with a shorter way for decisions.

    The general way makes a record, finds out which line, thread and process it comes from, copies
    and sieves it, tries to parse its message and makes an encoder for each line. Of the lines of
    one method most differ in time, ids and session alone, so what else they say is encoded once.
    """

    def __init__(self) -> None:
        encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
        super().__init__(json_serializer=encoder.encode)
        self._shape_of = lru_cache(_SHAPES_KEPT)(self._make_shape)
        self._second = -1
        self._second_text = ""

    def decision(self, facts: Facts, decision_id: str, session: str, at: float) -> str:
        """A decision's line, with its end.

        Parameters
        ----------
        facts
            What it shares with others.
        decision_id, session
            What it does not: texts that need no escape in JSON, the latter may be empty.
        at
            When, in seconds since the epoch.
        """
        shape = self._shape_of(facts, bool(session))
        line = shape % (self._time(at), decision_id, session)
        trace = self._get_latest_trace_id()
        return f'{line},"xray_trace_id":{encode(trace)}}}\n' if trace else f"{line}}}\n"

    def formatTime(  # noqa: N802 - the parent's name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """The time of a record, as decisions have it."""
        del datefmt
        return self._time(record.created)

    def _time(self, at: float) -> str:
        """A moment by RFC 3339, in milliseconds, UTC."""
        second = int(at)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{int(at % 1 * 1000):03}Z"

    def _make_shape(self, facts: Facts, has_session: bool) -> str:  # noqa: FBT001
        """What `%` makes a line of, but its last brace: of time, decision and session."""
        rest = {
            "level": logging.getLevelName(facts.level),
            "message": facts.message,
            "service": self.log_format["service"],
            **facts.fields(),
        }
        session = '"session":"%s",' if has_session else "%s"
        text = self.serialize(rest)[1:-1].replace("%", "%%")
        return f'{{"timestamp":"%s","decision":"%s",{session}{text}'


class HookReporter:
    """Reports on the hooks of one category.

    Parameters
    ----------
    category
        The function's.
    echo_log_sample_rate
        The share of plain echoes that are logged, 0 to 1.
    secret
        Gives the callers' current secret, with which sessions are hashed; empty if there is none.
    echo_metrics_seconds
        How long plain echoes are gathered and counted together; 0 not to gather any.
    clock
        By which that goes.
    """

    def __init__(
        self,
        category: Category,
        echo_log_sample_rate: float,
        secret: Callable[[], str],
        *,
        echo_metrics_seconds: float,
        clock: Clock,
    ) -> None:
        logger = _logger()
        # What Powertools' logger wraps: to ask that for the level goes by way of its methods.
        self._logger = logging.getLogger(logger.name)
        self._formatter = cast("DecisionFormatter", logger.registered_formatter)
        self._metrics = HookMetrics(category)
        self._echo_log_sample_rate = echo_log_sample_rate
        self._secret = secret
        self._clock = clock
        self._gathered = GatheredEchoes(echo_metrics_seconds, self._clock)
        self._cold = True

    def report(self, observation: Observation, reply: Reply, service_time: float) -> None:
        """Count a hook, and log it unless it is one of the many plain echoes.

        Parameters
        ----------
        service_time
            Seconds from the event to the reply.
        """
        plain = _is_plain_echo(observation)
        decision_time = observation.decision_time
        counts_no_more = plain and not observation.reports_failure and not self._cold
        if counts_no_more and decision_time is not None:
            method = observation.request.method
            gathered = self._gathered.add(method, decision_time, service_time)
            metrics = self._echoes(gathered) if gathered else ""
        else:
            metrics = self._echoes(self._gathered.take()) + self._count(observation, service_time)
        if not plain or self._is_sampled(observation.request.decision_id):
            self._log(observation, reply, before=metrics)
        else:
            _write(metrics)

    def report_redrive(self, observation: Observation, reply: Reply) -> None:
        """Log a hook that was redriven; it was counted when WCS sent it."""
        self._log(observation, reply, redriven=True)

    def flush(self) -> None:
        """Emit what is gathered."""
        _write(self._echoes(self._gathered.take()))

    def _echoes(self, gathered: Iterable[Echoes]) -> str:
        """The lines that count them."""
        lines = ""
        for echoes in gathered:
            count = f"[{len(echoes.service_times)}]"
            values = {
                "Calls": count,
                "Echoed": count,
                "DecisionTime": _microseconds(*echoes.decision_times),
                "ServiceTime": _milliseconds(*echoes.service_times),
            }
            lines += self._metrics.line(values, echoes.method, None, echoes.since)
        return lines

    def _count(self, observation: Observation, service_time: float) -> str:
        """The line that counts a hook."""
        values = dict.fromkeys(self._counted(observation), _ONCE)
        decision, decision_time = observation.decision, observation.decision_time
        if decision is not None and decision.failures:
            values["ExpressionErrors"] = f"[{len(decision.failures)}]"
        if decision_time is not None:
            values["DecisionTime"] = _microseconds(decision_time)
        values["ServiceTime"] = _milliseconds(service_time)
        method = observation.request.method if observation.method_is_known else ""
        return self._metrics.line(values, method, observation.rest_error, self._clock.now())

    def _counted(self, observation: Observation) -> Iterator[str]:
        decision = observation.decision
        yield "Calls"
        yield _KIND_METRICS[observation.kind]
        if not observation.method_is_known:
            yield "UnknownMethod"
        if observation.reports_failure:
            yield "ReportedFailures"
        if observation.deny_suppressed:
            yield "DenySuppressed"
        if decision is not None and decision.shadow_denied:
            yield "ShadowDenied"
        if decision is not None and decision.shadow_overridden:
            yield "ShadowOverridden"
        if observation.stale:
            yield "StaleSnapshot"
        yield from _kept(observation)
        if observation.rest_error is not None:
            yield REST_ERRORS
        if self._cold:
            yield "ColdStart"
            self._cold = False

    def _log(
        self,
        observation: Observation,
        reply: Reply,
        *,
        before: str = "",
        redriven: bool = False,
    ) -> None:
        """Log a hook, behind the lines that are due."""
        failed = observation.kind is Kind.FAILED or observation.dead_lettered is False
        level = logging.ERROR if failed else logging.INFO
        if not self._logger.isEnabledFor(level):
            _write(before)
            return
        decision = observation.decision or ECHO
        facts = Facts(
            level,
            observation.category,
            observation.request.method,
            observation.kind,
            reply.status,
            observation.payload.app if observation.payload else "",
            tuple(observation.in_force.versions().items()) if observation.in_force else (),
            observation.error,
            decision.denial,
            decision.applied,
            decision.shadow_denied,
            decision.shadow_overridden,
            decision.failures,
            observation.dead_lettered,
            observation.dead_letter_fallback,
            observation.stale,
            observation.deny_suppressed,
            observation.rest_error,
            redriven,
            observation.redrive_of,
        )
        decision_id, session = observation.request.decision_id, self._session(observation)
        line = self._formatter.decision(facts, decision_id, session, self._clock.now())
        _write(f"{before}{line}")

    def _session(self, observation: Observation) -> str:
        """A session's keyed hash: whoever has the session's id has the session."""
        secret = self._secret()
        session = observation.payload.fields.get("sessionId") if observation.payload else None
        if not secret or not isinstance(session, str):
            return ""
        text = session.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=_session_key(secret), digest_size=8).hexdigest()

    def _is_sampled(self, decision_id: str) -> bool:
        return zlib.crc32(decision_id.encode()) < self._echo_log_sample_rate * 2**32


class CompilerReporter:
    """Reports on compilations."""

    def __init__(self) -> None:
        self._logger = _logger()
        self._metrics = HookMetrics(COMPILER)
        self._cold = True

    def compiled(self, status: "Status") -> None:
        """Count a compilation, and log what came of it."""
        self._metrics.add_metric("Compiled" if status.ok else "CompileErrors", _COUNT, 1)
        line = {
            "app": status.app,
            "version": status.version,
            "policies": status.policies,
            "errors": [f"{f.policy}: {f.attribute}" for f in status.errors[:10]],
            "warnings": len(status.warnings),
        }
        if status.ok:
            self._logger.info("compiled", extra=line)
        else:
            self._logger.warning("not compiled: the last good version stays in force", extra=line)

    def failed(self, app: str, error: Exception) -> None:
        """Count and log a compilation that could not be carried out."""
        self._metrics.add_metric("CompileErrors", _COUNT, 1)
        self._logger.error("compilation failed", extra={"app": app}, exc_info=error)

    def flush(self) -> None:
        """Emit what was counted since the last time."""
        if self._metrics.metric_set:
            if self._cold:
                self._metrics.add_metric("ColdStart", _COUNT, 1)
                self._cold = False
            self._metrics.flush_metrics()


def _logger() -> Logger:
    return Logger(location=None, logger_formatter=DecisionFormatter())


@lru_cache(maxsize=2)
def _session_key(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _write(lines: str) -> None:
    if lines:
        # One call, where print() would make two, each of which Lambda's standard output flushes.
        sys.stdout.write(lines)


def _microseconds(*seconds: float) -> str:
    return f"[{','.join([f'{each * 1e6:.1f}' for each in seconds])}]"


def _milliseconds(*seconds: float) -> str:
    return f"[{','.join([f'{each * 1e3:.3f}' for each in seconds])}]"


def _printable(text: str) -> str:
    """A text of moderate length without lone surrogates, which standard output does not take."""
    return text[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _rest_error_dimensions(category: str, error: RestError | None) -> dict[str, str]:
    if error is None:
        return {}
    return {
        "category": category,
        "restOnError": error.rest_on_error or UNKNOWN,
        "outcome": error.outcome or UNKNOWN,
        "cause": error.cause,
    }


def _kept(observation: Observation) -> Iterator[str]:
    if observation.dead_lettered is not None:
        yield "DeadLettered" if observation.dead_lettered else "DeadLetterLost"
    if observation.dead_letter_fallback:
        yield "DeadLetterFallback"


def _is_plain_echo(observation: Observation) -> bool:
    decision = observation.decision
    return (
        observation.kind is Kind.ECHOED
        and not observation.stale
        and not observation.deny_suppressed
        and observation.dead_lettered is None
        and observation.method_is_known
        and (
            decision is None
            or not (decision.shadow_denied or decision.shadow_overridden or decision.failures)
        )
    )
