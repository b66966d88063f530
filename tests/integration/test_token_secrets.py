"""The secrets that tokens are signed with, out of one secret in Secrets Manager."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import Aws
from tests.support.fake_clock import FakeClock
from wcs_hooks.adapters.cached_secrets import SECRET_TTL
from wcs_hooks.adapters.cached_token_secrets import CachedTokenSecrets
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.secrets_manager import read_token_secrets
from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError

type Write = Callable[[Any], None]
type Valid = Callable[[str], Sequence[str]]


@pytest.fixture
def arn(aws: Aws) -> str:
    created = aws.secrets_manager.create_secret(Name="TokenSecrets", SecretString="{}")
    return created["ARN"]


@pytest.fixture
def write(aws: Aws, arn: str) -> Write:
    """Write the secrets, as an operator does."""

    def write(value: Any) -> None:
        text = value if isinstance(value, str) else json.dumps(value)
        aws.secrets_manager.put_secret_value(SecretId=arn, SecretString=text)

    return write


@pytest.fixture
def valid(calls: AwsCalls, arn: str, clock: FakeClock) -> Valid:
    """What is valid for a name, as a function sees it."""
    del calls
    client = Clients(2).secrets_manager()
    secrets = CachedTokenSecrets(lambda: read_token_secrets(client, arn), clock)
    return lambda name: secrets.valid(name, Deadline(clock, 1.0))


def test_given_secrets_by_name_when_one_is_asked_for_then_the_current_one_comes_first(
    write: Write, valid: Valid
) -> None:
    write({"stream-keys": "generated", "site": {"current": "new", "previous": "old"}})

    assert valid("stream-keys") == ["generated"]
    assert valid("site") == ["new", "old"]
    assert valid("other") == ()


def test_given_a_rotation_when_a_minute_is_over_then_both_secrets_are_valid(
    write: Write, valid: Valid, clock: FakeClock, calls: AwsCalls
) -> None:
    write({"site": "old"})
    assert valid("site") == ["old"]

    write({"site": {"current": "new", "previous": "old"}})
    assert valid("site") == ["old"]
    clock.advance(SECRET_TTL)
    assert valid("site") == ["new", "old"]
    assert calls.made == ["GetSecretValue"] * 2


@pytest.mark.parametrize("wrong", [7, None, [], {}, "", {"current": 7}, {"current": ""}])
def test_given_a_name_of_a_wrong_form_when_others_are_asked_for_then_they_are_valid(
    wrong: Any, write: Write, valid: Valid
) -> None:
    write({"wrong": wrong, "site": "right"})

    assert valid("site") == ["right"]
    assert valid("wrong") == ()


@pytest.mark.parametrize("value", ["not-to-be-shown", '["not-to-be-shown"]'])
def test_given_a_value_that_is_no_object_when_it_is_read_then_the_error_quotes_nothing_of_it(
    value: str, write: Write, valid: Valid
) -> None:
    write(value)

    with pytest.raises(UnavailableError) as caught:
        valid("site")

    assert str(caught.value) == "the secrets of tokens are not a JSON object"
    assert "not-to-be-shown" not in repr(caught.value.__context__)


def test_given_secrets_manager_is_down_when_secrets_were_read_before_then_they_are_used_on(
    write: Write, valid: Valid, clock: FakeClock, calls: AwsCalls
) -> None:
    write({"site": "known"})
    valid("site")
    calls.fail("GetSecretValue")

    clock.advance(10 * SECRET_TTL)

    assert valid("site") == ["known"]
