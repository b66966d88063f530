"""The secrets that tokens are signed with, cached as the callers' are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from wcs_hooks.adapters.cached_secrets import LEAST_PAUSE, SECRET_TTL
from wcs_hooks.adapters.deadlines import Refreshed
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.hook.time_budget import KEYS_REFRESH

_SECRETS: Final = "secrets"


class CachedTokenSecrets:
    """Remembers the secrets of all names, and keeps using them while they cannot be read.

    Parameters
    ----------
    read
        Reads them, by name, the current one first; raises `UnavailableError`.
    clock
        Clock that the TTL goes by.
    """

    def __init__(self, read: Callable[[], Mapping[str, Sequence[str]]], clock: Clock) -> None:
        self._reads: Refreshed[str, Mapping[str, Sequence[str]]] = Refreshed(
            "the secret store",
            clock,
            lambda _: {_SECRETS: read()},
            share=KEYS_REFRESH,
            pauses=(LEAST_PAUSE, LEAST_PAUSE),
        )

    def valid(self, name: str, deadline: Deadline) -> Sequence[str]:
        """The current secret of a name, then the previous one; none if there is no such name.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        return self._reads.value(_SECRETS, SECRET_TTL, deadline).get(name, ())
