"""What people forge tokens with: each row is refused, and what only looks odd is accepted."""

import json
from typing import Any, Final

import pytest

from tests.unit.tokens.issuer import (
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    claims,
    jwk,
    private_key,
    public_key,
    secrets,
    segment,
    shown,
    signed,
    signed_with,
    token,
    trust,
)
from wcs_hooks.core.tokens.jwt import (
    MAX_TOKEN_CHARACTERS,
    MalformedTokenError,
    decode,
    encode_base64url,
)
from wcs_hooks.core.tokens.keys import Flaw, UnusableKeyError, keys_of_jwks, secret_key
from wcs_hooks.core.tokens.verification import TokenStatus

_HEADER: Final = '{"alg":"ES256"}'


def _claims_text(**replaced: str) -> str:
    """Claims whose values are JSON texts."""
    members = {"iss": f'"{ISSUER}"', "sub": '"anna"', "exp": str(NOW + 3600)} | replaced
    return f"{{{','.join(f'"{name}":{value}' for name, value in members.items())}}}"


def _with_claims(**replaced: str) -> str:
    return signed(_HEADER, _claims_text(**replaced), "ES256")


@pytest.mark.parametrize("spelling", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", ["", "AA"])
def test_given_the_algorithm_none_in_any_spelling_then_a_token_is_refused(
    spelling: str, signature: str
) -> None:
    text = f"{segment({'alg': spelling})}.{segment(claims())}.{signature}"

    assert shown(text).status is (TokenStatus.UNKNOWN_KEY if signature else TokenStatus.MALFORMED)


@pytest.mark.parametrize("form", ["PEM", "DER", "JWK", "n"])
@pytest.mark.parametrize("kid", [{}, {"kid": "1"}])
def test_given_an_hmac_with_the_public_rsa_key_as_its_secret_then_a_token_is_refused(
    form: str, kid: dict[str, str]
) -> None:
    key = private_key("RS256")
    public = {
        "PEM": key.as_pem(private=False),
        "DER": key.as_der(private=False),
        "JWK": json.dumps(jwk("RS256"), separators=(",", ":")).encode(),
        "n": jwk("RS256")["n"].encode(),
    }[form]
    text = signed_with(public, "HS256", f"{segment({'alg': 'HS256', **kid})}.{segment(claims())}")

    assert shown(text, keys=[public_key("RS256", kid="1")]).status is TokenStatus.UNKNOWN_KEY


@pytest.mark.parametrize(
    "members",
    [
        {"jwk": jwk("ES256", 2)},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/certificate"},
        {"x5c": ["MIIB"]},
        {"jku": f"{ISSUER}/keys", "jwk": jwk("ES256", 2), "kid": "1"},
    ],
    ids="-".join,
)
def test_given_a_header_that_brings_its_own_key_then_the_key_is_not_used(
    members: dict[str, Any],
) -> None:
    text = signed({"alg": "ES256", **members}, claims())

    assert shown(text, keys=[public_key("ES256", 2)]).status is not TokenStatus.VALID
    assert shown(text, keys=[public_key("ES256", 3, kid="1")]).status is TokenStatus.BAD_SIGNATURE


@pytest.mark.parametrize(
    "kid",
    ["../../dev/null", "/etc/passwd", "' OR '1'='1", "1' UNION SELECT 'secret'--", "1%00", "*"],
)
def test_given_a_kid_that_is_a_path_or_a_query_then_it_is_the_name_of_no_key(kid: str) -> None:
    text = signed({"alg": "ES256", "kid": kid}, claims())

    refused = shown(text, keys=[public_key("ES256", kid="1")])

    assert (refused.status, refused.kid) == (TokenStatus.UNKNOWN_KEY, "")


def test_given_a_stripped_signature_then_a_token_is_refused() -> None:
    unsigned = token().rpartition(".")[0]

    assert shown(unsigned).status is TokenStatus.MALFORMED
    assert shown(f"{unsigned}.").status is TokenStatus.MALFORMED
    assert shown(f"{unsigned}.AA").status is TokenStatus.BAD_SIGNATURE


@pytest.mark.parametrize(
    "header",
    [
        '{"alg":"ES256","alg":"none"}',
        '{"alg":"none","alg":"ES256"}',
        '{"alg":"ES256","\\u0061lg":"HS256"}',
        '{"alg":"ES256","x":{"a":1,"a":1}}',
    ],
)
def test_given_a_name_twice_in_a_header_then_a_token_is_refused(header: str) -> None:
    assert shown(signed(header, claims(), "ES256")).status is TokenStatus.MALFORMED


@pytest.mark.parametrize(
    "members",
    [
        {"crit": ["exp"], "exp": NOW},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"zip": "DEF"},
    ],
    ids=json.dumps,
)
def test_given_a_header_that_changes_what_a_token_means_then_it_is_refused(
    members: dict[str, Any],
) -> None:
    assert shown(signed({"alg": "ES256", **members}, claims())).status is TokenStatus.MALFORMED


