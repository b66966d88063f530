"""Hooks that were recorded, to be decided again: dead letters, or lines of a file."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wcs_hooks.core.decision import UNKNOWN_SESSION, Session
from wcs_hooks.core.payload import MalformedBodyError, Payload, parse
from wcs_hooks.hook import dead_letter
from wcsctl.dead_letters import DeadLetter, LetterKind
from wcsctl.errors import UsageError
from wcsctl.explanation import session_from
from wcsctl.since import iso_moment

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
    session
        The hook's session; none where the recording does not say, and the deployment knows.
    connect
        The body of the session's connect, if the recording has it.
    at
        When it came, in seconds since the epoch; none where the recording does not say.
    problem
        Why it cannot be decided; empty if it can.
    """

    origin: str
    method: str
    body: bytes
    session: Session | None = None
    at: float | None = None
    problem: str = ""
    connect: Payload | None = None


def of_dead_letter(letter: DeadLetter) -> Recording:
    """The hook in a dead letter."""
    if letter.kind is not LetterKind.HOOK:
        return Recording(letter.id, "", b"", problem=letter.hopeless)
    if "bodyLost" in letter.content:
        return Recording(letter.id, letter.method, b"", problem=letter.hopeless)
    try:
        body = dead_letter.body_of(dict(letter.content))
    except (ValueError, LookupError, TypeError, zlib.error, dead_letter.IncompleteMessageError):
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
        # JSON leaves U+2028 and its like unescaped: only a line feed ends a line.
        lines = file.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _of_line(line, f"{file.name}:{number}")


def _of_line(line: bytes, origin: str) -> Recording:
    try:
        entry = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{origin} is not JSON: {error}") from None
    if not isinstance(entry, dict) or not isinstance(entry.get("method"), str):
        raise UsageError(f"{origin} needs a method: {{method, body, session?, at?}}")
    unknown = entry.keys() - _KEYS
    if unknown:
        allowed = ", ".join(sorted(_KEYS))
        raise UsageError(f"{origin}: {min(unknown)!r} is unknown; allowed are {allowed}")
    session, connect = _session(entry["session"], origin) if "session" in entry else (None, None)
    return Recording(
        origin,
        entry["method"],
        _body(entry.get("body"), origin),
        session,
        _moment(entry["at"], origin) if "at" in entry else None,
        connect=connect,
    )


def _body(body: Any, origin: str) -> bytes:
    if not isinstance(body, str | dict):
        raise UsageError(f"{origin} needs a body: a JSON object, or a text that holds one")
    try:
        return (body if isinstance(body, str) else json.dumps(body)).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{origin}: the body's text has a lone surrogate, which UTF-8 cannot carry; "
            "write the body as a JSON object, or the escape as \\\\u"
        ) from None
    except RecursionError:
        raise UsageError(f"{origin}: the body is nested too deeply") from None


def _session(given: Any, origin: str) -> tuple[Session, Payload | None]:
    if given is None or given == "unknown":
        return UNKNOWN_SESSION, None
    if not isinstance(given, dict):
        raise UsageError(f"{origin}: session must be the body of its connect, or null")
    try:
        return session_from(given), parse(json.dumps(given).encode())
    except MalformedBodyError as error:
        raise UsageError(f"{origin}: session: {error}") from None


def _moment(given: Any, origin: str) -> float:
    try:
        return iso_moment(given)
    except (TypeError, ValueError):
        raise UsageError(
            f"{origin}: at must be an ISO 8601 time, such as 2030-01-31T18:00:00Z"
        ) from None
