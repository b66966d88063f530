"""The callers' secrets, cached, so that a rotation needs no pause and an outage none either."""

from collections.abc import Callable, Sequence
from typing import Final

from wcs_hooks.adapters.deadlines import Refreshed
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.hook.time_budget import SECRET_REFRESH

SECRET_TTL: Final = 60.0
"""Seconds for which the secrets are not read again: how long a removed one may still be valid."""

LEAST_PAUSE: Final = 2.0
"""Seconds between two reads at the least, however many callers fail to prove themselves."""

_SECRETS: Final = "secrets"


class CachedSecrets:
    """Remembers the secrets, and keeps using them while they cannot be read.

    Parameters
    ----------
    read
        Reads the valid secrets, the current one first; raises `UnavailableError`.
    clock
        Clock that the TTL goes by.
    """

    def __init__(self, read: Callable[[], Sequence[str]], clock: Clock) -> None:
        self._reads: Refreshed[str, Sequence[str]] = Refreshed(
            "the secret store",
            clock,
            lambda _: {_SECRETS: read()},
            share=SECRET_REFRESH,
            pauses=(LEAST_PAUSE, LEAST_PAUSE),
        )

    def valid(self, deadline: Deadline) -> Sequence[str]:
        """The current secret, and while it is rotated the previous.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        return self._reads.value(_SECRETS, SECRET_TTL, deadline)

    def refreshed(self, deadline: Deadline) -> Sequence[str]:
        """The same, read again unless that was done within `LEAST_PAUSE`.

        Raises
        ------
        UnavailableError
            As `valid` does.
        """
        return self._reads.value(_SECRETS, LEAST_PAUSE, deadline)

    def current(self) -> str:
        """The current secret as it was last read; empty if it never was."""
        kept = self._reads.kept.get(_SECRETS)
        return kept.value[0] if kept and kept.value else ""
