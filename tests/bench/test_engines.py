"""The rules of the comparison, in our engine; in the others `make bench` itself checks them."""

from collections.abc import Sequence

import pytest

from bench.engines import rules
from bench.engines.agreement import DisagreementError, assert_agreement
from bench.engines.cases import Case, cases
from bench.engines.ours import Ours
from bench.engines.rules import Engine, Is, MoreThan, OneOf, Question, Rule, StartsWith, Term


class ByHand:
    """What the rules mean, in so many words."""

    def __init__(self, given: Sequence[Rule]) -> None:
        self._rules = given

    def decide(self, question: Question) -> str:
        for rule in self._rules:
            if rule.method == question.method and self._applies(rule, question):
                return rule.id
        return ""

    def _applies(self, rule: Rule, question: Question) -> bool:
        if rule.match is not None and question.body[rule.match[0]] != rule.match[1]:
            return False
        return all(self._holds(term, question) for term in rule.when)

    def _holds(self, term: Term, question: Question) -> bool:
        value = question.body[term.field]
        match term:
            case StartsWith(_, prefix):
                return bool(value.startswith(prefix))
            case MoreThan(_, number):
                return bool(value > number)
            case OneOf(_, texts):
                return value in texts
            case Is(_, truth):
                return value is truth


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_given_the_compared_rules_when_hooks_are_decided_then_ours_says_what_they_mean(
    case: Case,
) -> None:
    hooks = rules.random_questions(case.rules, 300)
    ours = Ours(case.rules)

    assert_agreement({"by hand": ByHand(case.rules), "ours": ours}, hooks)
    answers = [ours.decide(hook) for hook in hooks]
    assert len(set(answers)) > 10
    assert "" in answers


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_given_the_measured_hook_when_decided_then_the_last_rule_of_its_method_denies(
    case: Case,
) -> None:
    engine = Ours(case.rules)

    assert engine.decide(case.question) == case.answer


def test_given_100_rules_of_one_method_when_the_measured_hook_comes_then_all_are_evaluated() -> (
    None
):
    given = rules.one_method()
    hook = rules.question("publishStream", rules.LAST_OF_HUNDRED)

    assert len(given) == 100
    assert all(rule.match is None and rule.when for rule in given)
    assert ByHand(given[:-1]).decide(hook) == ""


def test_given_100_rules_over_ten_methods_when_all_match_then_ten_are_evaluated() -> None:
    given = rules.ten_methods(("mediaProvider", "WebRTC"))
    hook = rules.question("publishStream", rules.LAST_OF_TEN)
    of_method = [rule for rule in given if rule.method == hook.method]

    assert (len(given), len(of_method)) == (100, 10)
    assert all(rule.match and rule.when for rule in given)
    assert ByHand(of_method[:-1]).decide(hook) == ""


class Contrary:
    """Denies what nobody else denies, once."""

    def __init__(self, engine: ByHand, at: Question) -> None:
        self._engine = engine
        self._at = at

    def decide(self, question: Question) -> str:
        return "made-up" if question is self._at else self._engine.decide(question)


def test_given_an_engine_that_differs_once_when_compared_then_it_is_named() -> None:
    given = rules.one_method()
    hooks = rules.random_questions(given, 50)
    engines: dict[str, Engine] = {
        "ours": ByHand(given),
        "other": Contrary(ByHand(given), hooks[30]),
    }

    with pytest.raises(DisagreementError, match="other answers 'made-up'"):
        assert_agreement(engines, hooks)


def test_given_hooks_that_all_have_one_answer_when_compared_then_that_compares_nothing() -> None:
    given = rules.one_method()

    with pytest.raises(DisagreementError, match="all 2 hooks"):
        assert_agreement({"ours": ByHand(given)}, [rules.question("publishStream", "b4e7")] * 2)
