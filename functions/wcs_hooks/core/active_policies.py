"""The active policies of one app: its own and those for every app, together."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.outcome import RestOnError
from wcs_hooks.core.payload import encode
from wcs_hooks.core.policy.client_config import last_expiry, merge, next_expiry
from wcs_hooks.core.snapshot import Snapshot

if TYPE_CHECKING:
    from wcs_hooks.core.tokens.trust import Trust

_NOT_YET: Final = float("-inf")


class ActivePolicies:
    """The snapshots that decide an app's hooks.

    Attributes
    ----------
    snapshots
        The app's own, the one for every app: those of them that exist.
    uses_claims
        Whether any policy asks what is proven, so that connect's claims must be kept.
    holds
        What places of limits are held by, until it ends (`wcs_hooks.core.limits.Held`).
    """

    __slots__ = (
        "_client_config",
        "_failing",
        "_since",
        "_trusts",
        "_until",
        "holds",
        "snapshots",
        "uses_claims",
    )

    def __init__(self, snapshots: Iterable[Snapshot | None]) -> None:
        self.snapshots = tuple(snapshot for snapshot in snapshots if snapshot is not None)
        self.uses_claims = any(snapshot.uses_claims for snapshot in self.snapshots)
        self.holds = frozenset[str]().union(*(snapshot.holds for snapshot in self.snapshots))
        self._trusts: tuple[Trust, ...] | None = None
        self._client_config = ""
        self._failing: frozenset[str] = frozenset()
        self._since = self._until = _NOT_YET

    @property
    def trusts(self) -> "tuple[Trust, ...]":
        """Whose tokens are believed: the app's own items and those for every app, in order."""
        if self._trusts is None:
            found = [snapshot.trusts for snapshot in self.snapshots if snapshot.has_trusts]
            self._trusts = ()
            if found:
                # Imported here because most apps have none.
                from wcs_hooks.core.tokens.trust import in_order  # noqa: PLC0415

                self._trusts = in_order(trust for trusts in found for trust in trusts)
        return self._trusts

    def client_config(self, now: float) -> str:
        """The JSON text of the restClientConfig that the policies need; empty if they need none.

        Parameters
        ----------
        now
            Seconds since the epoch: what expired policies needed is left out.
        """
        self._refresh(now)
        return self._client_config

    def failing(self, now: float) -> frozenset[str]:
        """The canonical names of the methods for which that says `restOnError: FAIL`."""
        self._refresh(now)
        return self._failing

    def rest_on_error(self, method: str, now: float) -> RestOnError:
        """The `restOnError` that a session gets for a method if it connects now."""
        known = METHODS.get(method)
        canonical = known.canonical if known else method
        return RestOnError.FAIL if canonical in self.failing(now) else RestOnError.LOG

    def versions(self) -> dict[str, int]:
        """The active version of each of the snapshots' apps."""
        return {snapshot.app: snapshot.version for snapshot in self.snapshots}

    def _refresh(self, now: float) -> None:
        # Both ends: a replay of recorded hooks may go back in time.
        if self._since < now <= self._until:
            return
        requirements = [
            requirement for snapshot in self.snapshots for requirement in snapshot.requirements
        ]
        entries = merge(requirements, now)
        self._client_config = encode(entries) if entries else ""
        self._failing = frozenset(
            METHODS[method].canonical
            for method, entry in entries.items()
            if entry["restOnError"] == RestOnError.FAIL
        )
        self._since, self._until = last_expiry(requirements, now), next_expiry(requirements, now)
