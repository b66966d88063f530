"""What tests of the core begin with: policies as people write them, snapshots, hooks."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wcs_hooks.core.decision import UNKNOWN_SESSION, Decision, Hook, Session, Step, decide
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import parse
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.compilation import Compilation, compile_policies
from wcs_hooks.core.snapshot import Snapshot

NOW = 1_893_499_200.0
"""2030-01-01T12:00:00Z."""

YESTERDAY = "2029-12-31T12:00:00Z"
TOMORROW = "2030-01-02T12:00:00Z"
DAY = 86_400.0

APP = "live"


def item(**attributes: Any) -> dict[str, Any]:
    """An item of the Policies table."""
    return {"app": APP, "id": "a", "method": "publishStream"} | attributes


def deny(**attributes: Any) -> dict[str, Any]:
    return item(action="deny") | attributes


def echo(**attributes: Any) -> dict[str, Any]:
    return item(action="echo") | attributes


def override(**attributes: Any) -> dict[str, Any]:
    return item(action="override") | attributes


def configure(**attributes: Any) -> dict[str, Any]:
    return item(action="configure") | attributes


def compiled(
    *items: Mapping[str, Any], app: str = APP, others: Sequence[Requirement] = (), now: float = NOW
) -> Compilation:
    return compile_policies(app, items, others, now)


def errors(*items: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The policy and the attribute of each error."""
    return [(error.policy, error.attribute) for error in compiled(*items).errors]


def warnings(*items: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The policy and the attribute of each warning about items that have no error."""
    compilation = compiled(*items)
    assert not compilation.errors
    return [(warning.policy, warning.attribute) for warning in compilation.warnings]


def snapshot(
    *items: Mapping[str, Any], app: str = APP, version: int = 1, now: float = NOW
) -> Snapshot:
    """What becomes active of policies that have no error, as the functions load it."""
    compilation = compiled(*items, app=app, now=now)
    assert not compilation.errors
    return Snapshot.load(compilation.dump(version, now))


def hook(body: bytes | Mapping[str, Any], method: str = "publishStream") -> Hook:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Hook(method, METHODS[method].category, parse(raw))


def decided(
    snapshots: Snapshot | Sequence[Snapshot],
    body: bytes | Mapping[str, Any],
    method: str = "publishStream",
    now: float = NOW,
    session: Callable[[], Session] = lambda: UNKNOWN_SESSION,
    trace: Callable[[Step], None] | None = None,
) -> Decision:
    """The decision on a hook."""
    in_force = [snapshots] if isinstance(snapshots, Snapshot) else snapshots
    return decide(in_force, hook(body, method), now, session, trace)
