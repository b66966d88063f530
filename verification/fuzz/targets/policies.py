"""The compiler: whatever is in the table is refused by name, or decides; nothing is raised."""

import json
from collections.abc import Iterable
from typing import Any, Final

from tests.support.fake_clock import FakeClock
from tests.support.in_memory_policy_store import InMemoryPolicyStore
from tests.unit.given import NOW
from verification.fuzz.corpus import policies
from verification.fuzz.target import promise
from wcs_hooks.adapters.dynamo_policy_store import from_attributes, to_attributes
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.decision import Hook, Session, decide
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import parse
from wcs_hooks.core.policy.reader import ATTRIBUTES, Severity
from wcs_hooks.core.policy.vocabulary import PIN_ID

APPS: Final = ("live", "*", "#apps", "\N{SNOWMAN}\t", "a" * 2048, "a/b.c#d")
"""Names of apps, good and odd."""

_GOOD: Final = {"method": "publishStream", "action": "deny"}
_HOOKS: Final = (
    ("connect", b'{"appKey":"live","sessionId":"s","custom":{"role":"teacher"}}'),
    ("publishStream", b'{"appKey":"live","sessionId":"s","name":"private-1","a":[1,{"b":2}]}'),
    ("StreamKeepAliveEvent", b'{"appKey":"live","sessionId":"s","bitrate":1e400}'),
    ("OnCallEvent", b'{"appKey":"live","callee":"100","caller":"\\ud800\\u0000"}'),
)
_SESSION: Final = Session({"custom": {"role": "teacher", "expires": "2030-01-01T00:00:00Z"}})


class Policies:
    """`PolicyCompiler`, on items as DynamoDB has them: JSON text of one or of several.

    The first byte chooses the app.
    """

    def seeds(self) -> Iterable[bytes]:
        """The examples and the cookbook, and items that use every type."""
        for number, policy in enumerate(policies()):
            yield bytes([number % 2]) + json.dumps(attributes(policy)).encode()
        several = [attributes(policy) for policy in policies()]
        for start in range(0, len(several), 3):
            yield b"\0" + json.dumps(several[start : start + 3]).encode()
        for item in ODD_ITEMS:
            yield b"\0" + json.dumps(item).encode()

    def __call__(self, data: bytes) -> None:
        """Edit the policies of an app that has a good version active."""
        items = _items(data[1:])
        if items is None:
            return
        compile_hostile(APPS[data[0] % len(APPS)], items)


def compile_hostile(app: str, items: list[dict[str, Any]]) -> Status:
    """Edit an app's policies, which are in JSON's types, and check what comes of it."""
    clock = FakeClock(NOW)
    store = InMemoryPolicyStore()
    compiler = PolicyCompiler(store, clock)
    store.put(app, "good", **_GOOD)
    before = compiler.compile(app).version
    for item in items:
        own = {name: value for name, value in item.items() if name not in {"app", "id"}}
        store._items[app][item["id"]] = {"app": app, "id": item["id"], **own}
    clock.advance(1)
    status = compiler.compile(app)
    for finding in (*status.errors, *status.warnings):
        _check_finding(finding.policy, finding.attribute, finding.message, items)
    to_attributes({"errors": [[f.policy, f.attribute, f.message] for f in status.errors]})
    promise(status.ok == (not status.errors), "it is in order, and is not")
    promise(all(f.severity is Severity.ERROR for f in status.errors), "no error")
    in_force = store.in_force(app).version
    promise(status.version == in_force, "the status has another version")
    if not status.ok:
        pinned = any(item["id"] == PIN_ID for item in items)
        promise(pinned or in_force == before, "a version with errors is active")
    elif in_force:
        _decide(ActivePolicies([store.versions[app][in_force].snapshot]))
    return status


def _check_finding(policy: str, attribute: str, message: str, items: list[dict[str, Any]]) -> None:
    promise(message, "a finding says nothing")
    known = {"": [], "good": _GOOD, **{str(item["id"]): item for item in items}}
    promise(policy in known, f"a finding names no policy: {policy!r}")
    names = [*ATTRIBUTES, *known.get(policy, ()), "version", "app", "compute", "when"]
    promise(
        any(attribute == name or attribute.startswith(f"{name}.") for name in names),
        f"a finding names no attribute: {attribute!r}",
    )


def _decide(in_force: ActivePolicies) -> None:
    for method, body in _HOOKS:
        hook = Hook(method, METHODS[method].category, parse(body))
        decision = decide(in_force.snapshots, hook, NOW, lambda: _SESSION)
        for text in (decision.fields or {}).values():
            json.loads(text)
    json.loads(in_force.client_config(NOW) or "{}")
    for method in METHODS:
        in_force.rest_on_error(method, NOW)


