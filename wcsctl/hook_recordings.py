"""Hooks that were recorded, to be decided again: dead letters, or lines of a file."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from wcs_hooks import dead_letter
from wcsctl.dead_letters import DeadLetter, LetterKind
from wcsctl.errors import UsageError

DEAD_LETTERS: Final = "dead-letters"
"""Instead of a file: the dead letters that wait."""

DECISIONS: Final = "decisions"
"""Instead of a file: what cannot be had."""

_KEYS: Final = frozenset({"method", "body", "session", "at"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A hook that was recorded.

    Attributes
    ----------
    origin
        Where it is from, for people: its decision's id, or its line.
    has_session, session
        Whether it says what its session was; the body of its connect, none of an unknown one.
    at
        When it came, in seconds since the epoch; none where that is not told.
    problem
        Why it cannot be decided; empty if it can.
    """

    origin: str
    method: str
    body: bytes
    has_session: bool = False
    session: Mapping[str, Any] | None = None
    at: float | None = None
    problem: str = ""


def of_dead_letter(letter: DeadLetter) -> Recording:
    """The hook in a dead letter."""
    if letter.kind is not LetterKind.HOOK:
        return Recording(letter.id, "", b"", problem=letter.hopeless)
    if "bodyLost" in letter.content:
        return Recording(letter.id, letter.method, b"", problem=letter.hopeless)
    try:
        body = dead_letter.body_of(dict(letter.content))
    except (ValueError, LookupError, TypeError, zlib.error):
        return Recording(letter.id, letter.method, b"", problem="its body cannot be read")
    return Recording(letter.id, letter.method, body, at=letter.first_seen)


def of_file(file: Path) -> Iterator[Recording]:
    """Read a file in which each line is a JSON object: `method`, `body`, perhaps `session`, `at`.

    Raises
    ------
    UsageError
        A line is something else, or the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _of_line(line, f"{file.name}:{number}")


def _of_line(line: str, origin: str) -> Recording:
    try:
        entry = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{origin} is no JSON: {error}") from None
    if not isinstance(entry, dict) or not isinstance(entry.get("method"), str):
        raise UsageError(f"{origin} needs a method: {{method, body, session?, at?}}")
    unknown = entry.keys() - _KEYS
    if unknown:
        allowed = ", ".join(sorted(_KEYS))
        raise UsageError(f"{origin}: {min(unknown)!r} is unknown; allowed are {allowed}")
    body, session = entry.get("body"), entry.get("session")
    if isinstance(body, str):
        raw = body.encode()
    elif isinstance(body, dict):
        raw = json.dumps(body).encode()
    else:
        raise UsageError(f"{origin} needs a body: a JSON object, or a text that holds one")
    if session == "unknown":
        session = None
    if session is not None and not isinstance(session, dict):
        raise UsageError(f"{origin}: session must be the body of its connect, or null")
    try:
        at = datetime.fromisoformat(entry["at"]).timestamp() if "at" in entry else None
    except (TypeError, ValueError):
        raise UsageError(f"{origin}: at must be an ISO 8601 time") from None
    return Recording(origin, entry["method"], raw, "session" in entry, session, at)
