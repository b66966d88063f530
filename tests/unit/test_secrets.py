"""What must not be kept, and what must not be shown."""

import base64
import json
import re
import time
from pathlib import Path
from sys import float_info
from typing import Any

import pytest

from tests.support.marked_secrets import PLACES, MarkedBody, marked_bodies
from wcs_hooks.core.payload import parse
from wcs_hooks.core.secrets import (
    CUSTOM,
    MASK,
    SECRET_FIELDS,
    is_secret,
    masked,
    without_secrets,
)

_MARKED = "s3cr3t-marked"
_REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
_PROTOCOL = _REFERENCE / "wcs-protocol.md"
_EXPRESSIONS = _REFERENCE / "expressions.md"


@pytest.fixture(scope="module")
def listed() -> set[str]:
    """The entries of the protocol's list of secrets."""
    text = " ".join(_PROTOCOL.read_text().split())
    [entries] = re.findall(
        r"Secrets that must never be logged[^:]*: (.*?Authorization header)", text
    )
    plain = re.sub(r"\([^)]*\)", "", entries)
    return {entry.strip() for entry in re.split(r",| and ", plain)}


def test_given_the_protocols_list_then_each_entry_of_it_is_tested(listed: set[str]) -> None:
    assert set(PLACES) == listed


def test_given_the_protocols_list_then_each_field_of_it_is_secret_by_its_name(
    listed: set[str],
) -> None:
    named = {entry for entry in listed if entry.isidentifier()}

    assert len(named) == 12
    assert named - {CUSTOM} <= SECRET_FIELDS


@pytest.mark.parametrize("body", marked_bodies(appKey="live"), ids=lambda body: len(body.marks))
def test_given_a_secret_in_every_place_then_none_is_shown_and_but_for_custom_none_is_kept(
    body: MarkedBody,
) -> None:
    shown, kept = json.dumps(masked(body.fields)), json.dumps(without_secrets(body.fields))

    assert body.leaks(shown) == []
    assert [leak for leak in body.leaks(kept) if not leak.startswith("custom, ")] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"sipPassword": _MARKED},
        {"sipLogin": _MARKED},
        {"sipAuthenticationName": _MARKED},
        {"authToken": _MARKED},
        {"sessionId": _MARKED},
        {"token": _MARKED},
        {"login": _MARKED},
        {"aclAuth": _MARKED},
        {"sdp": _MARKED},
        {"sipMessageRaw": _MARKED},
        {"payload": {"message": _MARKED}},
        {"custom": {"token": _MARKED}},
        {"custom": {"nested": [{"aclAuth": _MARKED}]}},
        {"name": f"rtsp://host/live?aclAuth={_MARKED}"},
        {"name": f"rtsp://user:{_MARKED}@host/live"},
        {"name": f"rtsp://{_MARKED}@host:554/live?x=1"},
        {"streams": [{"SIPPASSWORD": _MARKED}]},
        {"origin": f"https://host/?token={_MARKED}"},
        {"name": f"rtsp://user:p/{_MARKED}@host/live"},
        {"name": f"rtsp://user:p#{_MARKED}@host/live"},
        {"name": f"rtsp://user:p?{_MARKED}@host/live"},
        {"name": f"//user:{_MARKED}@host/live"},
        {"name": f"/live?aclAuth={_MARKED}"},
        {"caller": f"sip:1000:{_MARKED}@host"},
        {"caller": f"<sips:1000:{_MARKED}@host>;tag=1"},
    ],
)
def test_given_a_secret_anywhere_then_it_is_neither_kept_nor_shown(fields: dict[str, Any]) -> None:
    body = {**fields, "appKey": "live"}

    assert _MARKED not in json.dumps(without_secrets(body))
    assert _MARKED not in json.dumps(masked(body))


def test_given_what_a_client_says_of_itself_then_it_is_kept_for_decisions_but_not_shown() -> None:
    body = {"custom": {"role": "teacher"}}

    assert without_secrets(body) == {"custom": {"role": "teacher"}}
    assert masked(body) == {"custom": MASK}


def test_given_fields_without_secrets_then_they_stay_as_they_are() -> None:
    body = {"appKey": "live", "mediaProviders": ["WebRTC"], "width": 0, "name": "b4e7", "x": None}

    assert without_secrets(body) == body
    assert masked(body) == body


def test_given_what_a_client_says_of_itself_in_capitals_then_it_is_not_shown_either() -> None:
    assert masked({"Custom": {"role": "teacher"}}) == {"Custom": MASK}


