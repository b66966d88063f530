"""Edits a text in the person's own editor, again and again until it is in order."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from wcsctl.errors import UsageError, WcsctlError

_FALLBACK: Final = "vi"


def edit[T](text: str, intro: str, check: Callable[[str], tuple[T, Sequence[str]]]) -> T | None:
    """Edit a text until nothing is wrong with it.

    Parameters
    ----------
    intro
        What the comment on top says.
    check
        Gives what the text means, and what is wrong with it.

    Returns
    -------
    T
        What it means; none if the text was left as it was.

    Raises
    ------
    WcsctlError
        If a text with mistakes was left as it was; it is kept.
    UsageError
        If there is no editor.
    """
    mistakes: Sequence[str] = ()
    last = text
    with tempfile.NamedTemporaryFile("w", prefix="wcsctl-", suffix=".yaml", delete=False) as opened:
        file = Path(opened.name)
    while True:
        file.write_text(_commented(intro, mistakes) + last, encoding="utf-8")
        try:
            _open(file)
            now = _without_comment(file.read_text(encoding="utf-8"))
        except UsageError as error:
            if last == text:
                file.unlink()
                raise
            raise UsageError(f"{error} Your text is kept in {file}.") from None
        if now.strip() == text.strip() and not mistakes:
            file.unlink()
            return None
        if now.strip() in {"", last.strip()} and (mistakes or not now.strip()):
            file.write_text(now or last, encoding="utf-8")
            raise WcsctlError(
                f"Nothing was written: the edit was given up. Your text is kept in {file}."
            )
        meaning, mistakes = check(now)
        if not mistakes:
            file.unlink()
            return meaning
        last = now


def _commented(intro: str, mistakes: Sequence[str]) -> str:
    lines = intro.split("\n")
    if mistakes:
        lines += ["", "This is wrong; save it as it is to give up:"]
        lines += [f"  {line}" for mistake in mistakes for line in mistake.split("\n")]
    return "".join(f"{_MARK}{line}".rstrip() + "\n" for line in lines)


_MARK: Final = "#| "


def _without_comment(text: str) -> str:
    """The text without the lines that were put on top; a person's own comments stay."""
    lines = text.split("\n")
    return "\n".join(line for line in lines if not line.startswith(_MARK.rstrip()))


def _open(file: Path) -> None:
    command = shlex.split(os.environ.get("EDITOR") or os.environ.get("VISUAL") or _FALLBACK)
    try:
        done = subprocess.run([*command, str(file)], check=False)  # noqa: S603 - the person's editor
    except OSError as error:
        raise UsageError(f"The editor {command[0]} cannot be run: {error}. Set EDITOR.") from None
    if done.returncode:
        raise UsageError(
            f"The editor {command[0]} ended with status {done.returncode}: nothing was written."
        )