def _items(text: bytes) -> list[dict[str, Any]] | None:
    """Items as the store reads them; none where DynamoDB could not hold them."""
    try:
        given = json.loads(text.decode())
        given = given if isinstance(given, list) else [given]
        items = [from_attributes(stored(item)) for item in given[:8]]
        json.dumps(items, default=str, ensure_ascii=False).encode()
    except (ValueError, TypeError, AttributeError, ArithmeticError, RecursionError):
        return None
    for number, item in enumerate(items):
        if not isinstance(item.get("id"), str) or not item["id"] or item["id"] == "#status":
            item["id"] = f"p{number}"
    return items


def attributes(value: Any) -> Any:
    """An item as DynamoDB writes it."""
    return {name: _typed(inner) for name, inner in value.items()}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"M": {name: _typed(inner) for name, inner in value.items()}}
    if isinstance(value, list):
        return {"L": [_typed(inner) for inner in value]}
    return {"N": value} if str(value).isdigit() else {"S": str(value)}


def stored(item: Any) -> Any:
    """An item that was written in JSON, with bytes where DynamoDB's client has them."""
    if isinstance(item, list):
        return [stored(inner) for inner in item]
    if not isinstance(item, dict):
        return item
    read = {name: stored(inner) for name, inner in item.items()}
    if len(read) == 1 and isinstance(read.get("B"), str):
        return {"B": read["B"].encode("utf-8", "replace")}
    if len(read) == 1 and isinstance(read.get("BS"), list):
        return {"BS": [str(inner).encode("utf-8", "replace") for inner in read["BS"]]}
    return read


_DENY: Final = {"id": {"S": "x"}, "method": {"S": "call"}, "action": {"S": "deny"}}
ODD_ITEMS: Final[list[dict[str, Any]]] = [
    {**_DENY, "method": {"SS": ["call", "@direct"]}, "status": {"N": "451.0"}},
    {**_DENY, "method": {"NULL": True}, "when": {"B": "AAAA"}, "match": {"M": {}}},
    {**_DENY, "match": {"M": {"a": {"NS": ["1", "1E+30"]}, "b.c": {"BS": ["AAAA"]}}}},
    {**_DENY, "priority": {"N": "9999999999999999999999999999999999999E+80"}},
    {**_DENY, "priority": {"N": "-0"}, "when": {"S": "body.a.matches('(a*)*$')"}},
    {**_DENY, "when": {"S": "[1,2,3].map(x, [1,2].map(y, x * y)).size() > 1"}},
    {**_DENY, "notBefore": {"S": "0001-01-01T00:00:00+14:00"}, "notAfter": {"S": "9999"}},
    {**_DENY, "action": {"S": "override"}, "set": {"M": {"a": {"N": "1E-130"}}}},
    {**_DENY, "action": {"S": "override"}, "compute": {"M": {"a": {"S": "body"}, "b": {"N": "1"}}}},
    {**_DENY, "action": {"S": "configure"}, "restOverwrite": {"S": "a,b"}},
    {**_DENY, "id": {"S": "#pin"}, "version": {"N": "1"}},
    {**_DENY, "mode": {"BOOL": True}, "whenError": {"L": [{"M": {"a": {"L": []}}}]}},
]
"""What the console lets one enter, and what it does not mean."""

WORDS: Final = (
    *("body.name.startsWith('x')", "session.custom.role == 'teacher'", "known", "now", "body"),
    *("body.exists(k, k == 'a')", "[1, 2, 3].map(x, x * 2)", "body.name.matches('(a+)+$')", "1u"),
    *(
        "size(body) > 3 && has(body.a)",
        "body.a.b.c[0]",
        "timestamp(body.since)",
        "b'\\xff'",
        "'\\0'",
    ),
    *(
        "true ? 1 : 'x'",
        "9223372036854775807 + 1",
        "1 / 0",
        "{'a': 1}",
        "duration('1h')",
        "string(1)",
    ),
    *(
        "deny",
        "override",
        "configure",
        "shadow",
        "off",
        "match",
        "skip",
        "FAIL",
        "DISABLE",
        "@event",
    ),
    *("2030-01-31T18:00:00Z", "name,custom", "restClientConfig", "sessionId"),
)
"""Pieces of policies, for mutations."""

POOL: Final[list[Any]] = [
    *({"S": word} for word in WORDS),
    *({"N": number} for number in ("0", "-1", "1E+125", "NaN", "403", "1.5", "9" * 38, "Infinity")),
    *({"NULL": True}, {"BOOL": False}, {"B": "AAAA"}, {"SS": ["a", "call"]}, {"NS": ["1", "2"]}),
    *({"L": []}, {"M": {}}, {"L": [{"S": "call"}, {"N": "1"}]}, {"M": {"name": {"S": "x"}}}),
    *WORDS,
]
"""Values of attributes, for mutations."""
