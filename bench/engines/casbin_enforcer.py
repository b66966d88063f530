"""PyCasbin: https://github.com/casbin/pycasbin.

An enforcer for each method, which is generous: Casbin's own way is one enforcer, with the method as
the act. Rules differ in what they ask for, so each has its own expression, by `eval`.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import casbin

from bench.engines.rules import Is, MoreThan, OneOf, Question, Rule, StartsWith, Term

_MODEL: Final = """
[request_definition]
r = body

[policy_definition]
p = id, rule, eft

[policy_effect]
e = !some(where (p.eft == deny))

[matchers]
m = eval(p.rule)
"""


class CasbinEnforcer:
    """An enforcer for each method."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        by_method: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            by_method[rule.method].append(rule)
        self._enforcers: dict[str, casbin.Enforcer] = {}
        for method, own in by_method.items():
            enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=_MODEL))
            enforcer.add_policies([[rule.id, _rule(rule), "deny"] for rule in own])
            self._enforcers[method] = enforcer

    def decide(self, question: Question) -> str:
        """The id of the rule that denies; empty if none does."""
        allowed, explanation = self._enforcers[question.method].enforce_ex(question.body)
        return "" if allowed else str(explanation[0])


def _rule(rule: Rule) -> str:
    terms = [_term(term) for term in rule.when]
    if rule.match is not None:
        terms.insert(0, f"r.body['{rule.match[0]}'] == '{rule.match[1]}'")
    return " && ".join(terms) or "True"


def _term(term: Term) -> str:
    match term:
        case StartsWith(field, prefix):
            return f"r.body['{field}'].startswith('{prefix}')"
        case MoreThan(field, number):
            return f"r.body['{field}'] > {number}"
        case OneOf(field, texts):
            return f"r.body['{field}'] in {texts!r}"
        case Is(field, truth):
            return f"r.body['{field}'] == {truth}"
