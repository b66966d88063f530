"""The compiler's store without a database, and with a second compiler when a test wants one."""

import copy
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from wcs_hooks.compiler.policy_compiler import (
    NOTHING,
    UNKNOWN_EDIT,
    AppRecord,
    Edit,
    InForceVersion,
    PointerMovedError,
    RecordChangedError,
    Status,
    StatusChangedError,
)
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.compilation import (
    Changes,
    Compilation,
    compile_policies,
    pack,
    source_digest,
    unpack,
)
from wcs_hooks.core.policy.token_use import pack_token_use, unpack_token_use
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcs_hooks.core.snapshot import Snapshot


@dataclass(frozen=True)
class Version:
    """What was written of one version."""

    snapshot: Snapshot
    items: list[dict[str, Any]]
    requirements: tuple[Requirement, ...]
    changed: Changes
    edit: Edit = UNKNOWN_EDIT


class InMemoryPolicyStore:
    """A `PolicyStore` in memory.

    Attributes
    ----------
    versions
        Every version of each app, by number.
    statuses
        Each app's `#status`.
    meanwhile
        What happens elsewhere each time that a compiler has read an app's items: the first runs
        after the first reading, and so on.
    """

    def __init__(self) -> None:
        self.versions: dict[str, dict[int, Version]] = {}
        self.statuses: dict[str, Status] = {}
        self.meanwhile: deque[Callable[[], None]] = deque()
        self._items: dict[str, dict[str, dict[str, Any]]] = {}
        self._pointers: dict[str, InForceVersion] = {}
        self._records: dict[str, AppRecord] = {}

    def put(self, app: str, item_id: str, **attributes: Any) -> None:
        """Edit an item as an operator does."""
        item = {"app": app, "id": item_id, **attributes}
        self._items.setdefault(app, {})[item_id] = item

    def delete(self, app: str, item_id: str) -> None:
        del self._items[app][item_id]

    def move_pointer(self, app: str) -> None:
        """Activate a version that another compiler made, of policies of its own."""
        before = self.in_force(app)
        versions = self.versions.setdefault(app, {})
        number = max(versions, default=0) + 1
        versions[number] = versions.get(before.version, _nothing())
        self._pointers[app] = InForceVersion(number, f"made elsewhere: {number}")

    def items(self, app: str) -> list[dict[str, Any]]:
        items = copy.deepcopy(list(self._items.get(app, {}).values()))
        if app in self.statuses:
            compiled_at = self.statuses[app].compiled_at.isoformat()
            items = [item for item in items if item["id"] != STATUS_ID]
            items.append({"app": app, "id": STATUS_ID, "compiledAt": compiled_at})
        if self.meanwhile:
            self.meanwhile.popleft()()
        return items

    def in_force(self, app: str) -> InForceVersion:
        return self._pointers.get(app, NOTHING)

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        return self.versions[app][version].items if version else []

    def requirements(self, app: str, version: int) -> list[Requirement]:
        if version not in self.versions.get(app, {}):
            raise LookupError(version)
        return list(self.versions[app][version].requirements)

    def record(self, app: str) -> AppRecord:
        return self._records.get(app, AppRecord())

    def records(self) -> dict[str, AppRecord]:
        return dict(sorted(self._records.items()))

    def write_record(self, app: str, record: AppRecord) -> None:
        if self.record(app).revision != record.revision:
            raise RecordChangedError(app)
        self._records[app] = replace(
            record,
            requirements=unpack(pack(record.requirements)),
            held=unpack(pack(record.held)),
            tokens=unpack_token_use(pack_token_use(record.tokens)),
            revision=record.revision + 1,
        )

    def add_version(
        self,
        compilation: Compilation,
        items: Sequence[Mapping[str, Any]],
        changed: Changes,
        now: float,
        edit: Edit = UNKNOWN_EDIT,
    ) -> int:
        versions = self.versions.setdefault(compilation.app, {})
        number = max(versions, default=0) + 1
        versions[number] = Version(
            Snapshot.load(compilation.dump(number, now)),
            [dict(item) for item in items],
            compilation.requirements,
            changed,
            edit,
        )
        return number

    def activate(self, app: str, version: int, before: InForceVersion, *, pinned: bool) -> None:
        written = self.versions.get(app, {}).get(version)
        if written is None:
            raise LookupError(version)
        if self.in_force(app) != before:
            raise PointerMovedError(app)
        source = source_digest(written.items)
        self._pointers[app] = InForceVersion(version, source, pinned, is_finished=False)

    def finish_activation(self, app: str) -> None:
        pointer = self.in_force(app)
        if pointer == NOTHING:
            return
        self._pointers[app] = replace(pointer, is_finished=True)

    def write_status(self, status: Status, seen: str | None) -> None:
        before = self.statuses.get(status.app)
        if (before.compiled_at.isoformat() if before else None) != seen:
            raise StatusChangedError(status.app)
        self.statuses[status.app] = status


def _nothing() -> Version:
    compilation = compile_policies("", [], (), 0)
    return Version(Snapshot.load(compilation.dump(1, 0)), [], (), Changes((), (), ()))
