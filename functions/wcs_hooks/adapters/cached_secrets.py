"""The callers' secrets, cached, so that a rotation needs no pause and an outage none either."""

from collections.abc import Callable, Sequence
from typing import Final

from wcs_hooks.adapters.time_limit import run_before
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.ports import UnavailableError

SECRET_TTL: Final = 60.0
"""Seconds for which the secrets are not read again: how long a removed one may still be valid."""

LEAST_PAUSE: Final = 2.0
"""Seconds between two reads at the least, however many callers fail to prove themselves."""

_WHAT: Final = "the secret store"


class CachedSecrets:
    """Remembers the secrets, and keeps using them while they cannot be read.

    Parameters
    ----------
    read
        Reads the valid secrets, the current one first; raises `UnavailableError`.
    clock
        By which the TTL goes.
    """

    def __init__(self, read: Callable[[], Sequence[str]], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._secrets: Sequence[str] = ()
        self._read_at: float | None = None

    def valid(self, deadline: Deadline) -> Sequence[str]:
        """The current secret, and while it is rotated the previous.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        return self._not_older_than(SECRET_TTL, deadline)

    def refreshed(self, deadline: Deadline) -> Sequence[str]:
        """The same, read anew unless that was done within `LEAST_PAUSE`.

        Raises
        ------
        UnavailableError
            As `valid` does.
        """
        return self._not_older_than(LEAST_PAUSE, deadline)

    def current(self) -> str:
        """The current secret as it was last read; empty if it never was."""
        return self._secrets[0] if self._secrets else ""

    def _not_older_than(self, seconds: float, deadline: Deadline) -> Sequence[str]:
        now = self._clock.monotonic()
        if self._read_at is None or now >= self._read_at + seconds:
            try:
                self._secrets = run_before(deadline, self._read, _WHAT)
            except UnavailableError:
                if not self._secrets:
                    raise
            self._read_at = now
        return self._secrets
