"""Calls of an expression whose outcome its literals decide, time zones, and networks.

`timestamp('2030-13-45')` type-checks, but has no value for any hook; as a condition of a `deny` it
would refuse everybody. So the runtime itself evaluates such calls when a policy is compiled, and a
zone such as `'Europe/Riga'` is looked up, whatever moment it is asked about.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from wcs_hooks.core.cel import syntax_tree, time_zones
from wcs_hooks.core.cel.expression import bind, environment, plain, read_back
from wcs_hooks.core.cel.functions import IS_IN, network

if TYPE_CHECKING:
    from cel_expr_python import cel

_ZONED: Final = frozenset(
    {
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours"),
        *("getMilliseconds", "getMinutes", "getMonth", "getSeconds"),
    }
)
"""The functions of a timestamp that take a time zone."""

_OF_THE_MACHINE: Final = re.compile(r"localtime$|/|file:|(.*/)?\.\.(/|$)", re.DOTALL)
"""Zones that the runtime would take from a machine's own files, where functions have others."""

_FORMS: Final = {"duration": "'1h30m'", "timestamp": "'2030-01-31T08:00:00Z'"}
"""How what a function reads is written."""

_CONDITIONAL: Final = "_?_:_"
_EPOCH: Final = datetime.fromtimestamp(0, UTC)


class LiteralError(Exception):
    """A literal that a call cannot have a value for."""


def check_literals(source: str, serialized: bytes) -> None:
    """Check an expression's time zones, networks, and calls that hold nothing but literals.

    Parameters
    ----------
    source
        The expression as it was written.
    serialized
        The checked expression, as the runtime serialises it.

    Raises
    ------
    LiteralError
        Saying what is wrong with one of them, with a caret below the place.
    """
    tree = syntax_tree.root(serialized)
    for zone in _zones(tree):
        name = syntax_tree.literal(zone)
        if name is None:
            # The runtime opens a file of that name, and never forgets a name that it has met.
            message = "a time zone must be a literal text, such as 'Europe/Riga'"
            raise LiteralError(_shown(message, source, serialized, zone))
        if not _is_zone(name):
            message = f"{name!r} is not a time zone{_suggestion(name)}"
            raise LiteralError(_shown(message, source, serialized, zone))
    for block in _networks(tree):
        problem = _problem_of_network(syntax_tree.literal(block) or "")
        if problem:
            raise LiteralError(_shown(problem, source, serialized, block))
    call = _failing(serialized, list(_decided(tree)))
    if call is not None:
        hint = _FORMS.get(syntax_tree.called(call), "")
        message = f"{_error(serialized, call)}{hint and f'; write it like {hint}'}"
        raise LiteralError(_shown(message, source, serialized, call))


def _zones(tree: bytes) -> Iterator[bytes]:
    """The last argument of each call that takes a time zone; of `c ? a : b`, `a` and `b`."""
    pending = [tree]
    while pending:
        node = pending.pop()
        pending += syntax_tree.children(node)
        if syntax_tree.called(node) in _ZONED:
            for zone in syntax_tree.arguments(node)[-1:]:
                yield from _choices(zone)


def _choices(node: bytes) -> Iterator[bytes]:
    if syntax_tree.called(node) != _CONDITIONAL:
        yield node
        return
    for choice in syntax_tree.arguments(node)[1:]:
        yield from _choices(choice)


def _is_zone(name: str) -> bool:
    if _OF_THE_MACHINE.match(name):
        return False
    kind: str = _hour_in_zone().eval(bind(now=_EPOCH, method=name)).type().name()
    return kind != "ERROR"


@cache
def _hour_in_zone() -> "cel.Expression":
    return read_back(environment().compile("now.getHours(method)").serialize())


def _networks(tree: bytes) -> Iterator[bytes]:
    """The networks that addresses are looked for in, those of them that are literal texts."""
    pending = [tree]
    while pending:
        node = pending.pop()
        pending += syntax_tree.children(node)
        if syntax_tree.called(node) == IS_IN:
            for held_by in syntax_tree.arguments(node):
                for block in (held_by, *syntax_tree.elements(held_by)):
                    if syntax_tree.literal(block) is not None:
                        yield block


def _problem_of_network(text: str) -> str:
    """What is wrong with a network's text; empty if nothing is."""
    try:
        network(text)
    except ValueError:
        with suppress(ValueError):
            block = ip_network(text, strict=False)
            return f"{text!r} has bits set behind its prefix; write '{block}'"
        return f"{text!r} is not a network; write '192.0.2.0/24', '2001:db8::/32' or an address"
    return ""


def _suggestion(name: str) -> str:
    zones = {zone.lower(): zone for zone in time_zones.names()}
    wanted = name.lower()
    near = [zone for zone in zones if zone.endswith(f"/{wanted}")]
    near += get_close_matches(wanted, zones, n=1)
    if near:
        return f"; did you mean {zones[near[0]]!r}?"
    return "; write a name such as 'Europe/Riga', or an offset such as '+02:00'"


def _decided(node: bytes) -> Iterator[bytes]:
    """The largest calls and selections that hold nothing but literals."""
    if syntax_tree.is_constant(node):
        if not syntax_tree.is_literal(node):
            yield node
    else:
        for child in syntax_tree.children(node):
            yield from _decided(child)


def _failing(serialized: bytes, nodes: list[bytes]) -> bytes | None:
    """The first node that has no value, or the part of it that is to blame; none if all have one.

    As many as possible are evaluated at once: to read an expression back takes longer than that.
    """
    if not nodes or _error(serialized, syntax_tree.list_of(nodes)) is None:
        return None
    while len(nodes) > 1:
        half = nodes[: len(nodes) // 2]
        has_values = _error(serialized, syntax_tree.list_of(half)) is None
        nodes = nodes[len(half) :] if has_values else half
    [node] = nodes
    parts = [part for part in syntax_tree.children(node) if not syntax_tree.is_literal(part)]
    return _failing(serialized, parts) or node


def _error(serialized: bytes, node: bytes) -> str | None:
    """Why a part of an expression has no value; none if it has one."""
    part = syntax_tree.with_root(serialized, node)
    try:
        outcome = read_back(part).eval(bind())
    except RuntimeError as error:
        return plain(str(error))
    return plain(str(outcome.value())) if outcome.type().name() == "ERROR" else None


def _shown(message: str, source: str, serialized: bytes, node: bytes) -> str:
    """The message as the runtime's compiler shows one: with the line, and a caret below the place.

    A call's place is that of its last argument, which is nearer to the mistake than the bracket
    that the runtime notes for it.
    """
    arguments = syntax_tree.arguments(node) if syntax_tree.called(node) else []
    at = syntax_tree.position(serialized, arguments[-1] if arguments else node)
    before = source[:at].split("\n")
    line, column = len(before), len(before[-1])
    text = source.split("\n")[line - 1]
    return f"<input>:{line}:{column + 1}: {message}\n | {text}\n | {'.' * column}^"
