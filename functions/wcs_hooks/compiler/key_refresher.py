"""The compiler's side of token keys: it alone fetches them, never while a hook waits.

Keys of addresses that policies name are fetched when an edit first names the address, and again on
a schedule. While an issuer does not answer, its keys stay as they were last fetched.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from wcs_hooks.clock import Clock
from wcs_hooks.core.issuer_keys import KeyAddress, KeyFetchError, StoredKeys

_AT_ONCE: Final = 20
"""How many addresses are fetched at the same time: all of an installation's, as a rule."""


class KeyStore(Protocol):
    """Where fetched keys are kept. An address that is no longer refreshed is forgotten."""

    def all(self) -> Mapping[KeyAddress, StoredKeys]:
        """What is stored of every address that is not forgotten yet, read consistently."""
        ...

    def keep(self, address: KeyAddress, keys: bytes, fetched_at: float) -> None:
        """Store keys, in place of those before."""
        ...

    def keep_failure(self, address: KeyAddress, error: str) -> None:
        """Store that a fetch failed; the keys stay."""
        ...


class NewKeys(NamedTuple):
    """What an edit that names addresses leads to. The texts are those of findings.

    Attributes
    ----------
    errors
        Why the keys of an address that is new could not be fetched.
    warnings
        Why the keys of a known address could not be refreshed. They are used on.
    """

    errors: Mapping[KeyAddress, str]
    warnings: Mapping[KeyAddress, str]


class KeyRefresh(NamedTuple):
    """What came of one address in a refresh.

    Attributes
    ----------
    error
        Why its keys could not be fetched; empty if they were.
    """

    address: KeyAddress
    error: str


class KeyRefresher:
    """Fetches the keys of addresses and keeps them.

    Parameters
    ----------
    fetch
        Gets the usable keys at an address, as JSON. It raises `KeyFetchError`.
    store
        Where they are kept.
    clock
        Clock that says when they were fetched.
    """

    def __init__(self, fetch: Callable[[KeyAddress], bytes], store: KeyStore, clock: Clock) -> None:
        self._fetch = fetch
        self._store = store
        self._clock = clock

    def fetch_new(self, addresses: Collection[KeyAddress]) -> NewKeys:
        """Fetch the keys of those addresses that are not known yet.

        It is called before the version that names them becomes active, which then finds its keys.
        Nothing is kept of an address that cannot be fetched, so that it stays new.
        """
        if not addresses:
            return NewKeys({}, {})
        known = self._store.all()
        errors = {
            address: f"cannot fetch the keys at {address.url}: {error}"
            for address, error in self._fetch_all([a for a in addresses if a not in known])
            if error
        }
        warnings = {
            address: f"cannot refresh the keys at {address.url}{_since(stored)}: {stored.error}"
            for address in dict.fromkeys(addresses)
            if (stored := known.get(address)) is not None and not stored.ok
        }
        return NewKeys(errors, warnings)

    def refresh(self, addresses: Collection[KeyAddress]) -> Sequence[KeyRefresh]:
        """Fetch the keys of addresses again; a key that its issuer removed is gone then.

        Keys that cannot be fetched stay, with why.
        """
        refreshed = self._fetch_all(addresses)
        for address, error in refreshed:
            if error:
                self._store.keep_failure(address, error)
        return refreshed

    def _fetch_all(self, addresses: Collection[KeyAddress]) -> Sequence[KeyRefresh]:
        distinct = list(dict.fromkeys(addresses))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self._fetch_one, distinct))

    def _fetch_one(self, address: KeyAddress) -> KeyRefresh:
        begun = self._clock.now()
        try:
            keys = self._fetch(address)
        except KeyFetchError as error:
            return KeyRefresh(address, str(error))
        except Exception as error:  # noqa: BLE001 - others' keys do not depend on it
            # Without its text, which could quote what was fetched.
            return KeyRefresh(address, f"an unexpected {type(error).__name__}")
        self._store.keep(address, keys, begun)
        return KeyRefresh(address, "")


def _since(stored: StoredKeys) -> str:
    if not stored.fetched_at:
        return ""
    return f", which are of {datetime.fromtimestamp(stored.fetched_at, UTC):%Y-%m-%d %H:%M} UTC"
