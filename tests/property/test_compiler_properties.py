"""Whatever is edited, in whatever order, what is active follows from the table as a whole.

`HYPOTHESIS_PROFILE=thorough` or `WALK_STEPS=10000` walks further, `WALK_SEED` elsewhere.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.support.compiler_walk import StatusSeen, Walk
from tests.support.fake_clock import FakeClock
from tests.support.in_memory_policy_store import InMemoryPolicyStore
from tests.support.profiles import example_count
from wcs_hooks.compiler.policy_compiler import InForceVersion, PolicyCompiler
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.reader import Finding
from wcs_hooks.core.policy.vocabulary import STATUS_ID

# A walk that is much shorter does not get to everything.
_STEPS = int(os.environ.get("WALK_STEPS") or max(1_000, example_count(2_000)))
_SEED = int(os.environ.get("WALK_SEED", "3"))


class _SteppingStore:
    """The store of one compiler, which stops before each call."""

    def __init__(self, store: InMemoryPolicyStore, before_call: Callable[[], None]) -> None:
        self._store = store
        self._before_call = before_call

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)

        def stopping(*arguments: Any, **options: Any) -> Any:
            self._before_call()
            return call(*arguments, **options)

        return stopping


class InMemoryWorld:
    """A world in this process."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self._store = InMemoryPolicyStore()

    def put(self, app: str, item: Mapping[str, Any]) -> None:
        self._store.put(app, item["id"], **{k: v for k, v in item.items() if k != "id"})

    def delete(self, app: str, item_id: str) -> None:
        self._store.delete(app, item_id)

    def items(self, app: str) -> list[dict[str, Any]]:
        return [item for item in self._store.items(app) if item["id"] != STATUS_ID]

    def status(self, app: str) -> StatusSeen | None:
        status = self._store.statuses.get(app)
        if status is None:
            return None
        errors, warnings = _plain(status.errors), _plain(status.warnings)
        return StatusSeen(status.version, status.ok, status.pinned, errors, warnings)

    def pointer(self, app: str) -> InForceVersion:
        return self._store.in_force(app)

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        return self._store.source(app, version)

    def requirements(self, app: str, version: int) -> Sequence[Requirement]:
        return self._store.requirements(app, version)

    def versions(self, app: str) -> Sequence[int]:
        return list(self._store.versions.get(app, ()))

    def compiler(self, before_call: Callable[[], None]) -> PolicyCompiler:
        store: Any = _SteppingStore(self._store, before_call)
        return PolicyCompiler(store, self.clock)

    def check_leftovers(self) -> None:
        """Nothing expires in memory."""


def _plain(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(found.policy, found.attribute, found.message) for found in findings]


def test_given_edits_in_any_order_and_two_compilers_at_rest_then_what_is_active_is_what_the_table_says() -> (  # noqa: E501 - who, what, when
    None
):
    walk = Walk(InMemoryWorld(), Random(_SEED))  # noqa: S311 - a test's dice

    walk.run(_STEPS)

    print(sorted(walk.kinds.items()))  # noqa: T201 - for who walks further
    # It was a walk through all of it.
    assert {
        *("edit", "wait", "batch", "schedule", "call", "kill", "fail"),
        *("active", "rejected", "pinned", "contradicted by a pin", "without policies"),
        *("checked", "checked without the schedule"),
    } <= walk.kinds.keys()
