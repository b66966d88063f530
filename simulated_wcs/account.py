"""The account: what WCS did with the answers, to be held against what the back-end says it did."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from simulated_wcs.transport import Exchange
from wcs_hooks.core.methods import Category
from wcs_hooks.core.outcome import Outcome, RestOnError


class Cell(NamedTuple):
    """A cell of the vendor's table of interaction errors."""

    category: Category
    rest_on_error: RestOnError
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class InteractionError:
    """A hook that was not answered by 200 and a JSON object.

    Attributes
    ----------
    rest_on_error
        What applies to the method. connect obeys none; for it, this is what the application's last
        session received.
    outcome
        The vendor's word for what WCS does now.
    status
        The reply's status; none if there was no reply.
    body
        The reply's body; none if there was no reply.
    decision
        By which the back-end's log knows the reply.
    what
        In words.
    """

    app: str
    category: Category
    method: str
    rest_on_error: RestOnError
    outcome: Outcome
    status: int | None
    body: bytes
    decision: str
    what: str

    @property
    def cell(self) -> Cell:
        """Where it is in the vendor's table."""
        return Cell(self.category, self.rest_on_error, self.outcome)


@dataclass(slots=True)
class Account:
    """Counts, and each interaction error; may be written by several threads.

    Attributes
    ----------
    sent
        Hooks that were sent, whatever became of them.
    answered
        Those that got a reply, of any status.
    retried
        Attempts beyond a hook's first.
    not_called
        Hooks that were not sent: `restPolicy` DISABLE, or a method that was not added or not
        switched on.
    errors
        The interaction errors, in order.
    """

    sent: int = 0
    answered: int = 0
    retried: int = 0
    not_called: int = 0
    errors: list[InteractionError] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count(self, exchange: Exchange) -> None:
        """Count a hook that was sent."""
        with self._lock:
            self.sent += 1
            self.answered += exchange.reply is not None
            self.retried += exchange.attempts - 1

    def count_not_called(self) -> None:
        """Count a hook that was not sent."""
        with self._lock:
            self.not_called += 1

    def add(self, error: InteractionError) -> None:
        """Note an interaction error."""
        with self._lock:
            self.errors.append(error)

    def cells(self) -> Counter[Cell]:
        """How many interaction errors each cell of the vendor's table has."""
        with self._lock:
            return Counter(error.cell for error in self.errors)
