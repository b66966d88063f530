"""The name of the stream that a hook is about."""

from typing import Final

_MARKS_OF_SCHEMES: Final = str.maketrans("", "", "+-.")


def stream_name(name: str) -> str:
    """Return a stream's own name: without the query, and of a URL its path alone.

    Parameters
    ----------
    name
        The field `name` of a hook, which may be a URL (playRTSP) or end in a query that carries a
        key: `docs/reference/wcs-protocol.md`, section 6, and the bodies that the vendor prints of
        playRTSP.

    Examples
    --------
    >>> stream_name("rtsp://host:554/a/b?x=1"), stream_name("name?key=1"), stream_name("name")
    ('a/b', 'name', 'name')
    """
    path = name.partition("?")[0]
    scheme, separator, rest = path.partition("://")
    return rest.partition("/")[2] if separator and _is_scheme(scheme) else path


def _is_scheme(text: str) -> bool:
    """Whether a text is a URL's scheme (RFC 3986, section 3.1)."""
    return text.isascii() and text[:1].isalpha() and text.translate(_MARKS_OF_SCHEMES).isalnum()
