"""Redrive: a dead letter that is handed back to the function that could not process it."""

from collections.abc import Mapping, Sequence
from typing import Any

from wcs_hooks.hook.dead_letter import (
    PENDING,
    UNVERIFIED,
    UnknownSchemaError,
    body_of,
    first_seen_of,
    pending_of,
)
from wcs_hooks.hook.endpoint import HookEndpoint
from wcs_hooks.hook.request import HookResult, Request
from wcs_hooks.telemetry.hook_reporter import HookReporter


def redrive(
    endpoint: HookEndpoint, reporter: HookReporter, message: Mapping[str, Any], decision_id: str
) -> dict[str, Any]:
    """Answer a hook again that was kept as a dead letter.

    Parameters
    ----------
    message
        The dead letter.
    decision_id
        The id of the decision that is made now.

    Returns
    -------
    dict
        `decision`, `status`, `answer`, `policies`, `error`; where something was tried, also
        `pending`, what is left to do besides a reply, and `denySuppressed`.

    Raises
    ------
    IncompleteMessageError
        If the message does not hold the whole hook.
    """
    if message.get(UNVERIFIED):
        reason = "nobody could check whether WCS sent it: the secret could not be read then"
        return _redriven(decision_id, 403, HookResult.REJECTED, error=reason)
    try:
        pending = pending_of(message)
    except UnknownSchemaError as error:
        return _redriven(decision_id, 503, HookResult.FAILED, error=str(error))
    request = Request(message["method"], body_of(message), None, "", decision_id)
    original = message.get("decision") or decision_id
    came_at = first_seen_of(message)
    reply, observation, left = endpoint.redrive(request, original, pending, came_at)
    reporter.report_redrive(observation, reply)
    decision = observation.decision
    result = _redriven(
        decision_id,
        reply.status,
        observation.kind,
        policies=decision.applied if decision else (),
        error=observation.error,
        pending=left,
    )
    return result | {"denySuppressed": observation.deny_suppressed}


def _redriven(
    decision_id: str,
    status: int,
    answer: HookResult,
    *,
    policies: Sequence[str] = (),
    error: str = "",
    pending: Sequence[str] | None = None,
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "decision": decision_id,
        "status": status,
        "answer": answer,
        "policies": list(policies),
        "error": error,
    }
    return result if pending is None else result | {PENDING: list(pending)}
