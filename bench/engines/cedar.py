"""Cedar, by way of cedarpy: https://github.com/k9securityio/cedar-py.

Policies are parsed once, a set for each method, which is generous: Cedar's own way is one set, with
the method as the action.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import cedarpy

from bench.engines.rules import Is, MoreThan, OneOf, Question, Rule, StartsWith, Term

_NO_ENTITIES: Final = "[]"


class Cedar:
    """A policy set for each method."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        texts: defaultdict[str, list[str]] = defaultdict(
            lambda: ["permit(principal,action,resource);"]
        )
        for rule in rules:
            texts[rule.method].append(_policy(rule))
        self._sets = {
            method: cedarpy.PolicySet.from_str("\n".join(text)) for method, text in texts.items()
        }
        self._entities = cedarpy.Entities.from_json_str(_NO_ENTITIES)

    def decide(self, question: Question) -> str:
        """The id of the policy that denies; empty if none does."""
        request: dict[str, Any] = {
            "principal": 'Client::"wcs"',
            "action": f'Action::"{question.method}"',
            "resource": 'Hook::"hook"',
            "context": question.body,
        }
        result = cedarpy.is_authorized(request, self._sets[question.method], self._entities)
        if result.allowed:
            return ""
        denying: str = min(result.diagnostics.id_annotations_by_reason.values())
        return denying


def _policy(rule: Rule) -> str:
    terms = [_term(term) for term in rule.when]
    if rule.match is not None:
        terms.insert(0, f"context.{rule.match[0]} == {json.dumps(rule.match[1])}")
    return (
        f"@id({json.dumps(rule.id)}) forbid(principal, action == "
        f'Action::"{rule.method}", resource) when {{ {" && ".join(terms) or "true"} }};'
    )


def _term(term: Term) -> str:
    match term:
        case StartsWith(field, prefix):
            return f'context.{field} like "{prefix}*"'
        case MoreThan(field, number):
            return f"context.{field} > {number}"
        case OneOf(field, texts):
            return f"{json.dumps(texts)}.contains(context.{field})"
        case Is(field, truth):
            return f"context.{field} == {json.dumps(truth)}"
