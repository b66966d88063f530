"""cdk-nag: every finding is satisfied, or acknowledged where it arises, with a reason."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Final

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.acknowledgement import acknowledge
from infra.settings import Settings, SubjectForm
from infra.wcs_hooks_stack import WcsHooksStack
from tests.infra.conftest import HARDENED, NewCode

SETTINGS: Final = {
    "as it is": Settings(),
    "with a bus": Settings(event_bus=True, token_secrets=True, subject=SubjectForm.HASH),
    "hardened": HARDENED,
}


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """A rule, and the construct that breaks it."""

    rule: str
    construct: str


def findings(app: App, directory: Path) -> list[Finding]:
    """Synthesise an application under both packs. Return what neither satisfied nor accepted."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    # It raises for errors and is silent for warnings; the report has both.
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise
    report = json.loads((directory / "validation-report.json").read_text())
    return sorted(
        Finding(violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    )


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=list(SETTINGS))
def test_given_the_stack_when_checked_then_no_finding_is_left(
    *, settings: Settings, tmp_path: Path, new_code: NewCode
) -> None:
    app = App(outdir=os.fspath(tmp_path), builtin_cloud_formation_validation=False)
    WcsHooksStack(app, settings, new_code())

    assert findings(app, tmp_path) == []


@pytest.mark.parametrize("accepted", [False, True])
def test_given_a_queue_without_tls_when_checked_then_it_is_found_unless_acknowledged(
    *, accepted: bool, tmp_path: Path
) -> None:
    app = App(outdir=os.fspath(tmp_path), builtin_cloud_formation_validation=False)
    stack = Stack(app, "Careless")
    queue = sqs.Queue(
        stack,
        "Queue",
        dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=1, queue=_safe(stack)),
    )
    if accepted:
        acknowledge(queue, "AwsSolutions-SQS4", "A test accepts it")

    left = findings(app, tmp_path)

    found = Finding("AwsSolutions-SQS4", "Careless/Queue/Resource")
    assert left == ([] if accepted else [found])


def _safe(stack: Stack) -> sqs.Queue:
    queue = sqs.Queue(stack, "Safe", enforce_ssl=True)
    acknowledge(queue, "AwsSolutions-SQS3", "It is the dead-letter queue")
    acknowledge(queue, "Serverless-SQSRedrivePolicy", "It is the dead-letter queue")
    return queue
