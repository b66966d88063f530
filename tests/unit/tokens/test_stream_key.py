"""Signed stream keys: the common vectors, who may do what with one, and what is refused."""

import hmac
import json
from typing import Any, Final

import pytest

from tests.unit.tokens.issuer import HERE, NOW, OTHER_SECRET, SECRET, secrets, token, trust
from wcs_hooks.core.tokens.jwt import MalformedTokenError, encode_base64url
from wcs_hooks.core.tokens.keys import secret_key
from wcs_hooks.core.tokens.stream_key import Act, UnsignableError, parse, sign
from wcs_hooks.core.tokens.trust import PLACES_BY_DEFAULT, Form, KeySource
from wcs_hooks.core.tokens.verification import Shown, TokenHook, TokenStatus, verify

_VECTORS: Final[dict[str, Any]] = json.loads((HERE / "stream_keys.json").read_text())
_METHODS: Final = ("connect", "publishStream", "playStream", "playHLS", "playRTSP")


def _key(act: Act = Act.PUBLISH, **others: Any) -> str:
    given: dict[str, Any] = {"app": "live", "stream": "lesson", "user": "anna"} | others
    return sign(
        given.pop("secret", SECRET.encode()),
        *(given["app"], act, given["stream"]),
        expiry=given.get("expiry", NOW + 3600),
        user=given["user"],
    )


def _shown(
    text: str,
    method: str = "publishStream",
    *,
    app: str = "live",
    stream: str = "lesson",
    **of: Any,
) -> Shown:
    item = trust(
        "encoders",
        form=Form.KEY,
        methods=_METHODS,
        token_in=PLACES_BY_DEFAULT[Form.KEY],
        issuers=(),
        keys=KeySource(secret="encoders"),
        **of,
    )
    hook = TokenHook(app, method, stream, {"custom": {"key": text}})
    return verify(hook, [item], lambda _: secrets(), NOW)


@pytest.mark.parametrize("vector", _VECTORS["keys"], ids=lambda vector: str(vector["name"]))
def test_given_a_common_vector_then_the_same_key_is_made_and_verified(
    vector: dict[str, Any],
) -> None:
    secret = secret_key(vector["secret"])
    made = sign(
        secret.secret,
        *(vector["app"], Act(vector["act"]), vector["stream"]),
        expiry=vector["expiry"],
        user=vector["user"],
    )
    method = "publishStream" if vector["act"] == "p" else "playStream"
    item = trust(form=Form.KEY, methods=(method,), keys=KeySource(secret="s"))
    hook = TokenHook(vector["app"], method, vector["stream"], {"token": vector["key"]})

    verified = verify(hook, [item], lambda _: [secret], vector["expiry"] - 1)

    subject = {"sub": vector["user"]} if vector["user"] else {}
    assert made == vector["key"]
    assert verified.claims == {
        **subject,
        "exp": vector["expiry"],
        "stream": vector["stream"],
        "act": vector["act"],
    }


@pytest.mark.parametrize("case", _VECTORS["unsignable"], ids=lambda case: str(case["name"]))
def test_given_texts_that_could_be_read_otherwise_then_there_is_no_key_and_none_is_accepted(
    case: dict[str, Any],
) -> None:
    with pytest.raises(UnsignableError):
        _key(**case)

    # What another implementation would make of them.
    message = f"k1\n{case['app']}\np\n{case['stream']}\n{case['user']}\n{NOW + 60}".encode()
    mac = encode_base64url(hmac.digest(SECRET.encode(), message, "sha256"))[:27]
    forged = f"k1.p.{NOW + 60}.{encode_base64url(case['user'].encode())}.{mac}"

    assert _shown(forged, app=case["app"], stream=case["stream"]).claims is None


@pytest.mark.parametrize(
    ("act", "accepting"),
    [
        (Act.PUBLISH, {"publishStream"}),
        (Act.PLAY, {"playStream", "playHLS", "playRTSP"}),
    ],
)
def test_given_a_key_for_publishing_or_playing_then_it_holds_for_that_alone(
    act: Act, accepting: set[str]
) -> None:
    statuses = {method: _shown(_key(act), method).status for method in _METHODS}

    assert statuses == {
        method: TokenStatus.VALID if method in accepting else TokenStatus.WRONG_AUDIENCE
        for method in _METHODS
    }


@pytest.mark.parametrize(
    "others",
    [{"app": "other"}, {"stream": "lesson2"}, {"secret": OTHER_SECRET.encode()}],
    ids=lambda others: next(iter(others)),
)
def test_given_a_key_of_another_app_stream_or_secret_then_it_is_refused(
    others: dict[str, Any],
) -> None:
    assert _shown(_key(**others)).status is TokenStatus.BAD_SIGNATURE


def test_given_a_key_of_another_user_or_a_later_moment_then_it_is_refused() -> None:
    first, second = _key().split("."), _key(user="berta", expiry=NOW + 7200).split(".")

    for part in (2, 3, 4):
        forged = [*first]
        forged[part] = second[part]
        assert _shown(".".join(forged)).status is TokenStatus.BAD_SIGNATURE


