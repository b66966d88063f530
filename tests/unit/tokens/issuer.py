"""What the tests of tokens start from: an issuer's keys, its tokens, and who believes them."""

import hmac
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from wcs_hooks.core.tokens.jwt import encode_base64url
from wcs_hooks.core.tokens.keys import Key, key_of_jwk, secret_key
from wcs_hooks.core.tokens.trust import KeySource, Trust
from wcs_hooks.core.tokens.verification import Shown, TokenHook, verify

HERE: Final = Path(__file__).parent
NOW: Final = 1_767_225_600
"""2026-01-01T00:00:00Z."""

ISSUER: Final = "https://issuer.example"
SECRET: Final = "a secret of the tests, which is of no use anywhere else"
OTHER_SECRET: Final = "another secret of the tests, of no use anywhere else"

type PrivateKey = RSAKey | ECKey | OKPKey


def private_key(algorithm: str, number: int = 1) -> PrivateKey:
    """A key pair for an algorithm, always the same for a number."""
    return _private_key(algorithm, number)


@cache
def _private_key(algorithm: str, number: int) -> PrivateKey:
    del number
    match algorithm[:2]:
        case "RS" | "PS":
            return RSAKey.generate_key(2048)
        case "ES":
            curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm]
            return ECKey.generate_key(curve)
        case _:
            return OKPKey.generate_key("Ed25519")


def jwk(algorithm: str, number: int = 1, **members: object) -> dict[str, Any]:
    return {**private_key(algorithm, number).as_dict(private=False), **members}


def public_key(algorithm: str, number: int = 1, **members: object) -> Key:
    return key_of_jwk(jwk(algorithm, number, **members))


def claims(**others: object) -> dict[str, Any]:
    return {"iss": ISSUER, "sub": "anna", "exp": NOW + 3600} | others


def segment(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return encode_base64url(text.encode("utf-8", "surrogatepass"))


def signed(
    header: Mapping[str, object] | str, payload: Mapping[str, object] | str, algorithm: str = ""
) -> str:
    """A token with just this header and payload, whatever they are; HS by `SECRET`."""
    alg = algorithm or str(dict(header)["alg"])  # type: ignore[arg-type] # a text names it apart
    signing_input = f"{segment(header)}.{segment(payload)}"
    if alg.startswith("HS"):
        return signed_with(SECRET.encode(), alg, signing_input)
    model = JWSRegistry(algorithms=[alg]).get_alg(alg)
    signature = model.sign(signing_input.encode(), private_key(alg))
    return f"{signing_input}.{encode_base64url(signature)}"


def signed_with(secret: bytes, algorithm: str, signing_input: str) -> str:
    """The same by any bytes as a secret, which no library would take."""
    mac = hmac.digest(secret, signing_input.encode(), f"sha{algorithm[2:]}")
    return f"{signing_input}.{encode_base64url(mac)}"


def token(algorithm: str = "ES256", **others: object) -> str:
    return signed({"alg": algorithm}, claims(**others))


def trust(identity: str = "site", **attributes: Any) -> Trust:
    given = {
        "methods": ("connect", "publishStream", "playStream", "playHLS", "playRTSP"),
        "keys": KeySource(address=f"{ISSUER}/keys"),
        "issuers": (ISSUER,),
    }
    return Trust(app="live", id=identity, **(given | attributes))


def shown(
    text: object,
    *trusts: Trust,
    keys: list[Key] | None = None,
    method: str = "connect",
    now: float = NOW,
) -> Shown:
    """What becomes of a token at `custom.token`; without trusts, of one that trusts ISSUER."""
    hook = TokenHook("live", method, "lesson", {"custom": {"token": text}})
    found = [public_key("ES256")] if keys is None else keys
    return verify(hook, trusts or (trust(),), lambda _: found, now)


def secrets(*texts: str) -> list[Key]:
    return [secret_key(text) for text in texts or (SECRET,)]
