"""Parsing: any bytes are a hook or malformed, and a hook is what any other parser takes it for."""

import json
from collections.abc import Iterable
from typing import Any

from verification.fuzz.corpus import bodies
from verification.fuzz.target import promise
from wcs_hooks.core.payload import MAX_BODY_BYTES, MAX_DEPTH, MalformedBodyError, parse


class Body:
    """`wcs_hooks.core.payload.parse`."""

    def seeds(self) -> Iterable[bytes]:
        """Bodies."""
        return bodies()

    def __call__(self, data: bytes) -> None:
        """Parse a body."""
        try:
            payload = parse(data)
        except MalformedBodyError as error:
            promise(error.status in {400, 413}, "a malformed body has another status")
            fields = _standard(data)
            promise(
                fields is None or len(data) > MAX_BODY_BYTES or _written_depth(data) > MAX_DEPTH,
                "a body that is JSON was refused",
            )
            return
        fields = _standard(data)
        promise(fields is not None, "a body that is not JSON was accepted")
        promise(payload.raw == data, "the bytes are not those that came")
        promise(payload.text.encode() == data, "the text is not what came")
        promise(_written_depth(data) <= MAX_DEPTH, "a deep body was accepted")
        promise(_as_floats(payload.fields) == fields, "the fields are others than JSON's")
        seen = json.dumps(payload.expression_fields, ensure_ascii=False).encode()
        promise(b"\\u0000" not in seen.replace(b"\\\\", b""), "expressions see a NUL")
        promise(_fits(payload.fields), "an integer is wider than 64 bits")
        promise(isinstance(payload.app, str), "the app is not a text")


def _standard(data: bytes) -> dict[str, Any] | None:
    """What the standard library reads, strictly; none where it is not an object."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        fields = json.loads(data.decode(), parse_int=float, parse_constant=refuse)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _inner(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _written_depth(data: bytes) -> int:
    """How deep a JSON text is nested, of names that come twice both values."""
    value = json.loads(data, object_pairs_hook=lambda pairs: [inner for _, inner in pairs])
    depth, level = 0, [value] if isinstance(value, list) else []
    while level:
        depth += 1
        level = [inner for outer in level for inner in outer if isinstance(inner, list)]
    return depth


def _fits(value: Any) -> bool:
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return all(_fits(inner) for inner in _inner(value))


def _as_floats(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, dict):
        return {name: _as_floats(inner) for name, inner in value.items()}
    return [_as_floats(inner) for inner in value] if isinstance(value, list) else value
