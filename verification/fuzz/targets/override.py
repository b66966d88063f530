"""The reply: an override changes the fields that it names, and no other byte."""

import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from verification.fuzz.corpus import bodies
from verification.fuzz.target import promise
from wcs_hooks.core import reply
from wcs_hooks.core.payload import MalformedBodyError, parse

_NAMES: Final = ("name", "appKey", "a", "b", "", 'q"', "é", "custom", "new")
_VALUES: Final = ('"b"', "null", "[1,{}]", '{"a":"}"}', "1e400", '"\\ud800"', "true", '""')
_BLANKS: Final = " \t\n\r"


class Override:
    """`wcs_hooks.core.reply.override`. Two bytes choose what is overridden, and by what."""

    def seeds(self) -> Iterable[bytes]:
        """Bodies, each with two choices."""
        for number, body in enumerate(bodies()):
            yield bytes([number, 255 - number]) + body
            yield bytes([255, number]) + body

    def __call__(self, data: bytes) -> None:
        """Override a body's fields."""
        if len(data) < 2:
            return
        names, values, body = data[0], data[1], data[2:]
        try:
            payload = parse(body)
        except MalformedBodyError:
            return
        fields = {
            name: _VALUES[(values + number) % len(_VALUES)]
            for number, name in enumerate(_NAMES[:-1])
            if names >> number & 1
        }
        config = '{"call":{}}' if values & 1 else ""
        result = reply.override(payload, fields, config)
        promise(result.status == reply.OK, "an override has another status")
        expected = _overridden(payload.text, fields)
        if config:
            expected = _overridden(expected, {"restClientConfig": config})
        promise(result.body.decode() == expected, "other bytes than those named were changed")
        json.loads(result.body)


class _Member(NamedTuple):
    name: str
    start: int
    end: int


def _overridden(text: str, fields: dict[str, str]) -> str:
    """The same once more, by a scanner that only knows quotes and brackets."""
    members = list(_members(text))
    pieces, copied = [], 0
    for member in members:
        if member.name in fields:
            pieces += [text[copied : member.start], fields[member.name]]
            copied = member.end
    present = {member.name for member in members}
    added = [
        f"{json.dumps(name, ensure_ascii=False)}:{value}"
        for name, value in fields.items()
        if name not in present
    ]
    end = members[-1].end if members else text.index("{") + 1
    tail = text[end:]
    pieces.append(text[copied:end])
    if not added:
        return "".join(pieces) + tail
    return "".join(pieces) + ("," if members else "") + ",".join(added) + tail


def _members(text: str) -> Iterator[_Member]:
    at = text.index("{") + 1
    while True:
        at = _skipped(text, at)
        if text[at] == "}":
            return
        if text[at] == ",":
            at = _skipped(text, at + 1)
        name_end = _string_end(text, at)
        name = json.loads(text[at:name_end])
        start = _skipped(text, _skipped(text, name_end) + 1)
        at = _value_end(text, start)
        yield _Member(name, start, at)


def _skipped(text: str, at: int) -> int:
    while text[at] in _BLANKS:
        at += 1
    return at


def _string_end(text: str, at: int) -> int:
    at += 1
    while text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _value_end(text: str, at: int) -> int:
    depth = 0
    while True:
        character = text[at]
        if character == '"':
            at = _string_end(text, at)
            if not depth:
                return at
            continue
        if character in "[{":
            depth += 1
        elif character in "]}":
            if not depth:
                return at
            depth -= 1
            if not depth:
                return at + 1
        elif not depth and character in ", \t\n\r":
            return at
        at += 1
