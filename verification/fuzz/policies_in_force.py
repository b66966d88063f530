"""Policies with all that a policy can do, for the targets that decide."""

from typing import Any, Final

from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.unit.given import NOW, TOMORROW, YESTERDAY
from wcs_hooks.core.snapshot import Snapshot

OWN: Final[list[dict[str, Any]]] = [
    {
        "id": "teachers",
        "method": "connect",
        "action": "echo",
        "priority": 5,
        "match": {"custom.role": ["teacher", "head"], "custom.token": ["a", 1, [1], {"x": None}]},
    },
    {
        "id": "private",
        "method": ["publishStream", "playStream"],
        "action": "deny",
        "when": "body.name.startsWith('private-')",
        "reason": "private",
    },
    {
        "id": "ours-only",
        "method": "@direct",
        "action": "deny",
        "status": 451,
        "priority": 50,
        "when": "known && session.custom.role != 'teacher' && body.name.endsWith('-staff')",
        "whenError": "skip",
    },
    {
        "id": "listed",
        "method": "*",
        "action": "override",
        "priority": 60,
        "match": {"name": [f"name-{number}" for number in range(200)], "width": [0, 640, 2]},
        "set": {"name": "listed", "custom": {"a": [1, None]}},
    },
    {
        "id": "renamed",
        "method": "*",
        "action": "override",
        "priority": 70,
        "when": "has(body.name) && size(body.name) > 3",
        "compute": {
            "name": "method + body.name",
            "height": "body.height",
            "a": "has(body.a) ? body.a : [1, 2u, 'x']",
        },
    },
    {
        "id": "formed",
        "method": "*",
        "action": "override",
        "priority": 75,
        "when": "body.name.matches('^[a-z0-9-]{1,20}$') || body.callee.matches('^[0-9]+$')",
        "set": {"record": True, "sdp": ""},
    },
    {
        "id": "listing",
        "method": "*",
        "action": "override",
        "priority": 76,
        "when": "body.exists(n, n.startsWith('sip')) && body.mediaProviders.all(p, p != 'x')",
        "compute": {"mediaProviders": "body.mediaProviders.filter(p, p != 'WSPlayer')"},
    },
    {
        "id": "opens",
        "method": ["@connect", "@direct", "@incoming"],
        "action": "deny",
        "mode": "shadow",
        "priority": 80,
        "notBefore": YESTERDAY,
        "notAfter": TOMORROW,
        "when": "now > timestamp('2020-01-01T00:00:00Z')",
    },
    {
        "id": "would-set",
        "method": "*",
        "action": "override",
        "mode": "shadow",
        "priority": 81,
        "compute": {"b": "body"},
    },
    {"id": "closed", "method": "call", "action": "deny", "notAfter": YESTERDAY},
    {"id": "to-come", "method": "call", "action": "deny", "notBefore": TOMORROW},
    {
        "id": "numbers",
        "method": ["call", "@incoming"],
        "action": "deny",
        "when": "int(body.callee) > 1000 && double(body.caller) < 5.0",
        "whenError": "skip",
    },
    {
        "id": "keep-alive",
        "method": "StreamKeepAliveEvent",
        "action": "deny",
        "when": "body.bitrate < 10 || now - timestamp(body.since) > duration('1h')",
        "whenError": "skip",
    },
    {"id": "excluded", "method": "publishStream", "action": "configure", "clientExclude": "sdp"},
]
EVERY_APP: Final[list[dict[str, Any]]] = [
    {"id": "no-sip", "method": "connect", "action": "deny", "match": {"sipDomain": "example.org"}},
    {
        "id": "passes",
        "method": ["playHLS", "playRTSP"],
        "action": "deny",
        "priority": 20,
        "when": "!(body.custom.aclAuth in ['pass-1', 'pass-2'])",
    },
    {
        "id": "marked",
        "method": "*",
        "action": "override",
        "priority": 200,
        "set": {"marked": "yes"},
        "match": {"app.nested.path": [True, 0, "x"]},
    },
]


def in_force() -> InMemorySnapshots:
    """The policies of the app `live` and of every app."""
    snapshots = InMemorySnapshots()
    snapshots.publish("live", *OWN, now=NOW)
    snapshots.publish("*", *EVERY_APP, now=NOW)
    return snapshots


def snapshots() -> list[Snapshot]:
    """The same, as a decision takes them."""
    source = in_force()
    return [source.snapshot(pointer) for pointer in source.pointers(["live", "*"]).values()]
