"""What is held of the budgets that a hook needs: counted, not taken."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from wcs_hooks.core.limits import Full, Taken, WantedPlace


class Counted(NamedTuple):
    """The state of a budget of which a hook wants a place.

    Attributes
    ----------
    held
        How many places there are, and who holds them.
    has_room
        Whether the hook would get the place, or has it already.
    """

    place: WantedPlace
    held: Full
    has_room: bool

    def __str__(self) -> str:
        """In words, for people: `2 of 2 held by 3f0c…, 9ab1…`."""
        own = self.place.holder.key in self.held.holders
        return f"{self.held}{'; one of them is for this hook already' if own else ''}"


type Count = Callable[[Sequence[WantedPlace]], Sequence[Counted]]
"""Counts what is held of the budgets that places are wanted of; one result for each, in order, or
none at all if that cannot be read."""


def taken(counted: Sequence[Counted]) -> Taken:
    """What would come of taking the places."""
    return Taken({index: one.held for index, one in enumerate(counted) if not one.has_room})
