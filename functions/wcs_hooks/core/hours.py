"""Whether a policy's hours hold: weekly windows by the clock on the wall of a time zone."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from wcs_hooks.core.cel.time_zones import zone

type StoredHours = Mapping[str, Sequence[Sequence[int]]]
"""For each time zone its windows: the first minute of the week, counted from Monday 00:00, and the
one after the last."""

MINUTES_A_DAY = 1_440


def is_open(hours: StoredHours, now: float) -> bool:
    """Whether a moment, in seconds since the epoch, is in one of the windows.

    Examples
    --------
    >>> is_open({"Europe/Riga": [[540, 1080]]}, 1_893_999_600)  # Monday, 09:00 in Riga
    True
    """
    for name, windows in hours.items():
        local = datetime.fromtimestamp(now, zone(name))
        minute = local.weekday() * MINUTES_A_DAY + local.hour * 60 + local.minute
        if any(first <= minute < end for first, end in windows):
            return True
    return False
