"""Requests that no HTTP library would send, written to a socket byte by byte."""

import re
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.support.hook_client import signature

_PATIENCE: Final = 15.0
"""Seconds that an answer may take, even of a machine that does much else."""

_PATIENCE_IN_VAIN: Final = 0.5
"""Seconds for which an answer to half a request is waited for: a server may wait for the rest."""

_REST: Final = 0.3
"""Seconds for which the rest of an answer is waited for."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] (\d{3})")
_DECISION: Final = re.compile(rb"\r\nx-decision-id:", re.IGNORECASE)
_CONTINUE: Final = re.compile(rb"HTTP/1\.1 100[^\r]*\r\n(?:[^\r]+\r\n)*\r\n")
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]{1,12}) *(?=\r\n|$)", re.IGNORECASE)
_SERVER_ERRORS: Final = range(500, 600)
_NOT_IMPLEMENTED: Final = (501, 505)
"""What a server answers to a method or a version of HTTP that it does not have."""

_BODY: Final = b'{"appKey":"live","sessionId":"s","name":"room"}'
_MIB: Final = 1_048_576


@dataclass
class Answers:
    """What came back.

    Attributes
    ----------
    statuses
        How often each; `closed` where the connection ended without one, `waiting` where the server
        waits for the rest of half a request.
    by_gateway
        Of those, the errors of the server's own that came from before the functions.
    broken
        Requests without a defined answer: a server's error of a function, or none in time.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    by_gateway: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """How many requests."""
        return self.statuses.total()


class RawRequests:
    """Sends to the API of one local deployment.

    Parameters
    ----------
    port
        On 127.0.0.1.
    path
        Of the API in the emulator.
    secret
        To sign with.
    """

    def __init__(self, port: int, path: str, secret: str) -> None:
        self._port = port
        self._path = path.encode()
        self._secret = secret

    def send_all(self, count: int, seed: int) -> Answers:
        """Send the odd requests, then so many mutations of them."""
        answers = Answers()
        odd = dict(self._odd())
        for name, request in odd.items():
            self._send(answers, name, request)
        random = Random(seed)
        small = [request for request in odd.values() if len(request) < 5_000]
        for number in range(count):
            request = _mutated(random.choice(small), random)
            self._send(answers, f"mutation {number} of seed {seed}", request)
        return answers

    def _send(self, answers: Answers, name: str, request: bytes) -> None:
        whole = _is_whole(request)
        answer, in_time = _exchange(self._port, request, _PATIENCE if whole else _PATIENCE_IN_VAIN)
        found = _STATUS.match(_CONTINUE.sub(b"", answer, count=1))
        status = found[1].decode() if found else "closed" if in_time else "waiting"
        answers.statuses[status] += 1
        if whole and not in_time:
            answers.broken.append(f"{name}: no answer in {_PATIENCE:.0f} s")
        elif found and int(status) in _SERVER_ERRORS:
            if _DECISION.search(answer):
                answers.broken.append(f"{name}: {status} of a function")
            elif int(status) not in _NOT_IMPLEMENTED:
                answers.by_gateway[status] += 1

    def _request(
        self,
        path: bytes = b"/publishStream",
        body: bytes = _BODY,
        *,
        verb_and_version: tuple[bytes, bytes] = (b"POST", b"HTTP/1.1"),
        headers: bytes = b"",
        content_type: bytes = b"Content-Type: application/json;charset=UTF-8\r\n",
        length: bytes | None = None,
    ) -> bytes:
        verb, version = verb_and_version
        authorization = signature(body, self._secret).encode()
        size = b"Content-Length: %d\r\n" % len(body) if length is None else length
        return b"".join(
            (
                verb + b" " + self._path + path + b" " + version + b"\r\n",
                b"Host: 127.0.0.1\r\nConnection: close\r\n",
                b"Authorization: " + authorization + b"\r\n",
                content_type,
                headers,
                size,
                b"\r\n",
                body,
            )
        )

    def _odd(self) -> Iterator[tuple[str, bytes]]:
        make = self._request
        yield "usual", make()
        yield from ((f"body {body[:20]!r}", make(body=body)) for body in _BODIES)
        for verb in (b"GET", b"PUT", b"DELETE", b"PATCH", b"HEAD", b"OPTIONS", b"TRACE", b"BREW"):
            yield f"verb {verb!r}", make(verb_and_version=(verb, b"HTTP/1.1"))
        yield from ((f"path {path[:40]!r}", make(path=path)) for path in _PATHS)
        yield from ((f"headers {h[:40]!r}", make(headers=h)) for h in _HEADERS)
        for kind in (b"", b"Content-Type: \r\n", b"Content-Type: text/plain\r\n", _MULTIPART):
            yield f"type {kind!r}", make(content_type=kind)
        for size in (b"", b"Content-Length: -1\r\n", b"Content-Length: 5\r\n", _TWO_LENGTHS, _LONG):
            yield f"length {size!r}", make(length=size)
        for version in (b"HTTP/1.0", b"HTTP/9.9", b"HTTP/2", b""):
            yield f"version {version!r}", make(verb_and_version=(b"POST", version))
        chunked = b"Transfer-Encoding: chunked\r\n"
        yield "chunked", self._chunked(chunked, b"%x\r\n%b\r\n0\r\n\r\n" % (len(_BODY), _BODY))
        yield "chunked byte by byte", self._chunked(chunked, _bytewise(_BODY))
        yield "chunked wrongly", self._chunked(chunked, b"zz\r\n" + _BODY)
        both = chunked + b"Content-Length: 3\r\n"
        yield "chunked, and a length", self._chunked(both, b"3\r\n{}\n\r\n0\r\n\r\n")
        yield "line feeds alone", make().replace(b"\r\n", b"\n")
        yield "nothing", b""
        yield "no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
        yield "zeros", b"\0" * 1000

    def _chunked(self, length: bytes, content: bytes) -> bytes:
        request = self._request(length=length)
        return request[: -len(_BODY)] + content


