"""Snapshots without a database."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.faults import Faulty
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.policy.compilation import compile_policies
from wcs_hooks.core.snapshot import Snapshot, SnapshotFormatError
from wcs_hooks.ports import Pointer


class InMemorySnapshots(Faulty):
    """A `SnapshotSource` that compiles what a test publishes.

    Examples
    --------
    >>> snapshots = InMemorySnapshots()
    >>> snapshots.publish("live", {"id": "no", "method": "call", "action": "deny"}).version
    1
    """

    def __init__(self) -> None:
        super().__init__()
        self._pointers: dict[str, Pointer] = {}
        self._data: dict[Pointer, bytes] = {}

    def publish(self, app: str, *policies: Mapping[str, Any], now: float = 0) -> Pointer:
        """Activate policies as an app's next version."""
        items = [{"app": app, **policy} for policy in policies]
        compilation = compile_policies(app, items, (), now)
        assert not compilation.errors, compilation.errors
        before = self._pointers.get(app)
        version = before.version + 1 if before else 1
        data = compilation.dump(version, now)
        pointer = Pointer(app, version, hashlib.sha256(data).hexdigest(), 1)
        self._pointers[app] = pointer
        self._data[pointer] = data
        return pointer

    def corrupt(self, app: str) -> None:
        """Damage the active snapshot."""
        self._data[self._pointers[app]] = b"damaged"

    def pointers(self, apps: Sequence[str]) -> Mapping[str, Pointer]:
        self._asked("pointers")
        return {app: self._pointers[app] for app in apps if app in self._pointers}

    def snapshot(self, pointer: Pointer) -> Snapshot:
        self._asked("snapshot")
        try:
            return Snapshot.load(self._data[pointer])
        except SnapshotFormatError as error:
            raise UnavailableError(str(error)) from error
