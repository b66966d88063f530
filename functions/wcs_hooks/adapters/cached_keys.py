"""Fetched keys, cached: a warm hook costs no call, and an outage of the store serves stale."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from wcs_hooks.adapters.deadlines import Refreshed
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.issuer_keys import KeyAddress, StoredKeys
from wcs_hooks.hook.time_budget import KEYS_REFRESH

KEYS_TTL: Final = 30.0
"""Seconds for which keys are not read again: how long a removed one may still be valid after the
fetch that removed it."""


class _Parsed[Keys](NamedTuple):
    """Keys as they are stored, and as they verify; none if there are none."""

    stored: StoredKeys
    keys: Keys | None


class CachedKeys[Keys]:
    """Remembers the keys of each address, and keeps using them while they cannot be read.

    Parameters
    ----------
    read
        Reads what is stored of addresses; raises `UnavailableError`.
    parse
        Makes what verifies of an address's keys, once for each time that they change; raises
        `ValueError`, `KeyError` or `TypeError` if they are damaged.
    stale_seconds
        How long keys count after they were fetched.
    clock
        Clock that ages go by.
    """

    def __init__(
        self,
        read: Callable[[Iterable[KeyAddress]], Mapping[KeyAddress, StoredKeys]],
        parse: Callable[[bytes], Keys],
        stale_seconds: float,
        clock: Clock,
    ) -> None:
        self._read_stored = read
        self._parse = parse
        self._stale_seconds = stale_seconds
        self._clock = clock
        self._reads: Refreshed[KeyAddress, _Parsed[Keys]] = Refreshed(
            "the key store",
            clock,
            self._read,
            share=KEYS_REFRESH,
            pauses=(KEYS_TTL, KEYS_TTL),
        )

    def keys(self, address: KeyAddress, deadline: Deadline) -> Keys | None:
        """The keys of an address; none if there are none, or they were fetched too long ago.

        Raises
        ------
        UnavailableError
            If they were never read and cannot be.
        """
        parsed = self._reads.value(address, KEYS_TTL, deadline)
        if not parsed.stored.usable_at(self._clock.now(), self._stale_seconds):
            return None
        return parsed.keys

    def _read(
        self, known: Mapping[KeyAddress, _Parsed[Keys] | None]
    ) -> Mapping[KeyAddress, _Parsed[Keys]]:
        return {
            address: self._parsed(stored, known[address])
            for address, stored in self._read_stored(known).items()
        }

    def _parsed(self, stored: StoredKeys, before: _Parsed[Keys] | None) -> _Parsed[Keys]:
        if before is not None and before.stored.keys == stored.keys:
            return before._replace(stored=stored)
        try:
            return _Parsed(stored, self._parse(stored.keys) if stored.keys else None)
        except (ValueError, KeyError, TypeError) as error:
            raise UnavailableError("the keys of an address are damaged") from error
