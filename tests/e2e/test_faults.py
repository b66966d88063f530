"""Rows of the fault matrix on a deployment: the functions as they are, an AWS that fails them."""

import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from simulated_wcs.transport import HookTransport, Signature
from tests.e2e.conftest import Deployed
from tests.e2e.deployed_scene import DeployedScene, activate_policies
from tests.support.faulty_aws import HANGING
from tests.support.faulty_endpoint import FaultyEndpoint
from verification.fault_matrix.matrix import MATRIX
from verification.fault_matrix.row import Row, differences
from verification.fault_matrix.scene import ALLOWED
from wcs_hooks.core.methods import METHODS, Category

REPLY_TIMEOUT: Final = 2.0
"""Seconds: the default setting."""

_LOADED_MACHINE: Final = 2.0
"""Seconds that a reply may be late here: functions, emulator and tests share the cores."""


_CROWD: Final = 8
"""How many functions two cores start at once in some seconds."""

_PATIENCE: Final = 90.0
"""Seconds that their starts may take on a loaded machine, where WCS would long have given up."""

_ROWS: Final = [row for row in MATRIX if row.end_to_end]


@pytest.fixture(scope="module")
def endpoint(deployed: Deployed) -> Iterator[FaultyEndpoint]:
    with FaultyEndpoint(deployed.workspace.port).serving() as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def apps(deployed: Deployed) -> dict[str, str]:
    """An app for each row, with its active policies."""
    run = uuid.uuid4().hex[:8]
    apps = {row.name: f"{row.name}-{run}" for row in _ROWS}
    activate_policies(deployed, *apps.values())
    return apps


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row.name)
def test_given_a_fault_when_it_strikes_the_deployment_then_what_comes_of_it_is_what_the_matrix_says(
    deployed: Deployed, endpoint: FaultyEndpoint, apps: dict[str, str], row: Row
) -> None:
    assert row.end_to_end is not None
    category = METHODS[row.method].category
    with DeployedScene.set_up(deployed, endpoint, category, apps[row.name]) as scene:
        observed = row.end_to_end(scene)

        assert differences(row.expected, observed) == []
        assert observed.seconds <= REPLY_TIMEOUT + _LOADED_MACHINE


def test_given_a_function_at_its_concurrency_limit_when_a_hook_comes_then_the_gateway_answers_it(
    deployed: Deployed, endpoint: FaultyEndpoint, app: str
) -> None:
    function = deployed.function_of(Category.DIRECT)
    with DeployedScene.set_up(deployed, endpoint, Category.DIRECT, app) as scene:
        body = ALLOWED.body(app, scene.session_id)
        scene.fail(HANGING, "GetSecretValue")
        # The emulator, unlike Lambda, does not limit published versions. The scene's end moves the
        # alias to another one.
        deployed.functions.update_alias(
            FunctionName=function, Name=deployed.deployment.alias, FunctionVersion="$LATEST"
        )
        deployed.functions.put_function_concurrency(
            FunctionName=function, ReservedConcurrentExecutions=1
        )
        try:
            with ThreadPoolExecutor() as threads:
                posts = [threads.submit(deployed.post, ALLOWED.method, body) for _ in range(3)]
                replies = [post.result() for post in posts]
        finally:
            deployed.functions.delete_function_concurrency(FunctionName=function)

    ours = [reply for reply in replies if reply.decision]
    assert [reply.status for reply in ours] == [503]
    assert [reply.status for reply in replies if not reply.decision] == [429, 429]


def test_given_many_cold_starts_at_once_then_none_asks_aws_for_more_than_its_share(
    deployed: Deployed, endpoint: FaultyEndpoint, app: str
) -> None:
    activate_policies(deployed, app)
    patient = {"REPLY_TIMEOUT_SECONDS": f"{_PATIENCE:g}"}
    with DeployedScene.set_up(deployed, endpoint, Category.DIRECT, app, **patient) as scene:
        body = ALLOWED.body(app, scene.session_id)
        since_ms = int(time.time() * 1000)
        transport = HookTransport(
            deployed.hooks.target,
            Signature(deployed.hooks.secret),
            timeout=_PATIENCE,
            retries=0,
        )
        with ThreadPoolExecutor(_CROWD) as threads:
            posts = [threads.submit(transport.send, ALLOWED.method, body) for _ in range(_CROWD)]
            replies = [post.result().reply for post in posts]
        transport.close()
        metrics = deployed.emf(Category.DIRECT, since_ms, lambda lines: len(lines) >= _CROWD)
        attempts = Counter(endpoint.attempts)
        apps = scene.policies_read()

    assert [reply.status for reply in replies if reply] == [200] * _CROWD
    started = sum("ColdStart" in line for line in metrics)
    assert started > 1
    # One that met a second hook more than a second later has asked for the pointer once more.
    assert attempts["GetSecretValue"] == started
    assert attempts["Query"] == started * apps
    assert started <= attempts["BatchGetItem"] <= _CROWD
    assert attempts.keys() == {"GetSecretValue", "Query", "BatchGetItem"}
