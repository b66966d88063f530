"""`wcsctl token`: what a token is, which keys verify it, and tokens that are made."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import OctKey

from tests.support.operated_stack import OperatedStack, operated
from tests.unit.tokens.issuer import (
    ISSUER,
    SECRET,
    jwk,
    private_key,
    public_key,
    segment,
    token,
)
from wcs_hooks.adapters.dynamo_keys import DynamoKeyStore
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.issuer_keys import KeyAddress
from wcsctl.errors import ExitStatus, NotFoundError, UnreachableError, UsageError, WcsctlError
from wcsctl.tokens.issuer_keys import RefreshError

_DAY = 86_400
_KEYS = KeyAddress("https://issuer.example/keys")
_STREAM_KEYS = {"id": "encoders", "action": "trust", "form": "key", "keys": "secret:stream-keys"}


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as stack:
        created = stack.aws.secrets_manager.create_secret(
            Name="TokenSecrets",
            SecretString=json.dumps({"stream-keys": SECRET, "short": "too short to sign with"}),
        )
        stack.outputs["TokenSecretsArn"] = created["ARN"]
        yield stack


def _trust(**attributes: Any) -> dict[str, Any]:
    given = {"issuer": ISSUER, "audience": "wcs", "required": True, "keys": jwk("ES256", kid="k-1")}
    return {"id": "site", "action": "trust", **given, **attributes}


def _signed(algorithm: str = "ES256", **claims: object) -> str:
    return token(algorithm, **{"aud": "wcs", "exp": int(time.time()) + 600, **claims})


def _check(stack: OperatedStack, text: str, *words: str) -> tuple[int, Any]:
    result = stack.run("--json", "token", "check", "-", *words, answer=text)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, json.loads(result.stdout)


def _error(stack: OperatedStack, *words: str) -> WcsctlError:
    error = stack.run("token", *words).exception
    assert isinstance(error, WcsctlError)
    return error


def _key_file(tmp_path: Path, content: str | bytes) -> str:
    file = tmp_path / "key"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


# --- check --------------------------------------------------------------------------------------


def test_given_a_valid_token_then_its_policy_and_its_claims_are_shown_with_a_warning(
    stack: OperatedStack,
) -> None:
    stack.enforce("live", _trust())
    signed = _signed()

    status, said = _check(stack, f"Bearer {signed}\n", "--app", "live")
    shown = stack.run("token", "check", signed, "--app", "live")

    assert (status, said["valid"], said["trust"], said["alg"]) == (0, True, "live/site", "ES256")
    assert said["claims"]["sub"] == "anna"
    assert "Expires   in 9 min" in shown.output
    assert "mind who sees this output" in shown.output
    assert signed not in shown.output


@pytest.mark.parametrize(
    ("text", "status", "why"),
    [
        ("not-a-token", "malformed", "three segments"),
        (token(iss="https://other.example"), "unknown-issuer", "no item believes"),
        (_signed(aud="other"), "wrong-audience", "`aud`"),
        (_signed(exp=1_767_225_600), "expired", "has expired"),
        (_signed()[:-8] + "AAAAAAAA", "bad-signature", "was not signed"),
    ],
)
def test_given_a_token_that_is_not_valid_then_it_says_why_and_the_exit_status_is_1(
    stack: OperatedStack, text: str, status: str, why: str
) -> None:
    stack.enforce("live", _trust())

    ended, said = _check(stack, text, "--app", "live")

    assert (ended, said["valid"], said["status"]) == (1, False, status)
    assert why in said["detail"]


def test_given_a_token_of_another_key_then_its_claims_are_called_unproven_and_known_keys_are_named(
    stack: OperatedStack,
) -> None:
    stack.enforce("live", _trust())
    header, claims, signature = _signed().split(".")
    del header
    text = f"{segment({'alg': 'ES256', 'kid': 'gone'})}.{claims}.{signature}"

    shown = stack.run("token", "check", "-", "--app", "live", answer=text)

    assert shown.exit_code == 1
    assert "unknown-key" in shown.output
    assert "Keys      k-1" in shown.output
    assert "Claims, not proven" in shown.output


def test_given_a_policy_for_every_app_or_another_moment_then_check_goes_by_them(
    stack: OperatedStack,
) -> None:
    stack.enforce("*", _trust())

    assert _check(stack, _signed())[0] == 0
    ended, said = _check(stack, _signed(), "--at", "2040-01-01")
    assert (ended, said["status"]) == (1, "expired")
    assert _check(stack, _signed(), "--method", "call")[1]["status"] == "unknown-issuer"
    assert isinstance(_error(stack, "check", "x", "--method", "none"), UsageError)


# --- keys ---------------------------------------------------------------------------------------


def _store(stack: OperatedStack) -> DynamoKeyStore:
    return DynamoKeyStore(stack.aws.dynamodb, "PolicySnapshots", _DAY, SystemClock())


def _stored() -> bytes:
    return json.dumps([public_key("ES256", kid="k-1").to_json()]).encode()


def test_given_fetched_keys_then_each_address_is_shown_with_its_age_and_its_kids(
    stack: OperatedStack,
) -> None:
    _store(stack).keep(_KEYS, _stored(), time.time() - 120)

    [said] = stack.json("token", "keys")["keys"]
    shown = stack.run("token", "keys").output

    assert (said["address"], said["ok"], said["usable"]) == (_KEYS.url, True, True)
    assert said["keys"] == [{"kid": "k-1", "kty": "EC", "algorithms": ["ES256"]}]
    assert "2 min ago" in shown


def test_given_a_failed_fetch_or_stale_keys_then_they_are_shown_and_the_exit_status_is_1(
    stack: OperatedStack,
) -> None:
    _store(stack).keep(_KEYS, _stored(), time.time() - 2 * _DAY)
    _store(stack).keep_failure(_KEYS, "the server answers 500")

    shown = stack.run("token", "keys")

    assert shown.exit_code == ExitStatus.FAILED
    assert "the server answers 500" in shown.output
    assert "(not used)" in shown.output


def test_given_refresh_then_the_compiler_fetches_first_and_what_it_fetched_is_shown(
    stack: OperatedStack,
) -> None:
    _store(stack).keep(_KEYS, _stored(), time.time())
    stack.answers.append({"keys": [{"address": _KEYS.url, "error": ""}]})

    said = stack.json("token", "keys", "--refresh")

    assert stack.invocations == [("compiler", {"refreshKeys": True})]
    assert said["keys"][0]["ok"]


@pytest.mark.parametrize(
    ("answer", "message"), [("Boom", "crashed: Boom"), ({}, "deploy the stack again")]
)
def test_given_a_compiler_that_cannot_refresh_then_that_is_an_error(
    stack: OperatedStack, answer: Any, message: str
) -> None:
    stack.answers.append(answer)

    error = _error(stack, "keys", "--refresh")

    assert isinstance(error, RefreshError)
    assert message in str(error)


# --- make ---------------------------------------------------------------------------------------


def _small_key() -> bytes:
    key = rsa.generate_private_key(65_537, 1024)  # noqa: S505 - to be refused
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "algorithm", ["RS256", "PS384", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS512"]
)
@pytest.mark.parametrize("form", ["jwk", "pem"])
def test_given_a_key_then_a_token_is_made_that_the_functions_take_for_valid(
    stack: OperatedStack, tmp_path: Path, algorithm: str, form: str
) -> None:
    if algorithm.startswith("HS"):
        content: str | bytes = SECRET
        if form == "jwk":
            content = json.dumps(OctKey.import_key(SECRET.encode()).as_dict(private=True))
        stack.enforce("live", _trust(keys="secret:stream-keys"))
    else:
        key = private_key(algorithm)
        content = json.dumps(key.as_dict(private=True) | {"kid": "dev"})
        if form == "pem":
            content = key.as_pem(private=True)
        stack.enforce("live", _trust(keys=jwk(algorithm)))
    words = ("--key", _key_file(tmp_path, content), "--alg", algorithm, "--for", "10m")
    claims = json.dumps({"iss": ISSUER, "sub": "anna", "aud": "wcs"})

    made = stack.run("token", "make", *words, "--claims", claims).stdout

    status, said = _check(stack, made, "--app", "live")
    assert (status, said["alg"], said["claims"]["sub"]) == (0, algorithm, "anna")
    assert 500 < said["claims"]["exp"] - time.time() <= 600


@pytest.mark.parametrize(
    ("content", "words", "message"),
    [
        ("too short", (), "the secret has 9 bytes"),
        ('{"kty": "RSA"}', (), "is not a key"),
        ("-----BEGIN PRIVATE KEY-----\nMIIx\n-----END PRIVATE KEY-----", (), "is not a key"),
        (json.dumps(jwk("ES256")), (), "a public key, which only verifies"),
        (private_key("ES256").as_pem(private=False), (), "a public key, which only verifies"),
        (_small_key(), (), "less than 2,048 bits"),
        (SECRET, ("--alg", "ES256"), "signs with HS256, HS384, HS512"),
        (SECRET, ("--alg", "none"), "none is not supported"),
        (SECRET, ("--for", "soon"), "is not a duration"),
        (SECRET, ("--for", "2h", "--claims", '{"exp": 1767225600}'), "leave out --for, or exp"),
        (SECRET, ("--claims", "["), "--claims is not JSON"),
        (SECRET, ("--claims", '{"sub": 1}'), "a claim `sub` that is not a text"),
    ],
)
def test_given_what_makes_no_token_then_the_error_says_why_and_quotes_no_key(
    stack: OperatedStack, tmp_path: Path, content: str | bytes, words: tuple[str, ...], message: str
) -> None:
    file = _key_file(tmp_path, content)

    error = _error(stack, "make", "--key", file, "--claims", "{}", *words)

    assert isinstance(error, UsageError)
    assert message in str(error)
    assert SECRET not in str(error)
    assert "MII" not in str(error)


# --- sign ---------------------------------------------------------------------------------------


def test_given_a_signed_stream_key_then_it_holds_for_its_stream_and_what_it_was_signed_for(
    stack: OperatedStack,
) -> None:
    stack.enforce("live", _STREAM_KEYS)
    signing = ("--app", "live", "--stream", "lesson", "--user", "anna", "--for", "2h")

    published = stack.run("token", "sign", *signing, "--publish").stdout.strip()
    played = stack.json("token", "sign", *signing, "--play")["key"]

    of_lesson = ("--app", "live", "--stream", "lesson")
    status, said = _check(stack, published, *of_lesson)
    assert (status, said["trust"], said["claims"]["sub"]) == (0, "live/encoders", "anna")
    assert said["claims"]["exp"] - time.time() > 7100
    assert _check(stack, played, *of_lesson, "--method", "playHLS")[0] == 0
    assert _check(stack, played, *of_lesson, "--method", "publishStream")[0] == 1
    other = _check(stack, published, "--app", "live", "--stream", "other")[1]
    assert other["status"] == "bad-signature"
    assert "--stream" in str(_error(stack, "check", published, "--app", "live"))


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ((), UsageError, "--publish or --play"),
        (("--play", "--secret", "gone"), NotFoundError, "they have short, stream-keys"),
        (("--play", "--secret", "short"), UsageError, "at least 32 are needed"),
        (("--play", "--user", "a\nb"), UsageError, "control character"),
    ],
)
def test_given_what_cannot_be_signed_then_the_error_names_it(
    stack: OperatedStack, words: tuple[str, ...], kind: type[WcsctlError], message: str
) -> None:
    error = _error(stack, "sign", "--app", "live", "--stream", "lesson", *words)

    assert isinstance(error, kind)
    assert message in str(error)


def test_given_no_secrets_or_no_right_to_them_then_signing_says_so(stack: OperatedStack) -> None:
    words = ("sign", "--app", "live", "--stream", "lesson", "--play")
    stack.refused.add("GetSecretValue")
    refused = _error(stack, *words)
    del stack.outputs["TokenSecretsArn"]
    absent = _error(stack, *words)

    assert isinstance(refused, UnreachableError)
    assert isinstance(absent, NotFoundError)
    assert "setting tokenSecrets" in str(absent)
