"""Large bodies, of any make: a function's time is in proportion to them."""

import json
from collections.abc import Iterable
from typing import Final

from tests.support.hook_client import gateway_event, signature
from verification.fuzz.target import promise
from verification.fuzz.targets.function import Functions
from wcs_hooks.core.payload import MAX_BODY_BYTES

_METHODS: Final = ("connect", "publishStream", "StreamStatusEvent", "OnCallEvent")
_FRAME: Final = b'{"appKey":"live","sessionId":"s",'
_LEAST: Final = 4


class Size:
    """Hooks made of one piece, again and again.

    Four bytes choose method, how the pieces are put together, and how many there are; the rest is
    the piece.
    """

    def __init__(self) -> None:
        self._functions = Functions()

    def seeds(self) -> Iterable[bytes]:
        """Pieces that are known to be slow somewhere."""
        pieces = (b"[]", b'{"a":{}}', b'"a":1', b'"name":""', b"sip:", b"//@ ", b"?=", b"\\u0000")
        values = (b"1e400", b"12345678901234567890", b'"//a@b?c=d"', b"[[[[1]]]]", b"\\ud800", b" ")
        for number, piece in enumerate((*pieces, *values)):
            for how in range(4):
                yield bytes([number, how, 255, 255]) + piece

    def __call__(self, data: bytes) -> None:
        """Post a large hook."""
        if len(data) < _LEAST:
            return
        method = _METHODS[data[0] % len(_METHODS)]
        body = large(data[1], data[2] * 256 + data[3], data[_LEAST:])
        event = gateway_event(method, body, signature(body), "203.0.113.7")
        response = self._functions.answer(event, method, reads_body=False)
        promise(len(response["body"]) < 2 * MAX_BODY_BYTES, "the answer is twice the hook")


def large(how: int, count: int, piece: bytes) -> bytes:
    """The body of so many pieces, or of as many as fit."""
    before, separator, after = (
        (b'"a":[', b",", b"]}"),
        (b'"name":"', b"", b'"}'),
        (b'"name":"@//', b" ", b'?"}'),
        (b"", b",", b"}"),
    )[how % 4]
    if how % 4 in {1, 2}:
        piece = json.dumps(piece.decode("utf-8", "replace"))[1:-1].encode()
    room = MAX_BODY_BYTES - len(_FRAME) - len(before) - len(after)
    count = min(count * 16, room // max(1, len(piece) + len(separator)))
    return _FRAME + before + separator.join([piece] * count) + after
