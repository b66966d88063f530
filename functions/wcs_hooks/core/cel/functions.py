"""The functions that expressions have beyond CEL's own.

Checked expressions name them by the ids below, so an id never changes its meaning: snapshots hold
them.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

from wcs_hooks.core.client_address import address

if TYPE_CHECKING:
    from cel_expr_python import cel


IS_IN: Final = "isIn"

STRING_FUNCTIONS: Final[Mapping[str, str]] = {
    "charAt": "string_char_at",
    "indexOf": "string_index_of",
    "join": "list_join",
    "lastIndexOf": "string_last_index_of",
    "lowerAscii": "string_lower_ascii",
    "replace": "string_replace",
    "split": "string_split",
    "substring": "string_substring",
    "trim": "string_trim",
    "upperAscii": "string_upper_ascii",
}
"""The functions of `wcs_hooks.core.cel.string_functions`, which are only loaded where one is used:
each with what the ids of its overloads begin with, which a checked expression lists."""


def declarations() -> "list[cel.FunctionDecl]":
    """Return the functions as the CEL runtime takes them, with their implementations."""
    # Imported here because a decision that needs no expression should not wait for it.
    from cel_expr_python import cel  # noqa: PLC0415

    kind = cel.Type
    text, truth = kind.STRING, kind.BOOL
    return [
        cel.FunctionDecl(
            "glob",
            [cel.Overload("string_glob_string", truth, [text, text], is_member=True, impl=glob)],
        ),
        cel.FunctionDecl(
            "sha256", [cel.Overload("sha256_string", text, [text], is_member=False, impl=sha256)]
        ),
        cel.FunctionDecl("ip", [cel.Overload("ip_string", text, [text], is_member=False, impl=ip)]),
        cel.FunctionDecl(
            IS_IN,
            [
                cel.Overload(f"string_is_in_{name}", truth, [text, of], is_member=True, impl=is_in)
                for name, of in (("string", text), ("list_string", kind.List(text)))
            ],
        ),
    ]


def glob(text: str, pattern: str) -> bool:
    """Whether a pattern matches a whole text; `*` matches any characters, or none.

    Nothing else in a pattern is special, so that it may come from a claim or a row. The time is
    linear in the text: each part of the pattern is found where it first occurs behind the previous
    one, and never looked for again.

    Examples
    --------
    >>> glob("anna-1", "anna-*"), glob("anna-1", "anna"), glob("anna", "a*n*a*")
    (True, False, True)
    """
    while "**" in pattern:
        pattern = pattern.replace("**", "*")
    first, star, rest = pattern.partition("*")
    if not star:
        return text == pattern
    middle, _, last = rest.rpartition("*")
    at, end = len(first), len(text) - len(last)
    if at > end or not (text.startswith(first) and text.endswith(last)):
        return False
    # The parts are not split off beforehand: a text that fails early should not pay for them all.
    start = 0
    while start < len(middle):
        stop = middle.find("*", start)
        part = middle[start:] if stop < 0 else middle[start:stop]
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
        start += len(part) + 1
    return True


def sha256(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8, in lower-case hexadecimal digits.

    Examples
    --------
    >>> sha256("")[:16]
    'e3b0c44298fc1c14'
    """
    return hashlib.sha256(text.encode()).hexdigest()


def ip(text: str) -> str:
    """Return an address in the one form that equal addresses share.

    Raises
    ------
    ValueError
        If the text is not an address.

    Examples
    --------
    >>> ip("2001:DB8:0::1"), ip("::ffff:192.0.2.1")
    ('2001:db8::1', '192.0.2.1')
    """
    return str(_address(text))


def is_in(text: str, networks: str | list[str]) -> bool:
    """Whether an address is in a network, or in one of several.

    Raises
    ------
    ValueError
        If the text is not an address, or one of the others is not a network in CIDR notation.

    Examples
    --------
    >>> is_in("192.0.2.1", "192.0.2.0/24"), is_in("192.0.2.1", ["198.51.100.7", "2001:db8::/32"])
    (True, False)
    """
    given = _address(text)
    blocks = [networks] if isinstance(networks, str) else networks
    # All are read first: whether a wrong one is noticed must not depend on the address.
    return any(given in block for block in [_network(block) for block in blocks])


def _network(value: object) -> IPv4Network | IPv6Network:
    """Read a network out of a hook: what the hook has in its place must not get into a log."""
    if isinstance(value, str):
        with suppress(ValueError):
            return network(value)
    raise ValueError("not a network in CIDR notation")


def _address(text: str) -> IPv4Address | IPv6Address:
    with suppress(ValueError):
        return address(text)
    raise ValueError("not an IP address")


@lru_cache(maxsize=1024)
def network(text: str) -> IPv4Network | IPv6Network:
    """Return the network that a text is; an address alone is a network of one.

    Raises
    ------
    ValueError
        If it is not one, or has bits set behind its prefix (`192.0.2.1/24`).
    """
    return ip_network(text)
