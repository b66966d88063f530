"""What others' tools say about templates: cfn-lint and parliament; cdk-nag beside this file.

They are imported where they are used: that takes seconds, in each process that only collects tests.
"""

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import pytest

from infra.settings import Settings
from tests.infra.conftest import HARDENED, Synthesise
from tests.infra.iam_policies import policies
from tests.infra.synthesis import SynthesisedStack
from tests.infra.variants import variants
from tests.support.documents import Block, blocks

if TYPE_CHECKING:
    from parliament.finding import Finding

REGIONS: Final = ["us-east-1", "eu-south-1", "us-gov-west-1", "cn-north-1"]
"""The first one, one that is off until an account opts in, and the other two partitions."""

VARIANTS: Final = {**variants(), "all that a careful operator turns on": HARDENED}

NOISE: Final = {
    # The CDK lets a function depend on its role, which the function's Role refers to anyway.
    "W3005": "dependency already enforced by a 'GetAtt'",
}
"""Findings of cfn-lint that are accepted, each by its message."""

_LISTS_ALARMS: Final = {"cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms"}

MAX_POLICY_CHARACTERS: Final = 6144
"""IAM's limit on a managed policy, without white space."""


def linted(template: str, regions: Sequence[str] = REGIONS) -> list[str]:
    """Return what cfn-lint finds in a template for any of the regions."""
    from cfnlint.api import ManualArgs, lint  # noqa: PLC0415 - see above

    matches = lint(template, config=ManualArgs(regions=list(regions)))
    return [
        f"{match.rule.id} {'/'.join(map(str, match.path or ()))}: {match.message}"
        for match in matches
        if NOISE.get(match.rule.id, match.message + "?") not in match.message
    ]


def policy_findings(stack: SynthesisedStack) -> list[str]:
    """Return what parliament finds in a stack's policies."""
    import parliament  # noqa: PLC0415 - see above

    return [
        f"{place}: {finding.issue} {finding.detail}"
        for place, document in policies(stack)
        for finding in parliament.analyze_policy_string(json.dumps(document)).findings
        if not _is_acknowledged(place, finding)
    ]


def _is_acknowledged(place: str, finding: "Finding") -> bool:
    """Whether a finding is known to be none."""
    match finding.issue:
        case "RESOURCE_MISMATCH":
            # It takes the colons in a stream's time stamp for those between an ARN's parts.
            return "table/*/stream/*" in str(finding.detail)
        case "RESOURCE_STAR":
            # In a key's own policy * is that key. Alarms are listed before one is chosen.
            return place.endswith(".KeyPolicy") or _LISTS_ALARMS.issuperset(finding.detail)
        case "MISMATCHED_TYPE":
            # CloudWatch Logs' own documentation compares the ARN in its encryption context so.
            return place.endswith(".KeyPolicy") and "ArnLike" in str(finding.detail)
        case _:
            return False


@pytest.mark.parametrize("variant", VARIANTS)
def test_given_any_settings_when_cfn_lint_checks_the_template_then_it_fits_every_partition(
    variant: str, stack_with: Synthesise
) -> None:
    assert linted(json.dumps(stack_with(VARIANTS[variant]).template)) == []


@pytest.mark.parametrize(
    "block", [block for block in blocks("yaml") if "\nResources:\n" in block.text], ids=str
)
def test_given_a_template_on_a_page_when_cfn_lint_checks_it_then_it_finds_nothing(
    block: Block,
) -> None:
    # CloudFront's is for this region only.
    assert linted(block.text, ["us-east-1"]) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_given_any_settings_when_parliament_checks_the_policies_then_each_right_exists_and_fits(
    variant: str, stack_with: Synthesise
) -> None:
    stack = stack_with(VARIANTS[variant])

    assert len(list(policies(stack))) > len(stack.of_type("AWS::Lambda::Function"))
    assert policy_findings(stack) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_given_any_settings_when_people_get_managed_policies_then_iam_has_room_for_each(
    variant: str, stack_with: Synthesise
) -> None:
    stack = stack_with(VARIANTS[variant])
    managed = stack.of_type("AWS::IAM::ManagedPolicy")
    sizes = {
        place: len(json.dumps(document, separators=(",", ":")))
        for place, document in policies(stack)
        if place.partition(".")[0] in managed
    }

    assert len(sizes) == len(managed)
    assert {place: size for place, size in sizes.items() if size > MAX_POLICY_CHARACTERS} == {}


def test_given_a_setting_when_the_template_is_checked_then_it_is_also_with_another_value() -> None:
    untried = {
        field.metadata["name"]
        for field in dataclasses.fields(Settings)
        if all(getattr(each, field.name) == field.default for each in VARIANTS.values())
    }

    assert untried == set()


def test_given_a_resource_that_one_partition_lacks_when_checked_then_its_region_is_named() -> None:
    only_global = {"Type": "AWS::CloudFront::OriginAccessControl", "Properties": {}}
    found = linted(json.dumps({"Resources": {"Elsewhere": only_global}}))

    assert any(line.startswith("E3006") and "cn-north-1" in line for line in found), found


def test_given_a_right_that_does_not_exist_when_checked_then_it_is_named(
    stack: SynthesisedStack,
) -> None:
    statement = {"Effect": "Allow", "Action": "sqs:RedriveMessage", "Resource": "*"}
    properties = {"PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
    careless = dataclasses.replace(stack, template={"Resources": {"Careless": policy}})

    (found,) = policy_findings(careless)

    assert found.startswith("Careless.PolicyDocument: UNKNOWN_ACTION")
