"""Places that limits count, in memory: exact, without time, and noting what was asked."""

from collections.abc import Sequence

from wcs_hooks.clock import Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.limits import Budget, Full, Holder, Taken, WantedPlace
from wcs_hooks.ports import SessionKey


class InMemoryLeases:
    """Leases that run out for nobody.

    Attributes
    ----------
    held
        Who holds places of which budget.
    asked
        Each call but `take`: its name, and whom it was about.
    fails
        Whether the store does not answer.
    expired
        How many places are said to have run out when any is taken.
    """

    def __init__(self) -> None:
        self.held: dict[Budget, list[Holder]] = {}
        self.asked: list[tuple[str, object]] = []
        self.fails = False
        self.expired = 0

    def take(self, wanted: Sequence[WantedPlace], deadline: Deadline) -> Taken:
        del deadline
        self._answer()
        full: dict[int, Full] = {}
        for index, place in enumerate(wanted):
            holders = self.held.get(place.budget, [])
            if place.holder not in holders and len(holders) >= place.most:
                full[index] = Full(place.most, tuple(holder.key for holder in holders))
        if all(wanted[index].optional for index in full):
            for index, place in enumerate(wanted):
                holders = self.held.setdefault(place.budget, [])
                if index not in full and place.holder not in holders:
                    holders.append(place.holder)
        return Taken(full, self.expired)

    def renew(self, holder: Holder, deadline: Deadline) -> None:
        del deadline
        self._note("renew", holder)

    def renew_session(self, key: SessionKey, deadline: Deadline) -> None:
        del deadline
        self._note("renew_session", key)

    def release(self, holder: Holder, deadline: Deadline, *, taken_by: float | None = None) -> None:
        del deadline
        self._note("release", (holder, taken_by))
        for holders in self.held.values():
            if holder in holders:
                holders.remove(holder)

    def release_session(
        self, key: SessionKey, deadline: Deadline, *, taken_by: float | None = None
    ) -> None:
        del deadline
        self._note("release_session", (key, taken_by))

    def note_keep_alive(self, app: str, deadline: Deadline) -> None:
        del deadline
        self._note("note_keep_alive", app)

    def _note(self, call: str, about: object) -> None:
        self.asked.append((call, about))
        self._answer()

    def _answer(self) -> None:
        if self.fails:
            raise UnavailableError("the lease store does not answer")
