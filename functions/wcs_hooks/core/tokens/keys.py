"""Keys that verify tokens: which are usable, and for which algorithms.

A key fixes the algorithms that it verifies, by its type, its curve and its own `alg`; a token's
header only says which of these signed it. That closes what most forged tokens rest on, such as a
public RSA key taken for an HMAC secret.

joserfc verifies, over cryptography. Both are imported when the first key is needed: they take
longer to load than all the rest of a function.
"""

import base64
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, Final, Self

from wcs_hooks.core.tokens.jwt import MalformedTokenError, decode_base64url

MIN_RSA_BITS: Final = 2_048
"""RFC 7518, section 3.3."""

MAX_RSA_BITS: Final = 8_192
"""A signature by a longer key takes milliseconds to verify."""

MIN_SECRET_BYTES: Final = 32
"""RFC 7518, section 3.2, for HS256."""

BASE64_PREFIX: Final = "base64:"
"""Marks a secret that is written in base64."""


class Family(StrEnum):
    """The type of a key: `kty` of RFC 7517."""

    RSA = "RSA"
    EC = "EC"
    OKP = "OKP"
    SYMMETRIC = "oct"


_RSA: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    (Family.EC, "P-256"): ("ES256",),
    (Family.EC, "P-384"): ("ES384",),
    (Family.EC, "P-521"): ("ES512",),
    (Family.OKP, "Ed25519"): ("EdDSA",),
}
SYMMETRIC_ALGORITHMS: Final = ("HS256", "HS384", "HS512")
"""Algorithms of secrets; all others have a public and a private key."""

ALGORITHMS: Final = (
    *_RSA,
    *(algorithm for algorithms in _CURVES.values() for algorithm in algorithms),
    *SYMMETRIC_ALGORITHMS,
)
"""All algorithms that are supported, by their names in RFC 7518 and RFC 8037."""

_PUBLIC_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    Family.RSA: ("n", "e"),
    Family.EC: ("crv", "x", "y"),
    Family.OKP: ("crv", "x"),
}
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})


class Flaw(StrEnum):
    """Why a key is not used. The texts name no key, so that they may be shown of fetched ones."""

    SYMMETRIC = "a symmetric key"
    PRIVATE = "a private key"
    SMALL = "an RSA key of less than 2,048 bits"
    LARGE = "an RSA key of more than 8,192 bits"
    UNKNOWN = "a key of an unknown type or curve"
    OTHER_ALGORITHM = "a key for an algorithm that is not supported or does not fit it"
    NOT_FOR_SIGNATURES = "a key that is not meant for verifying signatures"
    BROKEN = "a key that cannot be read"


_WAYS_OUT: Final[Mapping[Flaw, str]] = {
    Flaw.SYMMETRIC: (
        "whoever reads the policy can make tokens with it. Replace the secret, where tokens are "
        "made too, and store the new one in Secrets Manager: `secret:<name>`"
    ),
    Flaw.PRIVATE: (
        "whoever reads the policy can make tokens with it. Replace the key pair, and give the new "
        "public key"
    ),
    Flaw.SMALL: "use a longer one",
    Flaw.LARGE: "use a shorter one",
    Flaw.UNKNOWN: "supported are RSA, EC with P-256, P-384 or P-521, and Ed25519",
    Flaw.OTHER_ALGORITHM: f"supported are {', '.join(ALGORITHMS)}",
    Flaw.NOT_FOR_SIGNATURES: "its `use` must be `sig`, and its `key_ops` must have `verify`",
    Flaw.BROKEN: "give a public key as a JWK (RFC 7517) or as PEM, with its line breaks",
}


class UnusableKeyError(Exception):
    """A key, a set or a secret that is not used. The message quotes nothing of it.

    Attributes
    ----------
    flaw
        What is wrong with a key; none for a set or a secret.
    """

    def __init__(self, message: str, flaw: Flaw | None = None) -> None:
        super().__init__(message)
        self.flaw = flaw


