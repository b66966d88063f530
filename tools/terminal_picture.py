"""Records commands on a terminal as a picture, `docs/terminal.svg`: `make screenshots`.

The commands run against the deployment of `make local`, which must not be running before.
"""

import io
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tools.locations import DOCS, REPOSITORY

FILE: Final = DOCS / "terminal.svg"

_COLUMNS: Final = 92
_MOST_LINES: Final = 12
_FIRST_LINES: Final = 6
"""Longer output is cut after its first lines, up to its last one; the picture shows that."""

_POLICY: Final = """\
id: no-calls
method: call
action: deny
reason: No calls today.
"""
_COMMANDS: Final = (
    "make local",
    "cat school/no-calls.yaml",
    "wcsctl policy put school/no-calls.yaml",
    "wcsctl send call callee=100 --app school",
    "wcsctl decisions --denied --app school",
)

_WEB_FONTS: Final = re.compile(r"@font-face \{[^}]*\}\s*")


def main() -> None:
    """Record the commands and write the file."""
    console = Console(record=True, width=_COLUMNS, file=io.StringIO(), force_terminal=True)
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "school").mkdir()
        (Path(directory) / "school" / "no-calls.yaml").write_text(_POLICY)
        for command in _COMMANDS:
            console.print(Text.assemble(("$ ", "dim"), (command, "bold")))
            for line in _shown(_run(command, Path(directory))):
                console.print(Text.from_ansi(line), soft_wrap=True)
    picture = console.export_svg(title="wcs-hooks", theme=MONOKAI, unique_id="terminal")
    FILE.write_text(_WEB_FONTS.sub("", picture), encoding="utf-8")


def _run(command: str, directory: Path) -> str:
    environment = {
        **os.environ,
        "PATH": f"{REPOSITORY / '.venv' / 'bin'}:{os.environ['PATH']}",
        "COLUMNS": str(_COLUMNS),
        "FORCE_COLOR": "1",
        "TTY_INTERACTIVE": "0",
    }
    where = REPOSITORY if command.startswith("make") else directory
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=where,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout


def _shown(output: str) -> Iterator[str]:
    lines = [
        line.rstrip()
        for line in output.splitlines()
        if (text := Text.from_ansi(line).plain.strip()) and not text.endswith(" ...")
    ]
    if len(lines) <= _MOST_LINES:
        yield from lines
        return
    yield from lines[:_FIRST_LINES]
    yield "…"
    yield lines[-1]


if __name__ == "__main__":
    main()
