"""Dead letters: what was kept of a hook gives the same bytes, whatever they are."""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, Final

from verification.fuzz.corpus import bodies
from verification.fuzz.target import promise
from wcs_hooks.core.methods import Category
from wcs_hooks.core.payload import MAX_BODY_BYTES
from wcs_hooks.hook import dead_letter
from wcs_hooks.hook.request import Request

_NOW: Final = 1_900_000_000.0
_KINDS: Final = 4


class DeadLetter:
    """`wcs_hooks.hook.dead_letter`. A byte says how large the body is, or that it is a letter."""

    def seeds(self) -> Iterable[bytes]:
        """Bodies, and letters."""
        for number, body in enumerate(bodies()):
            yield bytes([number % _KINDS]) + body
        letters: list[dict[str, Any]] = [
            {"schema": 2, "body": "{}", "pending": ["session"]},
            {"schema": 1, "bodyZlib": "c-jGX"},
            {"schema": 3, "bodyLost": {}},
        ]
        for letter in letters:
            yield bytes([_KINDS - 1]) + json.dumps(letter).encode()

    def __call__(self, data: bytes) -> None:
        """Keep a body and read it back, or read a letter that somebody made."""
        kind, body = (data[0] % _KINDS, data[1:]) if data else (0, data)
        if kind == _KINDS - 1:
            _read_foreign(body)
            return
        times = (1, 40, 2000)[kind]
        _round_trip((body * times)[: MAX_BODY_BYTES * 2])


def _round_trip(body: bytes) -> None:
    request = Request("call\ud800", body, None, "", "decision")
    message = dead_letter.message(
        request,
        Category.DIRECT,
        ValueError(),
        body.decode("utf-8", "surrogateescape")[:5000],
        _NOW,
        versions={"live": 1},
        pending=["session"],
    )
    text = dead_letter.to_text(message)
    promise(text.isascii(), "the queue would refuse some character")
    promise(len(text) <= dead_letter.MAX_MESSAGE_BYTES, "the queue would refuse its size")
    read = json.loads(text)
    promise(dead_letter.pending_of(read) == ("session",), "what is left to do is lost")
    try:
        again = dead_letter.body_of(read)
    except dead_letter.IncompleteMessageError:
        lost = read["bodyLost"]
        promise(len(body) > MAX_BODY_BYTES // 2, "a body that fits was cut")
        promise(lost["sha256"] == hashlib.sha256(body).hexdigest(), "the digest is of another")
        return
    promise(again == body, "other bytes come back")


def _read_foreign(text: bytes) -> None:
    try:
        letter = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(letter, dict):
        return
    with suppress(dead_letter.IncompleteMessageError):
        promise(isinstance(dead_letter.body_of(letter), bytes), "no bytes")
    with suppress(dead_letter.UnknownSchemaError):
        dead_letter.pending_of(letter)
