"""Sends hooks to a deployment as WCS does, each from a client that has connected before."""

import json
import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

from simulated_wcs.transport import Authentication, Exchange, HookReply, HookTarget, HookTransport
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.outcome import STREAM_KEEP_ALIVE
from wcs_hooks.core.payload import MalformedBodyError, append_fields, encode, parse
from wcs_hooks.core.reply import OK
from wcsctl.errors import UnreachableError, UsageError

APP: Final = "defaultApp"
"""The `appKey` of a hook that names none: WCS's own default application."""

NODE: Final = "wcsctl"
_OF_CLIENTS: Final = frozenset({Category.DIRECT, Category.INCOMING})
_SHARED: Final = ("nodeId", "appKey", "sessionId")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent, and what came back.

    Attributes
    ----------
    connect
        The connect that came before; none where none did.
    hook
        The hook itself; none where its connect was refused, so that WCS would not have sent it.
    """

    connect: Exchange | None
    hook: Exchange | None


def send(
    target: HookTarget,
    authentication: Authentication,
    method: str,
    body: bytes,
    connect: bytes | None,
) -> Sent:
    """Send a hook, after its connect if there is one.

    Raises
    ------
    UnreachableError
        If nothing answers.
    """
    with closing(HookTransport(target, authentication, retries=0)) as transport:
        before = None if connect is None else transport.send("connect", connect)
        if before is not None and answer_to(before).status != OK:
            return Sent(before, None)
        hook = transport.send(method, body)
        answer_to(hook)
        return Sent(before, hook)


def send_alone(
    target: HookTarget, authentication: Authentication, method: str, body: bytes
) -> HookReply:
    """Send a hook without a connect before it, and return the reply.

    Raises
    ------
    UnreachableError
        If nothing answers.
    """
    with closing(HookTransport(target, authentication, retries=0)) as transport:
        return answer_to(transport.send(method, body))


def answer_to(exchange: Exchange) -> HookReply:
    """Return the reply to a hook.

    Raises
    ------
    UnreachableError
        If nothing answered.
    """
    if exchange.reply is None:
        raise UnreachableError(
            f"No answer to {exchange.method} from {exchange.url}: {exchange.send_errors[0]}. "
            "Is it deployed and running? `make local` starts the deployment on this machine."
        )
    return exchange.reply


def as_of_client(
    method: str, body: bytes, connect_fields: Mapping[str, Any] | None
) -> tuple[bytes | None, bytes]:
    """Make a hook one of a client that has connected.

    Parameters
    ----------
    method
        As WCS sends it.
    body
        The hook's. `appKey`, and for a client's hook `nodeId` and `sessionId`, are added where they
        are missing; all else stays byte for byte. What is not a hook's body stays as it is.
    connect_fields
        What its connect says beside these three; none for nothing.

    Returns
    -------
    tuple
        The body of the connect to be sent before, none where none has to: for other methods than a
        client's, and for a hook that names its session, unless `connect_fields` are given. Then the
        hook's body.

    Examples
    --------
    >>> connect, hook = as_of_client("call", b'{"appKey":"a","nodeId":"n","sessionId":"s"}', None)
    >>> connect, hook
    (None, b'{"appKey":"a","nodeId":"n","sessionId":"s"}')
    """
    try:
        payload = parse(body)
    except MalformedBodyError:
        # It is sent to see what becomes of it.
        return None, body
    fields = payload.fields
    missing: dict[str, Any] = {} if "appKey" in fields else {"appKey": APP}
    is_new = "sessionId" not in fields
    if needs_session(method) or method == "connect":
        if is_new:
            missing["sessionId"] = f"/127.0.0.1:50000/127.0.0.1:8443-{uuid.uuid4()}"
        if "nodeId" not in fields and is_new:
            missing["nodeId"] = NODE
    text = append_fields(payload.text, {name: encode(value) for name, value in missing.items()})
    connects = needs_session(method) and (is_new or connect_fields is not None)
    if not connects:
        return None, text.encode()
    known = fields | missing
    shared = {name: known[name] for name in _SHARED if name in known}
    connect = shared | dict(connect_fields or {})
    return encode(connect).encode(), text.encode()


def needs_session(method: str) -> bool:
    """Whether a method's hooks come from clients that have connected before."""
    known = METHODS.get(method)
    if known is None or method in PLAYERS:
        return False
    return known.category in _OF_CLIENTS or known.canonical == STREAM_KEEP_ALIVE


def fields_of(assignments: Iterable[str]) -> dict[str, Any]:
    """Read fields from words: `name=text`, `name:=JSON`; a dotted name makes nested objects.

    Raises
    ------
    UsageError
        If a word is something else.

    Examples
    --------
    >>> fields_of(["callee=100", "hasVideo:=true", "custom.role=teacher"])
    {'callee': '100', 'hasVideo': True, 'custom': {'role': 'teacher'}}
    """
    fields: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        *path, last = name.removesuffix(":").split(".")
        if not separator or not last or not all(path):
            raise UsageError(
                f"{assignment!r} is not a field: write name=text, or name:=JSON for anything else."
            )
        inner = fields
        for step in path:
            inner = inner.setdefault(step, {})
            if not isinstance(inner, dict):
                raise UsageError(f"{assignment!r}: {step} has another value already.")
        inner[last] = _json(assignment, value) if name.endswith(":") else value
    return fields


def _json(assignment: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(f"{assignment!r}: {text!r} is not JSON: {error}.") from None
