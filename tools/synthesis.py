"""Synthesises the stack, for tools that read its template."""

import json
import tempfile
from pathlib import Path
from typing import Any

from aws_cdk import App
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from infra.settings import Settings
from infra.wcs_hooks import FunctionCode
from infra.wcs_hooks_stack import WcsHooksStack
from tools.locations import REPOSITORY


def template_of(settings: Settings) -> Any:
    """Return the stack's CloudFormation template, with an empty package as the functions' code."""
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    with tempfile.TemporaryDirectory() as code:
        (Path(code) / "handler.py").touch()
        stack = WcsHooksStack(
            App(context=context, builtin_cloud_formation_validation=False),
            settings,
            FunctionCode(*[lambda_.Code.from_asset(code)] * 2),
        )
        return Template.from_stack(stack).to_json()
