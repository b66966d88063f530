"""The message in which a hook is kept: whole, and such that the queue takes it."""

import base64
import hashlib
import json
import random
import re
import zlib
from typing import Any

import pytest

from wcs_hooks.core.methods import Category
from wcs_hooks.core.payload import MalformedBodyError
from wcs_hooks.hook.dead_letter import (
    MAX_MESSAGE_BYTES,
    IncompleteMessageError,
    UnknownSchemaError,
    body_of,
    message,
    pending_of,
    to_text,
)
from wcs_hooks.hook.request import Request

_MIB = 1_048_576
_NOISE = random.Random(1).randbytes(_MIB)  # noqa: S311 - noise that no compression makes smaller
_NOT_FOR_SQS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html"""


def _kept(body: bytes, error: Exception | None = None, method: str = "call") -> dict[str, Any]:
    request = Request(method, body, "WCS 0", "203.0.113.9", "d-1")
    reason = error or MalformedBodyError("the body is not JSON")
    kept: dict[str, Any] = json.loads(_text(request, reason, Category.DIRECT, 1_893_499_200.0))
    return kept


def _text(
    request: Request, error: Exception, category: Category = Category.DIRECT, now: float = 0.0
) -> str:
    return to_text(
        message(
            request, category, error, str(error), now, versions={"live": 3}, pending=["event-bus"]
        )
    )


def test_given_a_hook_that_failed_when_it_is_kept_then_the_message_tells_all_about_it() -> None:
    assert _kept(b'{"name":"\xc3\xbc"}') == {
        "schema": 2,
        "decision": "d-1",
        "category": "direct",
        "method": "call",
        "error": {"kind": "MalformedBodyError", "message": "the body is not JSON"},
        "versions": {"live": 3},
        "pending": ["event-bus"],
        "firstSeen": "2030-01-01T12:00:00+00:00",
        "attempts": 1,
        "body": '{"name":"ü"}',
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"a": 1}\r\n',
        b"\xff\xfe",
        b'{"a":"\x00\x01"}',
        b"\xed\xa0\x80",
        "{\ufeff\uffff\U0010ffff}".encode(),
        b"\x01" * 150_000,
        b"\x01" * 150_001,
        b"[" * _MIB,
        _NOISE[:700_000],
    ],
    ids=lambda body: f"{body[:6]!r}-{len(body)}",
)
def test_given_any_body_when_it_is_kept_then_it_comes_back_byte_for_byte(body: bytes) -> None:
    kept = _kept(body)

    assert body_of(kept) == body
    assert "bodyLost" not in kept


@pytest.mark.parametrize(
    "body",
    [b"\x01" * 150_000, "\u0800".encode() * 50_000, b"\\" * 150_000, b"[" * _MIB, _NOISE],
    ids=["control-characters", "three-byte-characters", "backslashes", "brackets", "noise"],
)
def test_given_a_large_body_when_it_is_kept_then_the_message_fits_the_queue(body: bytes) -> None:
    request = Request("m" * 200, body, None, "203.0.113.9", "d" * 64)

    text = _text(request, ValueError("ü" * 100_000), Category.INCOMING)

    assert len(text.encode()) <= MAX_MESSAGE_BYTES == _MIB


@pytest.mark.parametrize("foreign", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_given_a_character_that_the_queue_does_not_hold_when_it_is_kept_then_it_is_escaped(
    foreign: str,
) -> None:
    request = Request("call", f'{{"a":"{foreign}"'.encode(), None, "203.0.113.9", "d-1")

    text = _text(request, ValueError(foreign))

    assert not _NOT_FOR_SQS.search(text)
    assert body_of(json.loads(text)) == request.body


def test_given_a_body_that_no_message_holds_when_it_is_kept_then_what_is_lost_is_told() -> None:
    kept = _kept(_NOISE)

    assert kept["bodyLost"]["size"] == _MIB
    assert kept["bodyLost"]["sha256"] == hashlib.sha256(_NOISE).hexdigest()
    beginning = zlib.decompress(base64.b85decode(kept["bodyZlib"]))
    assert beginning == _NOISE[: kept["bodyLost"]["kept"]]
    assert len(beginning) >= 100_000
    with pytest.raises(IncompleteMessageError):
        body_of(kept)


@pytest.mark.parametrize("kept", [{}, {"body": None}, {"bodyZlib": '"'}, {"bodyZlib": "AAAA"}])
def test_given_a_message_that_holds_no_hook_when_its_body_is_asked_for_then_that_is_told(
    kept: dict[str, Any],
) -> None:
    with pytest.raises(IncompleteMessageError):
        body_of(kept)


def test_given_a_body_that_is_no_text_when_it_is_kept_then_the_message_still_is() -> None:
    kept = _kept(b"\xff")

    assert "body" not in kept
    assert base64.b85decode(kept["bodyZlib"])


def test_given_a_hook_of_a_mebibyte_that_hardly_compresses_when_it_is_kept_then_it_is_whole() -> (
    None
):
    text = base64.b64encode(_NOISE)[: _MIB - 12]
    body = b'{"custom":"' + text[: _MIB - 14] + b'"}'

    kept = _kept(body)

    assert "bodyLost" not in kept
    assert body_of(kept) == body
    assert len(to_text(kept)) <= MAX_MESSAGE_BYTES


@pytest.mark.parametrize(
    ("fields", "pending"),
    [
        ({"schema": 1}, None),
        ({"schema": 2, "pending": []}, ()),
        ({"schema": 2, "pending": ["session", "event-bus"]}, ("session", "event-bus")),
    ],
)
def test_given_a_message_of_any_version_so_far_then_what_is_left_to_do_is_known(
    fields: dict[str, Any], pending: object
) -> None:
    assert pending_of(fields) == pending


@pytest.mark.parametrize("schema", [3, "2", None])
def test_given_a_message_of_another_version_then_it_is_not_guessed_at(schema: object) -> None:
    with pytest.raises(UnknownSchemaError, match="deploy the version"):
        pending_of({"schema": schema})
