"""Dead letters without a queue."""

from collections.abc import Mapping
from typing import Any

from tests.support.faults import Faulty
from wcs_hooks.adapters.deadlines import run_before
from wcs_hooks.clock import Deadline
from wcs_hooks.ports import Place


class InMemoryDeadLetters(Faulty):
    """`DeadLetters` that a test reads.

    Parameters
    ----------
    place
        The place that they say they are.

    Attributes
    ----------
    messages
        Those that were kept.
    """

    def __init__(self, place: Place = Place.QUEUE) -> None:
        super().__init__()
        self._place = place
        self.messages: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> Place:
        run_before(deadline, lambda: self._keep(message), f"the dead-letter {self._place}")
        return self._place

    def _keep(self, message: Mapping[str, Any]) -> None:
        self._asked("send")
        self.messages.append(message)
