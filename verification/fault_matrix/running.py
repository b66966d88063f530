"""Runs a row in this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

from verification.fault_matrix.in_process import LocalScene
from verification.fault_matrix.row import Row, differences
from verification.fault_matrix.scene import Observed

_TRIES: Final = 5
_STALL: Final = 0.02
"""Seconds for which a thread that is due may wait for a core before the machine counts as busy."""


def run(row: Row) -> Observed:
    """Make a row's fault happen, and observe.

    Shares of `replyTimeout` are tenths of a second here. A machine that leaves a thread waiting for
    as long makes something else of a trial: one that went wrong meanwhile is tried again. What went
    wrong while nothing was in its way is returned as it is.
    """
    assert row.trial is not None
    tries = 0
    while True:
        tries += 1
        with _Watch().watching() as watch:
            try:
                observed = _run(row)
            except AssertionError:
                if tries < _TRIES and watch.longest > _STALL:
                    continue
                raise
        late = observed.seconds > row.reply_timeout
        as_expected = not late and not differences(row.expected, observed)
        if as_expected or tries >= _TRIES or watch.longest <= _STALL:
            return observed


def _run(row: Row) -> Observed:
    assert row.trial is not None
    with LocalScene.set_up(row.reply_timeout) as scene:
        return row.trial(scene)


class _Watch:
    """Sees for how long threads that are due wait for a core.

    Attributes
    ----------
    longest
        Seconds.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._over = threading.Event()

    @contextmanager
    def watching(self) -> Iterator[Self]:
        """Watch for the duration of a `with` block."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        pause = _STALL / 4
        before = time.perf_counter()
        while not self._over.wait(pause):
            now = time.perf_counter()
            self.longest = max(self.longest, now - before - pause)
            before = now
