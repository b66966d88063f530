"""The message in which a hook that could not be processed is kept, whole.

It holds the client's secrets, since the hook does: it goes to an encrypted queue, never to a log.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from wcs_hooks.core.methods import Category
from wcs_hooks.hook.request import Request

SCHEMA: Final = 2
"""The message's version: 2 added `versions` and `pending`. Older ones are still understood."""

PENDING: Final = "pending"
"""In a message: what is left to do besides a reply, by `SideEffect.name`."""

UNVERIFIED: Final = "unverified"
"""True in a message whose sender could not be checked, since the secret could not be read. Anybody
may have sent it: it is kept for people to look at, and not redriven."""

MAX_MESSAGE_BYTES: Final = 1_048_576
"""What an SQS message holds, https://docs.aws.amazon.com/AWSSimpleQueueService (quotas)."""

RETENTION_SECONDS: Final = 14 * 86_400
"""How long a message is kept, wherever it is: as long as SQS can."""

_ROOM_FOR_THE_REST: Final = 16_384
_MAX_TEXT: Final = 150_000
_MAX_ERROR: Final = 2_000


def message(  # noqa: PLR0913 - what it says, by name
    request: Request,
    category: Category,
    error: Exception,
    reason: str,
    now: float,
    *,
    versions: Mapping[str, int],
    pending: Sequence[str],
) -> dict[str, Any]:
    """Describe a hook and what went wrong.

    Parameters
    ----------
    reason
        What went wrong, with nothing of the body in it: it is shown to whoever lists messages.
    now
        When the hook came, in seconds since the epoch.
    versions
        Of the policies that were active, by app; empty if it did not come to that.
    pending
        What is left to do besides a reply, by `SideEffect.name`.

    Returns
    -------
    dict
        `schema`, `decision`, `category`, `method`, `error` (`kind`, `message`), `versions`,
        `pending`, `firstSeen`, `attempts` and the body: as `body` if it is text of moderate size,
        else zlib-compressed and in base85 as `bodyZlib`. A hook of 1 MiB fits even if it is full of
        base64; one that exceeds a message all the same is cut, which `bodyLost` says along with its
        size and SHA-256.
    """
    return {
        "schema": SCHEMA,
        "decision": request.decision_id,
        "category": category,
        "method": request.method,
        "error": {"kind": type(error).__name__, "message": reason[:_MAX_ERROR]},
        "versions": dict(versions),
        PENDING: list(pending),
        "firstSeen": datetime.fromtimestamp(now, UTC).isoformat(),
        "attempts": 1,
        **_body(request.body),
    }


class UnknownSchemaError(Exception):
    """A message of a newer version, which another deployment wrote."""


def pending_of(message: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What is left to do besides a reply; none where the message does not say, as before schema 2.

    Raises
    ------
    UnknownSchemaError
        If the message is of a version that is not known here, and might mean something else.

    Examples
    --------
    >>> pending_of({"schema": 2, "pending": ["session"]}), pending_of({"schema": 1})
    (('session',), None)
    """
    schema = message.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise UnknownSchemaError(
            f"the message has schema {schema!r}, and this deployment knows up to {SCHEMA}: "
            "deploy the version that wrote it"
        )
    pending = message.get(PENDING)
    return tuple(pending) if isinstance(pending, list) else None


def first_seen_of(message: Mapping[str, Any]) -> float | None:
    """When the hook came, in seconds since the epoch; none where the message does not say.

    Examples
    --------
    >>> first_seen_of({"firstSeen": "2030-01-01T12:00:00+00:00"}), first_seen_of({"schema": 1})
    (1893499200.0, None)
    """
    try:
        return datetime.fromisoformat(message["firstSeen"]).timestamp()
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


class IncompleteMessageError(Exception):
    """A message that does not hold the whole hook, or none at all."""


def body_of(message: Mapping[str, Any]) -> bytes:
    """The hook's body, from a message.

    Raises
    ------
    IncompleteMessageError
        If the body was too large for a message and is cut, or if this is not a message of a hook.

    Examples
    --------
    >>> body_of({"body": "{}"})
    b'{}'
    """
    if "bodyLost" in message:
        raise IncompleteMessageError("the hook's body was too large to be kept whole")
    try:
        if "body" in message:
            text: str = message["body"]
            return text.encode()
        return zlib.decompress(base64.b85decode(message["bodyZlib"]))
    except (KeyError, TypeError, AttributeError, ValueError, zlib.error) as error:
        raise IncompleteMessageError("the message does not hold a hook") from error


def _body(body: bytes) -> dict[str, Any]:
    if len(body) <= _MAX_TEXT:
        try:
            return {"body": body.decode()}
        except UnicodeDecodeError:
            pass
    compressed = base64.b85encode(zlib.compress(body)).decode()
    if len(compressed) <= MAX_MESSAGE_BYTES - _ROOM_FOR_THE_REST:
        return {"bodyZlib": compressed}
    kept = body[:_MAX_TEXT]
    lost = {"size": len(body), "kept": len(kept), "sha256": hashlib.sha256(body).hexdigest()}
    return {"bodyZlib": base64.b85encode(zlib.compress(kept)).decode(), "bodyLost": lost}


def to_text(message: dict[str, Any]) -> str:
    """The message as it is sent."""
    # In ASCII: SQS refuses some characters that JSON need not escape, such as U+FFFE.
    return json.dumps(message, separators=(",", ":"))
