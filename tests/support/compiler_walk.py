"""A random walk of people who edit policies and of two compilers that are in each other's way.

A compiler runs in a thread of its own and stops before each call of its store, so that a walk can
interleave two of them, kill one, or let a call fail, always in the same way for the same seed.
After some steps everybody finishes, and what is active and what each `#status` says must be what
follows from the table as a whole.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from random import Random
from typing import Any, Final, Protocol

from tests.support.fake_clock import FakeClock
from wcs_hooks.compiler.policy_compiler import InForceVersion, PolicyCompiler, Status
from wcs_hooks.core.policy.client_config import Requirement, contradictions, merge
from wcs_hooks.core.policy.compilation import Compilation, compile_policies, source_digest
from wcs_hooks.core.policy.reader import EVERY_APP, is_policy_id
from wcs_hooks.core.policy.vocabulary import PIN_ID

APPS: Final = (EVERY_APP, "a", "b", "c", "d")
_IDS: Final = ("p1", "p2", "p3")
_METHODS: Final = ("call", "publishStream")
_STEPS_BETWEEN_CHECKS: Final = 40
_CALL_SECONDS: Final = 1e-4


class Killed(BaseException):
    """The compiler was killed: no code of its own runs any more."""


class StoreFailedError(Exception):
    """A call of the store failed."""


@dataclass(frozen=True)
class StatusSeen:
    """What an app's `#status` says: of each finding the policy, the attribute and the message."""

    version: int
    ok: bool
    pinned: int | None
    errors: Sequence[tuple[str, str, str]]
    warnings: Sequence[tuple[str, str, str]]


class World(Protocol):
    """A table, and what compilers make of it."""

    clock: FakeClock

    def put(self, app: str, item: Mapping[str, Any]) -> None: ...
    def delete(self, app: str, item_id: str) -> None: ...
    def items(self, app: str) -> list[dict[str, Any]]: ...
    def status(self, app: str) -> StatusSeen | None: ...
    def pointer(self, app: str) -> InForceVersion: ...
    def source(self, app: str, version: int) -> list[dict[str, Any]]: ...
    def requirements(self, app: str, version: int) -> Sequence[Requirement]: ...
    def versions(self, app: str) -> Sequence[int]: ...

    def compiler(self, before_call: Callable[[], None]) -> PolicyCompiler:
        """A compiler that calls this before each call of its store."""
        ...

    def check_leftovers(self) -> None:
        """Check that what is active is kept, and that all else expires."""
        ...


class _Invocation:
    """A compiler at work, which stops before each call of its store.

    Attributes
    ----------
    edited
        The apps that its batch names; none for the schedule's.
    failed
        Whether the batch must be handled again.
    left
        Whether an app that depends on the batch's could not be compiled.
    """

    def __init__(self, world: World, edited: Sequence[str]) -> None:
        self.edited = edited
        self.failed = self.left = self.done = False
        self._error: BaseException | None = None
        self._fate: BaseException | None = None
        self._turn, self._back = threading.Semaphore(0), threading.Semaphore(0)
        compiler = world.compiler(self._before_call)
        self._clock = world.clock
        threading.Thread(target=self._run, args=(compiler,), daemon=True).start()
        self._back.acquire()

    def advance(self, fate: BaseException | None = None) -> None:
        """Let it make its next call, or let that call fail."""
        self._fate = fate
        self._turn.release()
        self._back.acquire()
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        while not self.done:
            self.advance()

    def _before_call(self) -> None:
        self._back.release()
        self._turn.acquire()
        self._clock.advance(_CALL_SECONDS)
        if self._fate is not None:
            raise self._fate

    def _run(self, compiler: PolicyCompiler) -> None:
        try:
            self.failed = bool(compiler.compile_all(self.edited, self._report))
        except (Killed, StoreFailedError):
            self.failed = True
        except BaseException as error:  # noqa: BLE001 - the walk raises it in its own thread
            self._error = error
        self.done = True
        self._back.release()

    def _report(self, app: str, outcome: Status | Exception) -> None:
        self.left |= isinstance(outcome, Exception) and app not in self.edited


