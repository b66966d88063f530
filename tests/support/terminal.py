"""A terminal of 80 columns, at which commands are typed and questions are answered with yes."""

import json
import os
import pty
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

_PATIENCE_SECONDS: Final = 60
_QUESTION: Final = b"? [y/N]: "
_PROMPT: Final = "\0"

_SHELL: Final = f"""
import json, subprocess, sys

for line in open(int(sys.argv[1])):
    command = json.loads(line)
    if isinstance(command, str):
        subprocess.run(["/bin/sh", "-c", command])
    else:
        from wcsctl import cli

        sys.argv = command
        try:
            cli.main()
        except SystemExit:
            pass
        sys.stdout.flush()
        sys.stderr.flush()
    sys.stdout.write({_PROMPT!r})
    sys.stdout.flush()
"""
"""Runs wcsctl in its own process, where it is loaded once for all commands."""


class Terminal:
    """What is typed at it runs in one directory."""

    def __init__(self, screen: int, keyboard: IO[str]) -> None:
        self._screen = screen
        self._keyboard = keyboard

    def type(self, command: str) -> str:
        """Run a command of a shell, and return what the terminal shows until it ends."""
        is_wcsctl = command.startswith("wcsctl ")
        self._keyboard.write(json.dumps(shlex.split(command) if is_wcsctl else command) + "\n")
        self._keyboard.flush()
        shown = b""
        while not shown.endswith(_PROMPT.encode()):
            readable, _, _ = select.select([self._screen], [], [], _PATIENCE_SECONDS)
            assert readable, f"nothing more is shown after: {shown.decode()}"
            shown += os.read(self._screen, 65_536)
            if shown.endswith(_QUESTION):
                os.write(self._screen, b"y\n")
        return shown.decode().removesuffix(_PROMPT).replace("\r\n", "\n")


@contextmanager
def terminal(directory: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """Open a terminal in a directory, with the variables of a shell's environment."""
    ours, theirs = pty.openpty()
    read, write = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", _SHELL, str(read)],
        cwd=directory,
        # Neither colours nor lines that are written over.
        env={**environment, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        pass_fds=[read],
    ):
        os.close(theirs)
        os.close(read)
        with os.fdopen(write, "w") as keyboard:
            yield Terminal(ours, keyboard)
    os.close(ours)
