"""Tokens on the deployment: an issuer's web server, whose keys the compiler fetches.

The functions read the keys again every 30 seconds; where a test cannot wait for that, it starts
them again.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from simulated_wcs.transport import HookReply
from tests.e2e.conftest import Deployed, until
from tests.key_fetcher.issuer_server import IssuerServer, sends
from wcs_hooks.core.methods import Category
from wcsctl.scenario_back_end import DeployedBackEnd

ISSUER: Final = "https://issuer.example"
MARK: Final = "MarkedClaim"
"""In a claim of every token, and nowhere else."""


def issued(key: ECKey, kid: str = "first", **claims: object) -> str:
    """A token of the issuer's, valid for a minute unless the claims say otherwise."""
    usual = {"iss": ISSUER, "aud": "wcs", "sub": "anna", "exp": int(time.time()) + 60, "own": MARK}
    return jwt.encode({"alg": "ES256", "kid": kid}, usual | claims, key)


@dataclass(frozen=True)
class Site:
    """A site whose users have tokens: its issuer's server, and an app that trusts the issuer."""

    deployed: Deployed
    server: IssuerServer
    app: str
    keys: dict[str, ECKey] = field(default_factory=dict)

    @property
    def trust(self) -> dict[str, Any]:
        return {
            "app": self.app,
            "id": "site",
            "action": "trust",
            "issuer": ISSUER,
            "audience": "wcs",
            "keys": f"http://127.0.0.1:{self.server.port}/keys",
            "leeway": 0,
            "required": True,
        }

    def publish_keys(self, **keys: ECKey) -> None:
        """Serve just these keys, by their kid."""
        self.keys.clear()
        self.keys.update(keys)
        members = [
            key.as_dict(private=False) | {"kid": kid, "use": "sig", "alg": "ES256"}
            for kid, key in keys.items()
        ]
        self.server.answer = sends(json.dumps({"keys": members}).encode())

    def refresh_keys(self) -> str:
        """Have the keys fetched again; return why they could not be."""
        answer = self.deployed.functions.invoke(
            FunctionName=self.deployed.outputs.compiler_function_name,
            Payload=b'{"refreshKeys": true}',
        )
        fetched = {one["address"]: one["error"] for one in json.load(answer["Payload"])["keys"]}
        error: str = fetched[self.trust["keys"]]
        return error

    def connect(self, token: str | None, session: str = "") -> HookReply:
        body: dict[str, Any] = {
            "appKey": self.app,
            "nodeId": "node",
            "sessionId": session or f"/192.0.2.1:1/{uuid.uuid4().hex}",
        }
        return self.deployed.post(
            "connect", body if token is None else body | {"custom": {"token": token}}
        )

    def session(self, **claims: object) -> str:
        """Connect as the user of these claims."""
        session = f"/192.0.2.1:1/{uuid.uuid4().hex}"
        assert self.connect(issued(self.keys["first"], "first", **claims), session).status == 200
        return session

    def publish(self, session: str, stream: str, token: str | None = None) -> HookReply:
        body = {"appKey": self.app, "nodeId": "node", "sessionId": session, "name": stream}
        return self.deployed.post(
            "publishStream", body if token is None else body | {"custom": {"token": token}}
        )


@contextmanager
def put_site(deployed: Deployed) -> Iterator[Site]:
    with IssuerServer.running() as server:
        site = Site(deployed, server, f"site-{uuid.uuid4().hex[:8]}")
        site.publish_keys(first=ECKey.generate_key("P-256"))
        rooms = {
            "app": site.app,
            "id": "own-rooms-only",
            "method": "publishStream",
            "action": "deny",
            "when": "!claims.rooms.exists(room, stream.glob(room))",
            "reason": "not a room of yours",
        }
        DeployedBackEnd(deployed.deployment).activate_policies([site.trust, rooms])
        try:
            yield site
        finally:
            deployed.policies.delete([site.trust, rooms])


