"""An AWS in this process, and what the tests read and edit in it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from tests.support.aws_calls import AwsCalls
from tests.support.aws_tables import POLICIES, SNAPSHOTS, Aws
from tests.support.fake_clock import FakeClock
from tests.support.hook_client import SECRET, HookClient
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status

RETENTION_DAYS = 30.0

type MakeClient = Callable[..., HookClient]


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws.set_up(SECRET)


@pytest.fixture
def calls(aws: Aws) -> Iterator[AwsCalls]:  # noqa: ARG001 - the test's own clients are not watched
    watched = AwsCalls()
    yield watched
    watched.stop_watching()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(calls: AwsCalls, clock: FakeClock) -> DynamoPolicyStore:  # noqa: ARG001 - it is watched
    return DynamoPolicyStore(Clients(10).dynamodb(), POLICIES, SNAPSHOTS, RETENTION_DAYS, clock)


@pytest.fixture
def compiler(store: DynamoPolicyStore, clock: FakeClock) -> PolicyCompiler:
    return PolicyCompiler(store, clock)


@pytest.fixture
def enforce(aws: Aws, compiler: PolicyCompiler, clock: FakeClock) -> Callable[..., Status]:
    """Edit policies and compile them, as the stream would; they must be in order."""

    def edit(app: str, *policies: Any) -> Status:
        clock.advance(1)
        aws.put_policies(app, *policies)
        status = compiler.compile(app)
        assert status.ok, status.errors
        return status

    return edit


@pytest.fixture
def hooks(
    aws: Aws, calls: AwsCalls, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> HookClient:
    """Posts hooks to functions that go by the test's clock."""
    del calls
    return make_hooks(aws, capsys, clock=clock)


@pytest.fixture
def make_client(
    aws: Aws, calls: AwsCalls, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> MakeClient:
    """The same, with other settings or with fakes in place of adapters."""
    del calls

    def make(**options: Any) -> HookClient:
        return make_hooks(aws, capsys, **{"clock": clock, **options})

    return make


def make_hooks(aws: Aws, capsys: pytest.CaptureFixture[str], **options: Any) -> HookClient:
    return HookClient(
        capsys,
        **{
            "DEAD_LETTER_QUEUE_URL": aws.queue_url,
            "SIGNATURE_SECRET_ARN": aws.secret_arn,
            **options,
        },
    )
