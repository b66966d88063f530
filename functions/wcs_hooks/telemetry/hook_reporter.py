"""What is counted and logged of each hook."""

import logging
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, cast

from wcs_hooks.clock import Clock
from wcs_hooks.core.decision import ECHO
from wcs_hooks.core.keyed_hash import keyed_hash
from wcs_hooks.core.methods import STATUS_PROBE, Category
from wcs_hooks.core.payload import encode
from wcs_hooks.core.reply import Reply
from wcs_hooks.core.secrets import logged_fields
from wcs_hooks.hook.request import HookResult, Observation
from wcs_hooks.telemetry.catalogue import REST_ERRORS, Count, Name
from wcs_hooks.telemetry.decision_log import (
    DecisionFormatter,
    Facts,
    make_logger,
)
from wcs_hooks.telemetry.echo_batch import EchoBatch, Echoes
from wcs_hooks.telemetry.emf import HookMetrics, microseconds, milliseconds

_KIND_METRICS: Final[dict[HookResult, Count]] = {
    HookResult.ECHOED: "Echoed",
    HookResult.OVERRIDDEN: "Overridden",
    HookResult.DENIED: "Denied",
    HookResult.REJECTED: "Rejected",
    HookResult.MALFORMED: "Malformed",
    HookResult.FAILED: "Failed",
}

_ONCE: Final = "[1]"

_NOT_REJECTED: Final = frozenset({"none", "valid"})
"""What becomes of a token that is absent, or as it should be."""

_APPLIED: Final = "applied"
_TELLING: Final = frozenset({"match", "token", "window"})
"""Outcomes of a policy whose detail never quotes a hook."""

