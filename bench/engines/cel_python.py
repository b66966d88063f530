"""cel-python, an implementation of CEL in Python: https://github.com/cloud-custodian/cel-python.

It knows expressions alone, so the method and the exact value are looked up as one would write it.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import celpy

from bench.engines.ours import expression
from bench.engines.rules import Question, Rule


class CelPython:
    """Programs, by method; transpiled to Python, which is the faster of its two ways."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        environment = celpy.Environment(runner_class=celpy.CompiledRunner)
        self._rules: defaultdict[str, list[tuple[Rule, Any]]] = defaultdict(list)
        for rule in rules:
            program = environment.program(environment.compile(expression(rule)))
            self._rules[rule.method].append((rule, program))

    def decide(self, question: Question) -> str:
        """The id of the rule that denies; empty if none does."""
        body = question.body
        activation = {"body": celpy.json_to_cel(body)}
        for rule, program in self._rules[question.method]:
            matches = rule.match is None or body.get(rule.match[0]) == rule.match[1]
            if matches and program.evaluate(activation):
                return rule.id
        return ""