class Key:
    """A key that verifies signatures.

    Attributes
    ----------
    kid
        Its identifier; empty if it has none.
    algorithms
        Those that it verifies, and no others.
    material
        The members of a public JWK, or the bytes of a secret.
    """

    __slots__ = ("_imported", "algorithms", "family", "kid", "material")

    def __init__(
        self,
        family: Family,
        algorithms: tuple[str, ...],
        material: Mapping[str, str] | bytes,
        kid: str = "",
    ) -> None:
        self.kid = kid
        self.family = family
        self.algorithms = algorithms
        self.material = material
        self._imported: Any = None

    @property
    def is_secret(self) -> bool:
        """Whether whoever has it can make tokens."""
        return self.family is Family.SYMMETRIC

    @property
    def secret(self) -> bytes:
        """The bytes of a secret.

        Raises
        ------
        TypeError
            If it is a public key.
        """
        if isinstance(self.material, bytes):
            return self.material
        raise TypeError("a public key is not a secret")

    def verifies(self, algorithm: str, signing_input: bytes, signature: bytes) -> bool:
        """Whether a signature is this key's, by one of its algorithms."""
        if algorithm not in self.algorithms:
            return False
        model = _model(algorithm)
        imported = self._import()
        model.check_key(imported)
        try:
            return model.verify(signing_input, signature, imported) is True
        except ValueError:
            # Numbers or lengths that no signature has.
            return False

    def to_json(self) -> dict[str, str]:
        """Return a public key as a JWK, for `from_json`.

        Raises
        ------
        TypeError
            If it is a secret, which is kept nowhere.
        """
        if isinstance(self.material, bytes):
            raise TypeError("a secret is not stored")
        named = {"kid": self.kid} if self.kid else {}
        only = {"alg": self.algorithms[0]} if len(self.algorithms) == 1 else {}
        return {"kty": str(self.family), **self.material, **only, **named}

    @classmethod
    def from_json(cls, record: Mapping[str, str]) -> Self:
        """Make a key of what `to_json` returned, without checking it again."""
        family = Family(record["kty"])
        material = {name: record[name] for name in _PUBLIC_MEMBERS[family]}
        fitting = _algorithms_of(family, material.get("crv", ""))
        alg = record.get("alg")
        return cls(family, (alg,) if alg else fitting, material, record.get("kid", ""))

    def __eq__(self, other: object) -> bool:
        """Whether it is the same key for the same algorithms."""
        if not isinstance(other, Key):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        """As `__eq__` needs it."""
        return hash((self.family, self.algorithms, self.kid))

    def __repr__(self) -> str:
        """Show it without its material, which may be a secret."""
        return f"Key({self.family}, {self.algorithms}, kid={self.kid!r})"

    def _identity(self) -> tuple[object, ...]:
        return (self.kid, self.family, self.algorithms, self.material)

    def _import(self) -> Any:
        """Return the key in joserfc's form.

        Raises
        ------
        ValueError
            If its numbers are not those of a key.
        joserfc.errors.JoseError
            If its numbers are not those of a key.
        """
        if self._imported is None:
            from joserfc.jwk import import_key  # noqa: PLC0415 - see the module's docstring

            if isinstance(self.material, bytes):
                self._imported = import_key(self.material, "oct")
            else:
                self._imported = import_key({"kty": str(self.family), **self.material})
        return self._imported


def key_of_jwk(jwk: object) -> Key:
    """Check and normalise one public key.

    Parameters
    ----------
    jwk
        A JSON Web Key (RFC 7517). Members that are not known are ignored.

    Raises
    ------
    UnusableKeyError
        If it is not a public key that verifies signatures by one of `ALGORITHMS`. The message
        says what to do about it.
    """
    try:
        return _public_key(jwk)
    except UnusableKeyError as error:
        raise _refusal(error.flaw or Flaw.BROKEN) from None


