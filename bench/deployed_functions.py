"""Prints how the functions are configured where they are deployed, as JSON, from the stack itself.

The developer's interpreter runs this: it has the CDK. What only CloudFormation knows, such as a
table's name, is null.
"""

import json
import sys

from bench.locations import REPOSITORY
from infra.settings import Settings
from tools.synthesis import template_of
from wcs_hooks.core.methods import Category


def main() -> int:
    """Print the memory size and the variables of each category's function."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    template = template_of(Settings.from_context(context))
    functions = {
        resource["Properties"]["Handler"].split(".")[-2]: resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
        and resource["Properties"].get("Handler", "").startswith("wcs_hooks.")
    }
    report = {
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
    json.dump(report, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
