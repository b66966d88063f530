"""Limits: how many streams, calls and sessions there may be, and how many starts in a while.

A policy with a `limit` has a budget for each value of its `by`. Who starts something takes a place
in it, and holds the place until what was started ends; a place of a rate runs out by itself.
"""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from wcs_hooks.core.cel.expression import ExpressionError
from wcs_hooks.core.payload import Payload

MAX_PLACES: Final = 1_000
"""The most places that a budget has."""

MIN_RATE_SECONDS: Final = 60
"""The shortest time that a rate counts over."""

MAX_RATE_SECONDS: Final = 24 * 3_600
"""The longest."""


class Held(StrEnum):
    """What ends the holding of a place: the end of a stream, call or session, or time alone."""

    STREAM = "stream"
    CALL = "call"
    SESSION = "session"
    RATE = "rate"


HOLDER_FIELDS: Final[Mapping[str, str]] = {
    "connect": "sessionId",
    "publishStream": "mediaSessionId",
    "playStream": "mediaSessionId",
    "call": "callId",
    "OnCallEvent": "callId",
    "OnDataEvent": "operationId",
}
"""The methods that can be limited, each with the field that distinguishes a new hook from one
that came before (`docs/reference/wcs-protocol.md`, section 1: WCS sends hooks again)."""

LIMITED_BY: Final[Mapping[Held, tuple[str, ...]]] = {
    Held.STREAM: ("publishStream", "playStream"),
    Held.CALL: ("call", "OnCallEvent"),
    Held.SESSION: ("connect",),
    Held.RATE: tuple(HOLDER_FIELDS),
}
"""Which methods take places that are held in each way."""


class Budget(NamedTuple):
    """What places are taken from: one for each policy with a limit and value of its `by`."""

    app: str
    policy: str
    by: str

    @property
    def key(self) -> str:
        """Its name in the store: 32 hexadecimal digits."""
        return hashlib.sha256("\0".join(self).encode(errors="surrogatepass")).hexdigest()[:32]


class Holder(NamedTuple):
    """Who holds a place.

    Attributes
    ----------
    node
        The id of the WCS node; empty where the hook has none.
    session
        The session's id on that node; empty where the hook has none.
    field
        Which field it is known by: one of `HOLDER_FIELDS`.
    id
        The field's value.
    """

    node: str
    session: str
    field: str
    id: str

    @classmethod
    def named_by(cls, payload: Payload, field: str) -> "Holder | None":
        """Who a hook is about; none if it does not have the field as a text that is not empty."""
        fields = payload.fields
        found = fields.get(field)
        if type(found) is not str or not found:
            return None
        node, session = fields.get("nodeId"), fields.get("sessionId")
        return cls(
            node if type(node) is str else "",
            session if type(session) is str else "",
            field,
            found,
        )

    @property
    def key(self) -> str:
        """Its name in the store: 16 hexadecimal digits."""
        name = f"{self.node}\0{self.field}\0{self.id}"
        return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]


class WantedPlace(NamedTuple):
    """A place that a hook wants.

    Attributes
    ----------
    budget
        Where.
    most
        How many places there are: 1 to `MAX_PLACES`.
    held
        What ends the holding.
    seconds
        For a rate, how long a place is held; for others 0, since settings determine it.
    holder
        For whom.
    optional
        Whether the hook goes on without it if there is no room, and others are taken all the same.
    """

    budget: Budget
    most: int
    held: Held
    seconds: int
    holder: Holder
    optional: bool = False


class Full(NamedTuple):
    """A budget that had no room.

    Attributes
    ----------
    most
        How many places it has.
    holders
        Who holds them, by `Holder.key`.
    """

    most: int
    holders: tuple[str, ...]

    def __str__(self) -> str:
        """In words, for people: `2 of 2 held, by 3f0c…, 9ab1…`."""
        text = f"{len(self.holders)} of {self.most} held"
        if not self.holders:
            return text
        more = len(self.holders) - _SHOWN_HOLDERS
        others = f" and {more} more" if more > 0 else ""
        return f"{text} by {', '.join(self.holders[:_SHOWN_HOLDERS])}{others}"


class Taken(NamedTuple):
    """What came of taking places.

    Attributes
    ----------
    full
        Those of the places, by their index, whose budget had no room. If one of them was not
        optional, no place is taken.
    expired
        How many places were found that had run out though a stream, call or session held them.
    """

    full: Mapping[int, Full]
    expired: int = 0


ALL_TAKEN: Final = Taken({})

_SHOWN_HOLDERS: Final = 5


def stream_lease(keep_alive_interval: float) -> float:
    """Seconds for which a stream holds a place unless a keep-alive renews it.

    Parameters
    ----------
    keep_alive_interval
        Seconds between two keep-alives.
    """
    return max(90.0, 4 * keep_alive_interval)


def number_of_places(value: Any) -> int | None:
    """How many places a value of `most` means: 0 to `MAX_PLACES`; none if it is not such a number.

    Examples
    --------
    >>> [number_of_places(value) for value in (2, 2.0, -1, 10**400, 2.5, "2", True)]
    [2, 2, 0, 1000, None, None, None]
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    return max(0, min(int(value), MAX_PLACES))


def place_for(  # noqa: PLR0913 - what makes a place
    budget: Budget,
    held: Held,
    seconds: int,
    method: str,
    payload: Payload,
    most: Any,
    *,
    optional: bool,
) -> WantedPlace | None:
    """The place that a hook needs; none if there are none at all.

    Parameters
    ----------
    seconds
        Of a rate how long a place is held.
    most
        How many there are, as an expression gives it.
    optional
        As `WantedPlace` has it.

    Raises
    ------
    ExpressionError
        If that says neither whose budget it is nor how many places it has, or the hook lacks
        the field that distinguishes it from others.
    """
    if not budget.by:
        raise ExpressionError("its by is empty")
    places = number_of_places(most)
    if places is None:
        kind = type(most).__name__
        raise ExpressionError(f"its most gives a {kind} that is not a whole number")
    field = HOLDER_FIELDS.get(method, "")
    holder = Holder.named_by(payload, field)
    if holder is None:
        raise ExpressionError(f"the hook has no {field}, so that nobody can hold a place")
    return WantedPlace(budget, places, held, seconds, holder, optional) if places else None
