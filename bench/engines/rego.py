"""Rego, by way of regopy, Microsoft's rego-cpp: https://github.com/microsoft/rego-cpp.

A bundle compiled in advance with an entry point for each method, which is generous: the ordinary
way is one rule that looks at the method.
"""

import json
from collections import defaultdict
from collections.abc import Sequence

import regopy

from bench.engines.rules import Is, MoreThan, OneOf, Question, Rule, StartsWith, Term


class Rego:
    """A package for each method, in one bundle."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        by_method: defaultdict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            by_method[rule.method].append(rule)
        self._interpreter = regopy.Interpreter()
        for method, own in by_method.items():
            module = "\n".join([f"package {method}", *map(_rule, own)])
            self._interpreter.add_module(method, module)
        entry_points = [f"{method}/deny" for method in by_method]
        # It asks for a query too, though entry points are all that is wanted.
        self._bundle = self._interpreter.build("input", entry_points)

    def decide(self, question: Question) -> str:
        """The id of the rule that denies; empty if none does."""
        self._interpreter.set_input(question.body)
        output = self._interpreter.query_bundle_entrypoint(self._bundle, f"{question.method}/deny")
        [denying] = json.loads(str(output))["expressions"]
        return min(denying) if denying else ""


def _rule(rule: Rule) -> str:
    terms = [_term(term) for term in rule.when]
    if rule.match is not None:
        terms.insert(0, f"input.{rule.match[0]} == {json.dumps(rule.match[1])}")
    return f"deny contains {json.dumps(rule.id)} if {{ {'; '.join(terms) or 'true'} }}"


def _term(term: Term) -> str:
    match term:
        case StartsWith(field, prefix):
            return f"startswith(input.{field}, {json.dumps(prefix)})"
        case MoreThan(field, number):
            return f"input.{field} > {number}"
        case OneOf(field, texts):
            return f"input.{field} in {{{json.dumps(texts)[1:-1]}}}"
        case Is(field, truth):
            return f"input.{field} == {json.dumps(truth)}"
