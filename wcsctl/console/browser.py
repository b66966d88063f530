"""Opens the console's page in the person's browser."""

import atexit
import os
import sys
import webbrowser
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Timer
from typing import Final

_KEPT_SECONDS: Final = 60.0
"""Time that a browser has to start and to read the file."""

_PAGE: Final = '<!doctype html><meta http-equiv="refresh" content="0; url={}">'


def open_browser(address: str) -> bool:
    """Open an address that ends with a token; return False if no browser could be started.

    Where every user of the machine can read the command line of a process, the browser is given a
    file that only this person can read, and which leads to the address.
    """
    if sys.platform in {"darwin", "win32"}:
        return webbrowser.open(address)
    if not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))):
        # Without a screen a browser would take over the terminal.
        return False
    try:
        # Browsers in a sandbox (snap) read neither /tmp nor hidden directories.
        file = NamedTemporaryFile(  # noqa: SIM115 - the browser reads it later
            "w", dir=Path.home(), prefix="wcsctl-console-", suffix=".html"
        )
    except (OSError, RuntimeError):
        return False
    file.write(_PAGE.format(address))
    file.flush()
    atexit.register(file.close)
    timer = Timer(_KEPT_SECONDS, file.close)
    timer.daemon = True
    timer.start()
    return webbrowser.open(Path(file.name).as_uri())
