"""What is in force for one app: its own policies and those for every app, together."""

from collections.abc import Iterable
from typing import Final

from wcs_hooks.core.client_config import merge, next_expiry
from wcs_hooks.core.payload import encode
from wcs_hooks.core.snapshot import Snapshot

_NOT_YET: Final = float("-inf")


class InForce:
    """The snapshots that decide an app's hooks.

    Attributes
    ----------
    snapshots
        The app's own, the one for every app: those of them that exist.
    """

    __slots__ = ("_client_config", "_until", "snapshots")

    def __init__(self, snapshots: Iterable[Snapshot | None]) -> None:
        self.snapshots = tuple(snapshot for snapshot in snapshots if snapshot is not None)
        self._client_config = ""
        self._until = _NOT_YET

    def client_config(self, now: float) -> str:
        """The JSON text of the restClientConfig that the policies need; empty if they need none.

        Parameters
        ----------
        now
            Seconds since the epoch: what expired policies needed is left out.
        """
        if now > self._until:
            demands = [demand for snapshot in self.snapshots for demand in snapshot.demands]
            entries = merge(demands, now)
            self._client_config = encode(entries) if entries else ""
            self._until = next_expiry(demands, now)
        return self._client_config

    def versions(self) -> dict[str, int]:
        """The version in force of each of the snapshots' apps."""
        return {snapshot.app: snapshot.version for snapshot in self.snapshots}