@pytest.mark.parametrize("before", ["", "@", "@ ", "a://"])
@pytest.mark.parametrize("after", ["", "@", " ://"])
@pytest.mark.parametrize(
    "piece",
    [
        *("a.", "a.b+c-", "a://", "sip:a", "?a", "//", "a:", "@", "x@y:z", "sip:a:", "sip:"),
        *("@sip:a:", "sip:a: ", "2f2f", "2f2f ", "2f2f40", " ", "?"),
        *("2f2f40 ", "//a@ "),
    ],
)
def test_given_a_mebibyte_that_nearly_is_an_address_then_it_takes_no_time(
    piece: str, before: str, after: str
) -> None:
    body = {"name": before + piece * (1_048_576 // len(piece)) + after}

    began = time.process_time()
    masked(body)
    without_secrets(body)

    # Linear time is some tens of milliseconds; quadratic would be hours.
    assert time.process_time() - began < 2


def test_given_a_number_that_no_float_holds_then_the_largest_is_shown_and_none_is_kept() -> None:
    raw = b'{"a": 1e400, "b": [-1e400], "c": ' + b"9" * 400 + b', "d": [1, 5.0]}'
    fields = parse(raw).expression_fields

    shown = json.loads(json.dumps(masked(fields), allow_nan=False))

    largest = float_info.max
    assert shown == {"a": largest, "b": [-largest], "c": largest, "d": [1, 5.0]}
    assert without_secrets(fields) == {"d": [1, 5.0]}


@pytest.mark.parametrize(
    "claim",
    [
        "admin?x",
        "?x",
        "//x@admin",
        "//admin?x",
        "sip:x:y@z",
        "<sip:x:y@z>",
        "see https://admin/?x",
        " https://a/b?x",
        "rtsp://user:p w@h/s",
        # What is the host, and what the password?
        "https://evil/?@good.example/a",
        "rtsp://user:p/w@good.example/a",
        "rtsp://user:p#w@good.example/a",
        f"1-{b'rtsp://u:pw@h/low?x'.hex()}-HLS",
        f"rtsp://u@h/{b'rtsp://u:pw@h/low?x'.hex()}",
        1e400,
        -1e400,
    ],
)
def test_given_a_claim_that_cannot_be_kept_as_it_is_then_it_is_not_kept_at_all(claim: Any) -> None:
    body = {"custom": {"role": claim, "roles": ["teacher", claim], "user": "anna"}, "name": claim}

    assert without_secrets(body) == {"custom": {"user": "anna"}}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://a/x?role=1", "https://a/x"),
        ("https://a/x#role", "https://a/x"),
        ("https://a/x?", "https://a/x"),
        ("https://a?x", "https://a"),
        ("RTSP://user:pw@host:554/a/b?x=1#y", "RTSP://host:554/a/b"),
        ("rtsp://user:p@ss@host/a", "rtsp://host/a"),
        ("https://a/x", "https://a/x"),
        ("wss://a:8443", "wss://a:8443"),
    ],
)
def test_given_a_text_that_is_a_url_then_it_is_kept_without_credentials_and_query(
    url: str, kept: str
) -> None:
    assert without_secrets({"custom": {"page": [url]}}) == {"custom": {"page": [kept]}}


def test_given_the_name_that_the_room_api_gives_users_then_it_is_kept() -> None:
    custom = {"a": 1, "login": "anna", "token": "s3cr3t", "z": {"login": "s3cr3t"}}

    kept = without_secrets({"login": "s3cr3t", "custom": custom, "other": {"login": "s3cr3t"}})

    assert kept == {"custom": {"a": 1, "login": "anna", "z": {}}, "other": {}}
    assert list(kept["custom"]) == ["a", "login", "z"]
    assert masked({"login": "x", "custom": {"login": "x"}}) == {"login": MASK, "custom": MASK}


def _segment(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


_JWT = f"{_segment({'alg': 'RS256', 'typ': 'JWT'})}.{_segment({'sub': 'anna'})}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "token",
    [
        _JWT,
        f"Bearer {_JWT}",
        f"bearer  {_JWT} ",
        f"{_segment({'alg': 'none'})}.e30.",
        f"{_segment({'alg': 'dir', 'enc': 'A128GCM'})}..aXY.dGV4dA.dGFn",
        f" \n{_segment({'alg': 'HS256'})}==.e30=.YQ==",
        "k1.p.1893499200.YW5uYQ.AAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "k1.",
        "Bearer k1.p",
    ],
)
def test_given_a_token_wherever_it_stands_then_it_is_neither_kept_nor_shown(token: str) -> None:
    body = {"name": token, "custom": {"x": token, "y": ["a", token], token: 1, "user": "anna"}}

    assert without_secrets(body) == {"custom": {"user": "anna"}}
    assert masked({"name": token, "x": [token], token: 1}) == {
        "name": MASK,
        "x": [MASK],
        MASK: MASK,
    }


