"""The attribute `limit`: how many streams, calls or sessions there may be, or starts in a while."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from wcs_hooks.core.cel.check import Checked
from wcs_hooks.core.limits import MAX_RATE_SECONDS, MIN_RATE_SECONDS, Held, number_of_places
from wcs_hooks.core.policy.attributes import AttributeReader, listed, shown

WANTED_OF_LIMIT: Final = (
    "whose budget, how many, of what, as {by: claims.sub, most: 2, holds: stream}"
)
"""What to give for `limit`."""

_MEMBERS: Final = frozenset({"by", "most", "holds"})
_DURATION: Final = re.compile(r"([1-9]\d{0,5})([smh])", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600}
_WANTED_OF_HOLDS: Final = "stream, call, session, or for a rate a duration from 60s to 24h"


@dataclass(frozen=True, slots=True)
class Limit:
    """How many places there are.

    Attributes
    ----------
    by
        Gives whose budget it is.
    most
        How many, or what gives that.
    held
        What a place is held by.
    seconds
        Of a rate how long; 0 for others.
    """

    by: Checked
    most: int | Checked
    held: Held
    seconds: int

    @property
    def is_rate(self) -> bool:
        """Whether places run out by time alone."""
        return self.held is Held.RATE

    @property
    def needs_keep_alives(self) -> bool:
        """Whether places run out while they are held, unless keep-alives renew them."""
        return self.held is Held.STREAM

    @property
    def expressions_by_attribute(self) -> Iterator[tuple[str, Checked]]:
        """Its expressions, each with the attribute that it is in."""
        yield "limit.by", self.by
        if isinstance(self.most, Checked):
            yield "limit.most", self.most


def read_limit(reader: AttributeReader) -> Limit | None:
    """Read a policy's limit; none where it has none, or what it has is wrong."""
    if "limit" not in reader.item:
        return None
    members = reader.mapping("limit", WANTED_OF_LIMIT)
    for name in sorted(map(str, members.keys() - _MEMBERS)):
        near = get_close_matches(name, _MEMBERS, n=1)
        instead = f"; did you mean {near[0]!r}?" if near else f"; known are {listed(_MEMBERS)}"
        reader.error(f"limit.{name}", f"is not a member of a limit{instead}")
    by, most = _by(reader, members.get("by")), _most(reader, members.get("most"))
    holds = _holds(reader, members.get("holds"))
    if by is None or most is None or holds is None:
        return None
    return Limit(by, most, *holds)


def _by(reader: AttributeReader, source: Any) -> Checked | None:
    if not isinstance(source, str) or not source.strip():
        reader.error(
            "limit.by", "must be an expression that gives whose budget it is, such as claims.sub"
        )
        return None
    by = reader.expression("limit.by", source)
    if by is not None and not by.may_be_text:
        reader.error("limit.by", f"gives {by.returns}; it must give a string: convert it, string()")
    return by


def _most(reader: AttributeReader, value: Any) -> int | Checked | None:
    if isinstance(value, str) and value.strip():
        most = reader.expression("limit.most", value)
        if most is not None and not most.may_be_number:
            reader.error("limit.most", f"gives {most.returns}; it must give a whole number")
        return most
    if value is None:
        reader.error(
            "limit.most", "is required: a number, or an expression such as claims.maxStreams"
        )
        return None
    places = number_of_places(value)
    if places is None:
        reader.error("limit.most", f"{shown(value)} is not a whole number")
    return places


def _holds(reader: AttributeReader, value: Any) -> tuple[Held, int] | None:
    if isinstance(value, str) and value in {Held.STREAM, Held.CALL, Held.SESSION}:
        return Held(value), 0
    duration = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if duration is None:
        reader.error(
            "limit.holds",
            f"is required: {_WANTED_OF_HOLDS}"
            if value is None
            else f"{shown(value)} is not among {_WANTED_OF_HOLDS}",
        )
        return None
    seconds = int(duration[1]) * _SECONDS[duration[2]]
    if not MIN_RATE_SECONDS <= seconds <= MAX_RATE_SECONDS:
        reader.error("limit.holds", f"{value} is not between 60s and 24h")
    return Held.RATE, seconds
