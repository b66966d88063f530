"""Project Wycheproof's vectors: each one that is answered otherwise is named, with the reason."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import pytest

from tests.unit.tokens.issuer import HERE
from wcs_hooks.core.tokens.jwt import MalformedTokenError, decode_signed
from wcs_hooks.core.tokens.keys import Key, UnusableKeyError, keys_of_jwks, secret_key
from wcs_hooks.core.tokens.verification import keys_for

_EMPTY_PAYLOAD = "a token has claims, so an empty payload is not one"
_OTHER_ALGORITHM = "the key says another algorithm than the token: Figure 20 is PS384 by a key"
_NO_SUCH_ALGORITHM = "the key is for ES521, which RFC 7518 does not have: it is called ES512"
_STRAY = "base64url is read strictly: no character beside its alphabet"
_SAME_AS_VALID = "the vector is at fault: it is the same text as the valid 357, byte for byte"
_ENCRYPTED = "encrypted tokens are not read"
_NO_KID_OF_SECRETS = "secrets have no `kid`: current and previous of one differ only in the MAC"
_ONE_MINIMUM = "one minimum of 32 bytes holds for all secrets; nobody guesses 376 or 504 bits"
_ROCA = "keys of chips with the ROCA fault are not looked for: their issuers have replaced them"

_DEVIATIONS: Final[Mapping[str, Mapping[int, str]]] = {
    "signature": {
        **dict.fromkeys((259, 264, 268, 272, 320, 325), _EMPTY_PAYLOAD),
        **dict.fromkeys((346, 350), _OTHER_ALGORITHM),
        **dict.fromkeys((347, 351), _NO_SUCH_ALGORITHM),
        **dict.fromkeys((367, 370), _SAME_AS_VALID),
        **dict.fromkeys((372, 373), _STRAY),
    },
    "key": {4: _NO_KID_OF_SECRETS, 7: _ROCA, 11: _ONE_MINIMUM, 12: _ONE_MINIMUM},
    "crypto": {46: _ROCA},
}


class _Vector(NamedTuple):
    file: str
    id: int
    comment: str
    jwk: Mapping[str, Any]
    text: object
    encrypted: bool
    valid: bool


def _vectors(file: str) -> Iterator[_Vector]:
    document = json.loads((HERE / "wycheproof" / f"json_web_{file}_test.json").read_text())
    for group in document["testGroups"]:
        jwk = group.get("public") or group["private"]
        for test in group["tests"]:
            encrypted = "jwe" in test
            yield _Vector(
                *(file, test["tcId"], test["comment"], jwk),
                *(test["jwe" if encrypted else "jws"], encrypted, test["result"] == "valid"),
            )


def _secret(jwk: Mapping[str, Any]) -> Iterator[Key]:
    """What an operator would store in Secrets Manager, for the algorithm that the JWK names."""
    raw = base64.urlsafe_b64decode(jwk["k"] + "==")
    try:
        key = secret_key(f"base64:{base64.b64encode(raw).decode()}")
    except UnusableKeyError:
        return
    if jwk["alg"] in key.algorithms:
        yield Key(key.family, (jwk["alg"],), key.material)


def _keys(jwk: Mapping[str, Any]) -> list[Key]:
    members = jwk.get("keys", [jwk])
    if all(member["kty"] == "oct" for member in members):
        return [key for member in members for key in _secret(member)]
    try:
        return list(keys_of_jwks({"keys": members})[0])
    except UnusableKeyError:
        return []


def _accepted(vector: _Vector) -> bool:
    if not isinstance(vector.text, str):
        return False
    try:
        signed = decode_signed(vector.text)
    except MalformedTokenError:
        return False
    chosen = keys_for(signed, _keys(vector.jwk))
    return any(
        key.verifies(signed.algorithm, signed.signing_input, signed.signature) for key in chosen
    )


@pytest.mark.parametrize(("file", "count"), [("signature", 401), ("key", 26), ("crypto", 83)])
def test_given_wycheproofs_vectors_then_all_but_those_named_are_answered_as_they_say(
    file: str, count: int
) -> None:
    vectors = list(_vectors(file))

    otherwise = {
        vector.id: _ENCRYPTED if vector.encrypted else _DEVIATIONS[file].get(vector.id, "unnamed")
        for vector in vectors
        if _accepted(vector) is not vector.valid
    }
    encrypted = {vector.id: _ENCRYPTED for vector in vectors if vector.encrypted and vector.valid}

    assert len(vectors) == count
    assert otherwise == {**_DEVIATIONS[file], **encrypted}


def test_given_the_vectors_at_fault_then_they_are_the_same_text_as_a_valid_one() -> None:
    texts = {vector.id: vector.text for vector in _vectors("signature")}

    assert texts[367] == texts[370] == texts[357]