@pytest.mark.parametrize(
    "text",
    [
        "a.b.c",
        "1.2.3",
        "192.168.1.1.1",
        "www.example.org",
        f"{_segment({'typ': 'JWT'})}.{_segment({})}.x",
        f"{_segment(['alg'])}.e30.x",
        f"{_segment({'alg': 'none'})}.e30",
        f"{_segment({'alg': 'none'})}.e30.x!",
        "k1",
        "track1.live",
        f"{'W1tb' * 5000}.e30.x",
    ],
)
def test_given_a_text_that_is_only_like_a_token_then_it_stays(text: str) -> None:
    assert without_secrets({"custom": {"x": text}}) == {"custom": {"x": text}}
    assert masked({"name": text}) == {"name": text}


@pytest.mark.parametrize(
    "name",
    [
        *("jwt", "JWT", "access_token", "accessToken", "ACCESS-TOKEN", "id_token", "idToken"),
        *("refreshToken", "apiKey", "api_key", "secret", "clientSecret", "pin", "bearer"),
        *("credential", "credentials", "passwd", "pwd", "passphrase", "privateKey", "cookie"),
        *("sessionToken", "auth", "auth_token", "sip-password"),
    ],
)
def test_given_a_secret_by_its_name_then_it_is_secret_however_the_name_is_written(
    name: str,
) -> None:
    body = {"custom": {name: "s3cr3t", "deep": [{name: ["s3cr3t"]}], "user": "anna"}, name: 1}

    assert without_secrets(body) == {"custom": {"deep": [{}], "user": "anna"}}
    assert masked({"name": "a", name: "s3cr3t"}) == {"name": "a", name: MASK}
    assert is_secret((name,))
    assert is_secret(("custom", "deep", name, "below"))


@pytest.mark.parametrize(
    "name",
    ["author", "authorized", "pinned", "pinCode2", "tokens", "key", "keyboard", "mysecret", "user"],
)
def test_given_a_name_that_only_contains_that_of_a_secret_then_it_is_kept(name: str) -> None:
    assert without_secrets({name: "a", "custom": {name: "a"}}) == {name: "a", "custom": {name: "a"}}
    assert not is_secret(("custom", name))


def test_given_the_paths_of_fields_then_exactly_those_that_no_session_has_are_secret() -> None:
    assert is_secret(("token",))
    assert is_secret(("sipLogin",))
    assert is_secret(("login",))
    assert is_secret(("custom", "room", "login"))
    assert is_secret(("custom", "login", "password"))
    assert not is_secret(("custom", "login"))
    assert not is_secret(("custom", "login", "first"))
    assert not is_secret(("custom",))


def test_given_the_page_on_expressions_then_it_lists_exactly_the_names_that_are_secret() -> None:
    text = " ".join(_EXPRESSIONS.read_text().split())
    [listed] = re.findall(r"Fields of these names are never kept[^:]*: (.*?)\. ", text)

    assert set(re.findall(r"`([^`]+)`", listed)) == SECRET_FIELDS


def test_given_an_address_then_only_its_credentials_and_query_go() -> None:
    assert masked({"name": "rtsp://user:pw@host:554/a/b?x=1#y"}) == {"name": "rtsp://host:554/a/b"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://user:p w@h/s?q=1 x#y", "rtsp://h/s"),
        ("sip:1000:p@ss@host", "sip:1000@host"),
        ("sip:1000@host;transport=tcp", "sip:1000@host;transport=tcp"),
        (
            "see http://a:b@c/d?e or sip:1:2@3, not me@there",
            "see http://c/d or sip:1@3, not me@there",
        ),
        ("live?key", "live"),
        ("Is it? Yes.", "Is it? Yes."),
        (f"1-{b'rtsp://u:pw@h/low?x'.hex()}-HLS", f"1-{b'rtsp://h/low'.hex()}-HLS"),
        (f"1-{b'rtsp://h/low'.hex()}-HLS", f"1-{b'rtsp://h/low'.hex()}-HLS"),
        ("92f2f4", "92f2f4"),
    ],
)
def test_given_an_address_in_some_writing_then_what_is_no_secret_in_it_stays(
    text: str, shown: str
) -> None:
    assert masked({"name": text}) == {"name": shown}
