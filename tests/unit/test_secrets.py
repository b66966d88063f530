"""What must not be kept, and what must not be shown."""

import json
import time
from sys import float_info
from typing import Any

import pytest

from wcs_hooks.core.payload import parse
from wcs_hooks.core.secrets import MASK, masked, without_secrets

_MARKED = "s3cr3t-marked"


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


@pytest.mark.parametrize("piece", ["a.", "a.b+c-", "a://", "sip:a", "?a", "//", "a:", "@", "x@y:z"])
def test_given_a_mebibyte_that_nearly_is_an_address_then_it_takes_no_time(piece: str) -> None:
    body = {"name": piece * (1_048_576 // len(piece)) + " ://"}

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
