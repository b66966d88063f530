"""Says what is being done while it is being done: live in a terminal, in plain lines elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn
from rich.text import Text


class ProgressStep:
    """One thing under way; `detail` says how far it is."""

    def __init__(self, progress: Progress | None, task: TaskID | None) -> None:
        self._progress = progress
        self._task = task

    def detail(self, text: str) -> None:
        """Show how far this step is, where that can be overwritten."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, detail=text)


class Steps:
    """The steps of a run, some of them at the same time.

    Examples
    --------
    >>> with Steps(Console()) as steps, steps.step("Waiting") as step:
    ...     step.detail("1 of 1")
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._live: Progress | None = None
        if console.is_terminal:
            self._live = Progress(
                SpinnerColumn(finished_text="[dim]-"),
                TextColumn("{task.description}"),
                TextColumn("[dim]{task.fields[detail]}"),
                console=console,
            )

    def __enter__(self) -> Self:
        """Begin to draw, in a terminal."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what was drawn where it is."""
        if self._live is not None:
            self._live.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[ProgressStep]:
        """Run one step; steps may overlap, in threads."""
        began = time.monotonic()
        task: TaskID | None = None
        if self._live is None:
            self._line(f"{title} ...")
        else:
            task = self._live.add_task(title, total=1, detail="")
        try:
            yield ProgressStep(self._live, task)
        except BaseException:
            self._end(task, title, "failed")
            raise
        self._end(task, title, f"{time.monotonic() - began:.1f} s")

    def _end(self, task: TaskID | None, title: str, how: str) -> None:
        if self._live is None or task is None:
            self._line(f"{title}: {how}")
        else:
            self._live.update(task, completed=1, detail=how)

    def _line(self, text: str) -> None:
        with self._lock:
            self._console.print(Text(text))
