"""The stack is synthesised once per set of settings: that takes longer than all that is asked."""

import json
import os
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from typing import Final

import pytest
from aws_cdk import aws_lambda as lambda_

from infra.settings import Concurrency, DeploymentStrategy, Settings
from infra.wcs_hooks import FunctionCode
from tests.infra.synthesis import SynthesisedStack, synthesise

HARDENED: Final = Settings(
    deployment=DeploymentStrategy.CANARY,
    provisioned_concurrency=Concurrency(connect=2),
    reserved_concurrency=Concurrency(connect=50, event=100),
    unknown_method_rate_limit=5,
    domain_name="hooks.example.com",
    certificate_arn="arn:aws:acm:eu-west-1:123456789012:certificate/c-1",
    customer_managed_key="create",
    deletion_protection=True,
    allowed_sources=("192.0.2.0/24",),
    trusted_proxies=("203.0.113.0/24",),
    runbook_url="https://wiki.example.com/wcs",
    ok_notifications=True,
)
"""With everything that a careful operator turns on."""

type Synthesise = Callable[[Settings], SynthesisedStack]


type NewCode = Callable[[], FunctionCode]
"""Code belongs to one application, so each needs its own."""


@pytest.fixture(scope="session")
def new_code(tmp_path_factory: pytest.TempPathFactory) -> NewCode:
    """Some code: what is in the package is another test's matter."""
    directory = tmp_path_factory.mktemp("code")
    (directory / "handler.py").write_text("")
    return lambda: FunctionCode(*[lambda_.Code.from_asset(os.fspath(directory))] * 2)


@pytest.fixture(scope="session")
def stack_with(new_code: NewCode, tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """Synthesise the stack with other settings, or take what another worker has synthesised."""
    temporary = tmp_path_factory.getbasetemp()
    of_run = temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary

    def stack_with(settings: Settings) -> SynthesisedStack:
        kept = of_run / f"template-{sha256(repr(settings).encode()).hexdigest()}.json"
        if kept.exists():
            return SynthesisedStack(json.loads(kept.read_text()))
        stack = synthesise(settings, new_code())
        written = temporary / kept.name
        written.write_text(json.dumps(stack.template))
        written.replace(kept)
        return stack

    return cache(stack_with)


@pytest.fixture(scope="session")
def stack(stack_with: Synthesise) -> SynthesisedStack:
    """The stack as an operator gets it who changes nothing."""
    return stack_with(Settings())