def _bytewise(body: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


_TWO_LENGTHS: Final = b"Content-Length: 5\r\nContent-Length: 47\r\n"
_LONG: Final = b"Content-Length: 4096\r\n"
_MULTIPART: Final = b"Content-Type: multipart/form-data; boundary=x\r\n"
_BODIES: Final = (
    b"",
    b"{}",
    b"\xff\xfe{\x00}\x00",
    b'{"a":"\xff\xfe"}',
    b'{"a":"\xed\xa0\x80"}',
    b"\xef\xbb\xbf{}",
    b"\x1f\x8b\x08\x00",
    b"appKey=live&name=room",
    b'{"a":' + b"[" * 200_000,
    b'{"a":"' + b"x" * (_MIB - 8) + b'"}',
    b'{"a":"' + b"x" * _MIB + b'"}',
    b" " * (4 * _MIB),
)
_PATHS: Final = (
    *(b"", b"/", b"//", b"/connect/", b"//connect", b"/connect?a=b", b"/connect#a", b"/CONNECT"),
    *(b"/connect/more", b"/%00", b"/%ff%fe", b"/..", b"/..%2f..%2fetc", b"/%2e%2e/connect", b"/*"),
    *(b"/\xff\xfe", b"/a b", b"/%0d%0aX-Injected:%201", b"/" + b"a" * 10_000, b"/%", b"/%zz"),
    *(
        b"/{method}",
        b"/connect;a=b",
        b"/\xe2\x98\x83",
        b"/%e2%98%83",
        b"/$default",
        b"/constructor",
    ),
)
_HEADERS: Final = (
    b"X-Huge: " + b"a" * 8_000 + b"\r\n",
    b"X-Huge: " + b"a" * 200_000 + b"\r\n",
    b"".join(b"X-%d: a\r\n" % number for number in range(2_000)),
    b"Authorization: WCS 0\r\n",
    b"authorization: Basic eDp5\r\nAUTHORIZATION: Bearer a\r\n",
    b" folded: a\r\n b\r\n",
    b"X-Zero: a\0b\r\n",
    b"X-Latin: \xe9\r\n",
    b": no name\r\n",
    b"no colon\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"X-Forwarded-For: 10.0.0.1, evil\r\n",
    b"Accept: text/html\r\nAccept-Charset: utf-16\r\n",
    b"Host: somewhere.else\r\n",
    b"Cookie: " + b"a=b; " * 500 + b"\r\n",
)


def _is_whole(request: bytes) -> bool:
    """Whether a server has all that it was promised, as far as that is clear."""
    head, end, body = request.partition(b"\r\n\r\n")
    if not end or b"transfer-encoding" in head.lower():
        return bool(end) and request.endswith(b"0\r\n\r\n")
    lengths = [int(length) for length in _LENGTH.findall(head)]
    return len(lengths) < 2 and all(length <= len(body) for length in lengths)


def _exchange(port: int, request: bytes, patience: float) -> tuple[bytes, bool]:
    """What comes back until the connection ends, and whether it did in time."""
    received = b""
    until = time.monotonic() + patience
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while time.monotonic() < until:
                part = connection.recv(65_536)
                if not part:
                    return received, True
                received += part
                # It may stay open, where "Connection: close" did not arrive.
                connection.settimeout(_REST)
        except TimeoutError:
            pass
        except OSError:
            # It was closed while the request was under way, which is an answer too.
            return received, True
    return received, bool(received)


def _mutated(request: bytes, random: Random) -> bytes:
    changed = bytearray(request)
    for _ in range(random.choice((1, 1, 2, 8))):
        random.choice(_CHANGES)(changed, random)
    return bytes(changed)


def _flip(changed: bytearray, random: Random) -> None:
    if changed:
        changed[random.randrange(len(changed))] = random.randrange(256)


def _insert(changed: bytearray, random: Random) -> None:
    at = random.randint(0, len(changed))
    pieces = (b"\r\n", b"\0", b" ", b":", b"\xff", b"%00", b"Authorization: WCS 1\r\n", b"{", b'"')
    changed[at:at] = random.choice(pieces) * random.choice((1, 1, 20))


def _cut(changed: bytearray, random: Random) -> None:
    at = random.randint(0, len(changed))
    del changed[at : at + random.choice((1, 4, 50))]


def _end(changed: bytearray, random: Random) -> None:
    del changed[random.randint(0, len(changed)) :]


_CHANGES: Final[tuple[Callable[[bytearray, Random], None], ...]] = (
    _flip,
    _flip,
    _insert,
    _cut,
    _end,
)
