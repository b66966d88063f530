"""The process that evaluates as the functions do: what it is, and what happens when it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from textwrap import dedent
from threading import Thread, main_thread
from unittest.mock import patch

import pytest

from tests.support.evaluation import loaded_modules
from tests.unit.given import NOW, deny, item, override, snapshot
from wcs_hooks.core.decision import Session
from wcs_hooks.core.policy.compilation import compile_policies
from wcsctl import deployed_process
from wcsctl.deployed_process import (
    DeployedProcess,
    DeployedProcessError,
    Question,
    SnapshotBytes,
    shared,
)

_KNOWN = Session({})


@pytest.fixture
def process() -> Iterator[DeployedProcess]:
    process = DeployedProcess()
    yield process
    process.close()


def _stored(**attributes: object) -> SnapshotBytes:
    compilation = compile_policies("live", [item(**attributes)], (), NOW)
    assert not compilation.errors
    return SnapshotBytes(compilation.dump(1, NOW))


def _question(body: bytes = b"{}") -> Question:
    return Question("publishStream", body, _KNOWN, NOW)


@pytest.mark.parametrize(
    ("when", "denied"),
    [
        ("now < timestamp('2000-01-01T00:00:00Z')", False),
        ("now > timestamp('2000-01-01T00:00:00Z')", True),
        ("now.getHours() == 12", True),
    ],
)
def test_given_a_policy_with_now_then_it_decides_in_a_process_that_compiled_nothing(
    process: DeployedProcess, when: str, *, denied: bool
) -> None:
    found = process.answer(_stored(action="deny", when=when), _question())

    assert found.answer.decision.failures == ()
    assert (found.answer.reply.status == 403) is denied


def test_given_an_answer_then_nothing_was_compiled_for_it(process: DeployedProcess) -> None:
    process.answer(_stored(action="deny", when="body.name == 'x' && known"), _question())

    loaded = process.run(loaded_modules)

    assert "wcs_hooks.core.decision" in loaded
    assert not {"wcs_hooks.core.cel.check", "wcs_hooks.core.policy.reader"} & loaded


def test_given_more_snapshots_than_it_keeps_then_each_still_decides_by_its_own(
    process: DeployedProcess,
) -> None:
    with patch.object(deployed_process, "_MOST_LOADED", 2):
        stored = [_stored(action="deny", status=status) for status in range(400, 470)]

    for _ in range(2):
        found = [process.answer(one, _question()).answer.reply.status for one in stored]
        assert found == list(range(400, 470))


def test_given_a_crash_then_that_is_an_error_and_the_next_question_is_answered(
    process: DeployedProcess,
) -> None:
    stored = _stored(action="deny")
    process.answer(stored, _question())

    with pytest.raises(DeployedProcessError, match=r"crashed \(exit status -6\)"):
        process.run(os.abort)

    assert process.answer(stored, _question()).answer.reply.status == 403


def test_given_a_snapshot_that_is_damaged_then_that_is_an_error(process: DeployedProcess) -> None:
    with pytest.raises(DeployedProcessError, match="the snapshot is damaged"):
        process.answer(SnapshotBytes(b"x"), _question())


def test_given_what_a_library_prints_then_it_does_not_get_between_the_replies(
    process: DeployedProcess,
) -> None:
    assert process.run(_print) == 7
    assert process.run(len, "four") == 4


def test_given_ctrl_c_while_it_decides_then_no_later_question_gets_that_answer(
    process: DeployedProcess,
) -> None:
    process.run(len, "")
    # A worker of pytest-xdist ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    Thread(target=_interrupt).start()

    try:
        with pytest.raises(KeyboardInterrupt):
            process.run(time.sleep, 60)
    finally:
        signal.signal(signal.SIGINT, before)

    assert process.run(len, "four") == 4


def test_given_ctrl_c_to_both_then_the_process_leaves_the_end_to_its_parent(
    process: DeployedProcess,
) -> None:
    pid = process.run(os.getpid)
    os.kill(pid, signal.SIGINT)

    assert process.run(os.getpid) == pid


def test_given_a_program_that_is_killed_then_its_process_ends_too() -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert program.stdout is not None
    pid = int(program.stdout.readline())

    program.kill()
    program.wait()
    program.stdout.close()

    for _ in range(100):
        if not _runs(pid):
            break
        time.sleep(0.1)
    assert not _runs(pid)


def test_given_one_program_then_all_of_it_shares_one_process() -> None:
    assert shared() is shared()


def test_given_two_layers_then_the_apps_own_policy_goes_first(process: DeployedProcess) -> None:
    own = compile_policies("live", [override(set={"a": 1})], (), NOW).dump(3, NOW)
    every = compile_policies("*", [deny(app="*")], (), NOW).dump(4, NOW)
    assert snapshot(override(set={"a": 1})).layer == 0

    found = process.answer(SnapshotBytes(own, every), _question())

    assert [step.app for step in found.steps] == ["live", "*"]
    assert found.versions == {"live": 3, "*": 4}


_PROGRAM = dedent("""\
    import os, time
    from wcsctl.deployed_process import shared
    print(shared().run(os.getpid), flush=True)
    time.sleep(60)
    """)


def _print() -> int:
    print("a warning", flush=True)  # noqa: T201 - what a library might do
    os.write(1, b"another")
    return 7


def _interrupt() -> None:
    time.sleep(0.5)
    signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
