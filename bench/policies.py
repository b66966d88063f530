"""The policies that decisions and snapshots are measured with."""

import json
import time
from collections.abc import Sequence
from typing import Any, Final

from wcs_hooks.core.policy.compilation import compile_policies
from wcs_hooks.core.policy.reader import EVERY_APP

METHODS: Final = (
    *("connect", "publishStream", "playStream", "playHLS", "call"),
    *("hold", "transfer", "sendMessage", "OnCallEvent", "OnMessageEvent"),
)
"""Ten methods that can be refused."""

LAST_OF_TEN: Final = "private-009-b4e7"
LAST_OF_HUNDRED: Final = "private-099-b4e7"
"""The names of streams that only the last of a method's policies denies."""

type Item = dict[str, Any]
"""A policy as an item of the Policies table."""


def ten_methods(match: dict[str, str] | None = None) -> list[Item]:
    """100 policies over ten methods, each with `match` and `when`.

    Parameters
    ----------
    match
        The same for all; by default each has a room of its own.
    """
    return [
        _deny(f"{method}-{number:03}", method)
        | {"match": match or {"room": f"room-{number}"}, "when": _when(number, 10)}
        for method in METHODS
        for number in range(10)
    ]


def one_method() -> list[Item]:
    """100 policies of one method, each with a `when` that must be evaluated."""
    return [
        _deny(f"publishStream-{number:03}", "publishStream") | {"when": _when(number, 100)}
        for number in range(100)
    ]


def exact(count: int) -> list[Item]:
    """So many policies of one method, each for one stream's name."""
    return [
        _deny(f"publishStream-{number:06}", "publishStream")
        | {"match": {"name": f"stream-{number}"}}
        for number in range(count)
    ]


def with_expressions(count: int) -> list[Item]:
    """The same, each with an expression of its own."""
    return [
        policy | {"when": f'body.sessionId.startsWith("/192.0.2.{number}:")'}
        for number, policy in enumerate(exact(count))
    ]


def snapshot_of(policies: Sequence[Item]) -> bytes:
    """The snapshot that the compiler function would write; policies are met in this order."""
    items = [policy | {"priority": priority} for priority, policy in enumerate(policies)]
    now = time.time()
    compilation = compile_policies(EVERY_APP, items, (), now)
    if compilation.errors:
        raise ValueError(f"the policies do not compile: {compilation.errors}")
    return compilation.dump(1, now)


def _deny(policy: str, method: str) -> Item:
    return {"app": EVERY_APP, "id": policy, "method": method, "action": "deny"}


def _when(number: int, count: int) -> str:
    """Conditions differ; the last one's can be met by a stream's name alone."""
    prefix = f'body.name.startsWith("private-{number:03}-")'
    by_kind = (
        prefix,
        f"body.bitrate > {1_000 * (1 + number)} && body.hasVideo == true",
        f"body.status in {json.dumps([f'HELD-{number}', f'LATE-{number}'])}",
        f"{prefix} && body.hasVideo == true",
    )
    return by_kind[0 if number == count - 1 else number % len(by_kind)]
