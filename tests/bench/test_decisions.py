"""The policies that decisions are measured with: all of them take part in what is measured."""

import pytest

from bench import policies
from bench.decisions import Case, Engine, Question, cases, without_guards
from bench.policies import snapshot_of


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_given_the_measured_hook_when_decided_then_only_the_last_policy_of_its_method_denies(
    case: Case,
) -> None:
    snapshot = snapshot_of(case.policies)
    others = [policy for policy in case.policies if policy["id"] != case.answer]
    of_method = [policy for policy in case.policies if policy["method"] == "publishStream"]

    assert Engine(snapshot).decide(case.question) == case.answer
    assert Engine(without_guards(snapshot)).decide(case.question) == case.answer
    assert Engine(snapshot_of(others)).decide(case.question) == ""
    assert of_method[-1]["id"] == case.answer


def test_given_the_policies_of_a_target_when_counted_then_they_are_what_it_says() -> None:
    ten_methods = policies.ten_methods({"mediaProvider": "WebRTC"})
    one_method = policies.one_method()

    assert len(ten_methods) == len(one_method) == 100
    assert all(policy["match"] and policy["when"] for policy in ten_methods)
    assert all("match" not in policy and policy["when"] for policy in one_method)
    assert {policy["method"] for policy in one_method} == {"publishStream"}
    assert sum(policy["method"] == "publishStream" for policy in ten_methods) == 10


def test_given_conditions_of_a_hundred_policies_when_one_holds_then_that_policy_denies() -> None:
    engine = Engine(snapshot_of(policies.one_method()))

    assert engine.decide(Question("b4e7")) == ""
    for number in (0, 3, 99):
        name = f"private-{number:03}-b4e7"
        assert engine.decide(Question(name)) == f"publishStream-{number:03}"
