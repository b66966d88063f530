"""The hooks that the functions are asked about, as the gateway hands them over.

Bodies are those of the vendor's examples in `local/payloads`; the gateway's event is payload format
2.0: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import RSAKey

from bench.aws_service import SECRET
from bench.locations import REPOSITORY
from wcs_hooks.core.methods import METHODS, Category

NODE: Final = "Hw47CFMBEchVOpBMDr29IxjudnJ1sjOY@192.168.1.101"
SESSION: Final = "/192.168.1.102:4388/192.168.1.101:8443"

_PAYLOADS: Final = REPOSITORY / "local" / "payloads"


class Path(StrEnum):
    """What becomes of a hook."""

    ECHO = "echo"
    OVERRIDE = "override"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Subject:
    """A method, and the field of its hooks that the active policies decide by.

    Attributes
    ----------
    payload
        The vendor's example of a body.
    """

    method: str
    field: str
    payload: str

    def body(self, path: Path) -> bytes:
        """A hook of a client that connected, which the active policies answer by a path."""
        fields: dict[str, Any] = json.loads((_PAYLOADS / f"{self.payload}.json").read_text())
        fields |= {"nodeId": NODE, "sessionId": SESSION, self.field: f"{PREFIXES[path]}b4e7"}
        return json.dumps(fields, separators=(",", ":")).encode()


PREFIXES: Final[Mapping[Path, str]] = {
    Path.ECHO: "room-",
    Path.OVERRIDE: "trial-",
    Path.DENY: "private-",
}
"""With what a field begins that leads to a path."""

MEASURED: Final[Mapping[Category, Subject]] = {
    Category.CONNECT: Subject("connect", "login", "connect"),
    Category.DIRECT: Subject("publishStream", "name", "publishStream"),
    # The only event that can be refused, and the most frequent hook of all.
    Category.EVENT: Subject("StreamKeepAliveEvent", "name", "StreamStatusEvent"),
    Category.INCOMING: Subject("OnCallEvent", "callee", "OnCallEvent"),
}
"""The hook of each category that calls are measured with."""

PLAYER: Final = Subject("playHLS", "name", "playHLS")
"""A direct call that is refused without looking at its session: players never connect."""

BY_CEL: Final = Subject("playStream", "name", "publishStream")
"""A direct call whose conditions the CEL runtime evaluates, since no guard covers them."""

APP_WITH_TOKENS: Final = "tokenApp"
"""An app whose policies ask for claims: the others' hooks are not to pay for it."""

APP_WITH_LIMITS: Final = "limitedApp"
"""An app whose policies limit streams."""

_ISSUER: Final = "https://issuer.example"
_DAY_SECONDS: Final = 86_400

METHODS_IN_FORCE: Final = (
    *("connect", "publishStream", "playStream", "playHLS", "call"),
    *("StreamKeepAliveEvent", "StreamStatusEvent", "ConnectionStatusEvent"),
    *("OnCallEvent", "OnMessageEvent"),
)
"""The ten methods that the active policies are about."""

_FIELDS: Final[Mapping[str, str]] = {
    subject.method: subject.field for subject in (*MEASURED.values(), PLAYER)
}


def policies_in_force() -> list[dict[str, Any]]:
    """100 policies over ten methods, each with `match` and `when`.

    Of the ten of a method eight are about single rooms, which the index of exact values leaves out;
    two match each hook of the benchmark, so that their `when` is evaluated whatever becomes of it.
    """
    return [policy for method in METHODS_IN_FORCE for policy in _policies_of(method)]


def token_policies() -> list[dict[str, Any]]:
    """Policies of `APP_WITH_TOKENS`, which decide a player's hook by a claim."""
    method = PLAYER.method
    return [
        {
            "id": "site",
            "action": "trust",
            "method": method,
            "issuer": _ISSUER,
            "audience": APP_WITH_TOKENS,
            "keys": _key_pair().as_dict(private=False),
        },
        {
            "id": "banned",
            "action": "deny",
            "method": method,
            "when": "claims != null && claims.role == 'banned'",
        },
    ]