@pytest.fixture(scope="module")
def site(deployed: Deployed) -> Iterator[Site]:
    with put_site(deployed) as put:
        yield put


@pytest.fixture
def own_site(deployed: Deployed) -> Iterator[Site]:
    """A site for one test, which changes what its issuer does."""
    with put_site(deployed) as put:
        yield put


# --- Connect ------------------------------------------------------------------------------------

SHOWN: Final[Mapping[str, Callable[[ECKey], str | None]]] = {
    "none": lambda _: None,
    "malformed": lambda key: f"{issued(key)}.{MARK}",
    "unknown-issuer": lambda key: issued(key, iss=f"{ISSUER}/{MARK}"),
    "unknown-key": lambda key: issued(key, kid=MARK),
    "bad-signature": lambda _: issued(ECKey.generate_key("P-256")),
    "wrong-audience": lambda key: issued(key, aud=MARK),
    "expired": lambda key: issued(key, exp=int(time.time()) - 1),
    "not-yet": lambda key: issued(key, nbf=int(time.time()) + 30),
}


def test_given_a_valid_token_when_its_user_connects_then_wcs_is_told_to_obey_refusals(
    site: Site,
) -> None:
    reply = site.connect(issued(site.keys["first"]))

    assert reply.status == 200
    assert reply.json()["restClientConfig"]["publishStream"]["restOnError"] == "FAIL"


def test_given_no_valid_token_when_a_client_connects_then_the_reply_and_the_log_say_its_status(
    site: Site, deployed: Deployed
) -> None:
    tokens = {status: make(site.keys["first"]) for status, make in SHOWN.items()}

    replies = {status: site.connect(token) for status, token in tokens.items()}

    assert {status: (r.status, r.error["reason"]) for status, r in replies.items()} == {
        status: (401, f"no valid token: {status}") for status in SHOWN
    }
    decisions = {reply.decision for reply in replies.values()}
    lines = until(lambda: deployed.logged(decisions), lambda found: len(found) == len(SHOWN))
    said = {status: lines[reply.decision].get("token") for status, reply in replies.items()}
    known = {"trust": "site", "kid": "first"}
    assert said == {
        "none": None,
        "malformed": {"status": "malformed"},
        "unknown-issuer": {"status": "unknown-issuer"},
        "unknown-key": {"trust": "site", "status": "unknown-key"},
        **{
            status: {"status": status, **known}
            for status in ("bad-signature", "wrong-audience", "expired", "not-yet")
        },
    }


# --- What connect's token lets a session do ------------------------------------------------------


def test_given_rooms_in_a_claim_when_its_user_publishes_then_only_streams_of_these_are_accepted(
    site: Site,
) -> None:
    session = site.session(rooms=["math-*", "hall"])

    assert site.publish(session, "math-anna").status == 200
    assert site.publish(session, "hall").status == 200
    refused = site.publish(session, "physics-anna")
    assert (refused.status, refused.error["policy"]) == (403, "own-rooms-only")


def test_given_a_token_without_rooms_when_its_user_publishes_then_nothing_is_accepted(
    site: Site,
) -> None:
    assert site.publish(site.session(), "hall").status == 403


def test_given_another_users_token_when_a_session_publishes_with_it_then_it_is_refused(
    site: Site, deployed: Deployed
) -> None:
    session = site.session(rooms=["hall"])
    key = site.keys["first"]

    own = site.publish(session, "lab", issued(key, rooms=["lab"]))
    others = site.publish(session, "lab", issued(key, sub="boris", rooms=["lab"]))

    assert own.status == 200
    assert others.status == 401
    assert others.error["reason"] == "no valid token: other-subject"
    lines = until(lambda: deployed.logged([others.decision]), bool)
    assert lines[others.decision]["token"]["status"] == "other-subject"


def test_given_a_session_that_never_connected_when_it_shows_no_token_then_it_is_not_refused(
    site: Site,
) -> None:
    assert site.publish("/started-by-the-rest-api", "hall").status == 200


