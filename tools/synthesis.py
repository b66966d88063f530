"""Synthesises the stack, for those who read its template."""

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
    with tempfile.TemporaryDirectory() as code:
        (Path(code) / "handler.py").touch()
        return template_with(settings, FunctionCode(*[lambda_.Code.from_asset(code)] * 2))


def template_with(settings: Settings, code: FunctionCode) -> Any:
    """Return the template of the stack in an application of its own, with the flags of `cdk.json`.

    CloudFormation's own rules, which take most of the time, are checked where app.py is run.
    """
    context = json.loads((REPOSITORY / "cdk.json").read_text())["context"]
    app = App(context=context, builtin_cloud_formation_validation=False)
    return Template.from_stack(WcsHooksStack(app, settings, code)).to_json()
