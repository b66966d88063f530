"""A decision whose places are counted: it stands if there is room for the hook, and else denies."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from wcs_hooks.core.decision import Decision, Failure, Limited, UndecidedError, Verdict
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import Full, Taken, WantedPlace

type Take = Callable[[Sequence[WantedPlace]], Taken]
"""Takes places: all of them, or none. Raises `UnavailableError` if they cannot be counted."""


class Settled(NamedTuple):
    """A decision whose places were counted.

    Attributes
    ----------
    full
        Of each policy without room, `app/id`, who holds its places.
    expired
        How many places were found whose holder let them run out.
    """

    decision: Decision
    full: Mapping[str, Full]
    expired: int


def settle(decision: Decision, take: Take) -> Settled:
    """Take the places that a decision wants, and decide again if there is no room.

    Raises
    ------
    UndecidedError
        If places cannot be counted that are needed.
    """
    wanted = decision.wanted
    try:
        taken = take([one.place for one in wanted])
    except UnavailableError as error:
        failures = tuple(Failure(one.denial.policy, "limit", str(error)) for one in wanted)
        needed = tuple(one for one in wanted if not one.place.optional)
        if needed and len(needed) < len(wanted):
            # It may be a budget in shadow that is busy or damaged, which must fail no hook.
            settled = settle(decision._replace(wanted=needed), take)
            in_shadow = tuple(
                failure for failure, one in zip(failures, wanted, strict=True) if one.place.optional
            )
            counted = settled.decision
            failures = (*in_shadow, *counted.limit_failures)
            return settled._replace(decision=counted._replace(limit_failures=failures))
        if any(not one.skips_unavailable for one in needed):
            raise UndecidedError(str(error), decision.lookup_failures, failures) from error
        return Settled(decision._replace(limit_failures=failures), {}, 0)
    full = {_name(wanted[index]): full for index, full in taken.full.items()}
    return Settled(_without_room(decision, taken), full, taken.expired)


def _without_room(decision: Decision, taken: Taken) -> Decision:
    shadow_denied = list(decision.shadow_denied)
    for index in sorted(taken.full):
        limited = decision.wanted[index]
        if limited.place.optional:
            shadow_denied.append(_name(limited))
            continue
        return decision._replace(
            verdict=Verdict.DENY,
            denial=limited.denial,
            fields=None,
            applied=(*decision.applied, _name(limited)),
            shadow_denied=tuple(shadow_denied),
        )
    return decision._replace(shadow_denied=tuple(shadow_denied))


def _name(limited: Limited) -> str:
    return f"{limited.denial.app}/{limited.denial.policy}"
