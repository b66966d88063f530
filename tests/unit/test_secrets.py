"""What must not be kept, and what must not be shown."""

import json
import re
import time
from pathlib import Path
from sys import float_info
from typing import Any

import pytest

from tests.support.marked_secrets import PLACES, MarkedBody, marked_bodies
from wcs_hooks.core.payload import parse
from wcs_hooks.core.secrets import CUSTOM, MASK, SECRET_FIELDS, masked, without_secrets

_MARKED = "s3cr3t-marked"
_PROTOCOL = Path(__file__).resolve().parents[2] / "docs" / "wcs-protocol.md"


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


def test_given_a_number_that_no_float_holds_then_the_largest_stands_for_it() -> None:
    fields = parse(b'{"a": 1e400, "b": [-1e400], "c": ' + b"9" * 400 + b"}").fields

    kept = json.loads(json.dumps(without_secrets(fields), allow_nan=False))

    assert kept == {"a": float_info.max, "b": [-float_info.max], "c": float_info.max}


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
