"""What is seen from outside: the one place that emits metrics and writes the log.

Metrics go out in CloudWatch's embedded metric format, one line a hook. Their bytes are the largest
cost after the gateway's, so that only what was counted is emitted: no zeros, and nothing twice.

No line holds anything of a hook's body but its `appKey`: bodies are full of secrets
(`docs/wcs-protocol.md`, section 6). A session shows as a hash that only a holder of the callers'
secret can compute.
"""

import hashlib
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import UNKNOWN
from wcs_hooks.core.reply import Reply
from wcs_hooks.endpoint import Kind, Observation

if TYPE_CHECKING:
    from wcs_hooks.policy_compiler import Status

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
_MICROSECONDS: Final = MetricUnit.Microseconds.value
_MILLISECONDS: Final = MetricUnit.Milliseconds.value


class HookMetrics(AmazonCloudWatchEMFProvider):
    """Powertools' EMF provider, with the dimension sets that each metric is to have.

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
    """

    def __init__(
        self, category: Category, echo_log_sample_rate: float, secret: Callable[[], str]
    ) -> None:
        self._logger = Logger(location=None)
        self._metrics = HookMetrics(default_dimensions={"category": category})
        self._echo_log_sample_rate = echo_log_sample_rate
        self._secret = secret
        self._cold = True

    def report(self, observation: Observation, reply: Reply, service_time: float) -> None:
        """Count a hook, and log it unless it is one of the many plain echoes.

        Parameters
        ----------
        service_time
            Seconds from the event to the reply.
        """
        self._count(observation, service_time)
        if not _is_plain_echo(observation) or self._is_sampled(observation.request.decision_id):
            self._log(observation, reply)

    def report_redrive(self, observation: Observation, reply: Reply) -> None:
        """Log a hook that was redriven; it was counted when WCS sent it."""
        self._log(observation, reply, redriven=True)

    def _count(self, observation: Observation, service_time: float) -> None:
        metrics = self._metrics
        metrics.method = observation.request.method if observation.method_is_known else ""
        metrics.rest_error = _rest_error_dimensions(observation)
        for name in self._counted(observation):
            metrics.add_metric(name, _COUNT, 1)
        decision = observation.decision
        if decision is not None and decision.failures:
            metrics.add_metric("ExpressionErrors", _COUNT, len(decision.failures))
        if observation.decision_time is not None:
            microseconds = round(observation.decision_time * 1e6, 1)
            metrics.add_metric("DecisionTime", _MICROSECONDS, microseconds)
        metrics.add_metric("ServiceTime", _MILLISECONDS, round(service_time * 1e3, 3))
        metrics.flush_metrics()

    def _counted(self, observation: Observation) -> list[str]:
        decision = observation.decision
        occurred = {
            "Calls": True,
            _KIND_METRICS[observation.kind]: True,
            "UnknownMethod": not observation.method_is_known,
            "ReportedFailures": observation.reports_failure,
            "DenySuppressed": observation.deny_suppressed,
            "ShadowDenied": decision is not None and bool(decision.shadow_denied),
            "ShadowOverridden": decision is not None and bool(decision.shadow_overridden),
            "StaleSnapshot": observation.stale,
            "DeadLettered": observation.dead_lettered is True,
            "DeadLetterLost": observation.dead_lettered is False,
            REST_ERRORS: observation.rest_error is not None,
            "ColdStart": self._cold,
        }
        self._cold = False
        return [name for name, counted in occurred.items() if counted]

    def _log(self, observation: Observation, reply: Reply, *, redriven: bool = False) -> None:
        decision = observation.decision
        method = _printable(observation.request.method)
        line: dict[str, Any] = {
            "decision": observation.request.decision_id,
            "redriven": redriven or None,
            "redriveOf": observation.redrive_of,
            "category": observation.category,
            "method": method,
            "answer": observation.kind,
            "status": reply.status,
            "app": _printable(observation.payload.app) if observation.payload else None,
            "session": self._session(observation),
            "versions": observation.in_force.versions() if observation.in_force else None,
            "error": observation.error,
        }
        if decision is not None:
            line |= {
                "policy": f"{decision.denial.app}/{decision.denial.policy}"
                if decision.denial
                else "",
                "policies": decision.applied,
                "shadowDenied": decision.shadow_denied,
                "shadowOverridden": decision.shadow_overridden,
                "expressionErrors": [f"{f.policy}: {f.attribute}" for f in decision.failures],
            }
        if observation.dead_lettered is not None:
            line["deadLettered"] = observation.dead_lettered
        if observation.stale:
            line["stale"] = True
        if observation.deny_suppressed:
            line["denySuppressed"] = True
        line |= _rest_error_dimensions(observation)
        present = {name: value for name, value in line.items() if value not in (None, "", (), [])}
        failed = observation.kind is Kind.FAILED or observation.dead_lettered is False
        write = self._logger.error if failed else self._logger.info
        write(f"{method} {observation.kind}", extra=present)

    def _session(self, observation: Observation) -> str:
        """A session's keyed hash: whoever has the session's id has the session."""
        secret = self._secret()
        session = observation.payload.fields.get("sessionId") if observation.payload else None
        if not secret or not isinstance(session, str):
            return ""
        key = hashlib.sha256(secret.encode()).digest()
        text = session.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=key, digest_size=8).hexdigest()

    def _is_sampled(self, decision_id: str) -> bool:
        return zlib.crc32(decision_id.encode()) < self._echo_log_sample_rate * 2**32


class CompilerReporter:
    """Reports on compilations."""

    def __init__(self) -> None:
        self._logger = Logger(location=None)
        self._metrics = HookMetrics(default_dimensions={"category": COMPILER})
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


def _printable(text: str) -> str:
    """A text of moderate length without lone surrogates, which standard output does not take."""
    return text[:_LONGEST_NAME].encode("utf-8", "replace").decode()


def _rest_error_dimensions(observation: Observation) -> dict[str, str]:
    error = observation.rest_error
    if error is None:
        return {}
    return {
        "category": observation.category,
        "restOnError": error.rest_on_error or UNKNOWN,
        "outcome": error.outcome or UNKNOWN,
        "cause": error.cause,
    }


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
