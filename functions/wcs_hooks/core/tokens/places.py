"""Where in a hook a token is."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from wcs_hooks.core.snapshot import field_at
from wcs_hooks.core.tokens.jwt import MalformedTokenError

_SCHEME: Final = "bearer "
"""Of RFC 6750, in upper or lower case."""


def token_at(fields: Mapping[str, Any], place: str) -> str:
    """The text at a place of a hook; empty if there is none.

    Parameters
    ----------
    fields
        A hook's body, with its texts as they came.
    place
        The name of a field, a dotted path, or `path?parameter`: that parameter of the query that
        the text at the path ends in, percent-decoded once. `Bearer ` before a token is left out.

    Raises
    ------
    MalformedTokenError
        If the parameter is there twice: two readers could take either.

    Examples
    --------
    >>> token_at({"custom": {"token": "Bearer a.b.c"}}, "custom.token")
    'a.b.c'
    >>> token_at({"name": "rtsp://host/live?x=1&aclAuth=a%2Eb.c"}, "name?aclAuth")
    'a.b.c'
    """
    path, has_parameter, parameter = place.partition("?")
    value = field_at(fields, path)
    if type(value) is not str:
        return ""
    text = _parameter(value, parameter) if has_parameter else value
    if text[: len(_SCHEME)].lower() == _SCHEME:
        return text[len(_SCHEME) :]
    return text


def _parameter(text: str, parameter: str) -> str:
    query = text.partition("?")[2]
    found = [
        value
        for name, _, value in (part.partition("=") for part in query.split("&"))
        if unquote(name) == parameter
    ]
    if len(found) > 1:
        raise MalformedTokenError(f"is in the query's parameter `{parameter}` more than once")
    return unquote(found[0]) if found else ""