@pytest.mark.parametrize(
    "members",
    [
        {"typ": "at+jwt", "cty": "x", "x5t": "AA", "site": {"region": 1}},
        {"x5c": ["M" * 3000]},
        {"jku": 5, "x5u": None, "jwk": [], "x5c": "text"},
        {"kid": ""},
    ],
    ids=["unknown", "long-x5c", "odd-types", "empty-kid"],
)
def test_given_header_members_that_are_not_needed_then_they_are_ignored(
    members: dict[str, Any],
) -> None:
    assert shown(signed({"alg": "ES256", **members}, claims())).status is TokenStatus.VALID


@pytest.mark.parametrize("alg", [None, 5, ["ES256"], {"a": 1}, True])
def test_given_an_algorithm_or_a_kid_that_is_not_a_text_then_a_token_is_refused(alg: Any) -> None:
    assert shown(signed({"alg": alg}, claims(), "ES256")).status is TokenStatus.MALFORMED
    assert shown(signed({"alg": "ES256", "kid": alg}, claims())).status is TokenStatus.MALFORMED


def test_given_a_huge_token_then_it_is_refused_unread() -> None:
    longest = token(x="y" * (MAX_TOKEN_CHARACTERS * 3 // 4 - 200))

    assert MAX_TOKEN_CHARACTERS - 200 < len(longest) <= MAX_TOKEN_CHARACTERS
    assert shown(longest).status is TokenStatus.VALID
    assert shown("a" * (MAX_TOKEN_CHARACTERS + 1)).detail == "is longer than 8,192 characters"
    assert shown(".".join(["a" * 10**6] * 3)).status is TokenStatus.MALFORMED


@pytest.mark.parametrize(
    ("depth", "status"), [(16, TokenStatus.VALID), (17, TokenStatus.MALFORMED)]
)
@pytest.mark.parametrize("part", ["header", "claims"])
def test_given_deep_json_then_it_is_refused_from_17_levels_on(
    part: str, depth: int, status: TokenStatus
) -> None:
    deep = {"deep": json.loads("[" * (depth - 1) + "]" * (depth - 1))}
    header, payload = {"alg": "ES256"}, claims()
    (header if part == "header" else payload).update(deep)

    assert shown(signed(header, payload)).status is status


def test_given_thousands_of_brackets_then_a_token_is_refused_and_nothing_overflows() -> None:
    for brackets in ("[" * 5000, '{"a":' * 1000, "]" * 3000 + "[" * 3000, '"' + "[" * 5000):
        text = f"{segment(_HEADER)}.{segment(brackets)}.AA"

        assert shown(text).status is TokenStatus.MALFORMED


@pytest.mark.parametrize("secret", ["", "a", "0" * 31, "base64:", "base64:AA==", "base64:%%"])
def test_given_a_short_secret_then_it_is_no_key(secret: str) -> None:
    with pytest.raises(UnusableKeyError) as refused:
        secret_key(secret)

    assert "the secret" in str(refused.value)
    assert len(secret) < 20 or secret not in str(refused.value)


@pytest.mark.parametrize(
    "payload",
    [
        f'{{"sub":"anna","sub":"root","iss":"{ISSUER}","exp":{NOW + 60}}}',
        f'{{"sub":"anna","\\u0073ub":"root","iss":"{ISSUER}","exp":{NOW + 60}}}',
        f'{{"sub":"anna","iss":"{ISSUER}","exp":{NOW + 60},"wcs":[{{"a":1,"a":2}}]}}',
    ],
)
def test_given_a_claim_twice_then_a_token_is_refused(payload: str) -> None:
    assert shown(signed(_HEADER, payload, "ES256")).status is TokenStatus.MALFORMED


@pytest.mark.parametrize("hidden", ["\\u0000", "\\ud800", "\\uDC00", "\\udc00\\ud800"])
@pytest.mark.parametrize(
    "place",
    ['"sub":"anna{}"', '"x":["a{}"]', '"x":{{"a{}":1}}', '"a{}":1'],
    ids=["sub", "in-a-list", "inner-name", "name"],
)
def test_given_a_nul_or_a_lone_surrogate_anywhere_then_a_token_is_refused(
    place: str, hidden: str
) -> None:
    payload = f'{{"iss":"{ISSUER}","exp":{NOW + 60},{place.format(hidden)}}}'

    assert shown(signed(_HEADER, payload, "ES256")).status is TokenStatus.MALFORMED
    assert shown(signed(f'{{"alg":"ES256","x":"{hidden}"}}', claims(), "ES256")).status is (
        TokenStatus.MALFORMED
    )


@pytest.mark.parametrize("text", ["\\\\u0000", "\\\\ud800", "\\ud834\\udd1e", "\\u0001", "\x7f"])
def test_given_escapes_that_only_look_like_that_then_a_token_is_accepted(text: str) -> None:
    assert shown(_with_claims(sub=f'"{text}"')).status is TokenStatus.VALID


@pytest.mark.parametrize(
    "value",
    [
        *('"1767225600"', "1e999", "-1e999", "NaN", "Infinity", "-Infinity", "-1", "-0.5", "true"),
        *("null", "[]", "{}", "253402300799.5", "253402300800", "9" * 400, "1e300"),
    ],
)
@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
def test_given_a_moment_that_is_not_a_number_of_seconds_then_a_token_is_refused(
    claim: str, value: str
) -> None:
    assert shown(_with_claims(**{claim: value})).status is TokenStatus.MALFORMED


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("1767225600.5", NOW), ("1.7672256e9", NOW), ("253402300799", 253_402_300_799)],
)
def test_given_a_moment_with_a_fraction_then_whole_seconds_are_given_on(
    value: str, seconds: int
) -> None:
    accepted = shown(_with_claims(exp=value), now=NOW - 60).claims

    assert accepted is not None
    assert (accepted["exp"], type(accepted["exp"])) == (seconds, int)


