"""What active policies require of restClientConfig, as it is read from a deployment."""

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from tests.support.aws_tables import SNAPSHOTS, Aws
from tests.support.faulty_aws import UNPROCESSED, FaultyAws
from tests.support.policy_items import deny
from tests.wcsctl.policy_commands import DEPLOYMENT_OUTPUTS, Commands
from wcs_hooks.adapters.dynamo_snapshots import version_key
from wcsctl.deployment import Deployment
from wcsctl.policies.requirements import active_requirements

_APPS = ("hall", "radio", "school")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Commands]:
    with mock_aws():
        commands = Commands(Aws.set_up("s" * 40), monkeypatch)
        for app in _APPS:
            commands.enforce(app, deny("no", "call"))
        yield commands


def _deployment() -> Deployment:
    return Deployment("test", boto3.Session(), None, DEPLOYMENT_OUTPUTS)


def test_given_apps_when_their_requirements_are_read_then_pointers_and_versions_are_read_at_once(
    run: Commands,
) -> None:
    del run
    with FaultyAws().watching() as aws:
        requirements = active_requirements(_deployment())

    assert aws.calls == ["Query", "BatchGetItem", "BatchGetItem"]
    assert list(requirements) == list(_APPS)
    assert all([one.method for one in found] == ["call"] for found in requirements.values())


def test_given_a_version_that_is_gone_when_requirements_are_read_then_its_app_requires_nothing(
    run: Commands,
) -> None:
    run.aws.delete_item(SNAPSHOTS, {"app": "hall", "item": version_key(1)})

    requirements = active_requirements(_deployment(), ["hall", "school", "unknown"])

    assert {app: len(found) for app, found in requirements.items()} == {
        "hall": 0,
        "school": 1,
        "unknown": 0,
        "*": 0,
    }


def test_given_a_throttled_table_when_requirements_are_read_then_what_is_left_is_asked_for_again(
    run: Commands,
) -> None:
    del run
    aws = FaultyAws()

    def recover_at_the_second_attempt(operation: str, _: bytes) -> None:
        if aws.attempts.count(operation) > 1:
            aws.recover()

    aws.meanwhile = recover_at_the_second_attempt
    aws.fail(UNPROCESSED, "BatchGetItem")
    with aws.watching():
        requirements = active_requirements(_deployment(), ["school"])

    assert aws.calls == ["BatchGetItem"] * 3
    assert [one.method for one in requirements["school"]] == ["call"]
