"""The stack's alarms, as CloudFormation made them and as CloudWatch has them now."""

from collections.abc import Sequence
from typing import Any, Final

from wcsctl.deployment import Deployment

_AT_ONCE: Final = 100


def alarm_names(deployment: Deployment) -> list[str]:
    """Return the names of the stack's alarms.

    Not by their prefix: another stage's names begin with the same.
    """
    client = deployment.client("cloudformation")
    pages = client.get_paginator("list_stack_resources").paginate(StackName=deployment.stack_name)
    return [
        resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm"
        and resource.get("PhysicalResourceId")
    ]


def described(deployment: Deployment, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return those alarms that exist, as CloudWatch describes them."""
    client = deployment.client("cloudwatch")
    found: list[dict[str, Any]] = []
    for start in range(0, len(names), _AT_ONCE):
        answer = client.describe_alarms(
            AlarmNames=names[start : start + _AT_ONCE], MaxRecords=_AT_ONCE
        )
        found += answer.get("MetricAlarms", [])
    return found
