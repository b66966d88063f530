"""The callers' secrets, cached, so that a rotation needs no pause and an outage none either."""

from collections.abc import Callable, Sequence
from typing import Final

from wcs_hooks.adapters.deadlines import SharedReads
from wcs_hooks.clock import Clock, Deadline, Moment, Pause
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.hook.time_budget import SECRET_REFRESH

SECRET_TTL: Final = 60.0
"""Seconds for which the secrets are not read again: how long a removed one may still be valid."""

LEAST_PAUSE: Final = 2.0
"""Seconds between two reads at the least, however many callers fail to prove themselves."""


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
        self._source = read
        self._clock = clock
        self._secrets: Sequence[str] = ()
        self._read_at: Moment | None = None
        self._reads: SharedReads[tuple[()], tuple[Sequence[str], Moment]]
        self._reads = SharedReads("the secret store", clock)
        self._pause: Pause | None = None

    def valid(self, deadline: Deadline) -> Sequence[str]:
        """The current secret, and while it is rotated the previous.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        return self._not_older_than(SECRET_TTL, deadline)

    def refreshed(self, deadline: Deadline) -> Sequence[str]:
        """The same, read again unless that was done within `LEAST_PAUSE`.

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
        for late in self._reads.late():
            self._secrets, self._read_at = late
        if self._read_at is None or (self._read_at.older_than(seconds) and not self._is_paused()):
            now = Moment(self._clock)
            if self._secrets:
                deadline = deadline.part(SECRET_REFRESH)
            try:
                self._secrets, self._read_at = self._reads.read((), self._read, deadline)
            except UnavailableError:
                if not self._secrets:
                    raise
                self._read_at, self._pause = now, Pause(self._clock, LEAST_PAUSE)
            else:
                self._pause = None
        return self._secrets

    def _read(self, begun: Moment) -> tuple[Sequence[str], Moment]:
        return self._source(), begun

    def _is_paused(self) -> bool:
        """Whether the store failed just now, however old the secrets are by a wrong clock."""
        return self._pause is not None and not self._pause.is_over()
