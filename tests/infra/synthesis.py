"""A synthesised stack, read as CloudFormation will read it."""

import dataclasses
from pathlib import Path
from typing import Any, Final

from infra.settings import Settings
from infra.wcs_hooks import FunctionCode
from tools.synthesis import template_with

ROOT: Final = Path(__file__).resolve().parents[2]

type Json = Any
"""A piece of a template."""


@dataclasses.dataclass(frozen=True)
class SynthesisedStack:
    """A template, and the references in it."""

    template: Json

    def of_type(self, kind: str) -> dict[str, Json]:
        """Every resource of a type, by logical id."""
        return {
            logical_id: resource
            for logical_id, resource in self.template["Resources"].items()
            if resource["Type"] == kind
        }

    def the(self, kind: str) -> Json:
        """The properties of the only resource of a type."""
        (resource,) = self.of_type(kind).values()
        return resource["Properties"]

    def resource(self, reference: Json) -> Json:
        """The resource that a Ref, a GetAtt, or an expression with just one of them is about."""
        return self.template["Resources"][self.logical_id(reference)]

    def logical_id(self, reference: Json) -> str:
        (found,) = set(self._referenced(reference))
        return found

    def _referenced(self, value: Json) -> list[str]:
        match value:
            case {"Ref": str(name)} if name in self.template["Resources"]:
                return [name]
            case {"Fn::GetAtt": [str(name), _]}:
                return [name]
            case dict():
                return [name for part in value.values() for name in self._referenced(part)]
            case list():
                return [name for part in value for name in self._referenced(part)]
            case _:
                return []

    def output(self, name: str) -> Json:
        """What an output is given, as a template expression."""
        return self.template["Outputs"][name]["Value"]

    def function(self, name: str) -> Json:
        """The properties of the function that an output names, such as ``Connect``."""
        return self.resource(self.output(f"{name.capitalize()}FunctionName"))["Properties"]

    def called(self, reference: Json) -> Json:
        """The properties of the function that a reference to it or to its alias leads to."""
        resource = self.resource(reference)
        if resource["Type"] == "AWS::Lambda::Alias":
            resource = self.resource(resource["Properties"]["FunctionName"])
        return resource["Properties"]

    def table(self, name: str) -> Json:
        """The table that an output names, such as ``Policies``."""
        return self.resource(self.output(f"{name}TableName"))


def synthesise(settings: Settings, code: FunctionCode) -> SynthesisedStack:
    """Synthesise the stack in an application of its own, with the flags of ``cdk.json``."""
    return SynthesisedStack(template_with(settings, code))