def keys_of_jwks(document: object) -> tuple[tuple[Key, ...], tuple[Flaw, ...]]:
    """Check and normalise a fetched set of keys (RFC 7517, section 5), one by one.

    Returns
    -------
    The keys that are usable, in the order of the set, and why others are not.

    Raises
    ------
    UnusableKeyError
        If it is not a set, or no key of it is usable.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise UnusableKeyError("it is not a JWK set: an object with a list `keys`")
    keys: list[Key] = []
    flaws: list[Flaw] = []
    for jwk in listed:
        try:
            keys.append(_public_key(jwk))
        except UnusableKeyError as error:
            flaws.append(error.flaw or Flaw.BROKEN)
    if not keys:
        why = f": {', '.join(dict.fromkeys(flaws))}" if flaws else ", since it is empty"
        raise UnusableKeyError(f"no key of the set can be used{why}")
    return tuple(keys), tuple(flaws)


def keys_of_pem(text: str) -> tuple[Key, ...]:
    """Read public keys and certificates in PEM (RFC 7468), one or several.

    A key in PEM has no `kid`. Of a certificate only the key counts: not its dates, nor who signed
    it.

    Raises
    ------
    UnusableKeyError
        As by `key_of_jwk`.
    """
    if "PRIVATE KEY-----" in text:
        raise _refusal(Flaw.PRIVATE)
    blocks = [f"-----BEGIN {rest}" for rest in text.split("-----BEGIN ")[1:]]
    if not blocks:
        raise _refusal(Flaw.BROKEN)
    return tuple(key_of_jwk(_jwk_of_pem(block.strip())) for block in blocks)


def secret_key(text: str) -> Key:
    """Make a key of a secret: the text's UTF-8, or what `base64:…` says in standard base64.

    Raises
    ------
    UnusableKeyError
        If it has less than `MIN_SECRET_BYTES`, or is not what it says.

    Examples
    --------
    >>> secret_key("base64:" + "AAAA" * 11).algorithms
    ('HS256', 'HS384', 'HS512')
    """
    try:
        if text.startswith(BASE64_PREFIX):
            secret = base64.b64decode(text.removeprefix(BASE64_PREFIX), validate=True)
        else:
            secret = text.encode()
    except ValueError:
        raise UnusableKeyError("the secret is not valid base64 or not valid Unicode") from None
    if len(secret) < MIN_SECRET_BYTES:
        raise UnusableKeyError(
            f"the secret has {len(secret)} bytes; at least {MIN_SECRET_BYTES} are needed. Make one "
            "with `openssl rand -base64 48`, and write `base64:` before it"
        )
    return Key(Family.SYMMETRIC, SYMMETRIC_ALGORITHMS, secret)


def _public_key(jwk: object) -> Key:
    """The key that a JWK holds; the error has its flaw and no more."""
    if not isinstance(jwk, dict):
        raise UnusableKeyError("", Flaw.BROKEN)
    kty, curve, kid = jwk.get("kty"), jwk.get("crv", ""), jwk.get("kid", "")
    if kty == Family.SYMMETRIC or "k" in jwk:
        raise UnusableKeyError("", Flaw.SYMMETRIC)
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise UnusableKeyError("", Flaw.PRIVATE)
    fitting = _algorithms_of(kty, curve)
    if not fitting:
        raise UnusableKeyError("", Flaw.UNKNOWN)
    family = Family(str(kty))
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not (
        isinstance(operations, list) and "verify" in operations
    ):
        raise UnusableKeyError("", Flaw.NOT_FOR_SIGNATURES)
    alg = jwk.get("alg")
    if alg is not None and alg not in fitting:
        raise UnusableKeyError("", Flaw.OTHER_ALGORITHM)
    members = _PUBLIC_MEMBERS[family]
    material = {name: jwk[name] for name in members if type(jwk.get(name)) is str}
    if type(kid) is not str or len(material) != len(members):
        raise UnusableKeyError("", Flaw.BROKEN)
    key = Key(family, fitting if alg is None else (alg,), material, kid)
    _check_numbers(key, material)
    return key


def _check_numbers(key: Key, material: Mapping[str, str]) -> None:
    from joserfc.errors import JoseError  # noqa: PLC0415 - see the module's docstring

    try:
        numbers = {n: decode_base64url(value) for n, value in material.items() if n != "crv"}
        if key.family is Family.RSA:
            # Before joserfc sees it, which warns of small ones.
            _check_size(int.from_bytes(numbers["n"]).bit_length())
        key._import()  # noqa: SLF001 - it is this module's
    except (MalformedTokenError, ValueError, JoseError):
        raise UnusableKeyError("", Flaw.BROKEN) from None


def _check_size(bits: int) -> None:
    if bits < MIN_RSA_BITS:
        raise UnusableKeyError("", Flaw.SMALL)
    if bits > MAX_RSA_BITS:
        raise UnusableKeyError("", Flaw.LARGE)


def _jwk_of_pem(block: str) -> dict[str, Any]:
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import ECKey, OKPKey, RSAKey  # noqa: PLC0415

    raw = block.encode("utf-8", "replace")
    try:
        if block.startswith("-----BEGIN CERTIFICATE-----"):
            native: object = load_pem_x509_certificate(raw).public_key()
        else:
            native = load_pem_public_key(raw)
        match native:
            case rsa.RSAPublicKey():
                if native.key_size < MIN_RSA_BITS:
                    # Before joserfc sees it, which warns of small ones.
                    raise _refusal(Flaw.SMALL)
                return dict(RSAKey.import_key(raw).as_dict(private=False))
            case ec.EllipticCurvePublicKey():
                return dict(ECKey.import_key(raw).as_dict(private=False))
            case ed25519.Ed25519PublicKey():
                return dict(OKPKey.import_key(raw).as_dict(private=False))
    except (ValueError, KeyError, UnsupportedAlgorithm, JoseError):
        raise _refusal(Flaw.BROKEN) from None
    raise _refusal(Flaw.UNKNOWN)


def _refusal(flaw: Flaw) -> UnusableKeyError:
    return UnusableKeyError(f"this is {flaw}: {_WAYS_OUT[flaw]}", flaw)


def _algorithms_of(family: object, curve: object) -> tuple[str, ...]:
    if family == Family.RSA:
        return _RSA
    if not isinstance(family, str) or not isinstance(curve, str):
        return ()
    return _CURVES.get((family, curve), ())


@cache
def _model(algorithm: str) -> Any:
    """Return joserfc's own verification by one algorithm, no other one being allowed."""
    import warnings  # noqa: PLC0415 - see the module's docstring

    from joserfc.errors import SecurityWarning  # noqa: PLC0415
    from joserfc.jws import JWSRegistry  # noqa: PLC0415

    with warnings.catch_warnings():
        # RFC 9864 renames EdDSA, which issuers go on using, to Ed25519 and Ed448.
        warnings.simplefilter("ignore", SecurityWarning)
        return JWSRegistry(algorithms=[algorithm]).get_alg(algorithm)
