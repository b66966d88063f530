"""The decision of this project."""

import json
import time
import zlib
from collections.abc import Sequence
from typing import Any

from bench.engines.rules import Is, MoreThan, OneOf, Question, Rule, StartsWith, Term
from wcs_hooks.core.compilation import compile_policies
from wcs_hooks.core.decision import Hook, decide
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import Payload
from wcs_hooks.core.policy import EVERY_APP
from wcs_hooks.core.snapshot import Snapshot


class Ours:
    """Policies, compiled and loaded as the functions have them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._snapshots = [Snapshot.load(snapshot_of(rules))]

    def decide(self, question: Question) -> str:
        """The id of the policy that denies; empty if none does."""
        # Made anew for each decision, as for each hook.
        payload = Payload(question.raw, question.text, question.body)
        hook = Hook(question.method, METHODS[question.method].category, payload)
        decision = decide(self._snapshots, hook, time.time())
        return decision.denial.policy if decision.denial else ""


class OursByCel(Ours):
    """The same without guards: each condition that is looked at is evaluated by the CEL runtime.

    So have it snapshots that were made before there were guards, whose policies end one member
    earlier.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        document = json.loads(zlib.decompress(snapshot_of(rules)))
        for record in document["policies"]:
            del record[-1]
        self._snapshots = [Snapshot.load(zlib.compress(json.dumps(document).encode()))]


def snapshot_of(rules: Sequence[Rule]) -> bytes:
    """The snapshot that the compiler function would write."""
    items = [policy(rule, priority) for priority, rule in enumerate(rules)]
    now = time.time()
    compilation = compile_policies(EVERY_APP, items, (), now)
    if compilation.errors:
        raise ValueError(f"the rules do not compile: {compilation.errors}")
    return compilation.dump(1, now)


def policy(rule: Rule, priority: int) -> dict[str, Any]:
    """A rule as an item of the Policies table."""
    item: dict[str, Any] = {
        "app": EVERY_APP,
        "id": rule.id,
        "method": rule.method,
        "action": "deny",
        "priority": priority,
    }
    if rule.match is not None:
        item["match"] = {rule.match[0]: rule.match[1]}
    if rule.when:
        item["when"] = expression(rule)
    return item


def expression(rule: Rule) -> str:
    """A rule's `when` in CEL."""
    return " && ".join(_term(term) for term in rule.when)


def _term(term: Term) -> str:
    match term:
        case StartsWith(field, prefix):
            return f"body.{field}.startsWith({json.dumps(prefix)})"
        case MoreThan(field, number):
            return f"body.{field} > {number}"
        case OneOf(field, texts):
            return f"body.{field} in {json.dumps(texts)}"
        case Is(field, truth):
            return f"body.{field} == {json.dumps(truth)}"
