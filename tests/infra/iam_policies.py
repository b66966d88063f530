"""The IAM policies in a template, as IAM gets them: with ARNs instead of references."""

import re
from collections.abc import Iterator
from typing import Any, Final

from parliament import iam_definition

from tests.infra.synthesis import Json, SynthesisedStack

_PSEUDO: Final = {
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "111122223333",
    "AWS::URLSuffix": "amazonaws.com",
}
_SUFFIX: Final = "1ABCDEFGHIJK"
"""CloudFormation adds twelve characters to the logical id."""

_STREAM: Final = "2026-11-29T00:00:00.000"


def policies(stack: SynthesisedStack) -> Iterator[tuple[str, Json]]:
    """Yield every policy but those that say who may assume a role, with a name for each."""
    for logical_id, resource in stack.template["Resources"].items():
        for place, document in _documents(resource["Properties"], logical_id):
            yield place, _resolved(stack, document)


def _documents(value: Json, place: str) -> Iterator[tuple[str, Json]]:
    match value:
        case {"Statement": _}:
            yield place, value
        case dict():
            for name, member in value.items():
                if name != "AssumeRolePolicyDocument":
                    yield from _documents(member, f"{place}.{name}")
        case list():
            for number, member in enumerate(value):
                yield from _documents(member, f"{place}.{number}")


def _resolved(stack: SynthesisedStack, value: Json) -> Any:
    match value:
        case {"Ref": name}:
            return _PSEUDO.get(name) or _identifier(stack, name, "Ref")
        case {"Fn::GetAtt": [name, attribute]}:
            return _identifier(stack, name, attribute)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(_resolved(stack, part) for part in parts)
        case dict():
            return {name: _resolved(stack, member) for name, member in value.items()}
        case list():
            return [_resolved(stack, member) for member in value]
        case _:
            return value


def _identifier(stack: SynthesisedStack, logical_id: str, attribute: str) -> str:
    described = stack.template["Resources"][logical_id]
    kind = described["Type"]
    if kind == "AWS::Lambda::Alias":
        function = _identifier(stack, described["Properties"]["FunctionName"]["Ref"], "Arn")
        return f"{function}:{described['Properties']['Name']}"
    name = f"WcsHooks-{logical_id}-{_SUFFIX}"
    if attribute == "Ref" and kind != "AWS::SNS::Topic":
        return name
    _, service, resource = kind.lower().split("::")
    arn = _arn_form(service, "stream" if attribute == "StreamArn" else resource)
    variables = {
        "Partition": "AWS::Partition",
        "Region": "AWS::Region",
        "Account": "AWS::AccountId",
    }
    for variable, pseudo in variables.items():
        arn = arn.replace(f"${{{variable}}}", _PSEUDO[pseudo])
    arn = arn.replace("${StreamLabel}", _STREAM)
    # CloudFormation's ARN of a log group is that of all in it.
    return re.sub(r"\$\{\w+\}", name, arn) + (":*" if resource == "loggroup" else "")


def _arn_form(service: str, resource: str) -> str:
    """The form of a resource's ARN, by IAM's own list of services."""
    (form,) = {
        one["arn"]
        for each in iam_definition
        if each["prefix"] == service
        for one in each["resources"]
        if re.sub(r"[^a-z]", "", one["resource"].lower()) == resource
    }
    return str(form)
