"""What decides at connect decides later, and a large field is nobody's but who asks for it."""

import json
from typing import Any
from uuid import uuid4

import pytest

from tests.e2e.conftest import Deployed, wait_for_snapshots

_POLICIES: list[dict[str, Any]] = [
    {
        "id": "known-admins",
        "method": "connect",
        "action": "deny",
        "when": "body.custom.role == 'admin' && body.custom.pass != 'k-77'",
    },
    {
        "id": "admins-publish",
        "method": "publishStream",
        "action": "deny",
        "when": "session.custom.role != 'admin'",
        "reason": "not an admin",
    },
    {
        "id": "no-private",
        "method": "publishStream",
        "action": "deny",
        "priority": 50,
        "when": "body.name.startsWith('private-')",
        "reason": "private",
    },
    {
        "id": "whose",
        "method": "publishStream",
        "action": "override",
        "priority": 60,
        "compute": {"name": "session.custom.login + '/' + body.name"},
    },
]


@pytest.fixture(scope="module")
def school(deployed: Deployed) -> str:
    """An app whose policies are active."""
    app = f"school-{uuid4().hex[:8]}"
    edited = [deployed.put_policy({"app": app, **policy}) for policy in _POLICIES]
    status = deployed.compiled(app, edited[-1])
    assert status["ok"], status
    wait_for_snapshots()
    return app


def _published(deployed: Deployed, app: str, name: str, custom: dict[str, Any]) -> tuple[int, str]:
    """How a stream with an SDP of 130 kB is answered: the status, and its name or why not."""
    session = {"appKey": app, "nodeId": "node", "sessionId": f"/{uuid4()}"}
    assert deployed.post("connect", {**session, "custom": custom}).status == 200
    reply = deployed.post("publishStream", {**session, "name": name, "sdp": "v=0\r\n" * 26_000})
    body = json.loads(reply.body)
    return reply.status, body["name"] if reply.status == 200 else body["error"]["reason"]


def test_given_a_client_that_is_nearly_an_admin_when_it_publishes_then_it_is_none(
    deployed: Deployed, school: str
) -> None:
    nearly = _published(deployed, school, "lesson", {"role": "admin?x", "login": "eve"})
    truly = _published(
        deployed, school, "lesson", {"role": "admin", "pass": "k-77", "login": "anna"}
    )

    assert nearly == (403, "not an admin")
    assert truly == (200, "anna/lesson")


def test_given_an_sdp_of_130_kb_when_it_is_published_then_its_name_decides(
    deployed: Deployed, school: str
) -> None:
    anna = {"role": "admin", "pass": "k-77", "login": "anna"}

    assert _published(deployed, school, "lesson", anna) == (200, "anna/lesson")
    assert _published(deployed, school, "private-1", anna) == (403, "private")
