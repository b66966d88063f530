"""An action written down: requests, replies, and what clients saw."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simulated_wcs.action import HookCall, PerformedAction
from simulated_wcs.session import Message
from simulated_wcs.transport import AUTHORIZATION, HookReply

_LONGEST_TEXT: Final = 100
_LONGEST_BODY: Final = 2000


def transcript_lines(
    action: PerformedAction | None, seen: Mapping[str, Sequence[Message]]
) -> Iterator[str]:
    """The lines of a transcript; the signature is left out."""
    if action is not None:
        for hook in action.hooks:
            yield ""
            yield from _exchange(hook)
        if action.initiator:
            yield f"the initiator gets {dict(action.initiator)}"
    for client, messages in seen.items():
        for message in messages:
            yield ""
            yield f"client {client} sees {message.event}"
            yield from _indented(_pretty(dict(message.fields)))


def short(value: Any) -> str:
    """A value, cut where it is long."""
    text = repr(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."


def _exchange(hook: HookCall) -> Iterator[str]:
    exchange = hook.exchange
    if exchange is None:
        yield f"{hook.method} was not sent"
        return
    yield f"POST {exchange.url}"
    for name, value in exchange.headers.items():
        yield f"  {name}: {'(left out)' if name == AUTHORIZATION else value}"
    yield from _body(exchange.body)
    for attempt, error in enumerate(exchange.send_errors, start=1):
        yield f"attempt {attempt}: {error}"
    if exchange.reply is None:
        yield f"no answer within {exchange.seconds:.1f} s"
    else:
        yield from _reply(exchange.reply, exchange.seconds)
    if hook.error is not None:
        held = f"restOnError {hook.error.rest_on_error}, {hook.error.outcome}"
        yield f"interaction error: {hook.error.what} ({held})"


def _reply(reply: HookReply, seconds: float) -> Iterator[str]:
    yield f"answered {reply.status} {reply.reason} in {seconds * 1000:.0f} ms"
    for name in ("content-type", "x-decision-id"):
        if name in reply.headers:
            yield f"  {name}: {reply.headers[name]}"
    yield from _body(reply.body)


def _body(body: bytes) -> Iterator[str]:
    try:
        text = _pretty(json.loads(body))
    except ValueError:
        text = repr(body)
    if len(text) > _LONGEST_BODY:
        text = f"{text[:_LONGEST_BODY]}\n..."
    yield from _indented(text)


def _pretty(value: Any) -> str:
    return json.dumps(_cut(value), indent=2, ensure_ascii=False)


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}... ({len(value)} characters)"
    if isinstance(value, dict):
        return {name: _cut(member) for name, member in value.items()}
    return value


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"  {line}"
