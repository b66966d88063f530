"""JSON texts that differ from each other in a few values, encoded once and filled in by `%`."""

from typing import Any, Final

from wcs_hooks.core.payload import encode

HOLE: Final = object()
"""A value that is filled in later. It is an object of its own: no text can pass for it."""


TEMPLATES_KEPT: Final = 512
"""How many templates of one kind of line are worth remembering: some ten for each method."""


def template(value: Any) -> str:
    """The JSON text of a value with `%s` for each hole, to be filled by the `%` operator.

    Parameters
    ----------
    value
        Any value that JSON has a text for. Holes may be values of objects, at any depth. What they
        are filled with is JSON text.

    Raises
    ------
    ValueError
        If JSON has no text for the value.

    Examples
    --------
    >>> template({"decision": HOLE, "share": "5%"}) % '"1"'
    '{"decision":"1","share":"5%"}'
    """
    if value is HOLE:
        return "%s"
    if not isinstance(value, dict):
        return encode(value).replace("%", "%%")
    fields = [f"{template(name)}:{template(each)}" for name, each in value.items()]
    return f"{{{','.join(fields)}}}"
