"""Which keys verify tokens, what is said of the others, and what a snapshot keeps."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.unit.tokens.issuer import SECRET, jwk, private_key, public_key
from wcs_hooks.core.tokens.keys import (
    SYMMETRIC_ALGORITHMS,
    Flaw,
    Key,
    UnusableKeyError,
    key_of_jwk,
    keys_of_jwks,
    keys_of_pem,
    secret_key,
)

_SMALL = {"kty": "RSA", "n": base64.urlsafe_b64encode(b"\xff" * 128).decode(), "e": "AQAB"}


def _pem(algorithm: str, *, private: bool = False) -> str:
    return private_key(algorithm).as_pem(private=private).decode()


@pytest.mark.parametrize(
    ("algorithm", "fitting"),
    [
        ("RS256", ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")),
        ("ES256", ("ES256",)),
        ("ES384", ("ES384",)),
        ("ES512", ("ES512",)),
        ("EdDSA", ("EdDSA",)),
    ],
)
def test_given_a_public_key_then_its_type_and_curve_say_which_algorithms_fit(
    algorithm: str, fitting: tuple[str, ...]
) -> None:
    assert public_key(algorithm).algorithms == fitting
    assert public_key(algorithm, alg=fitting[-1], use="sig").algorithms == fitting[-1:]
    assert public_key(algorithm, key_ops=["verify"], x5c=["AA"], other=1) == public_key(algorithm)


@pytest.mark.parametrize(
    ("members", "flaw"),
    [
        ({"kty": "oct", "k": "AAAA"}, Flaw.SYMMETRIC),
        (jwk("ES256", k="AAAA"), Flaw.SYMMETRIC),
        (dict(private_key("ES256").as_dict(private=True)), Flaw.PRIVATE),
        (dict(private_key("RS256").as_dict(private=True)), Flaw.PRIVATE),
        (jwk("RS256", p="AQAB"), Flaw.PRIVATE),
        (_SMALL, Flaw.BROKEN),
        (_SMALL | {"n": _SMALL["n"].rstrip("=")}, Flaw.SMALL),
        (jwk("RS256", n="_" * 1400), Flaw.LARGE),
        ({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, Flaw.UNKNOWN),
        ({"kty": "OKP", "crv": "Ed448", "x": "AA"}, Flaw.UNKNOWN),
        ({"kty": "OKP", "crv": "X25519", "x": "AA"}, Flaw.UNKNOWN),
        ({"kty": "AKP", "pub": "AA"}, Flaw.UNKNOWN),
        ({}, Flaw.UNKNOWN),
        ({"kty": ["RSA"]}, Flaw.UNKNOWN),
        (jwk("ES256", crv={"a": 1}), Flaw.UNKNOWN),
        (jwk("ES256", use="enc"), Flaw.NOT_FOR_SIGNATURES),
        (jwk("ES256", key_ops=["sign"]), Flaw.NOT_FOR_SIGNATURES),
        (jwk("ES256", key_ops="verify"), Flaw.NOT_FOR_SIGNATURES),
        (jwk("ES256", alg="ES384"), Flaw.OTHER_ALGORITHM),
        (jwk("RS256", alg="RSA-OAEP"), Flaw.OTHER_ALGORITHM),
        (jwk("ES256", alg=["ES256"]), Flaw.OTHER_ALGORITHM),
        (jwk("ES256", kid=5), Flaw.BROKEN),
        (jwk("ES256", x=5), Flaw.BROKEN),
        (jwk("ES256", y=jwk("ES256")["x"]), Flaw.BROKEN),
        (jwk("RS256", e="AQ"), Flaw.BROKEN),
        (jwk("RS256", e="Ag"), Flaw.BROKEN),
        (jwk("RS256", n="%%"), Flaw.BROKEN),
        (jwk("RS256", n=""), Flaw.SMALL),
        (jwk("EdDSA", x="AAAA"), Flaw.BROKEN),
        ("text", Flaw.BROKEN),
        (None, Flaw.BROKEN),
    ],
)
def test_given_a_key_that_cannot_be_used_then_it_is_dropped_from_a_set_and_an_error_in_a_policy(
    members: object, flaw: Flaw
) -> None:
    usable = jwk("ES256", 2, kid="good")

    keys, flaws = keys_of_jwks({"keys": [members, usable]})
    with pytest.raises(UnusableKeyError) as refused:
        key_of_jwk(members)

    assert ([key.kid for key in keys], flaws) == (["good"], (flaw,))
    assert refused.value.flaw is flaw
    assert str(refused.value).startswith(f"this is {flaw}: ")


@pytest.mark.parametrize(
    "document",
    [{}, {"keys": {}}, {"keys": None}, [], "text", None, {"issuer": "https://issuer.example"}],
)
def test_given_what_is_not_a_set_then_it_is_an_error(document: object) -> None:
    with pytest.raises(UnusableKeyError, match="not a JWK set"):
        keys_of_jwks(document)


def test_given_a_set_without_a_usable_key_then_the_error_says_why_and_quotes_no_key() -> None:
    kid = "s3cr3t"
    members = [jwk("ES256", use="enc", kid=kid), {"kty": "oct", "k": kid}, {"kty": kid}]

    with pytest.raises(UnusableKeyError) as refused:
        keys_of_jwks({"keys": members})
    with pytest.raises(UnusableKeyError, match="it is empty"):
        keys_of_jwks({"keys": []})

    assert str(refused.value) == (
        "no key of the set can be used: a key that is not meant for verifying signatures, "
        "a symmetric key, a key of an unknown type or curve"
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_given_a_public_key_in_pem_then_it_is_the_same_key_as_the_jwk(algorithm: str) -> None:
    assert keys_of_pem(_pem(algorithm)) == (public_key(algorithm),)
    assert keys_of_pem(f"# ours\n{_pem(algorithm)}\n{_pem('ES256')}")[1:] == (public_key("ES256"),)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_given_a_private_key_in_pem_then_the_error_says_to_replace_it_and_does_not_quote_it(
    algorithm: str,
) -> None:
    pem = _pem(algorithm, private=True)

    for text in (pem, _pem("ES384") + pem, pem.replace("PRIVATE", "RSA PRIVATE")):
        with pytest.raises(UnusableKeyError, match="Replace the key pair") as refused:
            keys_of_pem(text)
        assert pem.splitlines()[1] not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("", Flaw.BROKEN),
        ("not PEM", Flaw.BROKEN),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", Flaw.BROKEN),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", Flaw.BROKEN),
        ("-----BEGIN PUBLIC KEY-----\n\ud800\n-----END PUBLIC KEY-----", Flaw.BROKEN),
        (_pem("RS256")[:200], Flaw.BROKEN),
    ],
)
def test_given_pem_that_cannot_be_read_then_it_is_an_error(text: str, flaw: Flaw) -> None:
    with pytest.raises(UnusableKeyError) as refused:
        keys_of_pem(text)

    assert refused.value.flaw is flaw


@pytest.mark.filterwarnings("ignore:Key size")
def test_given_pem_of_a_small_key_or_an_unknown_curve_then_it_is_an_error() -> None:
    small = RSAKey.import_key(rsa.generate_private_key(65537, 1024))  # noqa: S505 - that is meant
    unknown = ECKey.import_key(ec.generate_private_key(ec.SECP256K1()))
    for key, flaw in ((small, Flaw.SMALL), (unknown, Flaw.UNKNOWN)):
        with pytest.raises(UnusableKeyError) as refused:
            keys_of_pem(key.as_pem(private=False).decode())
        assert refused.value.flaw is flaw


def test_given_a_secret_then_its_utf_8_counts_or_what_base64_says() -> None:
    raw = bytes(range(32))

    assert secret_key(SECRET).secret == SECRET.encode()
    assert secret_key("ü" * 16).secret == "ü".encode() * 16
    assert secret_key(f"base64:{base64.b64encode(raw).decode()}").secret == raw
    assert secret_key(SECRET).algorithms == SYMMETRIC_ALGORITHMS
    with pytest.raises(UnusableKeyError, match="31 bytes; at least 32"):
        secret_key("0" * 31)
    with pytest.raises(UnusableKeyError, match="not valid"):
        secret_key("base64:" + "A" * 45)
    with pytest.raises(UnusableKeyError, match="not valid"):
        secret_key("\ud800" * 32)


def test_given_a_secret_then_it_is_neither_shown_nor_stored() -> None:
    key = secret_key(SECRET)

    assert SECRET not in repr(key)
    with pytest.raises(TypeError):
        key.to_json()
    with pytest.raises(TypeError):
        _ = public_key("ES256").secret


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_given_a_public_key_then_a_snapshot_keeps_it_as_a_jwk_without_what_is_not_needed(
    algorithm: str,
) -> None:
    given = jwk(algorithm, kid="1", use="sig", key_ops=["verify"], x5c=["AA" * 500], alg=algorithm)
    key = key_of_jwk(given)

    stored = json.loads(json.dumps(key.to_json()))

    assert stored == jwk(algorithm, kid="1", alg=algorithm)
    assert Key.from_json(stored) == key
    unlimited = public_key(algorithm)
    assert Key.from_json(unlimited.to_json()) == unlimited
    assert len({key, Key.from_json(stored), public_key(algorithm)}) == 2
    assert key != OctKey.import_key(SECRET)
