"""Every algorithm: what other libraries sign, or verify, is accepted, and nothing near it."""

import json
from typing import Any, Final

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from tests.unit.tokens.issuer import (
    HERE,
    SECRET,
    claims,
    private_key,
    public_key,
    secrets,
    shown,
    trust,
)
from wcs_hooks.core.tokens.keys import ALGORITHMS, key_of_jwk
from wcs_hooks.core.tokens.verification import Shown, TokenStatus

_FOREIGN: Final[dict[str, Any]] = json.loads((HERE / "foreign_tokens.json").read_text())
_KEYS: Final = [key_of_jwk(jwk) for jwk in _FOREIGN["keys"]]
_MAKERS: Final = sorted({token["maker"] for token in _FOREIGN["tokens"]})
_MADE: Final = [(token["maker"], token["algorithm"]) for token in _FOREIGN["tokens"]]
_VERIFIED_BY_AWS: Final = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "EdDSA")
"""What aws-jwt-verify knows: neither PS nor HS."""

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def _foreign(maker: str, algorithm: str) -> str:
    [text] = [
        token["token"]
        for token in _FOREIGN["tokens"]
        if (token["maker"], token["algorithm"]) == (maker, algorithm)
    ]
    return str(text)


def _verified(text: str, algorithm: str) -> Shown:
    if algorithm.startswith("HS"):
        return shown(text, keys=secrets(_FOREIGN["secret"]))
    return shown(text, trust(audiences=("wcs",)), keys=_KEYS)


def test_given_the_foreign_tokens_then_they_are_of_two_libraries_and_every_algorithm() -> None:
    *libraries, node = _MAKERS

    assert [maker.split()[0] for maker in libraries] == ["PyJWT", "jose"]
    assert sorted(_MADE) == sorted(
        [(maker, algorithm) for maker in libraries for algorithm in ALGORITHMS]
        + [(node, algorithm) for algorithm in _VERIFIED_BY_AWS]
    )


@pytest.mark.parametrize(("maker", "algorithm"), _MADE)
def test_given_a_token_that_another_library_made_then_it_is_valid(
    maker: str, algorithm: str
) -> None:
    verified = _verified(_foreign(maker, algorithm), algorithm)

    assert verified.status is TokenStatus.VALID
    assert verified.algorithm == algorithm
    assert verified.claims == _FOREIGN["claims"]


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_given_a_token_that_joserfc_made_then_it_is_valid_and_by_another_key_it_is_not(
    algorithm: str,
) -> None:
    symmetric = algorithm.startswith("HS")
    key = OctKey.import_key(SECRET) if symmetric else private_key(algorithm)
    text = jwt.encode({"alg": algorithm}, claims(), key, algorithms=[algorithm])

    right = secrets() if symmetric else [public_key(algorithm)]
    wrong = secrets(SECRET[::-1]) if symmetric else [public_key(algorithm, 2)]

    assert shown(text, keys=right).claims == claims()
    assert shown(text, keys=wrong).status is TokenStatus.BAD_SIGNATURE


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_given_a_valid_token_then_with_any_one_character_changed_it_is_refused(
    algorithm: str,
) -> None:
    text = _foreign(_MAKERS[0], algorithm)
    changed = [
        text[:at] + _ALPHABET[_ALPHABET.index(text[at]) - 1] + text[at + 1 :]
        for at in range(len(text))
        if text[at] != "."
    ]
    cut = [text[:at] + text[at + 1 :] for at in range(len(text))]

    accepted = [one for one in changed + cut if _verified(one, algorithm).claims is not None]

    assert not accepted
    assert _verified(text, algorithm).claims is not None
    assert len(changed) + len(cut) == 2 * len(text) - 2