def test_given_a_valid_key_then_with_any_one_character_changed_it_is_refused() -> None:
    text = _key()
    changed = [
        text[:at] + other + text[at + 1 :]
        for at in range(len(text))
        for other in "AZaz09-_.=\n"
        if other != text[at]
    ]

    assert not [one for one in changed if _shown(one).claims is not None]
    assert _shown(text).claims is not None


def test_given_the_streams_of_playhls_then_the_height_of_a_rendition_is_not_signed() -> None:
    key = _key(Act.PLAY)

    verified = _shown(key, "playHLS", stream="lesson-720p")
    assert verified.claims is not None
    assert verified.claims["stream"] == "lesson"
    own_name = _shown(_key(Act.PLAY, stream="cam-720p"), "playHLS", stream="cam-720p")
    assert own_name.status is TokenStatus.VALID
    for stream in ("lesson-720", "lesson-p", "lesson-720p-1080p", "lesson-720p\n", "-720p"):
        assert _shown(key, "playHLS", stream=stream).status is TokenStatus.BAD_SIGNATURE
    for method in ("playStream", "playRTSP"):
        assert _shown(key, method, stream="lesson-720p").status is TokenStatus.BAD_SIGNATURE
    publishing = _shown(_key(), stream="lesson-720p")
    assert publishing.status is TokenStatus.BAD_SIGNATURE


@pytest.mark.parametrize(
    "text",
    [
        "k1.",
        "k1.p.1.",
        "k1.p.0." + "." + "A" * 27,
        "k1.p.01.." + "A" * 27,
        "k1.p.123456789012.." + "A" * 27,
        "k1.p.-1.." + "A" * 27,
        "k1.p.1767225600.." + "A" * 26,
        "k1.p.1767225600.." + "A" * 28,
        "k1.p.1767225600.." + "A" * 27 + "\n",
        "k1.p.1767225600.." + "A" * 27 + ".",
        "k1.x.1767225600.." + "A" * 27,
        "k1.P.1767225600.." + "A" * 27,
        "k1.p.\u0661767225600.." + "A" * 27,
        "k1.p.1767225600.YQ=." + "A" * 27,
        "k1.p.1767225600.YR." + "A" * 27,
        "k1.p.1767225600.A." + "A" * 27,
        "k1.p.1767225600._w." + "A" * 27,
        "k1.p.1767225600." + "YWFh" * 43 + "." + "A" * 27,
        "k1.p.1767225600.YQo." + "A" * 27,
    ],
)
def test_given_what_is_not_of_the_form_then_it_is_malformed(text: str) -> None:
    with pytest.raises(MalformedTokenError):
        parse(text)

    assert _shown(text).status is TokenStatus.MALFORMED


def test_given_the_expiry_of_a_key_then_the_items_leeway_holds_for_it() -> None:
    assert _shown(_key(expiry=NOW - 29)).status is TokenStatus.VALID
    assert _shown(_key(expiry=NOW - 30)).status is TokenStatus.EXPIRED
    assert _shown(_key(expiry=NOW), leeway=0).status is TokenStatus.EXPIRED


@pytest.mark.parametrize("expiry", [0, -1, 10**11])
def test_given_an_expiry_of_no_or_too_many_digits_then_there_is_no_key(expiry: int) -> None:
    with pytest.raises(UnsignableError):
        _key(expiry=expiry)


def test_given_a_key_for_anybody_then_it_has_no_subject_and_one_can_be_required() -> None:
    verified = _shown(_key(user=""))

    assert verified.claims == {"exp": NOW + 3600, "stream": "lesson", "act": "p"}
    assert _shown(_key(user=""), require=("sub",)).status is TokenStatus.MISSING_CLAIM


def test_given_a_session_that_connected_by_a_token_then_a_key_is_compared_by_its_user() -> None:
    connected = {"iss": "https://issuer.example", "sub": "anna"}

    assert _shown(_key()).beside(connected).status is TokenStatus.VALID
    assert _shown(_key(user="berta")).beside(connected).status is TokenStatus.OTHER_SUBJECT
    assert _shown(_key(user="")).beside(connected).status is TokenStatus.OTHER_SUBJECT


def test_given_a_token_where_only_keys_are_read_or_the_reverse_then_nobody_takes_it() -> None:
    hook = TokenHook("live", "publishStream", "lesson", {"token": _key()})

    assert _shown(token()).status is TokenStatus.UNKNOWN_ISSUER
    assert verify(hook, [trust()], lambda _: [], NOW).status is TokenStatus.UNKNOWN_ISSUER


def test_given_both_forms_at_one_place_then_each_goes_to_its_own_item() -> None:
    jwt_item = trust("site", token_in=("custom.key",))
    key_item = trust("encoders", form=Form.KEY, issuers=(), token_in=("custom.key",))
    hook = TokenHook("live", "publishStream", "lesson", {"custom": {"key": _key()}})

    verified = verify(hook, [jwt_item, key_item], lambda _: secrets(), NOW)
    other = hook._replace(fields={"custom": {"key": token("HS256")}})

    assert (verified.status, verified.trust) == (TokenStatus.VALID, "encoders")
    assert verify(other, [jwt_item, key_item], lambda _: secrets(), NOW).trust == "site"
    assert verify(hook, [key_item], lambda _: None, NOW).status is TokenStatus.NO_KEYS
