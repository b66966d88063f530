"""The reply that a decision becomes.

An echo returns the bytes that came; an override changes the named fields alone; a denial says who
refused, and why (`docs/reference/wcs-protocol.md` section 3).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from wcs_hooks.core.decision import Denial
from wcs_hooks.core.json_template import HOLE, template
from wcs_hooks.core.payload import Payload, append_fields, encode, replace_fields

REST_CLIENT_CONFIG: Final = "restClientConfig"
OK: Final = 200


class Reply(NamedTuple):
    """What WCS gets.

    Attributes
    ----------
    status
        The HTTP status.
    body
        The body's bytes, JSON.
    """

    status: int
    body: bytes


def echo(payload: Payload) -> Reply:
    """The bytes that came."""
    return Reply(OK, payload.raw)


def override(payload: Payload, fields: Mapping[str, str] | None, client_config: str = "") -> Reply:
    """The body with some fields changed, and with connect's restClientConfig where there is one.

    Parameters
    ----------
    payload
        The hook's body.
    fields
        Field to the JSON text of its new value.
    client_config
        The JSON text of restClientConfig; empty to leave it out.
    """
    text = payload.with_fields(fields) if fields else payload.text
    if client_config:
        present = REST_CLIENT_CONFIG in payload.fields
        addition = {REST_CLIENT_CONFIG: client_config}
        text = replace_fields(text, addition) if present else append_fields(text, addition)
    return Reply(OK, text.encode())


def denial(refusal: Denial, decision_id: str) -> Reply:
    """A policy's refusal."""
    return error(refusal.status, refusal.reason, decision_id, refusal.policy, refusal.version)


def error(
    status: int,
    reason: str,
    decision_id: str,
    policy: str | None = None,
    version: int | None = None,
) -> Reply:
    """Any reply that is not 200; of those that no policy asked for, `policy` is null."""
    text = _error_template(status, reason, policy, version) % encode(decision_id)
    return Reply(status, text.encode())


# Refusals by one policy differ in the decision alone.
@lru_cache(maxsize=256)
def _error_template(status: int, reason: str, policy: str | None, version: int | None) -> str:
    fields = {"status": status, "reason": reason, "policy": policy, "version": version}
    return template({"error": {**fields, "decision": HOLE}})
