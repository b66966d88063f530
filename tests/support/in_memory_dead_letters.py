"""Dead letters without a queue."""

from collections.abc import Mapping
from typing import Any

from tests.support.faults import Faulty
from wcs_hooks.adapters.time_limit import run_before
from wcs_hooks.clock import Deadline


class InMemoryDeadLetters(Faulty):
    """`DeadLetters` that a test reads.

    Attributes
    ----------
    messages
        Those that were kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> None:
        run_before(deadline, lambda: self._keep(message), "the dead-letter queue")

    def _keep(self, message: Mapping[str, Any]) -> None:
        self._asked("send")
        self.messages.append(message)