# --- Players ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("shown", "status"), [("valid", 200), ("expired", 401), ("none", 401)])
def test_given_a_player_that_never_connects_then_its_own_token_decides(
    site: Site, deployed: Deployed, shown: str, status: int
) -> None:
    key = site.keys["first"]
    token = {"valid": issued(key), "expired": SHOWN["expired"](key), "none": None}[shown]
    body = {"appKey": site.app, "sessionId": "/hls", "name": "hall"}

    reply = deployed.post("playHLS", body if token is None else body | {"token": token})

    assert reply.status == status


# --- Keys ---------------------------------------------------------------------------------------


def restart(deployed: Deployed) -> None:
    """Let connect's function read the keys again."""
    deployed.restart(Category.CONNECT)


def test_given_an_issuer_that_rotates_its_key_when_keys_are_refreshed_then_the_removed_one_is_out(
    deployed: Deployed, own_site: Site
) -> None:
    site = own_site
    first, second = site.keys["first"], ECKey.generate_key("P-256")
    old, new = issued(first), issued(second, "second")
    assert [site.connect(token).status for token in (old, new)] == [200, 401]

    site.publish_keys(first=first, second=second)
    assert site.refresh_keys() == ""
    restart(deployed)
    assert [site.connect(token).status for token in (old, new)] == [200, 200]

    site.publish_keys(second=second)
    assert site.refresh_keys() == ""
    restart(deployed)
    assert [site.connect(token).status for token in (old, new)] == [401, 200]


def test_given_an_issuer_that_is_down_when_keys_are_refreshed_then_its_tokens_stay_valid(
    deployed: Deployed, own_site: Site, since_ms: int
) -> None:
    site = own_site

    site.server.answer = sends(b"down", status="503 Service Unavailable")
    error = site.refresh_keys()
    restart(deployed)

    assert error == "it answered with HTTP status 503"
    assert site.connect(issued(site.keys["first"])).status == 200
    lines = until(
        lambda: [line for line in deployed.records("compiler", since_ms) if "KeysStale" in line],
        bool,
    )
    assert lines
    edited = deployed.put_policy(site.trust | {"note": "edited while it is down"})
    status = deployed.compiled(site.app, edited)
    assert status["ok"]
    assert any(error in warning["message"] for warning in status["warnings"])


def test_given_a_mistyped_address_when_it_is_put_then_the_edit_is_rejected_and_status_says_why(
    deployed: Deployed, own_site: Site
) -> None:
    site = own_site
    token = issued(site.keys["first"])
    version = deployed.policies.status(site.app)["version"]
    site.server.answer = sends(b"no such page", status="404 Not Found")

    mistyped = site.trust["keys"] + "-mistyped"
    edited = deployed.put_policy(site.trust | {"keys": mistyped})
    status = deployed.compiled(site.app, edited)

    assert (status["ok"], status["version"]) == (False, version)
    [error] = status["errors"]
    assert (error["policy"], error["attribute"]) == ("site", "keys")
    assert mistyped in error["message"]
    assert "404" in error["message"]
    assert site.connect(token).status == 200


# --- Secrets ------------------------------------------------------------------------------------


def test_given_all_these_tokens_then_no_line_of_any_function_has_one_or_what_it_claims(
    deployed: Deployed, site: Site
) -> None:
    token = issued(site.keys["first"])
    session = f"/{uuid.uuid4().hex}"
    replies = [
        site.connect(token, session),
        site.publish(session, "lab", issued(site.keys["first"], rooms=["hall"])),
        site.connect(SHOWN["expired"](site.keys["first"])),
    ]
    assert [reply.status for reply in replies] == [200, 403, 401]
    last = replies[-1].decision
    assert until(lambda: deployed.logged([last]), bool)

    lines = [
        json.dumps(line)
        for function in ("connect", "direct", "event", "compiler")
        for line in deployed.records(function, 0)
    ]

    for secret in (MARK, token.split(".")[1], token.split(".")[2], "eyJ"):
        assert [line for line in lines if secret in line] == []
