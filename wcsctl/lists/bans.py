"""Bans: the rows of the list `bans`, one for each user.

The key is the user as tokens name them, `claims.sub`: the policies of the cookbook look it up.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from wcs_hooks.adapters.dynamo_lists import EXPIRES_AT, KEY, LIST, stored_row
from wcs_hooks.adapters.dynamo_policy_store import from_attributes, to_attributes
from wcs_hooks.core.lists import MAX_KEY_BYTES, DamagedRow
from wcsctl.lists.cells import check_row
from wcsctl.lists.stored_lists import RawRow, StoredLists, expires_in, expiry_of

BANS: Final = "bans"
"""The list's name."""


class UnusableUserError(ValueError):
    """A user whose name cannot be a key."""


@dataclass(frozen=True, slots=True)
class Ban:
    """One user's ban.

    Attributes
    ----------
    reason
        Why, for the operator: no policy shows it to anybody.
    banned_at
        ISO 8601.
    by
        Who banned them, as their computer calls them.
    expires_at
        Seconds since the epoch; none if the ban does not end by itself.
    damage
        Why policies cannot read the row; empty if they can. A denial then applies, unless its
        policy says otherwise (`whenError`).
    """

    user: str
    reason: str
    banned_at: str
    by: str
    expires_at: int | None
    damage: str = ""

    @classmethod
    def from_row(cls, row: RawRow, now: float) -> "Ban":
        """Read a row, which other systems may have written with fewer attributes."""
        attributes = from_attributes(row)
        read = stored_row(row, now)
        damage = read.reason if isinstance(read, DamagedRow) else ""
        expiry = None if damage else expiry_of(row)
        return cls(
            attributes[KEY],
            str(attributes.get("reason", "")),
            str(attributes.get("bannedAt", "")),
            str(attributes.get("by", "")),
            None if expiry is None else int(expiry),
            damage,
        )

    def to_row(self) -> RawRow:
        """The row as it is written."""
        row: dict[str, Any] = {
            LIST: BANS,
            KEY: self.user,
            "bannedAt": self.banned_at,
            "by": self.by,
            **({"reason": self.reason} if self.reason else {}),
            **({EXPIRES_AT: self.expires_at} if self.expires_at is not None else {}),
        }
        return to_attributes(row)

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "user": self.user,
            "reason": self.reason,
            "bannedAt": self.banned_at,
            "by": self.by,
            "expiresAt": self.expires_at,
            **({"damaged": self.damage} if self.damage else {}),
        }

    def holds(self, now: float) -> bool:
        """Whether it has not ended."""
        return self.expires_at is None or now < self.expires_at


def ban(
    lists: StoredLists, user: str, *, reason: str, by: str, now: float, seconds: int | None
) -> Ban:
    """Ban a user; a ban that they have already is replaced.

    Parameters
    ----------
    now
        Seconds since the epoch.
    seconds
        For how long; none for good.

    Raises
    ------
    UnusableUserError
        If the user's name is empty, or longer than a key can be.
    UsageError
        If it would last longer than policies can read.
    CellError
        If its reason cannot be kept.
    """
    if not 0 < len(user.encode(errors="surrogatepass")) <= MAX_KEY_BYTES:
        raise UnusableUserError(f"must have 1 to {MAX_KEY_BYTES:,} bytes")
    expires_at = None if seconds is None else expires_in(seconds, now)
    one = Ban(user, reason, _iso(now), by, expires_at)
    check_row(one.to_row())
    lists.put(one.to_row())
    return one


def unban(lists: StoredLists, user: str, now: float) -> Ban | None:
    """Lift a user's ban; returns it, or none if none was in effect."""
    row = lists.delete(BANS, user)
    if row is None or not (one := Ban.from_row(row, now)).holds(now):
        return None
    return one


def bans(lists: StoredLists, now: float) -> Iterator[Ban]:
    """The bans that are in effect, in the order of users' names."""
    found = (Ban.from_row(row, now) for row in lists.rows(BANS))
    return (one for one in found if one.holds(now))


def _iso(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds")
