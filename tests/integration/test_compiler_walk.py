"""The same walk as in memory, over the store as it is deployed: shorter, since it takes longer."""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from tests.support.aws_tables import POLICIES, SNAPSHOTS, Aws
from tests.support.compiler_walk import APPS, StatusSeen, Walk
from tests.support.fake_clock import FakeClock
from wcs_hooks.adapters.clients import Clients
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.adapters.dynamo_snapshots import version_key
from wcs_hooks.compiler.policy_compiler import InForceVersion, PolicyCompiler, Status
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.vocabulary import STATUS_ID

_STEPS = 240


class _SteppingCompiler(PolicyCompiler):
    """A compiler before whose calls something happens, in the thread that it runs in."""

    before_call: Callable[[], None]
    here: threading.local

    def compile_all(
        self, edited: Sequence[str], report: Callable[[str, Status | Exception], None]
    ) -> list[str]:
        self.here.before_call = self.before_call
        return super().compile_all(edited, report)


class DynamoWorld:
    """The tables, and what compilers make of them."""

    def __init__(self, aws: Aws) -> None:
        self.clock = FakeClock()
        self._aws = aws
        client = Clients(10).dynamodb()
        self._here = threading.local()
        client.meta.events.register("before-call.dynamodb", self._before_call)
        self._store = DynamoPolicyStore(client, POLICIES, SNAPSHOTS, 30, self.clock)

    def _before_call(self, **_: Any) -> None:
        if hasattr(self._here, "before_call"):
            self._here.before_call()

    def put(self, app: str, item: Mapping[str, Any]) -> None:
        self._aws.put_policies(app, item)

    def delete(self, app: str, item_id: str) -> None:
        self._aws.delete_policy(app, item_id)

    def items(self, app: str) -> list[dict[str, Any]]:
        return [item for item in self._store.items(app) if item["id"] != STATUS_ID]

    def status(self, app: str) -> StatusSeen | None:
        item = self._aws.policy_item(app, STATUS_ID)
        if item is None:
            return None
        errors, warnings = (
            [(found["policy"], found["attribute"], found["message"]) for found in item[kind]]
            for kind in ("errors", "warnings")
        )
        return StatusSeen(item["version"], item["ok"], item.get("pinned"), errors, warnings)

    def pointer(self, app: str) -> InForceVersion:
        return self._store.in_force(app)

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        return self._store.source(app, version)

    def requirements(self, app: str, version: int) -> Sequence[Requirement]:
        return self._store.requirements(app, version)

    def versions(self, app: str) -> Sequence[int]:
        return [
            item["version"]
            for name, item in self._aws.snapshot_items(app).items()
            if name.startswith("v") and "#" not in name
        ]

    def compiler(self, before_call: Callable[[], None]) -> PolicyCompiler:
        compiler = _SteppingCompiler(self._store, self.clock)
        compiler.before_call, compiler.here = before_call, self._here
        return compiler

    def check_leftovers(self) -> None:
        """What is active is kept, all else expires, and so does what is known of an empty app."""
        records = self._aws.snapshot_items("#apps")
        for app in APPS:
            items = self._aws.snapshot_items(app)
            pointer = items.pop("current", {"version": 0, "pinned": False})
            active = pointer["version"]
            manifest = items.get(version_key(active), {"policies": 0})
            goes = not manifest["policies"] and not pointer["pinned"]
            assert ("expiresAt" in pointer) == (goes and active > 0), pointer
            expiring = defaultdict(set)
            for name, item in items.items():
                expiring[int(name[1:11])].add("expiresAt" in item)
            assert expiring.pop(active, {goes}) == {goes}, (app, active, items)
            assert all(kinds == {True} for kinds in expiring.values()), (app, active, items)
            if app in records:
                policies = [item["id"] for item in self.items(app)]
                assert ("expiresAt" in records[app]) == (not policies), (app, policies)


def test_given_edits_and_two_compilers_on_dynamodb_at_rest_then_what_is_active_is_the_tables(
    aws: Aws,
) -> None:
    walk = Walk(DynamoWorld(aws), Random(20300317))  # noqa: S311 - a test's dice

    walk.run(_STEPS)

    assert {"active", "rejected", "pinned", "without policies"} <= walk.kinds.keys()