@pytest.mark.parametrize("value", ["1e999", "NaN", "Infinity", "-Infinity", "[1e400]", "9" * 400])
def test_given_a_number_that_is_not_finite_in_any_claim_then_a_token_is_refused(
    value: str,
) -> None:
    assert shown(_with_claims(x=value)).status is TokenStatus.MALFORMED


def test_given_numbers_beyond_64_bits_then_claims_are_seen_as_bodies_are() -> None:
    accepted = shown(_with_claims(a="9223372036854775807", b="9223372036854775808")).claims

    assert accepted is not None
    assert accepted["a"] == 2**63 - 1
    assert (accepted["b"], type(accepted["b"])) == (float(2**63), float)


@pytest.mark.parametrize("value", ["5", "null", '["anna"]', "true", "{}"])
@pytest.mark.parametrize("claim", ["sub", "iss"])
def test_given_a_subject_or_an_issuer_that_is_not_a_text_then_a_token_is_refused(
    claim: str, value: str
) -> None:
    assert shown(_with_claims(**{claim: value})).status is TokenStatus.MALFORMED


@pytest.mark.parametrize("payload", ["[]", '"text"', "5", "null", "", "{", "{}x", "\ufeff{}"])
def test_given_claims_that_are_not_an_object_then_a_token_is_refused(payload: str) -> None:
    assert shown(signed(_HEADER, payload, "ES256")).status is TokenStatus.MALFORMED


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "=",
        lambda text: text + "==",
        lambda text: text.replace(".", "=.", 1),
        lambda text: text.replace(".", "\n.", 1),
        lambda text: " " + text,
        lambda text: text + "\n",
        lambda text: text + ".",
        lambda text: text + ".AA",
        lambda text: "." + text,
        lambda text: text.replace(".", "..", 1),
        lambda text: text[:-1] + chr(ord(text[-1]) + 1),
        lambda text: text.replace("e", "\uff45", 1),
        lambda text: "+" + text[1:],
        lambda _: "..",
        lambda _: "a.b.c",
        lambda _: "\ud800.\ud800.\ud800",
        lambda _: "null",
    ],
)
def test_given_base64url_that_is_not_canonical_or_other_segments_then_a_token_is_refused(
    change: Any,
) -> None:
    # 64 bytes end in a character of which four bits are not used.
    assert shown(change(token())).status is TokenStatus.MALFORMED