_MOST_PASSED_OVER: Final = 50
"""How many policies that were passed over a line names."""


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
        How long plain echoes are batched, in seconds; 0 not to batch any.
    clock
        Clock that batches and lines go by.
    logged_fields
        The fields of hooks that lines show.
    """

    def __init__(
        self,
        category: Category,
        echo_log_sample_rate: float,
        secret: Callable[[], str],
        *,
        echo_metrics_seconds: float,
        clock: Clock,
        logged_fields: Sequence[str] = (),
    ) -> None:
        logger = make_logger()
        # What Powertools' logger wraps: to ask that for the level goes by way of its methods.
        self._logger = logging.getLogger(logger.name)
        self._formatter = cast("DecisionFormatter", logger.registered_formatter)
        self._metrics = HookMetrics(category)
        self._echo_log_sample_rate = echo_log_sample_rate
        self._secret = secret
        self._clock = clock
        self._logged_fields = logged_fields
        self._batch = EchoBatch(echo_metrics_seconds, self._clock)
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
            batch = self._batch.add(method, decision_time, service_time)
            metrics = self._echoes(batch) if batch else ""
        else:
            metrics = self._echoes(self._batch.take()) + self._count(observation, service_time)
        if not plain or self._is_sampled(observation.request.decision_id):
            self._log(observation, reply, before=metrics)
        else:
            _write(metrics)

    def report_redrive(self, observation: Observation, reply: Reply) -> None:
        """Log a hook that was redriven; it was counted when WCS sent it."""
        self._log(observation, reply, redriven=True)

    def _echoes(self, batch: Iterable[Echoes]) -> str:
        """The lines that count them."""
        lines = ""
        for echoes in batch:
            count = f"[{len(echoes.service_times)}]"
            values: dict[Name, str] = {
                "Calls": count,
                "Echoed": count,
                "DecisionTime": microseconds(*echoes.decision_times),
                "ServiceTime": milliseconds(*echoes.service_times),
            }
            lines += self._metrics.line(values, echoes.method, None, echoes.since)
        return lines

    def _count(self, observation: Observation, service_time: float) -> str:
        """The line that counts a hook."""
        values = dict.fromkeys(self._counted(observation), _ONCE)
        decision, decision_time = observation.decision, observation.decision_time
        if decision is not None and decision.failures:
            values["ExpressionErrors"] = f"[{len(decision.failures)}]"
        if observation.lookup_failures:
            values["LookupErrors"] = f"[{len(observation.lookup_failures)}]"
        if observation.limit_failures:
            values["LimitErrors"] = f"[{len(observation.limit_failures)}]"
        if observation.expired_places:
            values["LeasesExpired"] = f"[{observation.expired_places}]"
        if decision_time is not None:
            values["DecisionTime"] = microseconds(decision_time)
        values["ServiceTime"] = milliseconds(service_time)
        method = observation.request.method if observation.method_is_known else ""
        return self._metrics.line(values, method, observation.rest_error, self._clock.now())

    def _counted(self, observation: Observation) -> Iterator[Name]:
        decision = observation.decision
        yield "Calls"
        yield _KIND_METRICS[observation.kind]
        if not observation.method_is_known and observation.request.method != STATUS_PROBE:
            yield "UnknownMethod"
        if observation.reports_failure:
            yield "ReportedFailures"
        if observation.deny_suppressed:
            yield "DenySuppressed"
        if decision is not None and decision.shadow_denied:
            yield "ShadowDenied"
        if decision is not None and decision.shadow_overridden:
            yield "ShadowOverridden"
        if _token_is_rejected(observation):
            yield "TokensRejected"
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
        failed = observation.kind is HookResult.FAILED or observation.dead_lettered is False
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
            _token(observation),
            observation.lookup_failures,
            observation.limit_failures,
            _passed_over(observation),
        )
        decision_id, session = observation.request.decision_id, self._session(observation)
        now, members = self._clock.now(), dict(self._members(observation))
        line = self._formatter.decision(facts, decision_id, session, now, members)
        _write(f"{before}{line}")

    def _session(self, observation: Observation) -> str:
        """A session's keyed hash: whoever has the session's id has the session."""
        secret = self._secret()
        session = observation.payload.fields.get("sessionId") if observation.payload else None
        if not secret or not isinstance(session, str):
            return ""
        return keyed_hash(session, secret)

    def _members(self, observation: Observation) -> Iterator[tuple[str, str]]:
        """What a line says that others of its kind do not, as JSON."""
        full = "; ".join(f"{policy}: {full}" for policy, full in observation.full.items())
        if full:
            yield "limit", encode(full)
        subject = None if observation.subject is None else observation.subject()
        if subject is not None:
            yield "subject", encode(subject.to_json())
        if self._logged_fields and observation.payload is not None:
            fields = logged_fields(observation.payload, self._logged_fields)
            if fields:
                yield "fields", encode(fields)

    def _is_sampled(self, decision_id: str) -> bool:
        return zlib.crc32(decision_id.encode()) < self._echo_log_sample_rate * 2**32


def _write(lines: str) -> None:
    if lines:
        # One call, where print() would make two, each of which Lambda's standard output flushes.
        sys.stdout.write(lines)


def _kept(observation: Observation) -> Iterator[Name]:
    if observation.dead_lettered is not None:
        yield "DeadLettered" if observation.dead_lettered else "DeadLetterLost"
    if observation.dead_letter_fallback:
        yield "DeadLetterFallback"


def _token(observation: Observation) -> tuple[tuple[str, str], ...]:
    """What the log says of a token: nothing that it claims, and a key's id only if it is known."""
    shown = observation.token
    if shown is None or shown.status == "none":
        return ()
    said = {"trust": shown.trust, "status": str(shown.status), "kid": shown.kid}
    return tuple((name, value) for name, value in said.items() if value)


def _passed_over(observation: Observation) -> tuple[tuple[str, str], ...] | None:
    """The policies that were considered and did not apply, each with what did not hold."""
    if observation.steps is None:
        return None
    return tuple(
        (
            f"{step.app}/{step.policy}",
            f"{step.outcome}: {step.detail}"
            if step.detail and step.outcome in _TELLING
            else step.outcome,
        )
        for step in observation.steps[:_MOST_PASSED_OVER]
        if step.outcome != _APPLIED
    )


def _token_is_rejected(observation: Observation) -> bool:
    shown = observation.token
    return shown is not None and shown.status not in _NOT_REJECTED


def _is_plain_echo(observation: Observation) -> bool:
    decision = observation.decision
    return (
        observation.kind is HookResult.ECHOED
        and not observation.stale
        and not observation.deny_suppressed
        and not _token_is_rejected(observation)
        and not observation.lookup_failures
        and not observation.limit_failures
        and not observation.expired_places
        and observation.dead_lettered is None
        and observation.method_is_known
        and (
            decision is None
            or not (decision.shadow_denied or decision.shadow_overridden or decision.failures)
        )
    )
