"""Tokens: whatever a client shows instead of one of its issuer's, no hook is let in by it."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from tests.support.hook_client import gateway_event, signature
from tests.support.in_memory_function import InMemoryAws
from tests.support.in_memory_snapshots import InMemorySnapshots
from tests.unit.tokens.issuer import ISSUER, SECRET, claims, jwk, signed
from verification.fuzz.target import promise
from verification.fuzz.targets.function import Functions
from verification.fuzz.targets.secrets import MARK
from wcs_hooks.core.tokens import stream_key
from wcs_hooks.core.tokens.stream_key import Act

_ARN: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:TokenSecrets"
_METHODS: Final = ("connect", "publishStream", "playHLS")
_APP: Final = "live"
_STREAMS: Final = ("lesson", "lesson-720p", "lesson-2")
_EXPIRY: Final = 1_900_003_600
"""An hour after the functions' clock, which stands still."""

_EDIT_BYTES: Final = 3
_KINDS: Final = 4
_SEPARATOR: Final = b"\0"
_LONG: Final = 40
"""Characters from which on a text is not in a log line by chance."""

_POLICIES: Final[tuple[dict[str, Any], ...]] = (
    {
        "id": "site",
        "action": "trust",
        "method": list(_METHODS),
        "issuer": ISSUER,
        "audience": "wcs",
        "keys": [jwk(alg, kid=alg) for alg in ("RS256", "ES256", "EdDSA")],
        "required": True,
    },
    {
        "id": "studio",
        "action": "trust",
        "method": list(_METHODS),
        "issuer": "studio",
        "audience": "wcs",
        "keys": "secret:site",
    },
    {
        "id": "encoders",
        "action": "trust",
        "form": "key",
        "tokenIn": "custom.token",
        "method": ["publishStream", "playHLS"],
        "keys": "secret:site",
    },
)


class _Valid(NamedTuple):
    """A token, and the hooks that it is valid for."""

    text: str
    methods: tuple[str, ...]
    streams: tuple[str, ...]

    @property
    def signed_text(self) -> str:
        """What its signature is about; of a stream key all of it."""
        if self.text.startswith(stream_key.PREFIX):
            return self.text
        return self.text.rpartition(".")[0]


class _TokenAws(InMemoryAws):
    def get_secret_value(self, **asked: Any) -> dict[str, str]:
        if asked.get("SecretId") == _ARN:
            return {"SecretString": json.dumps({"site": {"current": SECRET}})}
        return super().get_secret_value(**asked)


class Token:
    """Hooks with tokens that were made of valid ones, or of nothing.

    Three bytes choose the method and the stream, the valid token to begin with, and what the rest
    is: edits of its text; a header and claims, behind which its signature stands; a header before
    its claims and signature; or a text as it is.
    """

    def __init__(self) -> None:
        snapshots = InMemorySnapshots()
        snapshots.publish(_APP, *_POLICIES)
        self._functions = Functions(snapshots, _TokenAws(), TOKEN_SECRETS_ARN=_ARN)
        self._valid = list(_valid_tokens())

    def seeds(self) -> Iterable[bytes]:
        """Each valid token itself, each edit of it by one character, and the known attacks."""
        for number in range(len(self._valid)):
            for method in range(len(_METHODS)):
                yield bytes([method, number, 0])
            for at in range(0, 600, 7):
                yield bytes([1, number, 0]) + at.to_bytes(2) + b"A"
            for header in _HEADERS:
                yield bytes([1, number, 1]) + header + _SEPARATOR + _CLAIMS
                yield bytes([0, number, 2]) + header
        for text in (b"", b"..", b"a.b.c", b"k1.p.1.YQ." + b"A" * 27, b"k1.v..." + b"A" * 27):
            yield bytes([1, 0, 3]) + text

    def __call__(self, data: bytes) -> None:
        """Post a hook with such a token."""
        if len(data) < 3:
            return
        method = _METHODS[data[0] % len(_METHODS)]
        stream = _STREAMS[(data[0] >> 4) % len(_STREAMS)]
        valid = self._valid[data[1] % len(self._valid)]
        text = _made_of(valid.text, data[2] % _KINDS, data[3:])
        body = json.dumps(
            {
                "nodeId": "n",
                "appKey": _APP,
                "sessionId": "s",
                "name": stream,
                "custom": {"token": text, "role": MARK},
            }
        ).encode()
        event = gateway_event(method, body, signature(body), "203.0.113.7")
        secrets = [MARK, *(part for part in (text, *valid.text.split(".")) if len(part) >= _LONG)]
        status = self._functions.answer(event, method, secrets=secrets)["statusCode"]
        shown = _shown(text)
        if shown == valid.text:
            is_due = method in valid.methods and stream in valid.streams
            promise(status == (200 if is_due else 401), f"a valid token's hook has {status}")
        elif not any(
            shown.rpartition(".")[0] == other.signed_text or shown == other.text
            for other in self._valid
        ):
            promise(status == 401, "a token that nobody signed was accepted")


def _valid_tokens() -> Iterator[_Valid]:
    marked = claims(exp=_EXPIRY, aud="wcs", sub=MARK, rooms=[MARK])
    for alg in ("RS256", "ES256", "EdDSA"):
        yield _Valid(signed({"alg": alg, "kid": alg}, marked), _METHODS, _STREAMS)
    yield _Valid(signed({"alg": "HS256"}, marked | {"iss": "studio"}), _METHODS, _STREAMS)
    for act, methods, streams in (
        (Act.PUBLISH, ("publishStream",), _STREAMS[:1]),
        (Act.PLAY, ("playHLS",), _STREAMS[:2]),
    ):
        yield _Valid(
            stream_key.sign(SECRET.encode(), _APP, act, "lesson", expiry=_EXPIRY, user=MARK),
            methods,
            streams,
        )


def _made_of(valid: str, kind: int, rest: bytes) -> str:
    if kind == 0:
        return _edited(valid, rest)
    segments = valid.split(".")
    match kind:
        case 1:
            header, _, payload = rest.partition(_SEPARATOR)
            return ".".join((_segment(header), _segment(payload), segments[-1]))
        case 2:
            return ".".join((_segment(rest), *segments[1:]))
        case _:
            return rest.decode("utf-8", "replace")


def _edited(text: str, edits: bytes) -> str:
    """Change a text by edits of three bytes: where, and which character to put, insert or cut."""
    for start in range(0, len(edits) - _EDIT_BYTES + 1, _EDIT_BYTES):
        at = int.from_bytes(edits[start : start + 2]) % (len(text) + 1)
        new = edits[start + 2]
        if new < 32:
            text = text[:at] + text[at + 1 + new :]
        elif new < 128:
            text = text[:at] + chr(new) + text[at + 1 :]
        else:
            text = text[:at] + chr(new - 128) + text[at:]
    return text


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _shown(text: str) -> str:
    """The token in a text, as RFC 6750 has it."""
    return text[7:] if text[:7].lower() == "bearer " else text


_CLAIMS: Final = json.dumps(claims(exp=_EXPIRY, aud="wcs")).encode()
_HEADERS: Final = (
    *(b'{"alg":"%s"}' % alg for alg in (b"none", b"None", b"NONE", b"nOnE", b"RS256", b"HS256")),
    b'{"alg":"HS256","kid":"RS256"}',
    b'{"alg":"ES256","kid":"ES256","crit":["b64"],"b64":false}',
    b'{"alg":"RS256","kid":"../../etc/passwd","jku":"https://issuer.example/keys"}',
    b'{"alg":"RS256","alg":"none"}',
    b'{"alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"AAAA"}}',
)