@dataclass
class Walk:
    """The walk.

    Attributes
    ----------
    kinds
        How often each kind of step was taken, and how many checks there were of what.
    """

    world: World
    random: Random
    kinds: dict[str, int] = field(default_factory=dict)
    _pending: list[str] = field(default_factory=list)
    _running: list[_Invocation] = field(default_factory=list)
    _looked_at: float = 0
    _left: bool = False
    _time_passes: bool = False
    _edited: set[str] = field(default_factory=set)

    def run(self, steps: int) -> None:
        """Take so many steps, and check whenever everybody has finished."""
        for number in range(steps):
            self._step()
            if number % _STEPS_BETWEEN_CHECKS == _STEPS_BETWEEN_CHECKS - 1:
                self._come_to_rest()
        self._come_to_rest()

    def _step(self) -> None:
        choices = {"edit": 4, "wait": 2 if self._time_passes else 0}
        if len(self._running) < 2:
            choices |= {"batch": 6 if self._pending else 0, "schedule": 1}
        if self._running:
            choices |= {"call": 30, "kill": 1, "fail": 1}
        [kind] = self.random.choices(list(choices), list(choices.values()))
        self._count(kind)
        match kind:
            case "edit":
                self._edit()
            case "wait":
                self.world.clock.advance(self.random.choice((1, 10, 60)))
            case "batch":
                size = self.random.randint(1, 3)
                batch, self._pending = self._pending[:size], self._pending[size:]
                self._running.append(_Invocation(self.world, list(dict.fromkeys(batch))))
            case "schedule":
                self._running.append(_Invocation(self.world, []))
            case _:
                fates = {"kill": Killed(), "fail": StoreFailedError()}
                invocation = self.random.choice(self._running)
                # Most often some calls at once, so that each compiler gets somewhere.
                for _ in range(self.random.choice((1, 1, 3, 8)) - 1 if kind == "call" else 0):
                    if not invocation.done:
                        invocation.advance()
                if not invocation.done:
                    invocation.advance(fates.get(kind))
        self._collect()

    def _collect(self) -> None:
        for invocation in [one for one in self._running if one.done]:
            self._running.remove(invocation)
            self._left |= invocation.left
            if invocation.failed:
                self._pending += invocation.edited

    def _edit(self) -> None:
        app = self.random.choice(APPS)
        ids = [item["id"] for item in self.world.items(app)]
        kind = self.random.choices(
            ("put", "delete", "empty", "pin", "unpin"),
            (10, 3 if ids else 0, 2, 2, 4 if PIN_ID in ids else 0),
        )[0]
        match kind:
            case "put":
                self.world.put(app, self._policy())
            case "delete":
                self.world.delete(app, self.random.choice(ids))
            case "empty":
                for item_id in ids:
                    self.world.delete(app, item_id)
            case "pin":
                highest = max(self.world.versions(app), default=0)
                version = self.random.randint(max(highest - 3, 0), highest + 1)
                self.world.put(app, {"id": PIN_ID, "version": version})
            case _:
                self.world.delete(app, PIN_ID)
        self._pending.append(app)
        self._edited.add(app)

    def _policy(self) -> dict[str, Any]:
        choose = self.random.choice
        kinds: tuple[dict[str, Any], ...] = (
            {"action": "deny"},
            {"action": "deny"},
            {"action": "override", "set": {choose(("name", "custom")): 1}},
            {"action": "configure", "restOnError": choose(("LOG", "FAIL"))},
            {"action": "configure", "restPolicy": choose(("NOTIFY", "DISABLE", "OVERWRITE"))},
            {"action": "configure", "restOverwrite": "name"},
            {"action": "echo"},
            {"action": "no such action"},
        )
        item = {"id": choose(_IDS), "method": choose(_METHODS), **choose(kinds)}
        if self.random.random() < 0.4:
            end = int(self.world.clock.now()) + choose((-5, 2, 20, 90))
            item["notAfter"] = datetime.fromtimestamp(end, UTC).isoformat()
        if self.random.random() < 0.1:
            item["mode"] = choose(("off", "shadow"))
        return item

    def _come_to_rest(self) -> None:
        for invocation in self._running:
            invocation.finish()
        self._collect()
        while self._pending:
            batch, self._pending = self._pending[:3], self._pending[3:]
            self._running.append(_Invocation(self.world, list(dict.fromkeys(batch))))
            self._running[0].finish()
            self._collect()
        # No window has ended since the schedule came last, and nobody was left to it.
        if int(self.world.clock.now()) == int(self._looked_at) and not self._left:
            self._count("checked without the schedule")
            self._check()
        # Away from a whole second, at which windows end.
        self.world.clock.advance(1.25 - self.world.clock.now() % 1)
        look = _Invocation(self.world, [])
        look.finish()
        assert not look.left
        self._looked_at, self._left = self.world.clock.now(), False
        self._time_passes = not self._time_passes
        self._count("checked")
        self._check()
        self.world.check_leftovers()

    def _check(self) -> None:
        now = self.world.clock.now()
        items = {app: self.world.items(app) for app in APPS}
        policies = {
            app: [item for item in found if is_policy_id(item["id"])]
            for app, found in items.items()
        }
        required = {
            app: compile_policies(app, own, (), now).requirements for app, own in policies.items()
        }
        for app in self._edited:
            others = [one for one in _others(app, required) if one.until >= now]
            compilation = compile_policies(app, policies[app], others, now)
            pin = next((item for item in items[app] if item["id"] == PIN_ID), None)
            self._check_app(app, compilation, policies[app], pin, others)
            self._check_client_config(app, now)

    def _check_app(
        self,
        app: str,
        compilation: Compilation,
        policies: Sequence[Mapping[str, Any]],
        pin: Mapping[str, Any] | None,
        others: Sequence[Requirement],
    ) -> None:
        status, pointer = self.world.status(app), self.world.pointer(app)
        context = (app, status, pointer, policies, pin)
        if status is None:
            # All of it came and went before a compiler saw any of it.
            assert (policies, pin, pointer.version) == ([], None, 0), context
            return
        assert pointer.is_finished, context
        assert status.version == pointer.version, context
        errors = {found[1:] for found in compilation.errors}
        warnings = {found[1:] for found in compilation.warnings}
        if pin is None:
            assert not pointer.pinned, context
            assert status.pinned is None, context
        elif pin["version"] in self.world.versions(app):
            assert (pointer.version, pointer.pinned) == (pin["version"], True), context
            assert status.pinned == pin["version"], context
        else:
            self._count("pinned to no version")
            assert [found for found in status.errors if found[0] == PIN_ID], context
        assert {found for found in status.errors if found[0] != PIN_ID} == errors, context
        assert {found for found in status.warnings if found[0] != PIN_ID} == warnings, context
        assert status.ok == (not status.errors), context
        if status.pinned is not None:
            now = self.world.clock.now()
            held = [d for d in self.world.requirements(app, status.pinned) if d.until >= now]
            of_pin = [found for found in status.warnings if found[0] == PIN_ID]
            assert len(of_pin) == len(contradictions(held, others)), context
            self._count("contradicted by a pin" if of_pin else "pinned")
        elif status.errors:
            self._count("rejected")
        elif policies:
            self._count("active")
            assert pointer.source == source_digest(policies), context
            assert pointer.source == source_digest(self.world.source(app, pointer.version)), context
        else:
            self._count("without policies")
            assert pointer.source in {"", source_digest([])}, context

    def _check_client_config(self, app: str, now: float) -> None:
        """Sessions get what a deny or an override needs, however it became active."""
        active = [
            requirement
            for name in dict.fromkeys((app, EVERY_APP))
            if (pointer := self.world.pointer(name)).version
            for requirement in self.world.requirements(name, pointer.version)
            if requirement.until >= now
        ]
        entries = merge(active, now)
        for requirement in active:
            if requirement.derived:
                entry = entries[requirement.method]
                assert entry["restOnError"] == "FAIL" or not requirement.rest_on_error
                assert entry["restPolicy"] != "DISABLE"
                assert entry["restPolicy"] == "OVERWRITE" or not requirement.rest_policy

    def _count(self, kind: str) -> None:
        self.kinds[kind] = self.kinds.get(kind, 0) + 1


def _others(app: str, required: Mapping[str, Sequence[Requirement]]) -> Iterator[Requirement]:
    if app != EVERY_APP:
        return iter(required[EVERY_APP])
    return chain.from_iterable(required[name] for name in APPS if name != EVERY_APP)
