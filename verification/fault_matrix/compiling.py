"""Trials of the compiler: the store fails, it is killed, there are two, a record is poison."""

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from tests.support.compiler_function import CompilerFunction, records
from tests.support.faulty_aws import Killed
from tests.support.hook_client import read_output
from tests.support.policy_items import deny
from tests.support.shifted_clock import ShiftedClock
from verification.fault_matrix.in_process import APP, LocalScene, compile_app
from verification.fault_matrix.row import LocalTrial
from verification.fault_matrix.scene import DENIED, POLICIES, Observed
from verification.fault_matrix.trials import Injection
from wcs_hooks.adapters.dynamo_snapshots import CURRENT, version_key
from wcs_hooks.clock import Clock
from wcs_hooks.core.policy.vocabulary import STATUS_ID

EDIT: Final = deny("no-calls", "call")
"""What the operator adds."""

_THREADS: Final = 4
_ROUNDS: Final = 5


def compilation(
    scene: LocalScene, *apps: str, fails: bool = False, clock: Clock | None = None
) -> Observed:
    """Hand the compiler's function a batch of records, one of each app."""
    function = CompilerFunction(clock)
    failure = function.module.AppsNotCompiledError
    scene.screen.readouterr()
    began = time.perf_counter()
    failed = False
    try:
        function(records(*((app, "edited") for app in apps)))
    except failure:
        failed = True
    seconds = time.perf_counter() - began
    metrics, log = read_output(scene.screen.readouterr().out)
    assert failed == fails, log
    return Observed(
        counted=frozenset(
            metric["Name"]
            for line in metrics
            for directive in line["_aws"]["CloudWatchMetrics"]
            for metric in directive["Metrics"]
        ),
        levels=tuple(str(line["level"]) for line in log),
        letters=tuple(scene.aws.dead_letters()),
        seconds=seconds,
    )


def edited(scene: LocalScene, app: str = APP) -> None:
    """The operator adds a policy."""
    scene.aws.put_policies(app, EDIT)


def assert_in_force(scene: LocalScene, app: str, *names: str) -> None:
    """The table's policies are active, `#status` says so, and nothing is left to finish."""
    items = scene.aws.snapshot_items(app)
    pointer, status = items[CURRENT], scene.aws.policy_item(app, STATUS_ID)
    assert status is not None
    assert (status["ok"], status["version"]) == (True, pointer["version"]), (status, pointer)
    assert pointer["settled"], pointer
    changed = items[version_key(pointer["version"])]
    assert changed["policies"] == len(names), changed
    stored = {item["id"] for item in scene.source(app, pointer["version"])}
    assert stored == set(names), stored


_ALL: Final = (*(str(policy["id"]) for policy in POLICIES), EDIT["id"])


def failing(injection: Injection) -> LocalTrial:
    """The store fails; the old version decides; the record, when it comes again, is compiled."""

    def trial(scene: LocalScene) -> Observed:
        edited(scene)
        scene.connect()
        injection.into(scene)
        observed = compilation(scene, APP, fails=True)
        scene.recover()
        assert scene.post(DENIED).status == 403
        assert scene.pointer()["version"] == 1
        compilation(scene, APP)
        assert_in_force(scene, APP, *_ALL)
        return observed

    return trial


def killed(when: Callable[[str, bytes], bool]) -> LocalTrial:
    """The compiler is killed; hooks go on being answered; its record comes again."""

    def trial(scene: LocalScene) -> Observed:
        edited(scene)
        scene.connect()

        def kill(operation: str, body: bytes) -> None:
            if when(operation, body):
                raise Killed

        observed = _killed(scene, kill)
        assert scene.post(DENIED).status == 403
        compilation(scene, APP)
        assert_in_force(scene, APP, *_ALL)
        return observed

    return trial


def before_pointer(operation: str, body: bytes) -> bool:
    """All of the new version is written, and it is not active yet."""
    return operation == "PutItem" and b'"item": {"S": "current"}' in body


def before_settling(operation: str, body: bytes) -> bool:
    """It is active, and nothing that follows from that was done."""
    return operation == "UpdateItem" and b"expiresAt" in body


