"""Makes JSON Web Tokens for development: with a private key or a secret that is in a file."""

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, KeyBase, OctKey, OKPKey, RSAKey, import_key

from wcs_hooks.core.tokens.keys import (
    ALGORITHMS,
    BASE64_PREFIX,
    SYMMETRIC_ALGORITHMS,
    Family,
    UnusableKeyError,
    key_of_jwk,
    secret_key,
)
from wcsctl.errors import UsageError

_PEM: Final = "-----BEGIN "


class SigningKey(NamedTuple):
    """A key that signs tokens, and what it may sign with.

    Attributes
    ----------
    kid
        Its identifier; empty if it has none.
    algorithms
        The one that is taken by default comes first.
    """

    key: KeyBase
    kid: str
    algorithms: Sequence[str]


def signing_key(text: str, name: str) -> SigningKey:
    """Read a private key, JWK or PEM, or a secret, as a text or as `base64:…`.

    Parameters
    ----------
    name
        The file's, for errors.

    Raises
    ------
    UsageError
        If it is none of them, or of a kind that the functions do not verify.
    """
    try:
        # joserfc warns of small keys, which are refused here.
        with warnings.catch_warnings(action="ignore", category=SecurityWarning):
            return _signing_key(text.strip())
    except UnusableKeyError as error:
        raise UsageError(f"{name} cannot sign tokens: {error}.") from None
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm, JoseError):
        # Without a cause: its text could quote the key.
        raise UsageError(
            f"{name} is not a key: give a private key as a JWK or as PEM without a passphrase, or "
            "a secret."
        ) from None


def make_token(key: SigningKey, claims: Mapping[str, Any], algorithm: str | None = None) -> str:
    """Sign claims.

    Parameters
    ----------
    algorithm
        One of the key's; none for its first.

    Raises
    ------
    UsageError
        If the algorithm is not one of the key's.
    """
    alg = algorithm or key.algorithms[0]
    if alg not in key.algorithms:
        known = "" if alg in ALGORITHMS else f"{alg} is not supported; "
        raise UsageError(f"--alg: {known}this key signs with {', '.join(key.algorithms)}.")
    header = {"alg": alg, "typ": "JWT"} | ({"kid": key.kid} if key.kid else {})
    # RFC 9864 gives EdDSA with Ed25519 a new name, which few libraries know.
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):
        return jwt.encode(header, dict(claims), key.key, algorithms=[alg])


def _signing_key(text: str) -> SigningKey:
    if text.startswith("{"):
        return _of_jwk(json.loads(text))
    if text.startswith(_PEM):
        return _of_pem(text)
    return SigningKey(OctKey.import_key(secret_key(text).secret), "", SYMMETRIC_ALGORITHMS)


def _of_jwk(jwk: Mapping[str, Any]) -> SigningKey:
    if jwk.get("kty") == Family.SYMMETRIC:
        octets = OctKey.import_key(dict(jwk))
        secret = str(jwk["k"]) + "=" * (-len(str(jwk["k"])) % 4)
        secret_key(BASE64_PREFIX + secret.replace("-", "+").replace("_", "/"))
        alg = jwk.get("alg")
        fitting = (alg,) if alg in SYMMETRIC_ALGORITHMS else SYMMETRIC_ALGORITHMS
        return SigningKey(octets, str(jwk.get("kid", "")), fitting)
    key = import_key(dict(jwk))
    if not key.is_private:
        raise UnusableKeyError("this is a public key, which only verifies")
    public = {name: value for name, value in jwk.items() if name not in {"use", "key_ops"}}
    return _asymmetric(key, public)


def _of_pem(text: str) -> SigningKey:
    if "PUBLIC KEY-----" in text or "CERTIFICATE-----" in text:
        raise UnusableKeyError("this is a public key, which only verifies")
    raw = text.encode()
    key: KeyBase
    match load_pem_private_key(raw, None):
        case rsa.RSAPrivateKey():
            key = RSAKey.import_key(raw)
        case ec.EllipticCurvePrivateKey():
            key = ECKey.import_key(raw)
        case ed25519.Ed25519PrivateKey():
            key = OKPKey.import_key(raw)
        case _:
            raise UnusableKeyError("supported are RSA, EC and Ed25519")
    return _asymmetric(key, {})


def _asymmetric(key: KeyBase, members: Mapping[str, Any]) -> SigningKey:
    kept = {name: members[name] for name in ("alg", "kid") if name in members}
    public = key_of_jwk({**key.as_dict(private=False), **kept})
    return SigningKey(key, public.kid, public.algorithms)
