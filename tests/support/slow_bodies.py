"""Bodies that are made to be slow, each nearly as large as a body may be.

Each is the worst of a kind that is known of JSON parsers, of regular expressions, or of what this
project does with a body: many values, many names, deep nesting, long numbers, escapes, and texts
that are almost addresses.
"""

from collections.abc import Callable, Mapping
from typing import Final

from wcs_hooks.core.payload import MAX_BODY_BYTES

_FRAME: Final = b'{"appKey":"live","sessionId":"s","nodeId":"n",'
"""What makes the endpoint do all that it can do with a hook."""


def _filled(unit: bytes, *, start: bytes, end: bytes, separator: bytes = b"") -> bytes:
    room = MAX_BODY_BYTES - len(_FRAME) - len(start) - len(end) + len(separator)
    units = separator.join([unit] * (room // (len(unit) + len(separator))))
    return b"".join((_FRAME, start, units, end))


def _array_of(unit: bytes) -> bytes:
    return _filled(unit, start=b'"a":[', end=b"]}", separator=b",")


def _fields(unit: bytes) -> bytes:
    return _filled(unit, start=b"", end=b"}", separator=b",")


def _text_of(unit: bytes, before: bytes = b"", behind: bytes = b"") -> bytes:
    return _filled(unit, start=b'"name":"' + before, end=behind + b'"}')


def _numbered(field: Callable[[int], str]) -> bytes:
    fields: list[bytes] = []
    size = len(_FRAME)
    while size < MAX_BODY_BYTES - 64:
        fields.append(field(len(fields)).encode())
        size += len(fields[-1]) + 1
    return _FRAME + b",".join(fields) + b"}"


_DEEPEST: Final = 62
"""Levels that an array of the object may have."""

VALID: Final[Mapping[str, bytes]] = {
    "empty arrays": _array_of(b"[]"),
    "empty objects": _array_of(b"{}"),
    "objects in objects": _array_of(b'{"a":{}}'),
    "fields with objects": _numbered(lambda number: f'"{number}":{{}}'),
    "100,000 fields": _numbered(lambda number: f'"{number}":0'),
    "a name again and again": _fields(b'"a":1'),
    "a name that is overridden, again and again": _fields(b'"name":""'),
    "names with an escape": _numbered(lambda number: f'"\\u0000{number}":0'),
    "a huge name": _FRAME + b'"' + b"k" * (MAX_BODY_BYTES - 64) + b'":1}',
    "64 levels of arrays": _array_of(b"[" * _DEEPEST + b"]" * _DEEPEST),
    "64 levels of objects": _array_of(b'{"a":' * _DEEPEST + b"1" + b"}" * _DEEPEST),
    "one-digit numbers": _array_of(b"1"),
    "19-digit numbers": _array_of(b"9223372036854775807"),
    "20-digit numbers": _array_of(b"18446744073709551616"),
    "17-digit fractions": _array_of(b"1.7976931348623157e308"),
    "fractions of two digits": _array_of(b"1.5"),
    "numbers next to zero": _array_of(b"1e-400"),
    "infinite numbers": _array_of(b"1e400"),
    "an integer of a million digits": _filled(b"1", start=b'"a":', end=b"}"),
    "a fraction of a million digits": _filled(b"1", start=b'"a":0.', end=b"}"),
    "an exponent of a million digits": _filled(b"1", start=b'"a":1e', end=b"}"),
    "nulls": _array_of(b"null"),
    "empty texts": _array_of(b'""'),
    "escaped NULs": _text_of(b"\\u0000"),
    "lone surrogates": _text_of(b"\\ud800"),
    "surrogate pairs": _text_of(b"\\ud83d\\ude00"),
    "texts with an escaped NUL": _array_of(b'"\\u0000"'),
    "backslashes": _text_of(b"\\\\"),
    "escaped quotes and brackets": _array_of(b'"\\"[{",[]'),
    "characters of four bytes": _text_of("\N{GRINNING FACE}".encode()),
    "blanks": _filled(b" ", start=b'"a":1', end=b"}"),
    "blanks everywhere": _filled(b'"a" : 1', start=b"", end=b" }", separator=b" , "),
    "slashes": _text_of(b"/", behind=b"@?#"),
    "addresses": _text_of(b"rtsp://u:p@h/?a=b "),
    "addresses in texts": _array_of(b'"//a@b?c=d"'),
    "beginnings of addresses": _text_of(b"// ", behind=b"@"),
    "at signs": _text_of(b"@", before=b"//"),
    "beginnings of SIP addresses": _text_of(b"sip:", before=b"@"),
    "at signs, then a SIP address": _text_of(b"@ ", behind=b"sip:"),
    "SIP users": _text_of(b"sip:a:", before=b"@"),
    "SIP words": _text_of(b"sip:a ", before=b"@"),
    "SIP addresses": _text_of(b"sip:a:b@"),
    "question marks": _text_of(b"?"),
    "queries": _text_of(b"?a= ", before=b"//@"),
    "almost a query": _text_of(b"a", before=b"?"),
    "almost a scheme": _text_of(b"a.", behind=b"//@"),
}
"""Hooks."""

MALFORMED: Final[Mapping[str, bytes]] = {
    "65 levels at the end": _filled(
        b"[" * _DEEPEST + b"]" * _DEEPEST,
        start=b'"a":[',
        end=b"," + b"[" * 65 + b"]" * 65 + b"]}",
        separator=b",",
    ),
    "half a million levels": b'{"a":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a million open brackets": b'{"a":' + b"[" * 1_000_000,
    "half a million open objects": b'{"a":' * (MAX_BODY_BYTES // 5),
    "no UTF-8 at the end": _text_of(b"x", behind=b"\xff"),
    "a raw control character at the end": _text_of(b"x", behind=b"\0"),
    "no end of a text": _text_of(b"x")[:-2],
    "no comma at the end": _filled(b"1", start=b'"a":[', end=b" 2]}", separator=b","),
    "newlines, then no comma": _filled(b"\n", start=b'"a":1', end=b"x}"),
    "a byte too many": b" " * MAX_BODY_BYTES + b" ",
}
"""No hooks, which is found out as late as possible."""