def limit_policies() -> list[dict[str, Any]]:
    """Policies of `APP_WITH_LIMITS`, which limit the viewers of each stream."""
    limit = {"by": "stream", "most": 2, "holds": "stream"}
    return [{"id": "viewers", "action": "deny", "method": "publishStream", "limit": limit}]


def limited_bodies() -> Iterator[bytes]:
    """Hooks to `APP_WITH_LIMITS` of the session that connected, each of which takes a place."""
    fields: dict[str, Any] = json.loads(MEASURED[Category.DIRECT].body(Path.ECHO))
    for number in itertools.count(1):
        own = {"mediaSessionId": f"media-{number}", "name": f"lecture-of-{number}"}
        hook = fields | own | {"appKey": APP_WITH_LIMITS}
        yield json.dumps(hook, separators=(",", ":")).encode()


def token_body(*, with_token: bool) -> bytes:
    """A player's hook to `APP_WITH_TOKENS`, echoed with a token (RS256) and without one."""
    fields: dict[str, Any] = json.loads(PLAYER.body(Path.ECHO)) | {"appKey": APP_WITH_TOKENS}
    fields["custom"] = {"token": _token()} if with_token else {}
    return json.dumps(fields, separators=(",", ":")).encode()


@cache
def _key_pair() -> RSAKey:
    return RSAKey.generate_key(2048)


@cache
def _token() -> str:
    claims = {
        "iss": _ISSUER,
        "aud": APP_WITH_TOKENS,
        "sub": "anna",
        "role": "viewer",
        "exp": int(time.time()) + _DAY_SECONDS,
    }
    return jwt.encode({"alg": "RS256"}, claims, _key_pair())


def _policies_of(method: str) -> list[dict[str, Any]]:
    field = _FIELDS.get(method, "name")
    refusable = METHODS[method].refusable
    override = {"action": "override", "set": {"quality": 70}}
    deny = {"action": "deny", "reason": "Names that begin with private- are reserved."}
    rooms = [
        {
            "id": f"{method}-room-{number}",
            "method": method,
            "priority": 10 + number,
            "match": {field: f"lecture-{number}"},
            "when": "body.status == 'PENDING' && body.hasVideo",
            **(deny if refusable and number % 2 else override),
        }
        for number in range(8)
    ]
    app = {"appKey": ["defaultApp", "testApp"]}
    trial = {
        "id": f"{method}-trial",
        "method": method,
        "priority": 50,
        "match": app,
        "when": _begins(method, field, PREFIXES[Path.OVERRIDE]),
        **override,
    }
    private = {
        "id": f"{method}-private",
        "method": method,
        "priority": 60,
        "match": app,
        "when": _begins(method, field, PREFIXES[Path.DENY]),
        **(deny if refusable else override),
    }
    return [*rooms, trial, private]


def _begins(method: str, field: str, prefix: str) -> str:
    """The condition that a field begins so."""
    if method == BY_CEL.method:
        return f"body.{field}.matches('^{prefix}')"
    return f"body.{field}.startsWith('{prefix}')"


def gateway_event(method: str, body: bytes) -> bytes:
    """The event for a hook that WCS signed, JSON."""
    signature = hmac.new(SECRET.encode(), body, hashlib.md5).hexdigest()
    host = "a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"
    event = {
        "version": "2.0",
        "routeKey": f"POST /{method}",
        "rawPath": f"/{method}",
        "rawQueryString": "",
        "headers": {
            "accept": "application/json, application/*+json",
            "authorization": f"WCS {signature}",
            "content-length": str(len(body)),
            "content-type": "application/json;charset=UTF-8",
            "host": host,
            "user-agent": "Java/1.8.0_111",
            "x-amzn-trace-id": "Root=1-5759e988-bd862e3fe1be46a994272793",
            "x-forwarded-for": "192.0.2.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": host,
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": "POST",
                "path": f"/{method}",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.7",
                "userAgent": "Java/1.8.0_111",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": f"POST /{method}",
            "stage": "$default",
            "time": "24/Nov/2026:19:03:58 +0000",
            "timeEpoch": 1795547038000,
        },
        "body": body.decode(),
        "isBase64Encoded": False,
    }
    return json.dumps(event, separators=(",", ":")).encode()
