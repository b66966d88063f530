"""How far back: `90s`, `15m`, `1h30m`, `2d`, or a moment in ISO 8601."""

import re
from datetime import UTC, datetime
from typing import Final

from wcsctl.errors import UsageError

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION: Final = re.compile(r"(?:\d+[smhdw])+")
_STEP: Final = re.compile(r"(\d+)([smhdw])")


def moment(text: str, now: float) -> float:
    """The moment that a text means, in seconds since the epoch.

    Parameters
    ----------
    text
        How long before `now`, or when; a moment without an offset is UTC.

    Raises
    ------
    UsageError
        If it is neither, or not in the past.

    Examples
    --------
    >>> moment("1h30m", 10_000)
    4600
    >>> moment("1970-01-01T00:00:07", 10_000)
    7.0
    """
    since: float
    if _DURATION.fullmatch(text):
        since = now - _seconds(text)
    else:
        try:
            since = iso_moment(text)
        except ValueError:
            raise UsageError(
                f"{text!r} is not a time: write how long ago, such as 90s, 15m, 1h30m or 2d, "
                "or a moment such as 2026-03-01T12:00."
            ) from None
    if not 0 <= since < now:
        raise UsageError(f"{text!r} is not in the past.")
    return since


def duration(text: str) -> int:
    """The seconds that a text such as `90s`, `2h` or `1d12h` means.

    Raises
    ------
    UsageError
        If it means none.

    Examples
    --------
    >>> duration("1h30m")
    5400
    """
    seconds = _seconds(text) if _DURATION.fullmatch(text) else 0
    if not seconds:
        raise UsageError(f"{text!r} is not a duration: write 90s, 15m, 1h30m or 2d.")
    return seconds


def _seconds(text: str) -> int:
    return sum(int(count) * _UNITS[unit] for count, unit in _STEP.findall(text))


def iso_moment(text: str) -> float:
    """The moment in seconds since the epoch of an ISO 8601 time; UTC if it has no offset.

    Raises
    ------
    ValueError
        If it is not an ISO 8601 time.

    Examples
    --------
    >>> iso_moment("1970-01-01T02:00"), iso_moment("1970-01-01T02:00+02:00")
    (7200.0, 0.0)
    """
    given = datetime.fromisoformat(text)
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()


def described(text: str) -> str:
    """The time since then, in words.

    >>> described("1h"), described("2026-03-01")
    ('in the last 1h', 'since 2026-03-01')
    """
    return f"in the last {text}" if _DURATION.fullmatch(text) else f"since {text}"
