"""Lists on the deployment: rows put as another system puts them, and hooks that look them up.

The functions only read the snapshot that the compiler made.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from simulated_wcs.transport import HookReply
from tests.e2e.conftest import Deployed, until
from wcsctl.scenario_back_end import DeployedBackEnd

ISSUER: Final = "https://issuer.example"
MARK: Final = "MarkedRow"
"""In a value of every row."""

MANY: Final = 1_000
"""Rows that are written in a second or two."""

_HOOKS: Final = 12


@dataclass(frozen=True)
class Site:
    """An app whose policies look up rows, and the lists of its own that they look in."""

    deployed: Deployed
    app: str
    key: ECKey
    session: str

    def policies(self) -> list[dict[str, Any]]:
        banned = {"action": "deny", "when": "rows.ban != null"}
        items: list[dict[str, Any]] = [
            {
                "id": "issuer",
                "action": "trust",
                "issuer": ISSUER,
                "keys": self.key.as_dict(private=False) | {"alg": "ES256"},
            },
            banned
            | {
                "id": "banned",
                "method": ["publishStream", "StreamKeepAliveEvent"],
                "lookup": {"ban": {"list": self.list("bans"), "key": "claims.sub"}},
                "when": "claims != null && rows.ban != null",
            },
            banned
            | {
                "id": "banned-player",
                "method": "playHLS",
                "lookup": {"ban": {"list": self.list("bans"), "key": "body.custom.user"}},
            },
            banned
            | {
                "id": "banned-among-many",
                "method": "playRTSP",
                "lookup": {"ban": {"list": self.list("many-bans"), "key": "body.custom.user"}},
            },
            {
                "id": "stream-key",
                "method": "publishStream",
                "action": "deny",
                "match": {"custom.mode": "encoder"},
                "lookup": {"k": {"list": self.list("keys"), "key": "sha256(body.custom.key)"}},
                "when": "rows.k == null || rows.k.stream != stream",
            },
            {
                "id": "sip-account",
                "method": "connect",
                "action": "override",
                "lookup": {"account": {"list": self.list("accounts"), "key": "body.custom.user"}},
                "compute": {"sipPassword": "rows.account.password"},
            },
        ]
        return [{"app": self.app, **item} for item in items]

    def list(self, name: str) -> str:
        return f"{self.app}-{name}"

    def put(self, of: str, key: str, **attributes: Any) -> None:
        row = {"list": self.list(of), "key": key, "secret": f"{MARK}-{key}", **attributes}
        self._table.put_item(Item=row)

    def delete(self, of: str, key: str) -> None:
        self._table.delete_item(Key={"list": self.list(of), "key": key})

    def fill(self, of: str, rows: int) -> None:
        with self._table.batch_writer() as batch:
            for number in range(rows):
                batch.put_item(Item={"list": self.list(of), "key": f"user-{number}", "n": number})

    def connect(self, user: str, **claims: object) -> HookReply:
        token = jwt.encode(
            {"alg": "ES256"},
            {"iss": ISSUER, "sub": user, "exp": int(time.time()) + 60, **claims},
            self.key,
        )
        return self.post("connect", custom={"user": user, "token": token})

    def post(self, method: str, **fields: Any) -> HookReply:
        body = {"appKey": self.app, "nodeId": "node", "sessionId": self.session, **fields}
        return self.deployed.post(method, body)

    def play(self, user: str, method: str = "playHLS") -> HookReply:
        return self.post(method, name="lesson", custom={"user": user})

    def publish(self, stream: str, key: str) -> HookReply:
        return self.post("publishStream", name=stream, custom={"mode": "encoder", "key": key})

    @property
    def _table(self) -> Any:
        session, workspace = self.deployed.workspace.session(), self.deployed.workspace
        dynamodb = session.resource("dynamodb", endpoint_url=workspace.endpoint)
        return dynamodb.Table(self.deployed.outputs.lists_table_name)


@pytest.fixture(scope="module")
def site(deployed: Deployed) -> Iterator[Site]:
    name = f"lists-{uuid.uuid4().hex[:8]}"
    made = Site(deployed, name, ECKey.generate_key("P-256"), f"/192.0.2.1:1/{name}")
    DeployedBackEnd(deployed.deployment).activate_policies(made.policies())
    assert made.connect("anna").status == 200
    yield made
    deployed.policies.delete(made.policies())


def test_given_a_ban_when_it_is_put_expires_or_is_lifted_then_the_next_hook_obeys(
    site: Site,
) -> None:
    answers = [site.play("bob").status]
    site.put("bans", "bob")
    answers.append(site.play("bob").status)
    site.put("bans", "bob", expiresAt=int(time.time()) - 1)
    answers.append(site.play("bob").status)
    site.put("bans", "bob", expiresAt=int(time.time()) + 60)
    answers.append(site.play("bob").status)
    site.delete("bans", "bob")
    answers.append(site.play("bob").status)

    assert answers == [200, 403, 200, 403, 200]


def test_given_a_user_proven_at_connect_when_they_are_banned_then_their_next_hooks_are_refused(
    site: Site,
) -> None:
    before = site.post("publishStream", name="lesson").status
    site.put("bans", "anna")
    try:
        refused = [
            site.post(method, name="lesson") for method in ("publishStream", "StreamKeepAliveEvent")
        ]
    finally:
        site.delete("bans", "anna")

    assert before == 200
    assert [(r.status, r.error["policy"]) for r in refused] == [(403, "banned")] * 2


def test_given_stream_keys_kept_as_hashes_when_an_encoder_publishes_then_its_key_names_its_stream(
    site: Site,
) -> None:
    site.put("keys", hashlib.sha256(b"k-77").hexdigest(), stream="lesson")

    assert site.publish("lesson", "k-77").status == 200
    assert site.publish("rtmp://host/live/lesson?key=1", "k-77").status == 403
    assert site.publish("lesson?key=1", "k-77").status == 200
    assert site.publish("exam", "k-77").status == 403
    assert site.publish("lesson", "k-78").status == 403


def test_given_an_account_in_a_row_when_its_user_connects_then_wcs_gets_it_and_nobody_else_does(
    site: Site,
) -> None:
    site.put("accounts", "anna", password=f"{MARK}-password")

    known, unknown = site.connect("anna").json(), site.connect("bob").json()

    assert known["sipPassword"] == f"{MARK}-password"
    assert "sipPassword" not in unknown
    site.connect("anna")


def test_given_a_damaged_row_when_a_denial_looks_it_up_then_it_applies_and_no_log_line_has_a_value(
    site: Site, deployed: Deployed, since_ms: int
) -> None:
    site.put("bans", "cleo", expiresAt=f"{MARK}-tomorrow")
    site.put("accounts", "cleo", password=f"{MARK}-password")
    site.put("keys", hashlib.sha256(b"k-79").hexdigest(), stream=f"{MARK}-stream")

    replies = [site.play("cleo"), site.connect("cleo"), site.publish("lesson", "k-79")]
    replies.append(site.connect("anna"))

    assert [reply.status for reply in replies] == [403, 200, 403, 200]
    decisions = {reply.decision for reply in replies}
    logged = until(lambda: deployed.logged(decisions), lambda found: len(found) >= 3)
    assert logged[replies[0].decision]["expressionErrors"]
    lines = [
        json.dumps(line)
        for function in ("connect", "direct", "event")
        for line in deployed.records(function, since_ms)
    ]
    assert len(lines) > 3
    assert not [line for line in lines if MARK in line]


def test_given_a_list_of_many_rows_when_one_is_looked_up_then_it_takes_as_long_as_among_ten(
    site: Site,
) -> None:
    site.fill("bans", 10)
    site.fill("many-bans", MANY)
    seconds: dict[str, list[float]] = {"playHLS": [], "playRTSP": []}

    # In turn, so that what else the machine does strikes both.
    for _ in range(_HOOKS):
        for method, taken in seconds.items():
            began = time.perf_counter()
            assert site.play("user-9", method).status == 403
            taken.append(time.perf_counter() - began)

    among_ten, among_many = map(median, seconds.values())
    assert among_many < 2 * among_ten
