"""The decision: it is made for any hook, the same each time, and is what the contract says."""

import json
import math
from collections.abc import Iterable
from typing import Any, Final

from tests.property.policies import HOOKS, answer
from tests.unit.given import NOW
from tests.unit.given import snapshot as compiled
from verification.fuzz.corpus import bodies
from verification.fuzz.policies_in_force import snapshots
from verification.fuzz.target import promise
from wcs_hooks.core import reply
from wcs_hooks.core.cel.expression import MAX_VISIBLE_VALUES
from wcs_hooks.core.decision import (
    UNKNOWN_SESSION,
    Decision,
    Hook,
    Session,
    Verdict,
    decide,
)
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import MalformedBodyError, Payload, parse
from wcs_hooks.core.policy.vocabulary import has_more_values_than

_METHODS: Final = tuple(METHODS)
_SESSIONS: Final = (
    UNKNOWN_SESSION,
    Session({"custom": {"role": "teacher"}}),
    Session({"custom": {"role": [1, None]}, "a": 1e308}),
    None,
)
_CONTRACT: Final[list[dict[str, Any]]] = [
    {"id": "p1", "method": "*", "action": "override", "priority": 1, "match": {"a": 1},
     "set": {"name": "one"}, "compute": {"record": "body.a"}},
    {"id": "p2", "method": ["call", "publishStream"], "action": "deny", "when": "body.a == 1",
     "match": {"c.d": [1, "x", None, True]}, "whenError": "skip"},
    {"id": "p3", "method": "*", "action": "override", "when": "'b' in body",
     "set": {"a": None}, "compute": {"record": "has(body.b) ? body.b : null"}},
    {"id": "p4", "method": "@direct", "action": "deny", "when": "body.b == 'x'", "mode": "shadow"},
    {"id": "p5", "method": "call", "action": "echo", "match": {"b": ["x", [1], {"d": 1}]}},
    {"id": "p6", "method": ["connect", "OnCallEvent"], "action": "deny", "when": "body.a",
     "whenError": "match", "status": 451, "match": {"b": ["x", "y"]}},
    {"id": "p7", "method": "*", "action": "override", "mode": "shadow", "set": {"name": 1}},
]  # fmt: skip


class Decided:
    """`wcs_hooks.core.decision.decide`. Two bytes choose the method and the session."""

    def __init__(self) -> None:
        self._snapshots = snapshots()
        self._contract = [{"app": "live", **policy} for policy in _CONTRACT]
        self._by_contract = compiled(*self._contract)
        self._contract_methods = tuple(HOOKS)

    def seeds(self) -> Iterable[bytes]:
        """Bodies, each for some methods."""
        for number, body in enumerate(bodies()):
            for step in range(4):
                yield bytes([(7 * number + 11 * step) % 256, step]) + body

    def __call__(self, data: bytes) -> None:
        """Decide on a hook."""
        if len(data) < 2:
            return
        try:
            payload = parse(data[2:])
        except MalformedBodyError:
            return
        method = _METHODS[data[0] % len(_METHODS)]
        hook = Hook(method, METHODS[method].category, payload)
        session = _SESSIONS[data[1] % len(_SESSIONS)]
        first, again = self._decided(hook, session), self._decided(hook, session)
        promise(first == again, "the same hook is decided in two ways")
        if first is not None:
            _check(first, payload)
        self._compare(self._contract_methods[data[0] % len(self._contract_methods)], payload)

    def _decided(self, hook: Hook, session: Session | None) -> Decision | None:
        def found() -> Session:
            if session is None:
                raise UnavailableError("it is out")
            return session

        try:
            return decide(self._snapshots, hook, NOW, found)
        except UnavailableError:
            promise(session is None, "the session was there")
            return None

    def _compare(self, method: str, payload: Payload) -> None:
        if (
            payload.expression_fields is not payload.fields
            or _is_infinite(payload.fields)
            or has_more_values_than(MAX_VISIBLE_VALUES, payload.fields)
        ):
            # The plain form of the contract knows nothing of what CEL cannot hold, or must not see.
            return
        hook = Hook(method, HOOKS[method], payload)
        decision = decide([self._by_contract], hook, NOW)
        expected = answer(self._contract, method, payload.fields, NOW)
        denied = decision.denial and (
            f"live/{decision.denial.policy}",
            decision.denial.status,
            decision.denial.reason,
        )
        fields = {name: json.loads(text) for name, text in (decision.fields or {}).items()}
        promise(denied == expected.denied_by, "the contract denies otherwise")
        promise(list(decision.applied) == expected.applied, "the contract applies other policies")
        promise(
            json.dumps(fields, sort_keys=True) == json.dumps(expected.fields, sort_keys=True)
            or fields == expected.fields,
            "the contract sets other fields",
        )
        promise(
            list(decision.shadow_denied) == expected.shadow_denied
            and list(decision.shadow_overridden) == expected.shadow_overridden,
            "the contract counts other shadows",
        )
        promise(
            [(each.policy, each.attribute) for each in decision.failures] == expected.failed,
            "other expressions have no value by the contract",
        )


def _check(decision: Decision, payload: Payload) -> None:
    promise((decision.verdict is Verdict.DENY) == (decision.denial is not None), "no denial")
    promise((decision.verdict is Verdict.OVERRIDE) == bool(decision.fields), "no fields")
    if decision.denial is not None:
        promise(400 <= decision.denial.status < 600, "no status of an error")
        json.loads(reply.denial(decision.denial, "id").body)
    if decision.fields:
        values = {name: json.loads(text) for name, text in decision.fields.items()}
        body = json.loads(reply.override(payload, decision.fields).body)
        promise(body | values == body, "the override is not in the reply")


def _is_infinite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isinf(value)
    if isinstance(value, dict):
        return any(map(_is_infinite, value.values()))
    return isinstance(value, list) and any(map(_is_infinite, value))