def killed_anywhere(scene: LocalScene) -> Observed:
    """Before each of its calls in turn, an app for each."""
    scene.connect()
    number, slowest = 0, 0.0
    while True:
        number += 1
        app = f"killed-{number}"
        scene.aws.put_policies(app, POLICIES[0])
        compile_app(app, ShiftedClock())
        edited(scene, app)
        began = time.perf_counter()
        reached = _until_call(scene, number, partial(compilation, scene, app))
        slowest = max(slowest, time.perf_counter() - began)
        compilation(scene, app)
        assert_in_force(scene, app, str(POLICIES[0]["id"]), EDIT["id"])
        if not reached:
            break
    # The calls of one compilation: a test of nothing would be over at once.
    assert number > 10, number
    return Observed(seconds=slowest)


def _until_call(scene: LocalScene, number: int, work: Callable[[], Any]) -> bool:
    """Kill what works before its nth call; whether it got there."""
    left = number

    def kill(_operation: str, _body: bytes) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise Killed

    scene.wire.meanwhile = kill
    try:
        work()
    except Killed:
        return True
    finally:
        scene.wire.meanwhile = None
    return False


def _killed(scene: LocalScene, kill: Callable[[str, bytes], None]) -> Observed:
    scene.wire.meanwhile = kill
    began = time.perf_counter()
    try:
        compilation(scene, APP)
    except Killed:
        return Observed(seconds=time.perf_counter() - began)
    finally:
        scene.wire.meanwhile = None
    raise AssertionError("it was never killed")


def interleaved(scene: LocalScene) -> Observed:
    """Before each call of one compiler in turn, an edit and a whole other compiler."""
    number, slowest = 0, 0.0
    while True:
        number += 1
        app = f"interleaved-{number}"
        scene.aws.put_policies(app, POLICIES[0])
        compile_app(app, ShiftedClock())
        scene.aws.put_policies(app, deny("by-one", "call"))
        observed, reached = _with_another(scene, app, number)
        slowest = max(slowest, observed.seconds)
        names = [str(POLICIES[0]["id"]), "by-one", *(["by-another"] if reached else [])]
        assert_in_force(scene, app, *names)
        if not reached:
            break
    assert number > 10, number
    return Observed(counted=observed.counted, levels=observed.levels, seconds=slowest)


def _with_another(scene: LocalScene, app: str, number: int) -> tuple[Observed, bool]:
    left = number

    def another(_operation: str, _body: bytes) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            scene.wire.meanwhile = None
            scene.aws.put_policies(app, deny("by-another", "call"))
            compile_app(app, ShiftedClock())

    scene.wire.meanwhile = another
    try:
        return compilation(scene, app), left <= 0
    finally:
        scene.wire.meanwhile = None


def in_threads(scene: LocalScene) -> Observed:
    """Several compilers at the same time, and edits while they are at it."""
    slowest = 0.0
    for edit in range(_ROUNDS):
        errors = _compile_in_threads(scene, edit)
        assert errors == []
    began = time.perf_counter()
    observed = compilation(scene, APP)
    slowest = max(slowest, time.perf_counter() - began)
    names = [f"edit-{edit}-{thread}" for edit in range(_ROUNDS) for thread in range(_THREADS)]
    assert_in_force(scene, APP, *(str(policy["id"]) for policy in POLICIES), *names)
    return observed


def _compile_in_threads(scene: LocalScene, edit: int) -> list[Exception]:
    errors: list[Exception] = []
    together = threading.Barrier(_THREADS)
    # A client is made by one thread at a time, as each compiler makes its own.
    making = threading.Lock()

    def work(thread: int) -> None:
        try:
            together.wait()
            scene.aws.put_policies(APP, deny(f"edit-{edit}-{thread}", "call"))
            with making:
                compiler = scene.compiler()
            compiler.compile(APP)
        except Exception as error:  # noqa: BLE001 - it is the test's result
            errors.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def poisoned(scene: LocalScene) -> Observed:
    """A record whose compilation breaks, in the middle of a batch of others."""
    for app in ("before", "poison", "after"):
        scene.aws.put_policies(app, POLICIES[0])

    def break_down(_operation: str, body: bytes) -> None:
        if b'"poison"' in body:
            raise RuntimeError("a bug")

    scene.wire.meanwhile = break_down
    observed = compilation(scene, "before", "poison", "after", fails=True)
    scene.wire.meanwhile = None
    for app in ("before", "after"):
        assert_in_force(scene, app, str(POLICIES[0]["id"]))
    assert scene.aws.snapshot_items("poison") == {}
    failures = tuple(level for level in observed.levels if level == "ERROR")
    return Observed(counted=observed.counted, levels=failures, seconds=observed.seconds)