@pytest.mark.parametrize(
    "signature",
    [
        bytes(64),
        bytes(32) + b"\1" * 32,
        b"\1" * 32 + bytes(32),
        b"\xff" * 64,
        b"\1" * 62,
        b"\1" * 66,
        b"\1" * 128,
        b"\1",
    ],
    ids=["r=s=0", "r=0", "s=0", "too-large", "short", "long", "doubled", "one-byte"],
)
def test_given_numbers_that_no_ecdsa_signature_has_then_a_token_is_refused(
    signature: bytes,
) -> None:
    text = f"{token().rpartition('.')[0]}.{encode_base64url(signature)}"

    assert shown(text).status is TokenStatus.BAD_SIGNATURE


def test_given_a_signature_with_swapped_or_shifted_halves_or_in_der_then_it_is_refused() -> None:
    unsigned, _, written = token().rpartition(".")
    raw = decode(f"{unsigned}.{written}").signed.signature
    r, s = raw[:32], raw[32:]
    der = b"\x30\x44\x02\x20" + r + b"\x02\x20" + s

    for forged in (s + r, b"\0" + raw + b"\0", b"\0" + r + b"\0" + s, der):
        text = f"{unsigned}.{encode_base64url(forged)}"
        assert shown(text).status is TokenStatus.BAD_SIGNATURE


def test_given_a_key_for_encryption_then_it_verifies_nothing() -> None:
    usable = jwk("ES256", kid="sig")
    other: list[dict[str, Any]] = [{"use": "enc"}, {"key_ops": ["encrypt"]}, {"alg": "ECDH-ES"}]
    for members in other:
        keys, flaws = keys_of_jwks({"keys": [jwk("ES256", kid="enc", **members), usable]})

        assert [key.kid for key in keys] == ["sig"]
        assert flaws[0] in {Flaw.NOT_FOR_SIGNATURES, Flaw.OTHER_ALGORITHM}


def test_given_a_token_for_another_audience_then_it_is_refused() -> None:
    mine = trust(audiences=("wcs", "wcs-test"))

    assert shown(token(aud="wcs"), mine).status is TokenStatus.VALID
    assert shown(token(aud=["site", "wcs"]), mine).status is TokenStatus.VALID
    for aud in ("site", "wcs ", "WCS", [], ["site"], None, 5, [["wcs"]], {"wcs": 1}):
        assert shown(token(aud=aud), mine).status is TokenStatus.WRONG_AUDIENCE
    assert shown(token(), mine).status is TokenStatus.WRONG_AUDIENCE


def test_given_a_token_of_another_issuer_or_by_another_secret_then_it_is_refused() -> None:
    for issuer in ("https://issuer.example/", "https://ISSUER.example", "https://other.example"):
        assert shown(token(iss=issuer)).status is TokenStatus.UNKNOWN_ISSUER
    assert shown(token("HS256"), keys=secrets(OTHER_SECRET)).status is TokenStatus.BAD_SIGNATURE
    assert shown(token("HS256"), keys=secrets(SECRET)).status is TokenStatus.VALID


def test_given_any_malformed_token_then_what_is_said_of_it_quotes_nothing() -> None:
    marked = "s3cr3t"
    texts = [
        f"{marked}.{marked}.{marked}",
        signed({"alg": "ES256", "crit": [marked]}, claims()),
        signed(_HEADER, f'{{"{marked}":1,"{marked}":2}}', "ES256"),
        signed(_HEADER, f'{{"sub":["{marked}"]}}', "ES256"),
        signed(_HEADER, f'{{"x":"{marked}"', "ES256"),
    ]
    for text in texts:
        with pytest.raises(MalformedTokenError) as refused:
            decode(text)

        error: BaseException | None = refused.value
        while error is not None:
            assert marked not in str(error)
            error = error.__cause__ or error.__context__
        assert marked not in repr(shown(text))
