"""Places that limits count, as a policy test has them."""

from collections.abc import Mapping, Sequence
from typing import Final

from wcs_hooks.core.limits import HOLDER_FIELDS, Full, WantedPlace
from wcs_hooks.core.payload import Payload, append_fields, encode, parse
from wcsctl.limits.counting import Count, Counted

_SOME_ID: Final = "test"


def with_holder(method: str, payload: Payload) -> Payload:
    """A hook with the id that WCS always gives it, and that holds places."""
    field = HOLDER_FIELDS.get(method)
    if field is None or field in payload.fields:
        return payload
    return parse(append_fields(payload.text, {field: encode(_SOME_ID)}).encode())


def count_of(held: Mapping[str, int]) -> Count:
    """Count places that a test gives, as if others held them.

    Parameters
    ----------
    held
        How many are held, by the policy's `app/id`, or else its `id`. Of others none is.
    """

    def counted(place: WantedPlace) -> Counted:
        policy = place.budget.policy
        others = held.get(f"{place.budget.app}/{policy}", held.get(policy, 0))
        holders = tuple(f"other-{number}" for number in range(1, others + 1))
        return Counted(place, Full(place.most, holders), others < place.most)

    def count(wanted: Sequence[WantedPlace]) -> Sequence[Counted]:
        return [counted(place) for place in wanted]

    return count
