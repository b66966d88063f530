"""Fetched keys without DynamoDB and without issuers."""

from collections.abc import Iterable, Mapping

from tests.support.faults import Faulty
from wcs_hooks.clock import Clock
from wcs_hooks.core.issuer_keys import KeyAddress, KeyFetchError, StoredKeys


class InMemoryIssuers:
    """Issuers of which a test says what they publish.

    Attributes
    ----------
    published
        The keys at each address. What is not there does not answer.
    asked
        The addresses that were fetched, in order.
    """

    def __init__(self, published: Mapping[KeyAddress, bytes]) -> None:
        self.published = dict(published)
        self.asked: list[KeyAddress] = []

    def fetch(self, address: KeyAddress) -> bytes:
        self.asked.append(address)
        if address not in self.published:
            raise KeyFetchError("it did not answer within 3 s")
        return self.published[address]


class InMemoryKeys(Faulty):
    """A `KeyStore`; `read` is what `CachedKeys` wraps."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.stored: dict[KeyAddress, StoredKeys] = {}
        self._clock = clock

    def read(self, addresses: Iterable[KeyAddress]) -> Mapping[KeyAddress, StoredKeys]:
        self._asked("read")
        never = StoredKeys(b"", 0.0, ok=False)
        return {address: self.stored.get(address, never) for address in addresses}

    def all(self) -> Mapping[KeyAddress, StoredKeys]:
        self._asked("all")
        return dict(self.stored)

    def keep(self, address: KeyAddress, keys: bytes, fetched_at: float) -> None:
        self._asked("keep")
        self.stored[address] = StoredKeys(keys, fetched_at, ok=True)

    def keep_failure(self, address: KeyAddress, error: str) -> None:
        self._asked("keep_failure")
        before = self.stored.get(address, StoredKeys(b"", 0.0, ok=False))
        self.stored[address] = before._replace(ok=False, error=error)
