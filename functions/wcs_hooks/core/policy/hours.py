"""A policy's hours as people write them: `Mon-Fri 09:00-18:00 Europe/Riga`."""

import re
from difflib import get_close_matches
from typing import Final

from wcs_hooks.core.cel import time_zones
from wcs_hooks.core.hours import MINUTES_A_DAY

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK: Final = len(DAYS) * MINUTES_A_DAY
_WINDOW: Final = re.compile(
    r"(?P<first>\w+)(?:-(?P<last>\w+))? +(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d) +(?P<zone>\S+)"
)
_FORM: Final = "write it like 'Mon-Fri 09:00-18:00 Europe/Riga', several joined by ;"


class HoursError(Exception):
    """Hours that cannot be read. The text says what is wrong and what to write instead."""


def read_hours(text: str) -> dict[str, list[list[int]]]:
    """Read weekly windows, of which any may hold.

    Days are inclusive and may wrap (`Fri-Mon`); the start is inclusive, the end exclusive, and an
    end before the start runs over midnight and belongs to the day of its start.

    Returns
    -------
    dict
        As `wcs_hooks.core.hours.StoredHours`.

    Raises
    ------
    HoursError
        If a window is not one.

    Examples
    --------
    >>> read_hours("Sun 22:00-02:00 UTC")
    {'UTC': [[0, 120], [9960, 10080]]}
    """
    found: dict[str, list[list[int]]] = {}
    for window in text.split(";"):
        zone, minutes = _window(window.strip())
        found.setdefault(zone, []).extend(minutes)
    return {zone: sorted(minutes) for zone, minutes in found.items()}


def _window(text: str) -> tuple[str, list[list[int]]]:
    parts = _WINDOW.fullmatch(text)
    if parts is None:
        raise HoursError(f"{text!r} is not a weekly window: {_FORM}")
    first = _day(parts["first"])
    last = first if parts["last"] is None else _day(parts["last"])
    start, end = _minute(parts["start"]), _minute(parts["end"])
    if start in {end, MINUTES_A_DAY}:
        raise HoursError(f"{text!r} has no length: the whole day is 00:00-24:00")
    minutes: list[list[int]] = []
    for day in range(first, first + (last - first) % len(DAYS) + 1):
        begun = day % len(DAYS) * MINUTES_A_DAY + start
        over = begun + (end - start) % MINUTES_A_DAY if end < start else begun + end - start
        minutes.append([begun, min(over, _WEEK)])
        if over > _WEEK:
            minutes.append([0, over - _WEEK])
    return _zone(parts["zone"]), minutes


def _day(name: str) -> int:
    if name not in DAYS:
        raise HoursError(f"{name!r} is not a day; known are {', '.join(DAYS)}")
    return DAYS.index(name)


def _minute(text: str) -> int:
    hours, minutes = map(int, text.split(":"))
    minute = hours * 60 + minutes
    if minutes >= 60 or minute > MINUTES_A_DAY:  # noqa: PLR2004 - minutes of an hour
        raise HoursError(f"{text} is not a time of day: 00:00 to 24:00")
    return minute


def _zone(name: str) -> str:
    names = time_zones.names()
    if name in names:
        return name
    lower = {one.lower(): one for one in names}
    wanted = name.lower()
    near = [one for one in lower if one.endswith(f"/{wanted}")]
    near += get_close_matches(wanted, lower, n=1)
    hint = f"did you mean {lower[near[0]]!r}?" if near else "write a name such as 'Europe/Riga'"
    raise HoursError(f"{name!r} is not a time zone; {hint}")
