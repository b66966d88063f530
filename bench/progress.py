"""Reports how far the benchmark is, on standard error: the table alone is its output."""

import sys
from collections.abc import Callable

type Progress = Callable[[str], None]


def show_progress(what: str) -> None:
    """Write a line, over the last one where there is a terminal."""
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"\x1b[2K{what}{end}" if sys.stderr.isatty() else f"{what}{end}")
    sys.stderr.flush()
