"""Standard output and standard error, whatever encoding a terminal has."""

import codecs
import sys
from io import TextIOWrapper
from typing import Final

_IN_ASCII: Final = {
    "✓": "ok",
    "✗": "X",
    "–": "-",
    "…": "...",
    "→": "->",
    "·": ".",
    "µ": "u",
    "█": "#",
    "▓": "%",
    "▒": "+",
    "░": ":",
    "▚": "x",
    "▞": "/",
    **dict.fromkeys("▏▎▍▌▋▊▉", "|"),
}
"""What is shown where a terminal's encoding lacks a character of ours."""

_ENCODING_ERRORS: Final = "wcsctl"


def prepare_streams() -> None:
    """Let standard output and standard error show, as escapes, what their encoding lacks."""
    codecs.register_error(_ENCODING_ERRORS, _shown_otherwise)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ENCODING_ERRORS)


def _shown_otherwise(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    # A hook may hold lone surrogates, which no encoding has.
    shown = (_IN_ASCII.get(one) or one.encode("ascii", "backslashreplace").decode() for one in text)
    return "".join(shown), error.end
