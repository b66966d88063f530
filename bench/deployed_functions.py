"""Prints how the functions are configured where they are deployed, as JSON, from the stack itself.

The developer's interpreter runs this: it has the CDK. What only CloudFormation knows, such as a
table's name, is null.
"""

import json
import sys
import tempfile
from pathlib import Path

from aws_cdk import App
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from bench.locations import REPOSITORY
from infra.settings import Settings
from infra.wcs_hooks import FunctionCode
from infra.wcs_hooks_stack import WcsHooksStack
from wcs_hooks.core.methods import Category


def main() -> int:
    """Print the memory size and the variables of each category's function."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as code:
        (Path(code) / "handler.py").touch()
        stack = WcsHooksStack(
            App(context=context, builtin_cloud_formation_validation=False),
            Settings.from_context(context),
            FunctionCode(*[lambda_.Code.from_asset(code)] * 2),
        )
        template = Template.from_stack(stack).to_json()
    functions = {
        resource["Properties"]["Handler"].split(".")[-2]: resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and resource["Properties"].get("Handler", "").startswith("wcs_hooks.")
    }
    told = {
        category.value: {
            "memorySize": functions[category]["MemorySize"],
            "handler": functions[category]["Handler"],
            "variables": {
                name: value if isinstance(value, str) else None
                for name, value in functions[category]["Environment"]["Variables"].items()
            },
        }
        for category in Category
    }
    json.dump(told, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
